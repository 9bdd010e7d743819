-- Whether a backend waits for a lock. Reads one entry of shared memory, and takes no lock itself.
select exists (
    select from pg_catalog.pg_stat_get_activity($1) a where a.wait_event_type = 'Lock'
)
