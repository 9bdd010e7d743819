-- Who holds a lock on one of the relations $1, on a partition of it or on the table of an index,
-- in one of the modes $2 that conflict with what is wanted. Waits for nobody.
with recursive target (oid, conflicts) as (
    select
        pg_catalog.to_regclass(t.name)::pg_catalog.oid,
        pg_catalog.string_to_array(t.conflicts, ' ')
    from unnest($1, $2) as t (name, conflicts)
    union
    select r.oid, t.conflicts
    from target t
    cross join lateral (
        select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = t.oid
        union all
        select i.indrelid from pg_catalog.pg_index i where i.indexrelid = t.oid
    ) as r (oid)
)
select
    coalesce(l.pid, 0),
    case
        when l.pid is null then 'a prepared transaction'
        when a.backend_type <> 'client backend' then a.backend_type
        else coalesce(a.application_name, '')
    end,
    coalesce(pg_catalog.host(a.client_addr), 'local'),
    coalesce(a.state, 'unknown'),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start),
    pg_catalog.string_agg(distinct l.mode, ', ' order by l.mode),
    case when $3 then a.query end,
    pg_catalog.min(l.relation::pg_catalog.regclass::pg_catalog.text),
    l.virtualtransaction,
    case
        when a.backend_type is distinct from 'autovacuum worker' then 'session'
        when a.query like '%(to prevent wraparound)' then 'wraparound'
        else 'autovacuum'
    end
from target t
join pg_catalog.pg_locks l
    on l.relation = t.oid and l.mode = any (t.conflicts)
left join lateral pg_catalog.pg_stat_get_activity(coalesce(l.pid, 0)) a on true
where l.locktype = 'relation'
    and l.granted
    and l.pid is distinct from pg_catalog.pg_backend_pid()
    and l.database in (
        0,
        (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    )
group by
    l.pid, l.virtualtransaction, a.application_name, a.client_addr, a.state, a.backend_type,
    a.xact_start, a.query
order by 5 desc nulls last, 1
