#!/bin/bash
# Looks at everything in deploy/ that is for Kubernetes: the manifests, and what the Helm chart makes of its values.
#
# kubernetes-validate (PyPI) compares them with the schemas of Kubernetes itself, for each minor version from 1.30 on; the
# project's own rules are in tests/kubernetes/rules.py. Both are shown to fail on manifests that are broken on purpose.
# Helm 3 and 4 come from tests/helm.sh. No cluster is needed, and none is asked.
set -euo pipefail
cd "$(dirname "$0")/.."

# Brings the schemas of the versions up to its own, and is pinned so that a run says the same today and tomorrow.
readonly validate=kubernetes-validate==1.37.0
readonly cache=target/kubernetes

main() {
    if ! python=$(environment); then
        echo "skipped - everything: Python with venv and $validate could not be had"
        echo "0 passed, 0 failed, 1 skipped"
        return
    fi
    local helms=() major helm
    for major in 3 4; do
        if helm=$(tests/helm.sh "$major"); then
            helms+=("$helm")
        else
            echo "skipped - the chart with Helm $major: it is not here and could not be had"
        fi
    done
    PYTHONDONTWRITEBYTECODE=1 "$python" tests/kubernetes/check.py "${helms[@]}"
}

# Prints the Python of an environment that has kubernetes-validate.
environment() {
    # Written last: an installation that was cut short does not count.
    if [ "$(cat "$cache/venv.version" 2>/dev/null)" != "$validate" ]; then
        {
            mkdir -p "$cache"
            if ! python3 -c 'import ensurepip' && [ "$(id -u)" -eq 0 ] && command -v apt-get; then
                apt-get update
                apt-get install -y --no-install-recommends python3-venv
            fi
            python3 -m venv --clear "$cache/venv" || return
            "$cache/venv/bin/pip" install --quiet "$validate" || return
        } >&2
        echo "$validate" >"$cache/venv.version"
    fi
    echo "$cache/venv/bin/python"
}

main "$@"
