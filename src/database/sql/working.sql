-- How far the backend $1 is with a statement whose progress the server tells; nothing when it tells
-- none. A phase without a count has neither `done` nor `total`. See "Progress Reporting" in
-- PostgreSQL's manual.
with working (pid, what, relation, done, total, unit) as (
    select
        pid, pg_catalog.lower(command) || ': ' || phase, relid,
        case
            when phase like 'waiting %' then lockers_done
            when phase like '%sorting%' then null
            when phase like '%loading%' then tuples_done
            else blocks_done
        end,
        case
            when phase like 'waiting %' then lockers_total
            when phase like '%sorting%' then null
            when phase like '%loading%' then tuples_total
            else blocks_total
        end,
        case
            when phase like 'waiting %' then 'transactions'
            when phase like '%loading%' then 'rows'
            else 'blocks'
        end
    from pg_catalog.pg_stat_progress_create_index
    union all
    select
        pid, pg_catalog.lower(command) || ': ' || phase, relid,
        case phase
            when 'seq scanning heap' then heap_blks_scanned
            when 'index scanning heap' then heap_tuples_scanned
            when 'writing new heap' then heap_tuples_written
        end,
        case phase when 'seq scanning heap' then heap_blks_total end,
        case phase when 'seq scanning heap' then 'blocks' else 'rows' end
    from pg_catalog.pg_stat_progress_cluster
    union all
    select
        pid, 'vacuum: ' || phase, relid,
        case phase
            when 'scanning heap' then heap_blks_scanned
            when 'vacuuming heap' then heap_blks_vacuumed
        end,
        case when phase in ('scanning heap', 'vacuuming heap') then heap_blks_total end,
        'blocks'
    from pg_catalog.pg_stat_progress_vacuum
    union all
    select
        pid, 'analyze: ' || phase, relid,
        case when phase like 'acquiring %' then sample_blks_scanned end,
        case when phase like 'acquiring %' then sample_blks_total end,
        'blocks'
    from pg_catalog.pg_stat_progress_analyze
    {copies}
)
select
    w.what || coalesce(' on ' || nullif(w.relation, 0)::pg_catalog.regclass::pg_catalog.text, ''),
    case when w.done > 0 or w.total > 0 then w.done end,
    nullif(w.total, 0),
    w.unit
from working w
where w.pid = $1 and w.what is not null
limit 1
