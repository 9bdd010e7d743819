#!/bin/sh
# Changes ten million rows in batches and kills castoff five times at random on the way: at the end
# every row must have been changed exactly once. `benches/backfill.sh [ROWS [KILLS]]`.
#
# Needs the server programs of PostgreSQL, in CASTOFF_TEST_PG_BIN or where Debian puts them, some
# gigabytes under TMPDIR, and minutes. Prints the seed, each kill, and the time. CASTOFF names the
# program; without it one is built.
set -eu

rows=${1:-10000000}
kills=${2:-5}
seed=${SEED:-$(date +%s)}
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${CASTOFF:-}" ]; then
    (cd "$root" && cargo build --locked --release >&2)
    CASTOFF=$root/target/release/castoff
fi
bin=${CASTOFF_TEST_PG_BIN:-$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1)}

work=$(mktemp -d)
as_server() { (cd "$work" && "$@"); }
if [ "$(id -u)" -eq 0 ]; then
    chown postgres "$work"
    as_server() { (cd "$work" && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
fi
clean_up() {
    as_server "$bin/pg_ctl" --pgdata="$work/data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean_up EXIT

# Durable, as in production: a kill of castoff is not a crash of the server, but its commits cost.
as_server "$bin/initdb" --auth=trust --username=postgres --pgdata="$work/data" >/dev/null
as_server "$bin/pg_ctl" --pgdata="$work/data" --log="$work/log" --wait \
    --options="-c listen_addresses='' -c unix_socket_directories=$work -c max_wal_size=4GB" start >/dev/null

mkdir "$work/migrations"
cat >"$work/migrations/202601010001_a_table.sql" <<SQL
-- Make the table
-- revision: a

-- upgrade
create table t (id bigint primary key, n integer not null default 0);
insert into t (id) select generate_series(1, $rows);
analyze t;

-- downgrade
drop table t;
SQL
cat >"$work/migrations/202601010002_b_count.sql" <<'SQL'
-- Count each row
-- revision: b
-- down_revision: a

-- upgrade
-- batch table=t key=id pause=0 deferred
update t set n = n + 1 where id > :low and id <= :high;

-- downgrade irreversible: nobody needs it
SQL
cd "$work"
export DATABASE_URL="postgres:///postgres?host=$work&user=postgres"
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --command="$1" "$DATABASE_URL"; }
PATH=$bin:$PATH
"$CASTOFF" upgrade >&2

echo "$rows rows, seed $seed, PostgreSQL $(ask 'show server_version')"
before=$(du -sm "$work/data" | cut -f1)
start=$(date +%s)
# Thresholds that look random, in order.
thresholds=$(awk -v seed="$seed" -v rows="$rows" -v kills="$kills" \
    'BEGIN { srand(seed); for (i = 0; i < kills; i++) printf "%d\n", rand() * rows * 0.95 }' | sort -n)
killed=0
for threshold in $thresholds; do
    "$CASTOFF" backfill 2>>"$work/story" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        done_rows=$(ask 'select rows from castoff.batch')
        [ "$done_rows" -lt "$threshold" ] || break
        sleep 0.1
    done
    if kill -9 "$pid" 2>/dev/null; then
        killed=$((killed + 1))
        echo "killed at $done_rows rows"
    fi
    wait "$pid" 2>/dev/null || true
done
"$CASTOFF" backfill 2>>"$work/story"
end=$(date +%s)
echo "$((end - start)) s, killed $killed times, $(ask 'select batches from castoff.batch') batches," \
    "database of $before MB grown to $(du -sm "$work/data" | cut -f1) MB"
result=$(ask "select count(*) || ' rows changed ' || n || ' times' from t group by n")
echo "$result"
[ "$result" = "$rows rows changed 1 times" ]
