-- Gives the lock of backfills back; false when this session did not hold it.
select pg_catalog.pg_advisory_unlock(1667330914, pg_catalog.hashtext($1))
