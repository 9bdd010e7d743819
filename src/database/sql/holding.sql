-- The backend that holds the migration lock, and the version of its server.
select l.pid, pg_catalog.current_setting('server_version_num')::pg_catalog.int4
from pg_catalog.pg_locks l
where ({this_lock})
