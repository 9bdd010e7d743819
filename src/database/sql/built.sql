-- The indexes that `create index concurrently` may have made: of this name next to this table, or
-- without a name all of the table. Each with its definition behind names, and who builds it.
select
    pg_catalog.format('%I.%I', n.nspname, c.relname),
    i.indisvalid,
    i.indrelid = t.oid,
    i.indisunique,
    pg_catalog.substr(d.def, pg_catalog.strpos(d.def, ' USING ')),
    (
        select p.pid
        from pg_catalog.pg_stat_progress_create_index p
        where p.datname = pg_catalog.current_database() and p.index_relid = i.indexrelid
        limit 1
    )
from pg_catalog.pg_class t
join pg_catalog.pg_class c on case
    when $2 is null then true
    else c.relnamespace = t.relnamespace
        and c.relname = ((pg_catalog.parse_ident($2))[1])::pg_catalog.name
end
join pg_catalog.pg_index i on i.indexrelid = c.oid and ($2 is not null or i.indrelid = t.oid)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (select pg_catalog.pg_get_indexdef(i.indexrelid)) d (def)
-- An index of a partitioned table is not valid until all its parts are attached.
where t.oid = pg_catalog.to_regclass($1) and c.relkind = 'i'
order by i.indexrelid
