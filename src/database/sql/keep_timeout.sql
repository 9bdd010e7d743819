-- Lowers the script's own lock_timeout to what is allowed, and gives one to a script without.
select pg_catalog.set_config(
    'lock_timeout', case when s.timeout = '0' then '{attempt}' else '{longest}' end, true
)
from (select pg_catalog.current_setting('lock_timeout')) as s (timeout)
where s.timeout = '0' or s.timeout::pg_catalog.interval > '{longest}'::pg_catalog.interval
