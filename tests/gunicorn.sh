#!/bin/sh
# Prints the path of a Python that has gunicorn: run it as `PYTHON -m gunicorn`. It comes from PyPI,
# once, into target/gunicorn.
set -eu

# Pinned, so that a run says the same today and tomorrow.
version=23.0.0

root=$(cd "$(dirname "$0")/.." && pwd)
home=$root/target/gunicorn/$version
python=$home/bin/python3
# Made under its last name, since an environment knows its own place. Written last: one that was cut
# short does not count.
if [ -e "$home/complete" ]; then
    echo "$python"
    exit 0
fi

# The machine's own, which lasts longer than one of some version manager's.
system=/usr/bin/python3
[ -x "$system" ] || system=python3

if ! "$system" -c 'import ensurepip, venv' 2>/dev/null &&
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    {
        apt-get update
        apt-get install -y --no-install-recommends python3-venv
    } >&2
fi
if ! "$system" -c 'import ensurepip, venv'; then
    echo "tests/gunicorn.sh: install python3-venv" >&2
    exit 1
fi

echo "tests/gunicorn.sh: downloading gunicorn $version" >&2
rm -rf "$home"
mkdir -p "$home"
"$system" -m venv "$home" >&2
"$python" -m pip install --quiet --disable-pip-version-check "gunicorn==$version" >&2
"$python" -m gunicorn --version >&2
touch "$home/complete"
echo "$python"
