-- Says that somebody is at work. The estimate stays what it was at the first start.
update {schema}.batch
set status = case when status = 'paused' then 'paused' else 'running' end,
    estimate = coalesce(estimate, $3),
    host = $4,
    attempts = 0,
    throttled_by = null,
    started_at = coalesce(started_at, pg_catalog.clock_timestamp()),
    updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2 and status in ('pending', 'running', 'paused', 'failed')
