-- The sections of which a part is in the database: the newest record of their revision is not a
-- success, and a statement is done or has begun, or batches of it are done.
select
    h.revision, h.direction, h.last_statement, h.statements, h.begun_statement is not null,
    coalesce(b.batches, 0)
from (
    select distinct on (revision)
        id, revision, direction, outcome, last_statement, statements, begun_statement
    from {schema}.history
    where direction <> 'repair'
    order by revision, id desc
) h
left join {schema}.batch b
    on b.revision = h.revision and b.direction = h.direction and not b.deferred
where h.outcome <> 'done'
    and (h.last_statement > 0 or h.begun_statement is not null or b.batches > 0)
order by h.id
