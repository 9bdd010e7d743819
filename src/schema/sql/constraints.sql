-- Constraints of tables and of domains. Those of partitions that come from the parent are its own.
select
    'pg_constraint'::regclass::oid,
    k.oid,
    0,
    case when k.contypid <> 0 then 'domain constraint' else 'constraint' end,
    array[n.nspname::text, coalesce(c.relname, t.typname)::text, k.conname::text],
    array[
        'type', k.contype::text,
        'definition', pg_get_constraintdef(k.oid),
        'inherited', case when k.conparentid <> 0 or not k.conislocal then 'true' end,
        'references', case when k.contype = 'f' then k.confrelid::regclass::text end,
        'index', i.relname::text,
        'clustered', (select 'true' from pg_index x where x.indexrelid = i.oid and x.indisclustered),
        'replica identity', (select 'true' from pg_index x where x.indexrelid = i.oid and x.indisreplident),
        'usual name', case when k.conparentid <> 0 and k.contype in ('p', 'u') then (
            select c.relname || case when k.contype = 'p' then '_pkey' else '_' || string_agg(a.attname::text, '_' order by a.attnum) || '_key' end
            from pg_attribute a
            where a.attrelid = k.conindid
        ) end,
        'options', array_to_string(i.reloptions, ', '),
        'index comment', (
            select d.description from pg_description d
            where d.objoid = i.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
        ),
        'comment', said.description
    ]
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
left join pg_class c on c.oid = k.conrelid and k.conrelid <> 0
left join pg_type t on t.oid = k.contypid and k.contypid <> 0
-- A foreign key names the index of what it refers to, which is not its own.
left join pg_class i on i.oid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_description said on said.objoid = k.oid and said.classoid = 'pg_constraint'::regclass and said.objsubid = 0
where k.contype in ('p', 'u', 'c', 'f', 'x')
    -- One for each partition of a table that is referred to: it comes and goes with the table's own.
    and not exists (
        select from pg_constraint o
        where o.oid = k.conparentid and k.contype = 'f' and o.conrelid = k.conrelid
    )
    and coalesce(c.relpersistence, 'p') <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.objid = coalesce(nullif(k.conrelid, 0), k.contypid)
            and e.classid = case when k.conrelid <> 0 then 'pg_class'::regclass else 'pg_type'::regclass end
            and e.deptype = 'e'
    )
