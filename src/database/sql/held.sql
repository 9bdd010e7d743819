-- Whether this very session holds the migration lock.
select exists (
    select
    from pg_catalog.pg_locks l
    where l.locktype = 'advisory'
        and l.granted
        and l.pid = pg_catalog.pg_backend_pid()
        and l.classid = 1667330932
        and l.objid::pg_catalog.int8 = pg_catalog.hashtext($1)::pg_catalog.int8 & 4294967295
        and l.objsubid = 2
)
