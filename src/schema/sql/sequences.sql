-- Sequences, but for those of identity columns.
select
    'pg_class'::regclass::oid,
    c.oid,
    0,
    'sequence',
    array[n.nspname::text, c.relname::text],
    array[
        'type', format_type(s.seqtypid, null),
        'start', s.seqstart::text,
        'increment', s.seqincrement::text,
        'min', s.seqmin::text,
        'max', s.seqmax::text,
        'cache', s.seqcache::text,
        'cycle', case when s.seqcycle then 'true' end,
        'unlogged', case when c.relpersistence = 'u' then 'true' end,
        'owned by', (
            select format('%I.%I.%I', tn.nspname, t.relname, a.attname)
            from pg_depend d
            join pg_class t on t.oid = d.refobjid
            join pg_namespace tn on tn.oid = t.relnamespace
            join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
            where d.classid = 'pg_class'::regclass
                and d.objid = c.oid
                and d.refclassid = 'pg_class'::regclass
                and d.deptype = 'a'
        ),
        'owner', pg_get_userbyid(c.relowner)::text,
        'acl', to_json(c.relacl::text[])::text,
        'comment', said.description
    ]
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description said on said.objoid = c.oid and said.classoid = 'pg_class'::regclass and said.objsubid = 0
where c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('i', 'e')
    )
