-- Conversions, languages, transforms and access methods.
select
    'pg_conversion'::regclass::oid,
    c.oid,
    0,
    'conversion',
    array[n.nspname::text, c.conname::text],
    array[
        'default', case when c.condefault then 'true' end,
        'create', format(
            'for %L to %L from %s',
            pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc::regproc
        ),
        'owner', pg_get_userbyid(c.conowner)::text,
        'comment', obj_description(c.oid, 'pg_conversion')
    ]
from pg_conversion c
join pg_namespace n on n.oid = c.connamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_conversion'::regclass and e.objid = c.oid and e.deptype = 'e')
union all
select
    'pg_language'::regclass::oid,
    l.oid,
    0,
    'language',
    array[l.lanname::text],
    array[
        'trusted', case when l.lanpltrusted then 'true' end,
        'create', concat_ws(' ',
            'handler ' || l.lanplcallfoid::regproc,
            'inline ' || nullif(l.laninline, 0)::regproc,
            'validator ' || nullif(l.lanvalidator, 0)::regproc
        ),
        'owner', pg_get_userbyid(l.lanowner)::text,
        'acl', to_json(l.lanacl::text[])::text,
        'comment', obj_description(l.oid, 'pg_language')
    ]
from pg_language l
where l.lanispl and l.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_language'::regclass and e.objid = l.oid and e.deptype = 'e')
union all
select
    'pg_transform'::regclass::oid,
    t.oid,
    0,
    'transform',
    array[format_type(t.trftype, null), l.lanname::text],
    array[
        'create', concat_ws(', ',
            'from sql with function ' || nullif(t.trffromsql, 0)::regprocedure,
            'to sql with function ' || nullif(t.trftosql, 0)::regprocedure
        ),
        'comment', obj_description(t.oid, 'pg_transform')
    ]
from pg_transform t
join pg_language l on l.oid = t.trflang
where t.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_transform'::regclass and e.objid = t.oid and e.deptype = 'e')
union all
select
    'pg_am'::regclass::oid,
    m.oid,
    0,
    'access method',
    array[m.amname::text],
    array[
        'create', format('type %s handler %s', case m.amtype when 't' then 'table' else 'index' end, m.amhandler::regproc),
        'comment', obj_description(m.oid, 'pg_am')
    ]
from pg_am m
where m.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_am'::regclass and e.objid = m.oid and e.deptype = 'e')
