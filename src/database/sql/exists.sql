-- Whether there is a database, tablespace or subscription of this name.
select case $1
    when 'database' then exists (
        select from pg_catalog.pg_database where datname = n.name
    )
    when 'tablespace' then exists (
        select from pg_catalog.pg_tablespace where spcname = n.name
    )
    else exists (
        select
        from pg_catalog.pg_subscription s
        join pg_catalog.pg_database d on d.oid = s.subdbid
        where s.subname = n.name and d.datname = pg_catalog.current_database()
    )
end
from (select ((pg_catalog.parse_ident($2))[1])::pg_catalog.name) n (name)
