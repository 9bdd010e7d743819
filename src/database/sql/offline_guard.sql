-- Refuses a database with tables of its own and no ledger. Part of a plpgsql block; see look.sql.
if exists (
    select
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname not in ('pg_catalog', 'information_schema', {schema_name})
        and n.nspname not like 'pg\_toast%'
        and n.nspname not like 'pg\_temp\_%'
        and not exists (
            select
            from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.objid = c.oid
                and d.deptype = 'e'
        )
) then
    raise exception 'the database has tables or views of its own, and no ledger'
        using hint = 'record where it is with the script of "castoff stamp REV --sql"';
end if;
