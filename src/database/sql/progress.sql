-- Writes down how far an autocommit section is.
update {schema}.history
set last_statement = $2, outcome = $3,
    finished_at = case when $3 = 'running' then null else pg_catalog.clock_timestamp() end
where id = $1
