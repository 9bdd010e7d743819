# shellcheck shell=bash
# castoff as the init of a container: in an image that holds castoff, a static busybox and nothing
# else, and where dockerd expects its own docker-init. What an init must do besides, the tests
# `init_*` of tests/it prove without a container; their table names the functions below.

init_image=castoff-test/init

as_an_init() {
    if ! static_busybox; then
        skip "castoff as an init: there is no static busybox, and it cannot be had"
        return
    fi
    check "an image with castoff and busybox alone" make_init_image
    exists "$init_image" || return 0
    confined_init
    frugal
    limited
    nested
    terminal_of_a_container
    docker_stop
    grace_of_a_container
    as_docker_init
}

# Debian's, unpacked and not installed; kept in the cache.
static_busybox() {
    busybox=$cache/busybox
    [ ! -x "$busybox" ] || return 0
    mkdir -p "$work/busybox"
    (
        cd "$work/busybox" || exit
        { apt-get download busybox-static || { apt-get update && apt-get download busybox-static; }; } &&
            dpkg-deb -x ./*.deb unpacked && cp unpacked/bin/busybox "$busybox.$$" && mv "$busybox.$$" "$busybox"
    ) >"$work/busybox.log" 2>&1
}

make_init_image() {
    local context=$work/init applet
    mkdir -p "$context/bin" "$context/init"
    cp "$busybox" "$context/bin/busybox"
    for applet in sh sleep cat grep id ls ps touch true tr; do
        ln -s busybox "$context/bin/$applet"
    done
    ln -s /castoff "$context/init/docker-init"
    cat >"$context/Dockerfile" <<'END'
FROM scratch
COPY --from=castoff /castoff /castoff
COPY bin /bin
COPY init /init
ENTRYPOINT ["/castoff", "supervise", "--"]
END
    build_image -t "$init_image" "$context"
}

# in_container STATUS ARGUMENTS…: what a container that ends with this status wrote.
in_container() {
    local expected=$1 status=0
    shift
    docker run --rm --label "$project" --network none "$@" 2>"$work/stderr" || status=$?
    [ "$status" -eq "$expected" ] || echo "status $status: $(tail -n 3 "$work/stderr")"
}

# keep ARGUMENTS…: a container that stays; prints its id.
keep() { docker run -d --label "$project" --network none "$@"; }

# --- with next to nothing -------------------------------------------------------------------------

# Orphans that nobody but PID 1 can reap. With the last one a zombie would be there, or the shell's
# `ps` would show it.
readonly orphans='i=0; while [ $i -lt 100 ]; do ( sleep 0 & ); i=$((i + 1)); done
until [ "$(ps -o ppid,args | grep -c "^ *1 ")" = 1 ]; do sleep 0.1; done'

confined_init() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    equal "it is the init of any user without rights, on a read-only root without a system" \
        '12345 0 1 NoNewPrivs: 1 CapEff: 0000000000000000 no /tmp no /etc/passwd read-only reaped' \
        "$(in_container 7 --read-only --user 12345:0 --cap-drop ALL \
            --security-opt no-new-privileges "$init_image" sh -c '
            echo $(id -u) $(id -g) $PPID $(grep -h -e NoNewPrivs -e CapEff /proc/self/status)
            [ -e /tmp ] || echo no /tmp
            [ -e /etc/passwd ] || echo no /etc/passwd
            touch /x 2>/dev/null || echo read-only
            '"$orphans"' && echo reaped
            exit 7' | tr '\n\t' '  ' |
            sed 's/ $//; s/\(CapEff: [0-9]*\) \(NoNewPrivs: 1\)/\2 \1/')"
}

# The kernel counts every page of the executable that was touched, so only a release build, which the
# image has, can be small. Asked for a while: the command begins before the init has come to rest.
frugal() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    equal "its loop has at most 1 MiB of memory" "" \
        "$(in_container 0 "$init_image" sh -c '
            i=0
            while [ $i -lt 100 ]; do
                memory=$(grep VmRSS /proc/1/status | tr -dc 0-9)
                [ "$memory" -gt 1024 ] || exit 0
                sleep 0.1
                i=$((i + 1))
            done
            echo "$memory KiB"
            exit 1')"
}

limited() {
    local limits container
    limits=$(docker info --format '{{.MemoryLimit}} {{.PidsLimit}}' 2>/dev/null)
    if [ "$limits" != "true true" ]; then
        skip "6 MiB and 8 processes: this engine sets no such limits ($limits)"
        return
    fi
    # One orphan after the other, by built-in commands alone: each must be reaped before the next,
    # and the memory is castoff's. Without an init the eighth could not be started.
    # shellcheck disable=SC2016 # expanded by the inner shell
    container=$(keep --memory 6m --pids-limit 8 "$init_image" sh -c '
        i=0
        while [ $i -lt 50 ]; do
            orphan=$(: & echo $!)
            while [ -d "/proc/$orphan" ]; do :; done
            i=$((i + 1))
        done
        echo reaped
        exec sleep 1000')
    check "it reaps orphans within 6 MiB and 8 processes" within 30 says_since "$container" 0 reaped
    equal "the limits are set" "6291456 8" \
        "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' "$container")"
    stops_with "docker stop reaches its command within them" "$container" 143
    equal "nothing was killed for want of memory" false \
        "$(docker inspect -f '{{.State.OOMKilled}}' "$container")"
}

nested() {
    local container
    if [ "$(in_container 0 --init --entrypoint /bin/true "$init_image")" ]; then
        skip "under docker run --init: this engine has no init ($(tail -n 1 "$work/stderr"))"
        return
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    equal "under docker run --init it is not PID 1, and reaps" "not 1 reaped" \
        "$(in_container 6 --init "$init_image" sh -c '
            [ $PPID = 1 ] || echo not 1
            i=0; while [ $i -lt 100 ]; do ( sleep 0 & ); i=$((i + 1)); done
            until [ "$(ps -o ppid,args | grep -c "^ *$PPID ")" = 1 ]; do sleep 0.1; done
            echo reaped
            exit 6' | tr '\n' ' ' | sed 's/ $//')"
    container=$(keep --init "$init_image" sleep 1000)
    stops_with "and passes docker stop on" "$container" 143
}

# --- docker run -it -------------------------------------------------------------------------------

terminal_of_a_container() {
    local name=$project-terminal pid status=0
    if ! command -v script >/dev/null; then
        skip "docker run -it: \`script\` is not installed"
        return
    fi
    mkfifo "$work/keys"
    : >"$work/screen"
    script -qefc "docker run -it --rm --name $name --label $project --network none $init_image sh -i" \
        "$work/screen" <"$work/keys" >/dev/null 2>&1 &
    pid=$!
    exec 9>"$work/keys"
    # The quotes tell what is written from the echo of what is typed.
    type_keys 'echo rea""dy\n'
    check "docker run -it: a shell under it has the terminal" within 30 screen_shows ready
    type_keys 'sleep 1000\n'
    check "a command in the shell is in front" within 20 in_front "$name" 'sleep 1000'
    type_keys '\032'
    check "Ctrl-Z stops it" within 20 in_state "$name" T 'sleep 1000'
    type_keys 'echo stop""ped\n'
    check "and the shell goes on" within 20 screen_shows stopped
    type_keys 'bg\n'
    check "bg lets it go on" within 20 in_state "$name" S 'sleep 1000'
    type_keys 'fg\n'
    check "fg fetches it back" within 20 in_front "$name" 'sleep 1000'
    type_keys '\003'
    type_keys 'echo en""ded $?\n'
    check "Ctrl-C ends it, and nothing else" within 20 screen_shows "ended 130"
    type_keys 'exit 5\n'
    exec 9>&-
    wait "$pid" || status=$?
    equal "the shell's status is the container's" 5 "$status"
}

type_keys() {
    # shellcheck disable=SC2059 # the escapes are what is wanted
    printf "$1" >&9
}
screen_shows() { tr -d '\r' <"$work/screen" | grep -F -- "$1"; }
in_state() { docker top "$1" -o pid,stat,args | grep -E " $2[^ ]* +$3\$"; }
# Its group is the one that the terminal has in front.
in_front() { docker top "$1" -o pid,pgid,tpgid,args | grep -F -- "$2" | grep -E '^ *[0-9]+ +([0-9]+) +\1 '; }

# --- docker stop ----------------------------------------------------------------------------------

# stops_with NAME CONTAINER STATUS: docker's own patience is longer than the test's.
stops_with() {
    check "$1" timeout 30 docker stop -t 60 "$2"
    equal "$1, with $3" "$3" "$(docker inspect -f '{{.State.ExitCode}}' "$2")"
}

docker_stop() {
    local container
    container=$(keep "$init_image" sleep 1000)
    stops_with "docker stop ends a command that is no init" "$container" 143
    container=$(keep --entrypoint /castoff "$init_image" supervise --remap-status 143 -- sleep 1000)
    stops_with "docker stop is success when that is asked for" "$container" 0
    container=$(keep --entrypoint /castoff --stop-signal RTMIN+3 "$init_image" \
        supervise --rewrite RTMIN+3:TERM -- sleep 1000)
    stops_with "an image's own STOPSIGNAL can be rewritten" "$container" 143
    # What castoff is for: the same without an init is deaf to docker stop.
    container=$(keep --entrypoint /bin/sleep "$init_image" 1000)
    docker stop -t 1 "$container" >/dev/null
    equal "without an init the same command has to be killed" 137 \
        "$(docker inspect -f '{{.State.ExitCode}}' "$container")"
}

grace_of_a_container() {
    local container
    # shellcheck disable=SC2016 # expanded by the inner shell
    container=$(keep --entrypoint /castoff "$init_image" supervise --grace 500ms -- \
        sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.1; done')
    check "a server does not listen" within 20 says_since "$container" 0 deaf
    stops_with "it is killed after the grace" "$container" 137
    check "and the log says so" says_since "$container" 0 killed
}

# --- docker-init ----------------------------------------------------------------------------------

as_docker_init() {
    local container=''
    equal "as docker-init it says a version that dockerd understands" "tini version 0.19.0" \
        "$(in_container 0 --entrypoint /init/docker-init "$init_image" --version |
            grep -o '^tini version [0-9.]*')"
    # shellcheck disable=SC2016 # expanded by the inner shell
    equal "and starts a command as dockerd has it" "under 1" \
        "$(in_container 9 --entrypoint /init/docker-init "$init_image" -- sh -c 'echo under $PPID; exit 9')"
    if [ "$engine" != private ]; then
        skip "castoff as the init of docker run --init: this engine's is its owner's"
        return
    fi
    # From now on it is the engine's own.
    container=$(docker create --label "$project" castoff none)
    docker cp "$container:/castoff" "$work/docker-init.new"
    docker rm "$container" >/dev/null
    mv "$work/docker-init.new" "$work/docker-init"
    # shellcheck disable=SC2016 # expanded by the inner shell
    equal "docker run --init runs castoff" "/sbin/docker-init 1 reaped" \
        "$(in_container 8 --init --entrypoint /bin/sh "$init_image" -c '
            tr "\0" "\n" </proc/1/cmdline | { read -r name; echo $name $PPID; }
            '"$orphans"' && echo reaped
            exit 8' | tr '\n' ' ' | sed 's/ $//')"
    container=$(keep --init --entrypoint /bin/sleep "$init_image" 1000)
    stops_with "and docker stop ends its command" "$container" 143
    equal "its executable is castoff" "castoff" \
        "$(docker run --rm --init --network none --label "$project" --entrypoint /sbin/docker-init \
            "$init_image" -h 2>/dev/null | grep -o '^castoff')"
}
