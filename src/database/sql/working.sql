-- How far the holder of the migration lock is with a statement whose progress the server tells.
-- See "Progress Reporting" in PostgreSQL's manual.
with working (pid, what, relation, done, total, unit) as (
    select
        pid, pg_catalog.lower(command) || ': ' || phase, relid,
        case
            when phase like 'waiting %' then lockers_done
            when tuples_total > 0 then tuples_done
            else blocks_done
        end,
        case
            when phase like 'waiting %' then lockers_total
            when tuples_total > 0 then tuples_total
            else blocks_total
        end,
        case
            when phase like 'waiting %' then 'transactions'
            when tuples_total > 0 then 'rows'
            else 'blocks'
        end
    from pg_catalog.pg_stat_progress_create_index
    union all
    select pid, pg_catalog.lower(command) || ': ' || phase, relid, heap_blks_scanned, heap_blks_total, 'blocks'
    from pg_catalog.pg_stat_progress_cluster
    union all
    select
        pid, 'vacuum: ' || phase, relid,
        case phase when 'vacuuming heap' then heap_blks_vacuumed else heap_blks_scanned end,
        heap_blks_total, 'blocks'
    from pg_catalog.pg_stat_progress_vacuum
    union all
    select pid, 'analyze: ' || phase, relid, sample_blks_scanned, sample_blks_total, 'blocks'
    from pg_catalog.pg_stat_progress_analyze
    {copies}
)
select w.what || ' on ' || w.relation::pg_catalog.regclass::text, w.done, w.total, w.unit
from working w
where w.pid in (
    select l.pid
    from pg_catalog.pg_locks l
    where {this_lock}
)
