-- Who keeps the holder of the migration lock from going on.
select
    b.pid,
    coalesce(b.application_name, ''),
    coalesce(pg_catalog.host(b.client_addr), 'local'),
    coalesce(b.state, 'unknown'),
    pg_catalog.date_part(
        'epoch', pg_catalog.clock_timestamp() - coalesce(b.xact_start, b.backend_start)
    )::pg_catalog.int8
from pg_catalog.pg_locks l
cross join lateral (
    select distinct p.pid from unnest(pg_catalog.pg_blocking_pids(l.pid)) as p (pid)
) p
join pg_catalog.pg_stat_activity b on b.pid = p.pid
where ({this_lock})
order by b.pid
