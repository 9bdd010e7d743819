-- Asks for the lock of backfills once, without waiting. Not the migration lock: a backfill may run
-- for hours, and no start of a server waits for it. 1667330914 is "casb" in ASCII.
select pg_catalog.pg_try_advisory_lock(1667330914, pg_catalog.hashtext($1))
