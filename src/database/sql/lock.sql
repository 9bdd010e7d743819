-- Asks for the migration lock once, without waiting. The key is made from the server's side, so
-- that every way of writing the URL means the same lock: 1667330932 is "cast" in ASCII.
select
    pg_catalog.pg_try_advisory_lock(1667330932, pg_catalog.hashtext($1)),
    pg_catalog.pg_backend_pid()
