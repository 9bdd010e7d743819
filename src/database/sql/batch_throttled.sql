-- Writes down why no batch runs at the moment, or that they run again.
update {schema}.batch
set throttled_by = $3, updated_at = pg_catalog.clock_timestamp()
where revision = $1 and direction = $2
