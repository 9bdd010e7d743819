#!/bin/sh
# Runs the database tests on each PostgreSQL major named, 13 to 18 unless told otherwise:
# `tests/matrix.sh 13 18`. Prints a line for each, and ends with `N passed, N failed`.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- 13 14 15 16 17 18

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Built once, before the first line is printed: what follows then says something about servers.
cargo test --locked --no-run --test it

# A test that cannot be made is left out aloud, and never counted as passed.
skip=
if ! tests/corpus.sh >/dev/null; then
    echo "PostgreSQL's regression suite: SKIPPED, it could not be downloaded"
    skip="--skip corpus::"
fi

if ! unshare --pid --fork --mount-proc true 2>/dev/null &&
    ! unshare --user --map-root-user --pid --fork --mount-proc true 2>/dev/null; then
    echo "castoff as PID 1: SKIPPED, no process namespaces can be made here"
    for module in exit inherited reaping signals terminal; do
        skip="$skip --skip init_$module::"
    done
fi

# What starts no server, or only to have something to show, says nothing about its version.
serverless="docs events help init_exit init_inherited init_reaping init_rows init_signals init_terminal page tidy"

# The tests wait more than they work.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 2))}
export RUST_TEST_THREADS

passed=0
failed=0
for major in "$@"; do
    if ! bin=$(tests/postgres.sh "$major"); then
        echo "PostgreSQL $major: no server binaries"
        failed=$((failed + 1))
        continue
    fi
    version=$("$bin/postgres" --version | awk '{ print $3 }')
    start=$(date +%s)
    status=0
    # shellcheck disable=SC2086 # Words without blanks, or none.
    CASTOFF_TEST_PG_BIN=$bin cargo test --locked --quiet --test it -- $skip >"$log" 2>&1 || status=$?
    seconds=$(($(date +%s) - start))
    # `test result: ok. 10 passed; 0 failed; …` is the last line but one of a run that ended.
    if [ -n "$serverless" ]; then
        for module in $serverless; do
            skip="$skip --skip $module::"
        done
        serverless=
    fi
    here=$(sed -n 's/^test result: .* \([0-9]*\) passed; .*/\1/p' "$log")
    wrong=$(sed -n 's/^test result: .* \([0-9]*\) failed; .*/\1/p' "$log")
    if [ "$status" -ne 0 ]; then
        cat "$log"
        # A run that was cut short has no counts, but it failed.
        [ "${wrong:-0}" -gt 0 ] || wrong=1
    elif [ "${here:-0}" -eq 0 ]; then
        echo "PostgreSQL $major: no test ran"
        wrong=1
    fi
    echo "PostgreSQL $version: ${here:-0} passed, $wrong failed ($seconds s)"
    passed=$((passed + ${here:-0}))
    failed=$((failed + wrong))
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
