-- Which backend answers, and when its server was started.
select
    pg_catalog.pg_backend_pid(),
    (
        pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) * 1000000
    )::pg_catalog.int8
