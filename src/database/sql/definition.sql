-- The definition, behind names, of the one index on this temporary table.
select i.indisunique, pg_catalog.substr(d.def, pg_catalog.strpos(d.def, ' USING '))
from pg_catalog.pg_index i
cross join lateral (select pg_catalog.pg_get_indexdef(i.indexrelid)) d (def)
where i.indrelid = pg_catalog.to_regclass($1)
