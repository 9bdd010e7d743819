#!/bin/bash
# Runs the repository's own Dockerfile and docker-compose.yml, and looks at what comes of them.
#
#   tests/container/run.sh               skips aloud where there is no engine and none can be started
#   tests/container/run.sh --require     fails instead
#
# CASTOFF_TEST_CACHE   where a private engine keeps its images (default target/container-cache)
# CASTOFF_TEST_LTO     link-time optimisation of the build (default off: minutes less, same code)
# CASTOFF_TEST_BUILDKIT=1   builds the images with BuildKit as well (a second complete build)
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
cache=${CASTOFF_TEST_CACHE:-$root/target/container-cache}
project=castoff-test-$$

cd "$root"
. "$here/report.sh"
. "$here/engine.sh"
. "$here/images.sh"
. "$here/init.sh"
. "$here/checks.sh"
. "$here/replicas.sh"
. "$here/privileges.sh"

main() {
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd -P)
    work=$(mktemp -d /tmp/castoff-container.XXXXXX)
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    if ! find_engine; then
        skip "everything: $no_engine"
        [ "${1:-}" != --require ] || failed=1
        return
    fi
    if ! stand_ins; then
        not_ok "stand-ins for the base images"
        return
    fi
    all_checks
}

clean_up() {
    trap '' INT TERM HUP
    if [ -n "${engine:-}" ]; then
        remove_containers >/dev/null 2>&1 || :
        stop_engine
    fi
    rm -rf "$work"
}

main "$@"
summary
