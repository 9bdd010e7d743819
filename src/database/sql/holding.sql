-- The backend that holds the migration lock.
select l.pid from pg_catalog.pg_locks l where ({this_lock})
