# shellcheck shell=bash
# Counts and tells what was checked, and waits for things without guessing how long they take.

passed=0 failed=0 skipped=0

ok() {
    passed=$((passed + 1))
    printf 'ok - %s\n' "$*"
}

not_ok() {
    failed=$((failed + 1))
    printf 'not ok - %s\n' "$*"
}

skip() {
    skipped=$((skipped + 1))
    printf 'skipped - %s\n' "$*"
}

note() { printf '# %s\n' "$*"; }

# check NAME COMMAND…: the command's success is the fact; its output is shown if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        ok "$name"
    else
        not_ok "$name"
        tail -n 20 "$work/output" | sed 's/^/#     /'
    fi
}

# equal NAME EXPECTED FOUND
equal() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1: expected \`$2\`, found \`$3\`"
    fi
}

# within SECONDS COMMAND…: asks again until the command succeeds or the time is over.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >"$work/within" 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            cat "$work/within"
            return 1
        fi
        sleep 0.1
    done
}

summary() {
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}
