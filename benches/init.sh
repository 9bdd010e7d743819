#!/bin/sh
# Measures castoff as an init beside tini, dumb-init and catatonit, in one run on one machine, and
# prints a table: `benches/init.sh`, or `benches/init.sh FILE` for another castoff than a new build.
# Installs what is missing of the others from Debian where it may; measures those that are there.
#
# Figures from different runs or machines do not compare; the differences do. Nothing here is a test.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=$(uname -m)-unknown-linux-gnu

if [ "$#" -gt 0 ]; then
    castoff=$1
else
    # With --target, so that the flag is not passed to procedural macros, which cannot be static.
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --target "$target" >&2
    castoff=$root/target/$target/release/castoff
fi

for package in tini dumb-init catatonit; do
    if ! command -v "$package" >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        { apt-get update && apt-get install -y --no-install-recommends "$package"; } >/dev/null 2>&1 ||
            echo "$package could not be installed, and is left out" >&2
    fi
done

# As an image has it: on the machine of RESULTS-INIT.md a file that the linker had just written started
# slower than its copy, by some tenths of a millisecond.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$castoff" "$copy/castoff"
python3 -B benches/init.py "$copy/castoff"
