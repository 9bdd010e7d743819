-- What holds rows or shows them, with the file that has them and what it is below.
select
    c.oid,
    format('%I.%I', n.nspname, c.relname),
    nullif(pg_catalog.pg_relation_filenode(c.oid), 0),
    (select min(i.inhparent) from pg_catalog.pg_inherits i where i.inhrelid = c.oid)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'v', 'f')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
