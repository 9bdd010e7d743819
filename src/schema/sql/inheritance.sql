-- Which table is a partition or an heir of which.
select
    'pg_inherits'::regclass::oid,
    c.oid,
    i.inhseqno,
    'inheritance',
    array[n.nspname::text, c.relname::text, pn.nspname::text, p.relname::text],
    array[
        'bound', case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
        'rows', case when c.relispartition then pg_get_partition_constraintdef(c.oid) end
    ]
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = i.inhparent
join pg_namespace pn on pn.oid = p.relnamespace
where c.relkind in ('r', 'p', 'f')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
