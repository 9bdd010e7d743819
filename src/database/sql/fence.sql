-- Moves the ledger's rows for one step, first thing in the step's transaction, and only while this
-- very session holds the lock. Whoever lost the lock meets the row of whoever has it.
with held as (
    select
    from pg_catalog.pg_locks l
    where l.locktype = 'advisory'
        and l.granted
        and l.pid = pg_catalog.pg_backend_pid()
        and l.classid = 1667330932
        and l.objid::pg_catalog.int8 = pg_catalog.hashtext($1)::pg_catalog.int8 & 4294967295
        and l.objsubid = 2
), gone as (
    delete from {schema}.revision r
    where r.revision = any ($2) and exists (select from held)
    returning r.revision
), come as (
    insert into {schema}.revision (revision, lineage)
    select e.revision, e.lineage
    from unnest($3, $4) as e (revision, lineage)
    where exists (select from held)
    returning revision
)
select
    exists (select from held),
    (select pg_catalog.count(*) from gone),
    (select pg_catalog.count(*) from come)
