-- Gives the migration lock back; false when this session did not hold it.
select pg_catalog.pg_advisory_unlock(1667330932, pg_catalog.hashtext($1))
