# shellcheck shell=bash
# What deploy/ promises of many replicas. There is no cluster here: the containers of the manifests are
# run by Docker, with their command lines, variables, users and limits, in the order of a rolling update.

kubernetes=deploy/kubernetes

replicas() {
    local python
    scaled_compose
    two_roles
    if ! python=$(tests/kubernetes/python.sh 2>/dev/null); then
        skip "the manifests for Kubernetes: there is no Python that reads YAML"
        return
    fi
    release_one_and_two
    ten_replicas
    init_containers
    job_and_waiting_replicas
    failing_release
}

# --- Compose --------------------------------------------------------------------------------------

scaled_compose() {
    five_serve "" docker-compose.yml web
}

two_roles() {
    five_serve "two roles: " deploy/compose/two-roles.yml migrate
    # The last project is still there.
    local web
    web=$("${scaled[@]}" ps -q web | head -n 1)
    check "two roles: the server's may not change the schema" refused_to_web
    equal "two roles: only the server's secret is mounted" "/run/secrets/web_database_url" \
        "$(docker inspect -f '{{range .Mounts}}{{.Destination}}{{end}}' "$web")"
    "${scaled[@]}" down --volumes --timeout 5 >/dev/null 2>&1
}

refused_to_web() {
    local db
    db=$("${scaled[@]}" ps -q db)
    # psql fails, as it should: what counts is the reason.
    {
        docker exec -e PGPASSWORD=web-not-a-secret "$db" psql -h 127.0.0.1 -U timetracker_web -d timetracker \
            -c 'drop table project' || :
    } 2>&1 | grep 'must be owner'
}

# five_serve PREFIX FILE MIGRATES: five of `web`, each on a port of its own; the service MIGRATES migrates.
five_serve() {
    local prefix=$1 first=18100 container containers done_by
    [ -z "${scaled:-}" ] || "${scaled[@]}" down --volumes --timeout 5 >/dev/null 2>&1
    scaled=("${compose[0]}")
    [ "${compose[0]}" != docker ] || scaled+=(compose)
    scaled+=(-p "$project-scaled" -f "$root/$2")
    check "${prefix}docker-compose up --scale web=5" \
        env PORT=$first-$((first + 4)) "${scaled[@]}" up -d --scale web=5
    mapfile -t containers < <("${scaled[@]}" ps -q web)
    equal "${prefix}five are there" 5 "${#containers[@]}"
    for container in "${containers[@]}"; do
        within 90 healthy "$container" || break
    done
    check "${prefix}castoff status calls each of them healthy" all_healthy "${containers[@]}"
    for container in "${containers[@]}"; do
        published "$container"
    done | sort -u >"$work/ports"
    equal "${prefix}each has a port of its own" 5 "$(wc -l <"$work/ports")"
    check "${prefix}each shows its page there" all_show "Analytical engine" "$work/ports"
    done_by=$(for container in $("${scaled[@]}" ps -q "$3"); do applied "$container"; done | sort -rn | tr '\n' ' ')
    equal "${prefix}one has migrated" "$revisions" "${done_by%% *}"
    equal "${prefix}and nobody else" "$revisions" "$(total "${containers[@]}" $("${scaled[@]}" ps -q "$3"))"
}

all_healthy() {
    local container
    for container in "$@"; do healthy "$container" || return; done
}

all_show() {
    local port
    while read -r port; do PORT=$port page_shows / "$1" || return; done <"$2"
}

published() { docker port "$1" 8000 | head -n 1 | sed 's/.*://'; }

# The revisions that several have applied, each container counted once.
total() {
    local container sum=0
    for container in $(printf '%s\n' "$@" | sort -u); do sum=$((sum + $(applied "$container"))); done
    echo "$sum"
}

# --- the containers of the manifests --------------------------------------------------------------

# Two releases: the second has one migration more, which takes until the test lets it go on.
release_one_and_two() {
    mkdir "$work/release"
    cp migrations/*.sql "$work/release/"
    printf -- '%s\n' '-- Wait for the gate' '-- revision: 2e1ea5e00002' "-- down_revision: $head" '' \
        '-- upgrade' 'create table second_release (id integer);' 'do $$ begin' \
        "while not exists (select from pg_catalog.pg_class where relname = 'gate_open') loop" \
        'perform pg_sleep(0.1);' 'end loop;' 'end $$;' '' \
        '-- downgrade' 'drop table second_release;' >"$work/release/209901010000_2e1ea5e00002_second.sql"
    chmod -R a+rX "$work/release"
}

open_gate() { sql "$1" 'create table gate_open ()'; }

# A database with the two roles that deploy/postgres/roles.sql makes.
database_with_roles() {
    sed "s/timetracker/$1/g" deploy/postgres/roles.sql |
        docker exec -i "$db" psql -qAtX -v ON_ERROR_STOP=1 -U timetracker -d postgres
    sql postgres "alter role $1_web password 'web'; alter role $1_migrations password 'migrations'"
}

# replica DATABASE MANIFEST CONTAINER [ARGUMENT…]: starts it, with more arguments of `docker run`.
replica() {
    local database=$1 manifest=$2 name=$3 lines
    shift 3
    mapfile -t lines < <(PYTHONDONTWRITEBYTECODE=1 "$python" tests/kubernetes/as_docker.py \
        "$kubernetes/$manifest" "$name" "$web_image" \
        "timetracker-web/url=postgresql://${database}_web:web@db/$database" \
        "timetracker-migrations/url=postgresql://${database}_migrations:migrations@db/$database")
    [ "${#lines[@]}" -gt 10 ] || return
    start "$@" "${lines[@]}"
}

# The status that a container's port gives for a path, as a probe sees it.
probe() {
    local address
    address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1")
    # shellcheck disable=SC2016 # expanded by the inner shell
    near_engine timeout 5 bash -c '
        exec 3<>"/dev/tcp/$1/8000" || exit
        printf "GET %s HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n" "$2" >&3
        head -n 1 <&3
    ' bash "$address" "$2" 2>/dev/null | cut -d' ' -f2
}

probe_is() { [ "$(probe "$1" "$2")" = "$3" ]; }
ready() { probe_is "$1" /readyz 200; }

count_ready() {
    local container count=0
    for container in "$@"; do ! ready "$container" || count=$((count + 1)); done
    echo "$count"
}

# How many have ended, or were started again.
ended() { docker inspect -f '{{.State.Running}} {{.RestartCount}}' "$@" | grep -cv '^true 0$' || :; }

status_of() { timeout 60 docker wait "$1"; }

ten_replicas() {
    local old=() new=() container manifest=entrypoint/deployment.yaml least=10 now
    database_with_roles ten
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        old+=("$(replica ten "$manifest" web)")
    done
    for container in "${old[@]}"; do within 60 ready "$container" || break; done
    equal "ten replicas at once: ten serve" 10 "$(count_ready "${old[@]}")"
    equal "each revision is applied once" "$revisions" "$(total "${old[@]}")"
    equal "none has failed" 0 "$(ended "${old[@]}")"
    if [ "$engine" = private ]; then
        check "the server does not get the URL of the migrations" lacks ten_migrations \
            cat "/proc/$(docker inspect -f '{{.State.Pid}}' "${old[0]}")/environ"
    fi

    # A rolling update with maxSurge 3 and maxUnavailable 0: an old one goes when a new one is ready.
    for _ in 1 2 3; do new+=("$(next_release)"); done
    check "the next release migrates" within 60 migrates ten
    check "replicas that wait or migrate are alive and not ready" within 30 hold "${new[@]}"
    equal "all of the old release serve meanwhile" 10 "$(count_ready "${old[@]}")"
    open_gate ten
    while [ "${#old[@]}" -gt 0 ]; do
        within 60 ready "${new[$((10 - ${#old[@]}))]}" || break
        docker stop -t 45 "${old[0]}" >/dev/null
        old=("${old[@]:1}")
        now=$(count_ready "${old[@]}" "${new[@]}")
        [ "$now" -ge "$least" ] || least=$now
        [ "${#new[@]}" -ge 10 ] || new+=("$(next_release)")
    done
    for container in "${new[@]}"; do within 60 ready "$container" || break; done
    equal "rolling update of ten: ten of the new release serve" 10 "$(count_ready "${new[@]}")"
    equal "never fewer than ten were ready" 10 "$least"
    equal "one has migrated" 1 "$(total "${new[@]}")"
    equal "none of the new release has failed" 0 "$(ended "${new[@]}")"
    docker rm -f "${new[@]}" >/dev/null
}

next_release() {
    replica ten "$manifest" web -v "$work/release:/migrations:ro" -e CASTOFF_MIGRATIONS=/migrations
}

# Somebody is at the gate.
migrates() { [ "$(sql "$1" "select count(*) from pg_stat_activity where datname = '$1' and wait_event = 'PgSleep'")" = 1 ]; }

# Each answers as castoff does while it is at work.
hold() {
    local container
    for container in "$@"; do
        probe_is "$container" /healthz 200 && probe_is "$container" /readyz 503 && probe_is "$container" / 503 || return
    done
}

init_containers() {
    local containers=() statuses='' container server manifest=init-container/deployment.yaml
    database_with_roles init
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        containers+=("$(replica init "$manifest" castoff)")
    done
    for container in "${containers[@]}"; do statuses+=$(status_of "$container"); done
    equal "init containers of ten replicas at once: each ends with 0" 0000000000 "$statuses"
    equal "each revision is applied by one of them" "$revisions" "$(total "${containers[@]}")"
    server=$(replica init "$manifest" web)
    check "the server starts without castoff, as its own role" within 30 ready "$server"
    docker rm -f "$server" "${containers[@]}" >/dev/null
}

job_and_waiting_replicas() {
    local waiting=() statuses='' container job backfill
    database_with_roles job
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        waiting+=("$(replica job job/deployment.yaml castoff)")
    done
    check "replicas wait for a revision" within 30 says_since "${waiting[9]}" 0 "waiting for"
    equal "and none is done before the Job" 0 "$(ended "${waiting[@]}")"
    job=$(replica job job/migrate.yaml castoff)
    equal "the Job ends with 0" 0 "$(status_of "$job")"
    equal "it has applied each revision" "$revisions" "$(applied "$job")"
    for container in "${waiting[@]}"; do statuses+=$(status_of "$container"); done
    equal "then each of the ten is done waiting" 0000000000 "$statuses"
    job=$(replica job job/migrate.yaml castoff)
    equal "a second Job finds nothing to do" "0 0" "$(status_of "$job") $(applied "$job")"
    for manifest in backfill/job.yaml backfill/cronjob.yaml; do
        backfill=$(replica job "$manifest" castoff)
        equal "$manifest ends with 0 when nothing is left to do" 0 "$(status_of "$backfill")"
    done
    docker rm -f "$job" "${waiting[@]}" >/dev/null
}

# The kubelet gives each container a file for its last words, and puts it over a read-only root.
failing_release() {
    local job
    printf -- '%s\n' '-- Fail' '-- revision: fa11ed000003' '-- down_revision: 2e1ea5e00002' '' \
        '-- upgrade' 'select 1 / 0;' '' '-- downgrade irreversible: it never works' \
        >"$work/release/209901020000_fa11ed000003_fail.sql"
    : >"$work/termination-log"
    chmod 0666 "$work/termination-log"
    open_gate job
    job=$(replica job job/migrate.yaml castoff -v "$work/release:/migrations:ro" -e CASTOFF_MIGRATIONS=/migrations \
        -v "$work/termination-log:/dev/termination-log")
    equal "a migration that fails ends the Job with 15" 15 "$(status_of "$job")"
    check "the termination message says which and why" grep 'fa11ed000003.*division by zero' "$work/termination-log"
    equal "it is one line" 1 "$(wc -l <"$work/termination-log")"
    docker rm -f "$job" >/dev/null
}
