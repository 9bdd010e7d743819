-- Writes down one step. In the step's own transaction, now() is when it began.
insert into {schema}.history (
    revision, direction, outcome, parents, depends_on, message, raw_checksum, canonical_checksum,
    upgrade_text, downgrade_text, statements, last_statement, started_at, finished_at, host, image,
    castoff
) values (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, pg_catalog.now(),
    case when $3 = 'running' then null else pg_catalog.clock_timestamp() end, $13, $14, $15
)
returning id
