#!/bin/sh
# Measures castoff beside psql and sqlx-cli, in one run on one machine, and writes RESULTS.md:
# `benches/run.sh`, or some of it: `benches/run.sh start fresh`. Builds what is missing.
#
# Figures from different runs or machines do not compare; the ratios do. Nothing here is a test.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=$(uname -m)-unknown-linux-gnu
tools=$root/target/bench-tools

# With --target, so that the flag is not passed to procedural macros, which cannot be static.
RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --target "$target" >&2

if [ ! -x "$tools/bin/sqlx" ]; then
    cargo install sqlx-cli --locked --version 0.9.0 --no-default-features \
        --features postgres,rustls --root "$tools" >&2
fi

exec python3 -B benches/measure.py \
    --castoff "$root/target/$target/release/castoff" --sqlx "$tools/bin/sqlx" "$@"
