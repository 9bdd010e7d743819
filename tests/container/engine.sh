# shellcheck shell=bash
# A Docker engine: the one that is reachable, or a private one that ends with the test.

engine=''    # empty, `given` or `private`
no_engine='' # why there is none
compose=()   # how Compose is called

find_engine() {
    if docker version >/dev/null 2>&1; then
        engine=given
    else
        install_engine && start_engine || return 1
    fi
    if command -v docker-compose >/dev/null; then
        compose=(docker-compose)
    elif docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    else
        no_engine='there is an engine, but no Compose'
        return 1
    fi
    compose+=(-p "$project" -f "$root/docker-compose.yml")
    note "engine: $engine, $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}'); ${compose[0]} $("${compose[@]}" version --short)"
}

install_engine() {
    local missing=() pair
    if [ "$(id -u)" -ne 0 ]; then
        no_engine='no Docker engine is reachable, and only root can start one'
        return 1
    fi
    for pair in dockerd:docker.io docker-compose:docker-compose debootstrap:debootstrap ip:iproute2; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        no_engine="no Docker engine is reachable, and ${missing[*]} cannot be installed without apt-get"
        return 1
    fi
    note "installing ${missing[*]}"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"; } >"$work/apt.log" 2>&1; then
        tail -n 5 "$work/apt.log" | sed 's/^/#     /'
        no_engine="${missing[*]} could not be installed"
        return 1
    fi
}

# Private in everything: socket, state and settings, and a network and mounts of its own, so that
# neither the machine's firewall nor its ports are touched. The images stay in the cache.
start_engine() {
    export DOCKER_HOST=unix://$work/docker.sock DOCKER_CONFIG=$work/config
    unset DOCKER_CONTEXT
    mkdir -p "$DOCKER_CONFIG"
    echo '{}' >"$work/daemon.json"
    # For `docker run --init`, in a place of its own: castoff takes it later.
    ! command -v docker-init >/dev/null || cp -L "$(command -v docker-init)" "$work/docker-init"
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh \
        dockerd --config-file "$work/daemon.json" --data-root "$cache/engine" \
        --exec-root "$work/exec" --pidfile "$work/dockerd.pid" --host "$DOCKER_HOST" \
        --init-path "$work/docker-init" \
        >"$work/dockerd.log" 2>&1 &
    dockerd=$!
    engine=private
    if ! { within 30 engine_answers && docker version >/dev/null 2>&1; }; then
        tail -n 5 "$work/dockerd.log" | sed 's/^/#     /'
        no_engine='a private Docker engine did not start'
        return 1
    fi
    # What a run that was killed has left behind.
    docker ps -aq | xargs -r docker rm -f -v >/dev/null
    docker network prune -f >/dev/null
}

# Runs a command where published ports can be reached.
near_engine() {
    case $engine in
    private) nsenter --net --target "$dockerd" "$@" ;;
    *) "$@" ;;
    esac
}

# Waiting longer for a dead process is useless.
engine_answers() { ! kill -0 "$dockerd" 2>/dev/null || docker version; }

stop_engine() {
    [ "$engine" = private ] || return 0
    kill "$dockerd" 2>/dev/null || :
    wait "$dockerd" 2>/dev/null || :
}
