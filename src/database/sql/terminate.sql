-- Ends a session that holds a transaction open and has done nothing in it for a while.
select pg_catalog.pg_terminate_backend(a.pid)
from pg_catalog.pg_stat_activity a
where a.pid = $1
    and a.pid <> pg_catalog.pg_backend_pid()
    and a.datname = pg_catalog.current_database()
    and a.backend_type = 'client backend'
    and a.state in ('idle in transaction', 'idle in transaction (aborted)')
    and pg_catalog.clock_timestamp() - a.state_change >= pg_catalog.make_interval(secs => $2)
