-- Says that somebody is at work. The end and the estimate stay what they were at the first start.
update {schema}.batch
set status = case when status = 'paused' then 'paused' else 'running' end,
    end_key = coalesce(end_key, $3),
    estimate = coalesce(estimate, $4),
    host = $5,
    attempts = 0,
    throttled_by = null,
    started_at = coalesce(started_at, pg_catalog.clock_timestamp()),
    updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2 and status in ('pending', 'running', 'paused', 'failed')
