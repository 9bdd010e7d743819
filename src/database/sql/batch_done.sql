-- Says that all batches are done. One that was paused or taken up at the last moment is done too.
update {schema}.batch
set status = 'done',
    throttled_by = null,
    updated_at = pg_catalog.clock_timestamp(),
    finished_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2 and status in ('running', 'paused')
