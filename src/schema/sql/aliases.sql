-- Which object stands for something that has an entry of its own in the catalogs.
select 'pg_rewrite'::regclass::oid, r.oid, 'pg_class'::regclass::oid, r.ev_class, 0
from pg_rewrite r
where r.rulename = '_RETURN' and r.oid >= 16384
union all
-- The row type of a table.
select 'pg_type'::regclass::oid, t.oid, 'pg_class'::regclass::oid, t.typrelid, 0
from pg_type t
join pg_class c on c.oid = t.typrelid
where c.relkind <> 'c' and t.oid >= 16384
union all
-- The relation of a composite type.
select 'pg_class'::regclass::oid, c.oid, 'pg_type'::regclass::oid, c.reltype, 0
from pg_class c
where c.relkind = 'c' and c.oid >= 16384
union all
select 'pg_type'::regclass::oid, t.oid, 'pg_type'::regclass::oid, t.typelem, 0
from pg_type t
where t.typelem <> 0 and t.typlen = -1 and t.oid >= 16384
union all
select 'pg_type'::regclass::oid, r.rngmultitypid, 'pg_type'::regclass::oid, r.rngtypid, 0 from pg_range r where r.rngtypid >= 16384 union all -- since 14
-- The index of a constraint.
select 'pg_class'::regclass::oid, k.conindid, 'pg_constraint'::regclass::oid, k.oid, 0
from pg_constraint k
where k.contype in ('p', 'u', 'x') and k.oid >= 16384
union all
-- What belongs to an extension.
select e.classid, e.objid, 'pg_extension'::regclass::oid, e.refobjid, 0
from pg_depend e
where e.deptype = 'e' and e.refclassid = 'pg_extension'::regclass and e.objid >= 16384
union all
-- The expression of a generated column.
select 'pg_attrdef'::regclass::oid, d.oid, 'pg_class'::regclass::oid, d.adrelid, d.adnum::integer
from pg_attrdef d
join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where a.attgenerated <> '' and d.oid >= 16384
union all
-- The members of an operator class.
select d.classid, d.objid, d.refclassid, d.refobjid, 0
from pg_depend d
where d.classid in ('pg_amop'::regclass, 'pg_amproc'::regclass)
    and d.refclassid in ('pg_opclass'::regclass, 'pg_opfamily'::regclass)
    and d.deptype in ('i', 'a')
    and d.objid >= 16384
