# Owns the directory of one PgBouncer, and PgBouncer. When the pipe closes, however the test process
# ended, PgBouncer is ended and the directory removed.
directory=$1 pgbouncer=$2
"$pgbouncer" "$directory/pgbouncer.ini" </dev/null >>"$directory/log" 2>&1 &
pid=$!
while read -r _; do :; done
# The polite signals wait for its clients.
kill -KILL "$pid" 2>/dev/null
wait "$pid"
rm -rf "$directory"
