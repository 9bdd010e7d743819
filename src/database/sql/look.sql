-- What is in the database, asked when the ledger may be missing. Needs no right on anything.
select
    exists (
        select
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = 'revision' and c.relkind = 'r'
    ) as has_ledger,
    (
        select pg_catalog.count(*)::pg_catalog.int8
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f')
            and n.nspname not in ('pg_catalog', 'information_schema', $1)
            and n.nspname not like 'pg\_toast%'
            and n.nspname not like 'pg\_temp\_%'
            and not exists (
                select
                from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    and d.objid = c.oid
                    and d.deptype = 'e'
            )
    ) as relations,
    (
        select pg_catalog.min(pg_catalog.format('%I.%I', n.nspname, c.relname))
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relname = 'alembic_version' and c.relkind = 'r'
    ) as alembic
