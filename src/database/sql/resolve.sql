-- Writes down what a person says of a section that is half done, as a record of its own.
insert into {schema}.history (
    revision, direction, outcome, parents, depends_on, message, raw_checksum, canonical_checksum,
    upgrade_text, downgrade_text, statements, last_statement, started_at, finished_at,
    host, image, castoff
)
select
    revision, direction, 'failed', parents, depends_on, message, raw_checksum, canonical_checksum,
    upgrade_text, downgrade_text, statements, $2, pg_catalog.now(), pg_catalog.clock_timestamp(),
    $3, $4, $5
from {schema}.history
where revision = $1
order by id desc
limit 1
