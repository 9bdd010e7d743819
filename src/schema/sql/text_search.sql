-- What full text search is configured with: dictionaries and configurations, parsers and templates.
select
    'pg_ts_dict'::regclass::oid,
    d.oid,
    0,
    'text search dictionary',
    array[n.nspname::text, d.dictname::text],
    array[
        'create', concat_ws(', ', (
            select format('template = %I.%I', tn.nspname, t.tmplname)
            from pg_ts_template t
            join pg_namespace tn on tn.oid = t.tmplnamespace
            where t.oid = d.dicttemplate
        ), d.dictinitoption),
        'owner', pg_get_userbyid(d.dictowner)::text,
        'comment', obj_description(d.oid, 'pg_ts_dict')
    ]
from pg_ts_dict d
join pg_namespace n on n.oid = d.dictnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_ts_dict'::regclass and e.objid = d.oid and e.deptype = 'e')
union all
select
    'pg_ts_config'::regclass::oid,
    c.oid,
    0,
    'text search configuration',
    array[n.nspname::text, c.cfgname::text],
    array[
        'create', (
            select format('parser = %I.%I', pn.nspname, p.prsname)
            from pg_ts_parser p
            join pg_namespace pn on pn.oid = p.prsnamespace
            where p.oid = c.cfgparser
        ),
        'mappings', (
            select json_agg(array[m.alias, m.dictionaries] order by m.alias)::text
            from (
                select
                    t.alias,
                    string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as dictionaries
                from pg_ts_config_map m
                join ts_token_type(c.cfgparser) t on t.tokid = m.maptokentype
                where m.mapcfg = c.oid
                group by t.alias
            ) m
        ),
        'owner', pg_get_userbyid(c.cfgowner)::text,
        'comment', obj_description(c.oid, 'pg_ts_config')
    ]
from pg_ts_config c
join pg_namespace n on n.oid = c.cfgnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_ts_config'::regclass and e.objid = c.oid and e.deptype = 'e')
union all
select
    'pg_ts_template'::regclass::oid,
    t.oid,
    0,
    'text search template',
    array[n.nspname::text, t.tmplname::text],
    array[
        'create', concat_ws(', ', 'init = ' || nullif(t.tmplinit, 0)::regproc, 'lexize = ' || t.tmpllexize::regproc),
        'comment', obj_description(t.oid, 'pg_ts_template')
    ]
from pg_ts_template t
join pg_namespace n on n.oid = t.tmplnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_ts_template'::regclass and e.objid = t.oid and e.deptype = 'e')
union all
select
    'pg_ts_parser'::regclass::oid,
    p.oid,
    0,
    'text search parser',
    array[n.nspname::text, p.prsname::text],
    array[
        'create', concat_ws(', ',
            'start = ' || p.prsstart::regproc,
            'gettoken = ' || p.prstoken::regproc,
            'end = ' || p.prsend::regproc,
            'lextypes = ' || p.prslextype::regproc,
            'headline = ' || nullif(p.prsheadline, 0)::regproc
        ),
        'comment', obj_description(p.oid, 'pg_ts_parser')
    ]
from pg_ts_parser p
join pg_namespace n on n.oid = p.prsnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_ts_parser'::regclass and e.objid = p.oid and e.deptype = 'e')
