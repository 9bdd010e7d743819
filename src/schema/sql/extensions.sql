-- Extensions. What belongs to one is not listed by itself.
select
    'pg_extension'::regclass::oid,
    e.oid,
    0,
    'extension',
    array[e.extname::text],
    array[
        'schema', n.nspname::text,
        'relocatable', case when e.extrelocatable then 'true' end,
        'version', e.extversion,
        'comment', obj_description(e.oid, 'pg_extension')
    ]
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
    and $1 is not null
