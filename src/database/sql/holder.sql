-- Who holds the migration lock, and what it is doing.
select
    a.pid,
    coalesce(a.application_name, ''),
    coalesce(pg_catalog.host(a.client_addr), 'local'),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.backend_start)::pg_catalog.int8,
    case
        when a.state = 'active' then 'running for '
            || pg_catalog.date_part(
                'epoch', pg_catalog.clock_timestamp() - a.query_start
            )::pg_catalog.int8 || ' s'
        else coalesce(a.state, 'unknown')
    end,
    coalesce(
        pg_catalog.split_part(pg_catalog.ltrim(a.query, E' \t\r\n'), ' ', 1), ''
    )
from pg_catalog.pg_locks l
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory'
    and l.granted
    and l.classid = 1667330932
    and l.objid::pg_catalog.int8 = pg_catalog.hashtext($1)::pg_catalog.int8 & 4294967295
    and l.objsubid = 2
    and l.database = (
        select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
    )
