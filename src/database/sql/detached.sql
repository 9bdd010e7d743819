-- Whether a partition is still attached to its table, and whether detaching it was interrupted.
-- The column is there from version 14 on, as the statement is.
select (pg_catalog.to_jsonb(i) ->> 'inhdetachpending')::pg_catalog.bool
from pg_catalog.pg_inherits i
where i.inhparent = pg_catalog.to_regclass($1) and i.inhrelid = pg_catalog.to_regclass($2)
