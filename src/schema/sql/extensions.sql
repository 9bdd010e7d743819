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
        'chosen version', nullif(e.extversion, (
            select a.default_version from pg_available_extensions a where a.name = e.extname
        )),
        'holds rows', (
            select 'true'
            from pg_depend d
            join pg_class c on c.oid = d.objid
            where d.refclassid = 'pg_extension'::regclass
                and d.refobjid = e.oid
                and d.classid = 'pg_class'::regclass
                and d.deptype = 'e'
                and c.relkind in ('r', 'p')
            limit 1
        ),
        -- The one that the extension brings is not somebody's.
        'comment', case when obj_description(e.oid, 'pg_extension') is distinct from (
            select a.comment from pg_available_extensions a where a.name = e.extname
        ) then coalesce(obj_description(e.oid, 'pg_extension'), '') end
    ]
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
    and $1 is not null
