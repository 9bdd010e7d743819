    -- From PostgreSQL 14 on. What castoff itself sends, it counts itself.
    union all
    select
        pid, pg_catalog.lower(command), relid,
        case when bytes_total > 0 then bytes_processed else tuples_processed end,
        bytes_total,
        case when bytes_total > 0 then 'bytes' else 'rows' end
    from pg_catalog.pg_stat_progress_copy
    where type <> 'PIPE'
