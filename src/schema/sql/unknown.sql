-- What people make and castoff does not know how to change: kind and name.
select 'subscription', s.subname::text
from pg_subscription s
where s.subdbid = (select oid from pg_database where datname = current_database())
union all
select 'transform', format('for %s language %s', t.trftype::regtype, l.lanname)
from pg_transform t
join pg_language l on l.oid = t.trflang
where t.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_transform'::regclass and e.objid = t.oid and e.deptype = 'e')
union all
select 'base type', t.oid::regtype::text
from pg_type t
where t.typtype in ('b', 'p')
    and t.oid >= 16384
    and not exists (select from pg_type r where r.oid = t.typelem and t.typlen = -1)
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype in ('e', 'i'))
union all
select 'security label', format('%s on %s', l.provider, pg_describe_object(l.classoid, l.objoid, l.objsubid))
from pg_seclabel l
union all
select 'tablespace of', c.oid::regclass::text
from pg_class c
where c.reltablespace <> 0 and c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'i', 'I')
union all
select 'loose member of operator family', pg_describe_object(d.classid, d.objid, 0)
from pg_depend d
where d.classid in ('pg_amop'::regclass, 'pg_amproc'::regclass)
    and d.objid >= 16384
    and d.refclassid = 'pg_opfamily'::regclass
    and d.deptype = 'a'
    and not exists (
        select from pg_depend e
        where e.classid = d.classid and e.objid = d.objid and e.refclassid = 'pg_opclass'::regclass
    )
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_opfamily'::regclass and e.objid = d.refobjid and e.deptype = 'e'
    )
order by 1, 2
