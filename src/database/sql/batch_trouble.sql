-- Writes down that a batch did not succeed, and whether it is tried again.
update {schema}.batch
set status = case when $3 and status in ('running', 'pending') then 'failed' else status end,
    attempts = $4,
    size = $5,
    last_error = $6,
    throttled_by = null,
    updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2
