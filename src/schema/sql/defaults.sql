-- Defaults of columns. The expressions of generated columns are the columns' own. A default mentions
-- no column: the server need not read the table's to print it.
select
    'pg_attrdef'::regclass::oid,
    d.oid,
    0,
    'default',
    array[n.nspname::text, c.relname::text, a.attname::text],
    array['expression', pg_get_expr(d.adbin, 0)]
from pg_attrdef d
join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
join pg_class c on c.oid = d.adrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attgenerated = ''
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
