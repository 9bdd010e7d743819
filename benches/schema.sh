#!/bin/sh
# Measures `castoff diff` between two databases beside `pg_dump --schema-only` of one of them, in one
# run on one machine, and prints a table: `benches/schema.sh`, or `benches/schema.sh FILE` for another
# castoff than a new build.
#
# Figures from different runs or machines do not compare; the ratios do. Nothing here is a test.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=$(uname -m)-unknown-linux-gnu

if [ "$#" -gt 0 ]; then
    castoff=$(realpath "$1")
else
    # With --target, so that the flag is not passed to procedural macros, which cannot be static.
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --target "$target" >&2
    castoff=$root/target/$target/release/castoff
fi
exec python3 -B benches/schema.py "$castoff"
