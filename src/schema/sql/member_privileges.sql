-- Privileges on what an extension brought, where they are not what it brought along.
select
    'pg_init_privs'::regclass::oid,
    m.objid,
    0,
    'privileges of an extension',
    array[m.extname, m.word, m.schema, m.name, m.arguments],
    array[
        'initial', to_json(m.initial::text[])::text,
        'acl', to_json(m.acl::text[])::text,
        'owner', m.owner
    ]
from (
    select
        x.extname::text,
        d.objid,
        o.*,
        i.initprivs as initial
    from pg_extension x
    join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = x.oid and d.deptype = 'e'
    cross join lateral (
        select case when c.relkind = 'S' then 'sequence' else 'table' end as word, n.nspname::text as schema, c.relname::text as name, '' as arguments, c.relacl as acl, pg_get_userbyid(c.relowner)::text as owner
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where d.classid = 'pg_class'::regclass and c.oid = d.objid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'routine', n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes), p.proacl, pg_get_userbyid(p.proowner)::text
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        where d.classid = 'pg_proc'::regclass and p.oid = d.objid
        union all
        select 'type', n.nspname::text, t.typname::text, '', t.typacl, pg_get_userbyid(t.typowner)::text
        from pg_type t
        join pg_namespace n on n.oid = t.typnamespace
        where d.classid = 'pg_type'::regclass and t.oid = d.objid and t.typelem = 0
        union all
        select 'schema', n.nspname::text, n.nspname::text, '', n.nspacl, pg_get_userbyid(n.nspowner)::text
        from pg_namespace n
        where d.classid = 'pg_namespace'::regclass and n.oid = d.objid
        union all
        select 'foreign data wrapper', '', w.fdwname::text, '', w.fdwacl, pg_get_userbyid(w.fdwowner)::text
        from pg_foreign_data_wrapper w
        where d.classid = 'pg_foreign_data_wrapper'::regclass and w.oid = d.objid
    ) o
    left join pg_init_privs i on i.classoid = d.classid and i.objoid = d.objid and i.objsubid = 0
) m
where m.acl is distinct from m.initial
    and m.extname <> 'plpgsql'
    and $1 is not null
