-- Foreign data wrappers.
select
    'pg_foreign_data_wrapper'::regclass::oid,
    w.oid,
    0,
    'foreign data wrapper',
    array[w.fdwname::text],
    array[
        'handler', case when w.fdwhandler <> 0 then w.fdwhandler::regproc::text end,
        'validator', case when w.fdwvalidator <> 0 then w.fdwvalidator::regproc::text end,
        'server options', to_json(w.fdwoptions)::text,
        'owner', pg_get_userbyid(w.fdwowner)::text,
        'acl', to_json(w.fdwacl::text[])::text,
        'comment', obj_description(w.oid, 'pg_foreign_data_wrapper')
    ]
from pg_foreign_data_wrapper w
where $1 is not null
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_foreign_data_wrapper'::regclass and e.objid = w.oid and e.deptype = 'e'
    )
