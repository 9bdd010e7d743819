-- What may be a reason to pause: how far the standbys are behind, who waits for a lock on the table
-- or on what the open transaction holds, and who keeps the table for maintenance (a vacuum, an
-- index build). Needs no right; without pg_monitor the lag of standbys is not seen. Takes no lock on
-- the table, as pg_partition_tree would: it must not stand in the line that it looks at.
with recursive tree (oid) as (
    select $1::pg_catalog.oid
    union
    select i.inhrelid
    from pg_catalog.pg_inherits i
    join tree t on t.oid = i.inhparent
)
select
    (
        select pg_catalog.max(pg_catalog.date_part('epoch', r.replay_lag))
        from pg_catalog.pg_stat_replication r
    ),
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_locks l
        where not l.granted
            and l.pid <> pg_catalog.pg_backend_pid()
            and (
                l.locktype = 'relation' and l.relation = any(tables.oids)
                    and l.database = (
                        select d.oid
                        from pg_catalog.pg_database d
                        where d.datname = pg_catalog.current_database()
                    )
                or pg_catalog.pg_backend_pid() = any(pg_catalog.pg_blocking_pids(l.pid))
            )
    ),
    (
        select pg_catalog.min(l.pid)
        from pg_catalog.pg_locks l
        where l.granted
            and l.pid <> pg_catalog.pg_backend_pid()
            and l.locktype = 'relation'
            and l.mode = 'ShareUpdateExclusiveLock'
            and l.relation = any(tables.oids)
            and l.database = (
                select d.oid
                from pg_catalog.pg_database d
                where d.datname = pg_catalog.current_database()
            )
    )
from (select array(select t.oid from tree t) as oids) tables
