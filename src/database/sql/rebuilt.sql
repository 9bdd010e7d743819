-- The invalid indexes that an interrupted `reindex concurrently` left in its scope, and that nobody
-- builds. Their names are PostgreSQL's own: see "Rebuilding Indexes Concurrently" in its manual.
with named as (
    select pg_catalog.to_regclass($2)::pg_catalog.oid as oid
), tables as (
    select coalesce(x.indrelid, r.oid) as oid
    from (
        select oid from named
        union
        select relid from pg_catalog.pg_partition_tree((select oid from named)::pg_catalog.regclass)
    ) r
    left join pg_catalog.pg_index x on x.indexrelid = r.oid
)
select pg_catalog.format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid
    and c.relkind = 'i'
    and c.relname ~ '_cc(new|old)[0-9]*$'
    and case $1
        when 'database' then true
        when 'schema' then n.nspname = ((pg_catalog.parse_ident($2))[1])::pg_catalog.name
        else i.indrelid in (
            select oid from tables
            union
            select h.reltoastrelid
            from pg_catalog.pg_class h
            join tables on tables.oid = h.oid
        )
    end
    and not exists (
        select
        from pg_catalog.pg_stat_progress_create_index p
        where p.datname = pg_catalog.current_database() and p.index_relid = i.indexrelid
    )
order by i.indexrelid
