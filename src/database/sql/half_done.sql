-- The autocommit sections of which a part is in the database: the newest record of their revision
-- is not a success, and a statement is done or has begun.
select h.revision, h.direction, h.last_statement, h.statements, h.begun_statement is not null
from (
    select distinct on (revision)
        id, revision, direction, outcome, last_statement, statements, begun_statement
    from {schema}.history
    where direction <> 'repair'
    order by revision, id desc
) h
where h.outcome <> 'done' and (h.last_statement > 0 or h.begun_statement is not null)
order by h.id
