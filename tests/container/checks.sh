# shellcheck shell=bash
# What must be true of the images and of the containers made from them.

web_image=castoff-example
revisions=$(find migrations -name '*.sql' | wc -l)
head=$(find migrations -name '*.sql' | sort | tail -n 1 | cut -d_ -f2)
password=not-a-secret # The one in examples/secrets; it may appear nowhere else.

all_checks() {
    # The default, or one that is free now; Compose would choose a new one at each restart.
    PORT=8000
    [ "$engine" = private ] || PORT=$(free_port)
    export PORT

    images
    [ "$failed" -eq 0 ] || return 0
    first_start
    [ "$failed" -eq 0 ] || return 0
    confinement
    nothing_to_do
    database_goes_and_comes
    stop_in_each_phase
    several_at_once
    any_user
    privileges
    another_image
    as_an_init
    replicas
    [ "${CASTOFF_TEST_BUILDKIT:-}" != 1 ] || buildkit
}

remove_containers() {
    [ -z "${scaled:-}" ] || "${scaled[@]}" down --volumes --timeout 5
    docker ps -aq --filter "label=$project" | xargs -r docker rm -f
    "${compose[@]}" down --volumes --timeout 5
}

# --- images ---------------------------------------------------------------------------------------

images() {
    note "building the images (some minutes, unless nothing has changed)"
    local began=$SECONDS
    check "docker-compose builds the example" "${compose[@]}" build web
    check "docker builds castoff alone" env DOCKER_BUILDKIT=0 docker build -t castoff \
        --network none \
        --build-arg RUST_IMAGE="$rust_image" \
        --build-arg CARGO_PROFILE_RELEASE_LTO="$CARGO_PROFILE_RELEASE_LTO" \
        --build-arg CARGO_PROFILE_RELEASE_CODEGEN_UNITS="$CARGO_PROFILE_RELEASE_CODEGEN_UNITS" .
    [ "$failed" -eq 0 ] || return 0
    note "built in $((SECONDS - began)) s"
    equal "the example image holds two files" "castoff timetracker" "$(files "$web_image")"
    equal "the castoff image holds one file" "castoff" "$(files castoff)"
    equal "the image knows its revisions" "$head" \
        "$(docker run --rm --network none castoff heads 2>/dev/null | grep -o '^[0-9a-f]*' | head -n 1)"
}

# What an image adds; the engine itself puts dev, etc, proc, sys and .dockerenv into a container.
files() {
    local container
    container=$(docker create --label "$project" "$1" none)
    docker export "$container" | tar -t |
        grep -v -E '/$|^(\.dockerenv|dev/|etc/|proc/|sys/)' | sort | tr '\n' ' ' | sed 's/ $//'
    docker rm "$container" >/dev/null
}

buildkit() {
    local client
    for client in docker /usr/bin/docker; do
        if DOCKER_BUILDKIT=1 "$client" build --help 2>&1 | grep -q -- --secret; then
            check "BuildKit builds the example, too" env DOCKER_BUILDKIT=1 "$client" build \
                -t castoff-test/buildkit --target example \
                --build-arg RUST_IMAGE="$rust_image" \
                --build-arg CARGO_PROFILE_RELEASE_LTO=off \
                --build-arg CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 .
            return
        fi
    done
    skip "BuildKit: no client here can use it"
}

# --- Compose --------------------------------------------------------------------------------------

first_start() {
    check "docker-compose up" "${compose[@]}" up -d
    web=$("${compose[@]}" ps -q web)
    db=$("${compose[@]}" ps -q db)
    network=$(docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "$web")
    check "the page answers on the published port" within 60 page_shows / "Analytical engine"
    check "a project's page shows what later revisions made" \
        within 5 page_shows /projects/1 "blocked: waits for note G"
    equal "each revision is applied once" "$revisions" "$(applied "$web")"
    check "a time entry is added by the form" within 5 add_entry
    check "the page shows it" within 5 page_shows /projects/1 "from the container test"
    check "the web server is healthy" within 60 healthy "$web"
    check "the database is healthy" within 60 healthy "$db"
}

confinement() {
    local pid status
    pid=$(docker inspect -f '{{.State.Pid}}' "$web")
    equal "the server is process 1, and alone" "timetracker" \
        "$(docker top "$web" -o pid,comm | awk 'NR > 1 { print $2 }' | tr '\n' ' ' | sed 's/ $//')"
    if [ "$engine" = private ]; then
        status=/proc/$pid/status
        equal "it runs as nobody's user" "65532" "$(awk '/^Uid:/ { print $2 }' "$status")"
        equal "it has no capabilities" "0000000000000000" "$(awk '/^CapEff:/ { print $2 }' "$status")"
        equal "it can gain none" "0000000000000000 1" \
            "$(awk '/^CapBnd:|^NoNewPrivs:/ { print $2 }' "$status" | tr '\n' ' ' | sed 's/ $//')"
        equal "no signal is blocked or ignored but SIGPIPE" "0000000000000000 0000000000001000" \
            "$(awk '/^SigBlk:|^SigIgn:/ { print $2 }' "$status" | tr '\n' ' ' | sed 's/ $//')"
        check "its root file system cannot be written" read_only "$pid"
    else
        skip "what /proc says of the server: the engine may be on another machine"
    fi
    check "no environment holds the password" \
        lacks "$password" docker inspect -f '{{.Config.Env}}' "$web" "$db"
    check "no log holds the password" lacks "$password" "${compose[@]}" logs --no-color
}

nothing_to_do() {
    local before
    before=$(lines "$web")
    check "docker-compose restart" "${compose[@]}" restart web
    check "the page answers again" within 30 page_shows / "Analytical engine"
    check "the log of the restart says up to date" says_since "$web" "$before" "up to date at $head"
    check "nothing is applied at the restart" lacks "applied " since "$web" "$before"

    "${compose[@]}" stop >/dev/null 2>&1
    check "docker-compose up a second time" "${compose[@]}" up -d --force-recreate
    web=$("${compose[@]}" ps -q web)
    db=$("${compose[@]}" ps -q db)
    check "new containers find the old data" within 60 page_shows /projects/1 "from the container test"
    check "there is nothing to do" says_since "$web" 0 "up to date at $head"
}

database_goes_and_comes() {
    "${compose[@]}" stop db >/dev/null 2>&1
    check "the server says that its database is away" within 30 health_is 503
    "${compose[@]}" start db >/dev/null 2>&1
    check "and recovers when it is back" within 60 health_is 200
}

# --- stopping -------------------------------------------------------------------------------------

stop_in_each_phase() {
    local waiting slow queued

    waiting=$(start -e DATABASE_URL=postgresql://nobody@nowhere/none "$web_image")
    check "castoff waits for a database that is not there" \
        within 20 says_since "$waiting" 0 "waiting for database"
    stops "while it waits for the database" "$waiting" 143

    sql timetracker 'create database slow' >/dev/null
    slow=$(start_slow)
    check "a migration takes long" within 30 sleeping 1
    queued=$(start_slow)
    check "another castoff waits for the lock" \
        within 30 says_since "$queued" 0 "waiting for the migration lock"
    stops "while it waits for the lock" "$queued" 143
    stops "in the middle of a migration" "$slow" 143
    check "the migration is cancelled in the database" within 2 sleeping 0
    equal "and rolled back" "" "$(sql slow "select to_regclass('begun')")"

    stops "while it serves" "$web" 0
    "${compose[@]}" start web >/dev/null 2>&1
    check "and starts again" within 30 page_shows / "Analytical engine"
}

# stops WHEN CONTAINER STATUS: how long it took is what the engine wrote down, not what a shell saw.
stops() {
    local began took status
    began=$(date +%s)
    docker stop -t 10 "$2" >/dev/null
    read -r took status < <(
        docker events --since "$began" --until "$(date +%s.%N)" --filter "container=$2" \
            --format '{{.Action}} {{.TimeNano}} {{index .Actor.Attributes "exitCode"}}' |
            awk '$1 == "kill" && !kill { kill = $2 } $1 == "die" { printf "%d %s\n", ($2 - kill) / 1e6, $3 }'
    )
    equal "docker stop ends it with $3 $1" "$3" "${status:-nothing}"
    if [ "${took:-9999}" -lt 1000 ]; then
        ok "within a second $1 ($took ms)"
    else
        not_ok "within a second $1: it took ${took:-unknown} ms"
    fi
}

# --- several at once ------------------------------------------------------------------------------

several_at_once() {
    local containers=() container applied=0
    sql timetracker 'create database several' >/dev/null
    for _ in 1 2 3 4 5; do
        containers+=("$(start -e DATABASE_URL="$(url several)" "$web_image")")
    done
    for container in "${containers[@]}"; do
        within 60 docker exec "$container" /timetracker --health || break
        applied=$((applied + $(applied "$container")))
    done
    equal "five at once on an empty database: each revision is applied by one of them" "$revisions" "$applied"
}

# --- elsewhere ------------------------------------------------------------------------------------

any_user() {
    local container
    container=$(start --user 12345:54321 --read-only --cap-drop ALL \
        --security-opt no-new-privileges \
        -e DATABASE_URL="$(url timetracker)" "$web_image")
    check "any user id will do, on a read-only root" within 30 docker exec "$container" /timetracker --health
}

another_image() {
    local container
    check "three lines add castoff to another image" env DOCKER_BUILDKIT=0 docker build --network none \
        -t castoff-test/other --build-arg BASE="$debian" "$here/other"
    sql timetracker 'create database other' >/dev/null
    container=$(start -e DATABASE_URL="$(url other)" castoff-test/other)
    check "its migrations are applied" within 30 has_table other other_application
    check "its own command becomes process 1" within 10 runs "$container" "sleep 1000"
    equal "and inherits the standard streams only" "0 1 2" \
        "$(docker exec "$container" sh -c 'ls /proc/1/fd' | tr '\n' ' ' | sed 's/ $//')"
}

# --- questions ------------------------------------------------------------------------------------

# start ARGUMENTS…: runs a container beside those of Compose and prints its id.
start() {
    docker run -d --label "$project" --network "$network" "$@"
}

start_slow() {
    start -v "$here/slow:/migrations:ro" -e CASTOFF_MIGRATIONS=/migrations \
        -e DATABASE_URL="$(url slow)" "$web_image"
}

url() { echo "postgresql://timetracker:$password@db/$1"; }

free_port() {
    local port=18000
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# request METHOD PATH [BODY]: the whole answer.
request() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    near_engine timeout 10 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit
        printf "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" \
            "$2" "$3" "${#4}" "$4" >&3
        cat <&3
    ' bash "$PORT" "$1" "$2" "${3:-}"
}

page_shows() { request GET "$1" | grep -F -- "$2"; }
health_is() { request GET /readyz | head -n 1 | grep "^HTTP/1.1 $1 "; }
add_entry() {
    request POST /projects/1/entries \
        'task=1&person=1&started=2026-03-02T09:30&minutes=45&remark=from+the+container+test' |
        head -n 1 | grep '^HTTP/1.1 303 '
}

healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; }
applied() { docker logs "$1" 2>&1 | grep -c 'applied [0-9a-f]\{12\}' || :; }
lines() { docker logs "$1" 2>&1 | wc -l; }
since() { docker logs "$1" 2>&1 | tail -n "+$(($2 + 1))"; }
says_since() { since "$1" "$2" | grep -F -- "$3"; }
lacks() { ! "${@:2}" 2>&1 | grep -F -- "$1"; }
sql() { docker exec "$db" psql -qAtX -U timetracker -d "$1" -c "$2"; }
has_table() { [ "$(sql "$1" "select to_regclass('$2')")" = "$2" ]; }
runs() { [ "$(docker top "$1" -o pid,args | awk 'NR > 1 { $1 = ""; print }')" = " $2" ]; }
sleeping() {
    [ "$(sql slow "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = "$1" ]
}

read_only() { awk '$5 == "/" { print $6 }' "/proc/$1/mountinfo" | grep -E '^ro(,|$)'; }
