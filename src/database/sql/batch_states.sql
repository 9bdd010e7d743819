-- How far the sections that run in batches are, oldest first. One that is deferred counts as
-- applied from the start, so a later way back leaves a row of something that is gone: `is_applied`.
select
    b.revision,
    b.direction,
    b.status,
    b.deferred,
    b.canonical_checksum,
    b.relation,
    b.last_key,
    b.end_key,
    b.size,
    b.estimate,
    b.rows,
    b.changed,
    b.batches,
    b.attempts,
    b.throttled_by,
    b.last_error,
    b.host,
    pg_catalog.to_char(b.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    pg_catalog.to_char(b.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    pg_catalog.to_char(b.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    coalesce((
        select h.direction <> 'downgrade'
        from {schema}.history h
        where h.revision = b.revision and h.outcome = 'done'
        order by h.id desc
        limit 1
    ), false)
from {schema}.batch b
order by b.started_at nulls last, b.updated_at, b.revision, b.direction
