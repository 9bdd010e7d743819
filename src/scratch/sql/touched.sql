-- What this transaction has locks on, and is there still: which, the file, and how often it was read
-- from one end to the other since the counters were given away.
select
    l.relation,
    l.mode,
    nullif(pg_catalog.pg_relation_filenode(c.oid), 0),
    pg_catalog.pg_stat_get_xact_numscans(c.oid)
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
where l.pid = pg_catalog.pg_backend_pid()
    and l.locktype = 'relation'
    and l.granted
    and l.relation >= 16384
