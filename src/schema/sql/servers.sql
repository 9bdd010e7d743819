-- Foreign servers.
select
    'pg_foreign_server'::regclass::oid,
    s.oid,
    0,
    'server',
    array[s.srvname::text],
    array[
        'wrapper', w.fdwname::text,
        'type', s.srvtype,
        'version', s.srvversion,
        'server options', to_json(s.srvoptions)::text,
        'owner', pg_get_userbyid(s.srvowner)::text,
        'acl', to_json(s.srvacl::text[])::text,
        'comment', obj_description(s.oid, 'pg_foreign_server')
    ]
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
where $1 is not null
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_foreign_server'::regclass and e.objid = s.oid and e.deptype = 'e'
    )
