-- Writes down how far an autocommit section is, and which statement has begun that cannot share a
-- transaction with this note.
update {schema}.history
set last_statement = $2, outcome = $3, begun_statement = $4,
    begun_at = case when $4::integer is null then null
        else coalesce(begun_at, pg_catalog.clock_timestamp()) end,
    finished_at = case when $3 = 'running' then null else pg_catalog.clock_timestamp() end
where id = $1
