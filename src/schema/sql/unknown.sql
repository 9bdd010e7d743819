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
select 'security label on', pg_describe_object(l.classoid, l.objoid, l.objsubid)
from pg_seclabel l
union all
-- By `alter … depends on extension`.
select 'dependence on an extension of', pg_describe_object(d.classid, d.objid, d.objsubid)
from pg_depend d
where d.deptype = 'x' and d.refclassid = 'pg_extension'::regclass and d.objid >= 16384
union all
select 'tablespace of', c.oid::regclass::text
from pg_class c
where c.reltablespace <> 0 and c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'i', 'I')
union all
select 'large objects', count(*)::text
from pg_largeobject_metadata
having count(*) > 0
union all
-- The values may be secrets.
select 'setting of the database', split_part(o.setting, '=', 1) || coalesce(' for role ' || r.rolname, '')
from pg_db_role_setting s
cross join unnest(s.setconfig) o(setting)
left join pg_roles r on r.oid = s.setrole
where s.setdatabase = (select oid from pg_database where datname = current_database())
union all
-- What somebody added to the system's own schemas.
select 'object in a schema of the system', pg_describe_object(o.class, o.oid, 0)
from (
    select 'pg_proc'::regclass as class, oid, pronamespace as home from pg_proc
    union all
    select 'pg_class'::regclass, oid, relnamespace from pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'pg_type'::regclass, oid, typnamespace from pg_type where typtype in ('e', 'd', 'r')
    union all
    select 'pg_operator'::regclass, oid, oprnamespace from pg_operator
) o
join pg_namespace n on n.oid = o.home
where n.nspname in ('pg_catalog', 'information_schema')
    and o.oid >= 16384
    and not exists (select from pg_depend e where e.classid = o.class and e.objid = o.oid and e.deptype in ('e', 'i'))
union all
-- What somebody granted or revoked of the system's own.
select 'privileges of the system', pg_describe_object(o.class, o.oid, 0)
from (
    select 'pg_proc'::regclass as class, oid, proacl as acl from pg_proc where pronamespace = 'pg_catalog'::regnamespace
    union all
    select 'pg_class'::regclass, oid, relacl from pg_class where relnamespace = 'pg_catalog'::regnamespace
    union all
    select 'pg_type'::regclass, oid, typacl from pg_type where typnamespace = 'pg_catalog'::regnamespace
    union all
    select 'pg_namespace'::regclass, oid, nspacl from pg_namespace where nspname = 'pg_catalog'
    union all
    select 'pg_language'::regclass, oid, lanacl from pg_language where not lanispl
) o
left join pg_init_privs i on i.classoid = o.class and i.objoid = o.oid and i.objsubid = 0
where o.oid < 16384
    and not exists (select from pg_depend e where e.classid = o.class and e.objid = o.oid and e.deptype = 'e')
    and coalesce(o.acl, i.initprivs) is not null
    and o.acl is distinct from i.initprivs
union all
select 'security label on', pg_describe_object(l.classoid, l.objoid, 0)
from pg_shseclabel l
where l.classoid = 'pg_database'::regclass
    and l.objoid = (select oid from pg_database where datname = current_database())
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
