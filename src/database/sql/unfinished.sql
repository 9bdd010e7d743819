-- How far earlier starts got with an autocommit section of the same script.
select h.last_statement, h.canonical_checksum, h.statements
from {schema}.history h
where h.revision = $1 and h.direction = $2
order by h.id desc
limit 1
