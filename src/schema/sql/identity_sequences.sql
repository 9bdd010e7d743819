-- Sequences of identity columns, which the columns make and drop.
select
    'pg_class'::regclass::oid,
    c.oid,
    0,
    'identity sequence',
    array[n.nspname::text, t.relname::text, a.attname::text],
    array[
        'name', c.relname::text,
        'logged', case when t.relpersistence = 'u' and c.relpersistence = 'p' then 'true' end,
        'owner', pg_get_userbyid(c.relowner)::text,
        'acl', to_json(c.relacl::text[])::text,
        'comment', said.description
    ]
from pg_class c
join pg_depend d on d.classid = 'pg_class'::regclass
    and d.objid = c.oid
    and d.objsubid = 0
    and d.refclassid = 'pg_class'::regclass
    and d.refobjsubid > 0
    and d.deptype = 'i'
join pg_class t on t.oid = d.refobjid
join pg_namespace n on n.oid = t.relnamespace
join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
left join pg_description said on said.objoid = c.oid and said.classoid = 'pg_class'::regclass and said.objsubid = 0
where c.relkind = 'S'
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = t.oid and e.deptype = 'e'
    )
