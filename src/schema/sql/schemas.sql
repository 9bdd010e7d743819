-- Schemas of the user's.
select
    'pg_namespace'::regclass::oid,
    n.oid,
    0,
    'schema',
    array[n.nspname::text],
    array[
        'owner', pg_get_userbyid(n.nspowner)::text,
        'acl', to_json(n.nspacl::text[])::text,
        'comment', obj_description(n.oid, 'pg_namespace')
    ]
from pg_namespace n
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_namespace'::regclass and e.objid = n.oid and e.deptype = 'e'
    )
