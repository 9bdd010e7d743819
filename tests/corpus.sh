#!/bin/bash
# Prints the directory with PostgreSQL's own regression suite, for the tests of the splitter.
#
# It comes from Debian's source package postgresql-15, by the mirrors that this machine's apt is set
# up with, and apt checks the signatures; it is kept in target/corpus, and CASTOFF_TEST_CORPUS names
# another place for it. Nothing of the machine's apt is changed. Fails where it cannot be had:
# the tests that need it (`corpus::`) must then be left out aloud.
set -euo pipefail

readonly package=postgresql-15
root=$(cd "$(dirname "$0")/.." && pwd)
corpus=${CASTOFF_TEST_CORPUS:-$root/target/corpus}/$package

# Written by one `mv` at the end: what was cut short is not there.
if [ -d "$corpus" ]; then
    echo "$corpus"
    exit 0
fi
for tool in apt-get apt-cache bzip2 tar; do
    if ! command -v "$tool" >/dev/null; then
        echo "tests/corpus.sh: $tool is not installed" >&2
        exit 1
    fi
done
mkdir -p "$(dirname "$corpus")"
work=$(mktemp -d "$(dirname "$corpus")/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The machine's own sources, asked for sources instead of binaries.
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,unpacked}
for list in /etc/apt/sources.list.d/*.sources; do
    [ -f "$list" ] || continue
    sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    sed -n 's/^deb /deb-src /p' "$list" >"$work/sources/$(basename "$list")"
done
apt=(
    -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/sources"
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o "APT::Sandbox::User=$(id -un)" -o "Debug::NoLocking=1"
)
echo "tests/corpus.sh: downloading the source package $package" >&2
# A third party's archive may not answer; what counts is whether the package can be had.
apt-get "${apt[@]}" update >"$work/log" 2>&1 || true
# A mirror may list a version, a security fix say, whose source it does not carry.
versions=$(apt-cache "${apt[@]}" showsrc "$package" 2>>"$work/log" |
    sed -n 's/^Version: //p' | sort -ruV)
tarball=
for version in $versions; do
    if (cd "$work" && apt-get "${apt[@]}" source --download-only "$package=$version") \
        >>"$work/log" 2>&1; then
        tarball=$(echo "$work/$package"_*.orig.tar.bz2)
        break
    fi
done
if [ ! -f "$tarball" ]; then
    tail -n 20 "$work/log" >&2
    echo "tests/corpus.sh: the source package $package cannot be downloaded" >&2
    exit 1
fi
tar -xjf "$tarball" -C "$work/unpacked" --strip-components=1 --wildcards \
    '*/src/test/regress/sql' '*/src/test/regress/data' '*/src/test/regress/parallel_schedule' \
    '*/src/pl/*/sql' '*/contrib/*/sql' '*/src/test/modules/*/sql' '*/COPYRIGHT'
# The tests' server may run as another user, and reads the data files.
chmod -R a+rX "$work/unpacked"
# Another run may have been quicker; it has the same.
mv -T "$work/unpacked" "$corpus" 2>/dev/null || [ -d "$corpus" ]
echo "$corpus"
