-- The row of pg_locks that is the migration lock of this database, held by somebody.
    l.locktype = 'advisory'
    and l.granted
    and l.classid = 1667330932
    and l.objid::pg_catalog.int8 = pg_catalog.hashtext($1)::pg_catalog.int8 & 4294967295
    and l.objsubid = 2
    and l.database = (
        select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
    )
