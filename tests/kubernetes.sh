#!/bin/bash
# Looks at everything in deploy/ that is for Kubernetes: the manifests, and what the Helm chart makes of its values.
#
# kubernetes-validate (PyPI) compares them with the schemas of Kubernetes itself, for each minor version from 1.30 on; the
# project's own rules are in tests/kubernetes/rules.py. Both are shown to fail on manifests that are broken on purpose.
# Helm 3 and 4 come from tests/helm.sh. No cluster is needed, and none is asked.
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
    local python helms=() major helm
    if ! python=$(tests/kubernetes/python.sh); then
        echo "skipped - everything: Python with venv and kubernetes-validate could not be had"
        echo "0 passed, 0 failed, 1 skipped"
        return
    fi
    for major in 3 4; do
        if helm=$(tests/helm.sh "$major"); then
            helms+=("$helm")
        else
            echo "skipped - the chart with Helm $major: it is not here and could not be had"
        fi
    done
    PYTHONDONTWRITEBYTECODE=1 "$python" tests/kubernetes/check.py "${helms[@]}"
}

main "$@"
