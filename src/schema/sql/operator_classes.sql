-- Operator families and classes.
select
    'pg_opfamily'::regclass::oid,
    f.oid,
    0,
    'operator family',
    array[n.nspname::text, f.opfname::text, m.amname::text],
    array[
        -- Those of no class: how each is called, and what it is.
        'members', (
            select json_agg(array[m.called, m.is] order by m.called)::text
            from (
                select
                    format('operator %s (%s, %s)', o.amopstrategy, format_type(o.amoplefttype, null), format_type(o.amoprighttype, null)) as called,
                    format('operator %s %s', o.amopstrategy, o.amopopr::regoperator)
                        || case when o.amopsortfamily <> 0 then (
                            select format(' for order by %I.%I', sn.nspname, s.opfname)
                            from pg_opfamily s
                            join pg_namespace sn on sn.oid = s.opfnamespace
                            where s.oid = o.amopsortfamily
                        ) else '' end as is
                from pg_depend d
                join pg_amop o on o.oid = d.objid
                where d.classid = 'pg_amop'::regclass and d.refclassid = 'pg_opfamily'::regclass and d.refobjid = f.oid and d.deptype = 'a'
                union all
                select
                    format('function %s (%s, %s)', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null)),
                    format('function %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null), p.amproc::regprocedure)
                from pg_depend d
                join pg_amproc p on p.oid = d.objid
                where d.classid = 'pg_amproc'::regclass and d.refclassid = 'pg_opfamily'::regclass and d.refobjid = f.oid and d.deptype = 'a'
            ) m
        ),
        'owner', pg_get_userbyid(f.opfowner)::text,
        'comment', obj_description(f.oid, 'pg_opfamily')
    ]
from pg_opfamily f
join pg_namespace n on n.oid = f.opfnamespace
join pg_am m on m.oid = f.opfmethod
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_opfamily'::regclass and e.objid = f.oid and e.deptype = 'e')
union all
select
    'pg_opclass'::regclass::oid,
    c.oid,
    0,
    'operator class',
    array[n.nspname::text, c.opcname::text, m.amname::text],
    array[
        'create', format(
            '%sfor type %s using %I family %s as %s',
            case when c.opcdefault then 'default ' else '' end,
            format_type(c.opcintype, null),
            m.amname,
            (select format('%I.%I', fn.nspname, f.opfname) from pg_opfamily f join pg_namespace fn on fn.oid = f.opfnamespace where f.oid = c.opcfamily),
            concat_ws(', ',
                (
                    select string_agg(format('operator %s %s', o.amopstrategy, o.amopopr::regoperator)
                        || case when o.amopsortfamily <> 0 then (
                            select format(' for order by %I.%I', sn.nspname, s.opfname)
                            from pg_opfamily s
                            join pg_namespace sn on sn.oid = s.opfnamespace
                            where s.oid = o.amopsortfamily
                        ) else '' end, ', ' order by o.amopstrategy)
                    from pg_depend d
                    join pg_amop o on o.oid = d.objid
                    where d.refclassid = 'pg_opclass'::regclass and d.refobjid = c.oid and d.classid = 'pg_amop'::regclass
                ),
                (
                    select string_agg(format('function %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null), p.amproc::regprocedure), ', ' order by p.amprocnum)
                    from pg_depend d
                    join pg_amproc p on p.oid = d.objid
                    where d.refclassid = 'pg_opclass'::regclass and d.refobjid = c.oid and d.classid = 'pg_amproc'::regclass
                ),
                case when c.opckeytype <> 0 then 'storage ' || format_type(c.opckeytype, null) end
            )
        ),
        'owner', pg_get_userbyid(c.opcowner)::text,
        'comment', obj_description(c.oid, 'pg_opclass')
    ]
from pg_opclass c
join pg_namespace n on n.oid = c.opcnamespace
join pg_am m on m.oid = c.opcmethod
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $1
    and not exists (select from pg_depend e where e.classid = 'pg_opclass'::regclass and e.objid = c.oid and e.deptype = 'e')
