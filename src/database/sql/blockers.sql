-- For whom the backend $1 waits, and for what; nothing when it does not wait. Texts of statements
-- may hold secrets: only on wish ($2). Process id 0 stands for prepared transactions.
select
    p.pid,
    case
        when p.pid = 0 then 'a prepared transaction'
        when a.backend_type <> 'client backend' then a.backend_type
        else coalesce(a.application_name, '')
    end,
    coalesce(pg_catalog.host(a.client_addr), 'local'),
    coalesce(a.state, 'unknown'),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start),
    (
        select pg_catalog.string_agg(distinct h.mode, ', ' order by h.mode)
        from pg_catalog.pg_locks h
        where h.granted
            and coalesce(h.pid, 0) = p.pid
            and h.locktype = w.locktype
            and h.database is not distinct from w.database
            and h.relation is not distinct from w.relation
            and h.transactionid is not distinct from w.transactionid
            and h.virtualxid is not distinct from w.virtualxid
            and h.classid is not distinct from w.classid
            and h.objid is not distinct from w.objid
    ),
    case when $2 then a.query end,
    case
        when w.relation is null then w.locktype
        else w.relation::pg_catalog.regclass::pg_catalog.text
    end,
    pg_catalog.format(
        '%s %s %s %s %s %s %s',
        w.locktype, w.relation, w.page, w.tuple, w.transactionid, w.virtualxid, w.objid
    )
from (select distinct b.pid from unnest(pg_catalog.pg_blocking_pids($1)) as b (pid)) p
cross join lateral (
    select * from pg_catalog.pg_locks l where l.pid = $1 and not l.granted limit 1
) w
left join pg_catalog.pg_stat_activity a on a.pid = p.pid
order by p.pid
