#!/bin/sh
# Prints the path of Chromium. Where it is missing and may be installed, it is: Debian's package,
# about 125 MB, and a font, without which a page has no letters.
set -eu

locate() {
    command -v chromium
}

if ! locate >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    # Other tests may be installing what they need at this moment: a lock is waited for.
    {
        apt-get update || sleep 10
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium fonts-dejavu-core
    } >&2
fi
if ! locate; then
    echo "tests/browser.sh: install chromium" >&2
    exit 1
fi
