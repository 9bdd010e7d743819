-- Indexes that no constraint has.
select
    'pg_class'::regclass::oid,
    c.oid,
    0,
    'index',
    array[n.nspname::text, c.relname::text],
    array[
        'table', t.relname::text,
        'definition', pg_get_indexdef(c.oid),
        'invalid', case when not x.indisvalid then 'true' end,
        'unique', case when x.indisunique then 'true' end,
        'partitioned', case when c.relkind = 'I' then 'true' end,
        'inherited', (select 'true' from pg_inherits h where h.inhrelid = c.oid limit 1),
        'parents', (
            select string_agg(h.inhparent::regclass::text, ', ') from pg_inherits h where h.inhrelid = c.oid
        ),
        'usual name', case when c.relispartition then (
            select t.relname || '_' || string_agg(a.attname::text, '_' order by a.attnum) || '_idx'
            from pg_attribute a
            where a.attrelid = c.oid
        ) end,
        'clustered', case when x.indisclustered then 'true' end,
        'replica identity', case when x.indisreplident then 'true' end,
        'statistics', (
            select string_agg(format('%s %s', a.attnum, a.attstattarget), ', ' order by a.attnum)
            from pg_attribute a
            where a.attrelid = c.oid and a.attstattarget > -1
        ),
        'comment', said.description
    ]
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_class t on t.oid = x.indrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description said on said.objoid = c.oid and said.classoid = 'pg_class'::regclass and said.objsubid = 0
where t.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x')
    )
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid in (c.oid, t.oid) and e.deptype = 'e'
    )
