-- Whether this very session holds the migration lock.
select exists (
    select
    from pg_catalog.pg_locks l
    where l.pid = pg_catalog.pg_backend_pid() and ({this_lock})
)
