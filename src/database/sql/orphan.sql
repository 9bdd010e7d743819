-- Ends the backend that took the lock and kept it when a pooler sent the next statement elsewhere.
-- Otherwise it would keep it for as long as the pooler keeps the connection. Only while it idles:
-- then it works for nobody, and the pooler opens another.
select pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid))
from pg_catalog.pg_stat_activity a
join pg_catalog.pg_locks l on l.pid = a.pid
where a.pid = $2
    and a.pid <> pg_catalog.pg_backend_pid()
    and a.state = 'idle'
    and ({this_lock})
