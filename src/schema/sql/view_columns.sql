-- What is said of a column of a view or of an attribute of a composite type: a comment, privileges,
-- and how a materialized view keeps it.
select
    'pg_attribute'::regclass::oid,
    a.attrelid,
    a.attnum::integer,
    'view column',
    array[n.nspname::text, c.relname::text, a.attname::text],
    array[
        'storage', case when c.relkind = 'm' and a.attstorage <> t.typstorage then
            case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
        end,
        'usual storage', case t.typstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end,
        'compression', case when c.relkind = 'm' then case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end end, -- since 14
        'statistics', nullif(a.attstattarget, -1)::text,
        'options', array_to_string(a.attoptions, ', '),
        'acl', to_json(a.attacl::text[])::text,
        'comment', said.description,
        'owner', pg_get_userbyid(c.relowner)::text
    ]
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_description said on said.objoid = a.attrelid and said.classoid = 'pg_class'::regclass and said.objsubid = a.attnum
where c.relkind in ('v', 'm', 'c')
    and a.attnum > 0
    and not a.attisdropped
    and (
        a.attacl is not null
        or a.attoptions is not null
        or a.attstattarget >= 0
        or (c.relkind = 'm' and a.attstorage <> t.typstorage)
        or (c.relkind = 'm' and a.attcompression <> '') -- since 14
        or said.description is not null
    )
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
