# shellcheck shell=bash
# Least privilege in images from scratch: castoff as root with two capabilities, the server as nobody
# that any file knows. Sourced by run.sh; uses the database and the helpers of checks.sh.

privileges() {
    local secrets container
    secrets=$work/secrets
    install -d -m 0755 "$secrets"
    install -m 0400 <(echo "$(url timetracker)?application_name=migrator") "$secrets/migrator"
    install -m 0400 <(url timetracker) "$secrets/web"

    container=$(start_privileged "$secrets" SETUID SETGID)
    check "castoff as root, the server as another user" \
        within 30 docker exec "$container" /timetracker --health
    if [ "$engine" = private ]; then
        confined "$(docker inspect -f '{{.State.Pid}}' "$container")"
    else
        skip "what /proc says of the other user: the engine may be on another machine"
    fi

    container=$(start_privileged "$secrets")
    equal "without the capabilities it ends with status 10" 10 "$(docker wait "$container")"
    check "and says which it needs" says_since "$container" 0 "error[user-refused]"
    equal "before it waits for the database" 0 \
        "$(since "$container" 0 | grep -c -e waiting -e 'up to date' || :)"

    container=$(start --user 0 -e CASTOFF_USER=nobody -e DATABASE_URL="$(url timetracker)" "$web_image")
    equal "a name in an image without /etc/passwd ends it with status 10" 10 "$(docker wait "$container")"
    check "and says that the number will do" says_since "$container" 0 "write its number"
}

# start_privileged SECRETS CAPABILITY…
start_privileged() {
    local secrets=$1 capabilities=()
    shift
    [ $# -eq 0 ] || capabilities=("${@/#/--cap-add=}")
    start --user 0 --read-only --cap-drop ALL "${capabilities[@]}" \
        --security-opt no-new-privileges --pids-limit 16 \
        -v "$secrets:/run/secrets:ro" \
        -e CASTOFF_DATABASE_URL_FILE=/run/secrets/migrator \
        -e DATABASE_URL_FILE=/run/secrets/web \
        -e CASTOFF_EXPAND_SECRETS=true -e CASTOFF_NO_NEW_PRIVS=true \
        -e CASTOFF_USER=12345:54321 "$web_image"
}

# confined PID: what the kernel says of the server.
confined() {
    local status=/proc/$1/status none=0000000000000000
    equal "the server has the user in all respects" "12345 12345 12345 12345" "$(field Uid "$status")"
    equal "and the group" "54321 54321 54321 54321" "$(field Gid "$status")"
    equal "and no other group" "54321" "$(field Groups "$status")"
    equal "it has no capability, and none to inherit" "$none $none $none $none" \
        "$(field 'CapInh|CapPrm|CapEff|CapAmb' "$status")"
    equal "it can gain none" "1" "$(field NoNewPrivs "$status")"
    check "its variable has the content of the secret file" \
        has_entry "$1" "DATABASE_URL=$(url timetracker)"
    check "nothing of the migration role's is left, nor its file's name" lacks migrator cat "/proc/$1/environ"
    check "nor the name of the other file" lacks DATABASE_URL_FILE cat "/proc/$1/environ"
}

# field NAMES FILE: the words behind these names, in one line.
field() {
    awk -v names="^($1):" '$0 ~ names { $1 = ""; printf "%s", $0 }' "$2" | sed 's/^ //'
}

has_entry() { tr '\0' '\n' <"/proc/$1/environ" | grep -Fx -- "$2"; }
