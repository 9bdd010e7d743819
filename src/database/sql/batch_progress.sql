-- Writes down that a batch is done, in the transaction that did it.
update {schema}.batch
set last_key = coalesce($3, last_key),
    end_key = coalesce(end_key, $7),
    rows = rows + $4,
    changed = changed + $5,
    batches = batches + 1,
    size = $6,
    attempts = 0,
    last_error = null,
    updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2
