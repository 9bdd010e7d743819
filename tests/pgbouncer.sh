#!/bin/sh
# Prints the path of PgBouncer. Where it is missing and may be installed, it is: Debian's package.
set -eu

locate() {
    # Debian keeps it where only root's PATH leads.
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer
}

if ! locate >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    {
        apt-get update
        apt-get install -y --no-install-recommends pgbouncer
    } >&2
fi
if ! locate; then
    echo "tests/pgbouncer.sh: install pgbouncer" >&2
    exit 1
fi
