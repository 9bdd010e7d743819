#!/bin/bash
# Proves castoff on large schemas that others wrote: Matrix's Synapse, Logto, Wagtail with Django's own
# applications, and pg-boss. Each from nothing by `castoff migrate`, and back: tests/schemas/prove.py.
#
# The DDL comes from PyPI and npm, once, into target/schemas. Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Pinned, so that a run says the same today and tomorrow. The same goes for requirements.txt.
readonly synapse=1.163.2 logto=1.43.0 boss=10.4.2
readonly major=15

parts=$(cat tests/schemas.sh tests/schemas/*.py tests/schemas/requirements.txt | sha256sum | cut -c 1-16)
home=$PWD/target/schemas/$parts

main() {
    for tool in node npm; do
        command -v "$tool" >/dev/null || { echo "tests/schemas.sh: install $tool" >&2; exit 1; }
    done
    # Written last: what was cut short is not there.
    [ -d "$home" ] || fetch
    cargo build --locked --quiet
    CASTOFF_BENCH_PG_BIN=$(tests/postgres.sh "$major") \
        python3 -B tests/schemas/prove.py "$PWD/target/debug/castoff" "$home"/*.sql
}

fetch() {
    local work pip
    mkdir -p target/schemas
    work=$(mktemp -d "$PWD/target/schemas/.work.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    mkdir "$work/packages" "$work/done"
    echo "tests/schemas.sh: downloading" >&2
    python3 -m venv "$work/python"
    pip=("$work/python/bin/python3" -m pip --quiet --disable-pip-version-check)
    "${pip[@]}" install --no-deps --no-compile --requirement tests/schemas/requirements.txt
    "${pip[@]}" download --no-deps --dest "$work" "matrix-synapse==$synapse"
    python3 -m zipfile -e "$work"/matrix_synapse-*.whl "$work/packages"
    (cd "$work" && npm pack --silent "@logto/schemas@$logto" "pg-boss@$boss" >/dev/null)
    mkdir "$work/packages/logto" "$work/boss"
    tar -xzf "$work"/logto-schemas-*.tgz -C "$work/packages/logto"
    tar -xzf "$work"/pg-boss-*.tgz -C "$work/boss"
    node -e 'console.log(require(process.argv[1]).create("pgboss", 24))' \
        "$work/boss/package/src/plans.js" >"$work/packages/pg-boss.sql"

    python3 -B tests/schemas/declare.py "$work/packages" "$work/done"
    "$work/python/bin/python3" -B tests/schemas/django_models.py "$major" >"$work/done/wagtail.sql"
    mv "$work/done" "$home"
}

main
