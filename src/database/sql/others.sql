-- Whether anybody else has a lock on any table at all. A tenth of the cost of asking on which.
select exists (
    select
    from pg_catalog.pg_lock_status() l
    where l.relation >= 16384 and l.granted and l.pid is distinct from pg_catalog.pg_backend_pid()
)
