-- What is said of a column of a view or of an attribute of a composite type: a comment, privileges.
select
    'pg_attribute'::regclass::oid,
    a.attrelid,
    a.attnum::integer,
    'view column',
    array[n.nspname::text, c.relname::text, a.attname::text],
    array[
        'acl', (select json_agg(item::text)::text from unnest(a.attacl) item),
        'comment', col_description(a.attrelid, a.attnum),
        'owner', pg_get_userbyid(c.relowner)::text
    ]
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm', 'c')
    and a.attnum > 0
    and not a.attisdropped
    and (a.attacl is not null or col_description(a.attrelid, a.attnum) is not null)
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
