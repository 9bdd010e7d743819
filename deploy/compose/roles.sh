#!/bin/sh
# The server's role, made by the postgres image on its first boot. What deploy/postgres/roles.sql is
# elsewhere; the owner is there already.
set -eu

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
\set password `cat /run/secrets/web_password`
create role timetracker_web login password :'password';

-- Everything that migrations make may be looked at, the ledger included.
alter default privileges for role timetracker grant usage on schemas to timetracker_web;
alter default privileges for role timetracker grant select on tables to timetracker_web;

-- Changed, only what is in `public`: not the ledger.
alter default privileges for role timetracker in schema public
    grant insert, update, delete on tables to timetracker_web;
alter default privileges for role timetracker in schema public
    grant usage, select on sequences to timetracker_web;
SQL
