-- What people make and castoff does not know how to change: kind and name.
select 'subscription', s.subname::text
from pg_subscription s
where s.subdbid = (select oid from pg_database where datname = current_database())
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
select 'state of a constraint''s trigger on', g.tgrelid::regclass::text
from pg_trigger g
where g.tgisinternal and g.tgenabled <> 'O' and g.tgconstraint <> 0 and g.oid >= 16384
union
select 'privileges or comment of large object', m.oid::text
from pg_largeobject_metadata m
where m.lomacl is not null or obj_description(m.oid, 'pg_largeobject') is not null
union all
select 'options of user mapping', format('%s on %s', m.usename, m.srvname)
from pg_user_mappings m
join pg_foreign_server s on s.oid = m.srvid
where m.umoptions is null
    and m.umuser <> (select oid from pg_roles where rolname = current_user)
    and not pg_has_role(s.srvowner, 'usage')
union all
select 'owner of multirange', t.oid::regtype::text
from pg_range r
join pg_type t on t.oid = r.rngmultitypid -- since 14
join pg_type t on false -- before 14
join pg_type o on o.oid = r.rngtypid
where t.typowner <> o.typowner
order by 1, 2
