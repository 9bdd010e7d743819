-- The backend that holds the lock of backfills, if one does.
select l.pid
from pg_catalog.pg_locks l
where ({this_lock})
