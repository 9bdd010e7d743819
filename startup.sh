#!/bin/sh
# Builds castoff and its example web server, finds or starts a PostgreSQL, and runs the one in front
# of the other. Stops everything it started when it ends.
#
#   ./startup.sh                                   a private database under .castoff/, kept for next time
#   DATABASE_URL=postgresql://… ./startup.sh       your own database
#   PORT=8080 ./startup.sh                         another port for the pages (default 8000)
# shellcheck disable=SC2317 # some functions are called by traps only
set -eu

root=$(cd "$(dirname "$0")" && pwd -P)
cd "$root"

state=$root/.castoff
home=$state/postgres # Holds the data directory; may be a link, see `choose_home`.
user=''              # Who runs the database server; empty: whoever runs this script.
bin=''               # The server binaries.
started=''           # Whether there is a database server for us to stop.
signalled=''         # Whether a signal was passed on since the last look.
serving=''           # Whether castoff, which becomes the web server, is our child.

say() { printf 'startup: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

main() {
    only_one_at_a_time
    trap finish EXIT
    trap 'on_signal 129' HUP
    trap 'on_signal 130' INT
    trap 'on_signal 143' TERM
    build
    if [ -n "${DATABASE_URL:-}${DATABASE_URL_FILE:-}${CASTOFF_DATABASE_URL:-}" ]; then
        say "using the database you named"
    else
        start_database
    fi
    serve
}

# The lock is the kernel's, so it is gone however this script ends.
only_one_at_a_time() {
    mkdir -p "$state"
    exec 9>"$state/startup.lock"
    command -v flock >/dev/null || die "flock is missing; install util-linux"
    flock -n 9 || die "another startup.sh is running in this directory; stop it first"
}

# Cargo decides what is out of date. Both in one command, so that what they share is built once.
build() {
    command -v cargo >/dev/null || die "cargo is missing; install Rust with rustup"
    say "building castoff and the example server (some minutes the first time)"
    cargo build --release --locked -p castoff -p timetracker 9>&-
}

# --- the private database -------------------------------------------------------------------------

start_database() {
    # The settings of another database must not leak into the URL of this one.
    for name in $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p'); do unset "$name"; done
    export LC_ALL=C

    choose_home
    find_server || { install_server && find_server; } ||
        die "no PostgreSQL server found; install the package postgresql (Debian, Ubuntu), postgresql-server (Fedora) or postgresql17 (Alpine), or set DATABASE_URL"
    [ -s "$home/data/PG_VERSION" ] || create_database
    if adopt_running_server; then
        started=yes
        say "the database is still running on port $(port_in_use)"
    else
        start_server
    fi
    DATABASE_URL="postgresql://timetracker:$(cat "$home/password")@127.0.0.1:$(port_in_use)/timetracker"
    export DATABASE_URL
}

# PostgreSQL refuses to run as root: root lends it another user, who must be able to reach the
# directory. Where the way there is closed (a home directory, say), the data is kept in /var/lib and
# .castoff/postgres becomes a link to it.
choose_home() {
    if [ "$(id -u)" -ne 0 ]; then
        mkdir -p "$home"
        chmod 700 "$home"
        return
    fi
    if [ -s "$home/data/PG_VERSION" ]; then
        user=$(stat -L -c %U "$home/data")
        return
    fi
    user=nobody
    id postgres >/dev/null 2>&1 && user=postgres
    chmod a+x "$state"
    if [ ! -e "$home" ]; then
        if as_server test -x "$state" 2>/dev/null; then
            mkdir "$home"
        else
            elsewhere=/var/lib/castoff-$(printf %s "$root" | cksum | cut -d' ' -f1)
            say "$user cannot reach $state, so the data is kept in $elsewhere"
            mkdir -p "$elsewhere"
            ln -sfn "$elsewhere" "$home"
        fi
    fi
    chown "$user:" "$home/"
    chmod 700 "$home/"
}

# Runs a command as the user of the database server, without our lock, away from directories that
# this user cannot read.
as_server() {
    if [ -z "$user" ]; then
        (cd / && exec "$@" 9>&-)
    elif setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups true 2>/dev/null; then
        (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@" 9>&-)
    else
        (cd / && exec runuser -u "$user" -- "$@" 9>&-)
    fi
}

# The newest server that can be run; with data already there, the one of the same major version.
find_server() {
    wanted=''
    [ ! -s "$home/data/PG_VERSION" ] || wanted=$(cat "$home/data/PG_VERSION")
    for candidate in \
        $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV) \
        $(pg_config --bindir 2>/dev/null || :) \
        $(dirname "$(command -v postgres || echo /none/postgres)"); do
        [ -x "$candidate/initdb" ] || continue
        major=$(as_server "$candidate/postgres" --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/')
        [ -n "$major" ] || continue
        [ -z "$wanted" ] || [ "$major" = "$wanted" ] || continue
        bin=$candidate
        return 0
    done
    [ -z "$wanted" ] ||
        die "the data in .castoff/postgres is of PostgreSQL $wanted, which is not installed; install it, or remove .castoff/postgres to start anew"
    return 1
}

install_server() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    say "no PostgreSQL server found: installing the package postgresql with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install -y --no-install-recommends postgresql; } >&2 9>&-
}

# Made under another name and renamed when complete: an interrupted first start leaves no half.
create_database() {
    say "creating a database in .castoff/postgres ($("$bin/postgres" --version))"
    # As the server's user, who owns the directory: root may lack the right to write there.
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_server sh -euc '
        umask 077
        cd "$1"
        rm -rf data.new
        od -An -tx1 -N24 /dev/urandom | tr -d " \n" >password
        "$2/initdb" -D "$1/data.new" --username=timetracker --pwfile=password \
            --auth=scram-sha-256 --encoding=UTF8 --locale=C >initdb.log 2>&1 ||
            { cat initdb.log >&2; exit 1; }
        echo "create database timetracker;" |
            "$2/postgres" --single -D "$1/data.new" postgres >>initdb.log 2>&1 ||
            { cat initdb.log >&2; exit 1; }
        mv data.new data
    ' sh "$(cd "$home" && pwd -P)" "$bin" || die "the database could not be created"
}

# True if a server runs on our data: one that outlived a killed startup.sh. A pid file whose number
# now belongs to some other process would make PostgreSQL refuse to start, so it is removed.
adopt_running_server() {
    pid=$(head -n 1 "$home/data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    [ -d "/proc/$pid" ] || return 1
    if [ "$(readlink "/proc/$pid/cwd")" = "$(cd "$home/data" && pwd -P)" ]; then
        return 0
    fi
    say "removing a stale postmaster.pid (process $pid is something else)"
    rm -f "$home/data/postmaster.pid"
    return 1
}

# Tries ports until the server gets one: asking first and starting later would be a race.
start_server() {
    data=$(cd "$home/data" && pwd -P)
    sockets=$(cd "$home" && pwd -P)
    # A socket's path has room for 107 bytes; without a socket there is still the port.
    [ "${#sockets}" -le 85 ] || sockets=''
    port=$(cat "$home/port" 2>/dev/null || echo 54321)
    last=$((port + 50))
    while [ "$port" -le "$last" ]; do
        : >"$home/log"
        [ -z "$user" ] || chown "$user:" "$home/log"
        if as_server "$bin/pg_ctl" start -w -s -D "$data" -l "$data/../log" \
            -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='$sockets'" \
            >/dev/null 2>&1; then
            started=yes
            echo "$port" >"$home/port"
            say "the database is on port $port; its log is .castoff/postgres/log"
            return
        fi
        grep -q 'Address already in use' "$home/log" || {
            cat "$home/log" >&2
            die "the database server did not start; its log is above"
        }
        port=$((port + 1))
    done
    die "no free port for the database between $((last - 50)) and $last"
}

port_in_use() { sed -n 4p "$home/data/postmaster.pid"; }

# --- the web server -------------------------------------------------------------------------------

# castoff becomes the web server. It runs as a child, because somebody has to stop the database after
# it; signals are passed on, and the status is its own.
serve() {
    say "the pages will be at http://${LISTEN:-127.0.0.1}:${PORT:-8000}/ (stop with Ctrl-C)"
    target=${CARGO_TARGET_DIR:-target}/release
    serving=yes
    "$target/castoff" run -- "$target/timetracker" 9>&- &
    status=0
    wait "$!" || status=$?
    # A signal ends `wait` early; the child's own status comes with its end. 127 means that it was
    # told already.
    while [ -n "$signalled" ]; do
        signalled=''
        again=0
        wait "$!" || again=$?
        [ "$again" -eq 127 ] || status=$again
    done
    serving=''
    exit "$status"
}

# Not the child's id in a variable of ours: a signal may arrive before it is assigned.
on_signal() {
    if [ -n "$serving" ] && [ -n "${!:-}" ]; then
        signalled=yes
        kill -TERM "$!" 2>/dev/null || :
    else
        exit "$1"
    fi
}

finish() {
    status=$?
    trap '' INT TERM HUP
    if [ -n "$serving" ] && [ -n "${!:-}" ]; then
        kill -TERM "$!" 2>/dev/null || :
        wait "$!" || :
    fi
    if [ -n "$started" ]; then
        as_server "$bin/pg_ctl" stop -s -w -m fast -D "$(cd "$home/data" && pwd -P)" ||
            say "the database did not stop; see .castoff/postgres/log"
    fi
    exit "$status"
}

main
