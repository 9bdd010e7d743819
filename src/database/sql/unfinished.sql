-- How far an earlier start got with an autocommit section, unless something else was done to its
-- revision since: a stamp or a way back ends the story of that start. A repair does not.
select h.last_statement, h.canonical_checksum, h.begun_statement is not null,
    case h.direction when 'upgrade' then h.upgrade_text else h.downgrade_text end
from (
    select *
    from {schema}.history
    where revision = $1 and direction <> 'repair'
    order by id desc
    limit 1
) h
where h.direction = $2 and h.outcome <> 'done'
