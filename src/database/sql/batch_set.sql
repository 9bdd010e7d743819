-- Changes the status of a batched section, if it is one of those that this may follow.
update {schema}.batch
set status = $3,
    throttled_by = null,
    attempts = case when $3 = 'pending' then 0 else attempts end,
    updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2 and status = any($4)
