-- The server's version, and the catalogs in which somebody has something: most databases have no rows
-- of their own in most of them, and what would list those need not be asked. What the server made
-- itself has low numbers.
select
    current_setting('server_version_num')::integer,
    array(
        select 'pg_am' where exists (select from pg_am where oid >= 16384)
        union all
        select 'pg_cast' where exists (select from pg_cast where oid >= 16384)
        union all
        select 'pg_collation' where exists (select from pg_collation where oid >= 16384)
        union all
        select 'pg_conversion' where exists (select from pg_conversion where oid >= 16384)
        union all
        select 'pg_default_acl' where exists (select from pg_default_acl)
        union all
        select 'pg_event_trigger' where exists (select from pg_event_trigger)
        union all
        select 'pg_extension' where exists (select from pg_extension where extname <> 'plpgsql')
        union all
        select 'pg_foreign_data_wrapper' where exists (select from pg_foreign_data_wrapper)
        union all
        select 'pg_inherits' where exists (select from pg_inherits)
        union all
        select 'pg_language' where exists (select from pg_language where oid >= 16384)
        union all
        select 'pg_operator' where exists (select from pg_operator where oid >= 16384)
        union all
        select 'pg_opclass' where exists (select from pg_opclass where oid >= 16384)
        union all
        select 'pg_opfamily' where exists (select from pg_opfamily where oid >= 16384)
        union all
        select 'pg_policy' where exists (select from pg_policy)
        union all
        select 'pg_proc' where exists (select from pg_proc where oid >= 16384)
        union all
        select 'pg_publication' where exists (select from pg_publication)
        union all
        select 'pg_rewrite' where exists (select from pg_rewrite where oid >= 16384)
        union all
        select 'pg_statistic_ext' where exists (select from pg_statistic_ext)
        union all
        select 'pg_transform' where exists (select from pg_transform where oid >= 16384)
        union all
        select 'pg_trigger' where exists (select from pg_trigger where not tgisinternal)
        union all
        select 'pg_ts_config' where exists (select from pg_ts_config where oid >= 16384)
        union all
        select 'pg_ts_dict' where exists (select from pg_ts_dict where oid >= 16384)
        union all
        select 'pg_ts_parser' where exists (select from pg_ts_parser where oid >= 16384)
        union all
        select 'pg_ts_template' where exists (select from pg_ts_template where oid >= 16384)
    )
