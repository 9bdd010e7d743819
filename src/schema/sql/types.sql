-- Enums, domains, composite types and ranges.
select
    'pg_type'::regclass::oid,
    t.oid,
    0,
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite type' else 'range' end,
    array[n.nspname::text, t.typname::text],
    array[
        'labels', case when t.typtype = 'e' then (
            select json_agg(e.enumlabel order by e.enumsortorder)::text from pg_enum e where e.enumtypid = t.oid
        ) end,
        'type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
        'collation', case when t.typtype = 'd' and t.typcollation <> (
            select b.typcollation from pg_type b where b.oid = t.typbasetype
        ) then t.typcollation::regcollation::text end,
        'default', case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end,
        'not null', case when t.typtype = 'd' and t.typnotnull then 'true' end,
        'attributes', case when t.typtype = 'c' then (
            select json_agg(array[
                a.attname::text,
                format_type(a.atttypid, a.atttypmod),
                case when a.attcollation <> b.typcollation then a.attcollation::regcollation::text end
            ] order by a.attnum)::text
            from pg_attribute a
            join pg_type b on b.oid = a.atttypid
            where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        ) end,
        'range', case when t.typtype = 'r' then (
            select format(
                'subtype = %s, subtype_opclass = %s%s%s%s',
                format_type(r.rngsubtype, null),
                (select format('%I.%I', on_.nspname, o.opcname) from pg_opclass o join pg_namespace on_ on on_.oid = o.opcnamespace where o.oid = r.rngsubopc),
                case when r.rngcollation <> 0 then ', collation = ' || r.rngcollation::regcollation::text else '' end,
                case when r.rngsubdiff <> 0 then ', subtype_diff = ' || r.rngsubdiff::regproc::text else '' end,
                '' -- before 14
                (select ', multirange_type_name = ' || format('%I.%I', mn.nspname, m.typname) from pg_type m join pg_namespace mn on mn.oid = m.typnamespace where m.oid = r.rngmultitypid) -- since 14
            )
            from pg_range r
            where r.rngtypid = t.oid
        ) end,
        'multirange', (select format('%I.%I', mn.nspname, m.typname) from pg_range r join pg_type m on m.oid = r.rngmultitypid join pg_namespace mn on mn.oid = m.typnamespace where r.rngtypid = t.oid), -- since 14
        'multirange comment', (select obj_description(r.rngmultitypid, 'pg_type') from pg_range r where r.rngtypid = t.oid), -- since 14
        'not null name', case when t.typtype = 'd' then (select k.conname::text from pg_constraint k where k.contypid = t.oid and k.contype = 'n' and k.conname <> t.typname || '_not_null') end, -- since 17
        'not null comment', case when t.typtype = 'd' then (select obj_description(k.oid, 'pg_constraint') from pg_constraint k where k.contypid = t.oid and k.contype = 'n') end, -- since 17
        'owner', pg_get_userbyid(t.typowner)::text,
        'acl', to_json(t.typacl::text[])::text,
        'comment', said.description
    ]
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
left join pg_description said on said.objoid = t.oid and said.classoid = 'pg_type'::regclass and said.objsubid = 0
where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e'
    )
