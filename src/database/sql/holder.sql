-- Who holds the migration lock, and what it is doing. Most of it is null for a role that may not
-- see the sessions of others. Of the statement no more than its first word: it may hold secrets.
select
    a.pid,
    coalesce(a.application_name, ''),
    case
        when a.backend_start is null then 'of another role'
        else coalesce(pg_catalog.host(a.client_addr), 'local')
    end,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.backend_start)::pg_catalog.int8,
    case
        when a.state = 'active' then 'running for '
            || pg_catalog.date_part(
                'epoch', pg_catalog.clock_timestamp() - a.query_start
            )::pg_catalog.int8 || ' s'
        else coalesce(a.state, 'unknown')
    end,
    case
        when a.backend_start is null then ''
        else coalesce(
            pg_catalog."substring"(a.query, '^(?:\s|--[^\n]*\n)*([[:alpha:]]+)'), ''
        )
    end
from pg_catalog.pg_locks l
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where ({this_lock})
