-- The table of a batched section: how it is called, how many rows it is thought to have (with those
-- of its partitions), and whether castoff's role may ask for the backlog of the archiver.
select
    c.oid,
    pg_catalog.format('%I.%I', n.nspname, c.relname),
    (
        with recursive tree (oid) as (
            select c.oid
            union
            select i.inhrelid
            from pg_catalog.pg_inherits i
            join tree t on t.oid = i.inhparent
        )
        select pg_catalog.sum(greatest(p.reltuples, 0))::pg_catalog.int8
        from pg_catalog.pg_class p
        join tree t on t.oid = p.oid
    ),
    pg_catalog.current_setting('archive_mode') <> 'off'
        and pg_catalog.has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'execute')
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass($1)
