#!/bin/sh
# Prints a Python that has kubernetes-validate and, with it, a reader of YAML. It is made once, under target/kubernetes.
set -eu

# Brings the schemas of all versions of Kubernetes up to its own, and is pinned so that a run says the same today and
# tomorrow.
readonly package=kubernetes-validate==1.37.0

root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$root/target/kubernetes/venv

# Written last: an installation that was cut short does not count.
if [ "$(cat "$venv.version" 2>/dev/null)" != "$package" ]; then
    {
        mkdir -p "$root/target/kubernetes"
        if ! python3 -c 'import ensurepip' && [ "$(id -u)" -eq 0 ] && command -v apt-get; then
            apt-get update
            apt-get install -y --no-install-recommends python3-venv
        fi
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet "$package"
    } >&2
    echo "$package" >"$venv.version"
fi
echo "$venv/bin/python"
