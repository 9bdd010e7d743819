-- The invalid index of this name on this table, as a cancelled or failed `create index
-- concurrently` leaves it.
select pg_catalog.format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where i.indrelid = pg_catalog.to_regclass($1)
    and c.relname = (pg_catalog.parse_ident($2))[1]
    and not i.indisvalid
