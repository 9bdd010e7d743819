-- Two roles for one database: one that owns the schema and migrates it, and one for the server, which cannot change it.
--
--   psql -f roles.sql postgresql://postgres@db/postgres
--   then \password timetracker_migrations and \password timetracker_web
--
-- Before the first migration: default privileges hold for what is made after them.
create role timetracker_migrations login;
create role timetracker_web login;

-- The owner may make the schema of the ledger, and from PostgreSQL 15 on may also create in `public`.
create database timetracker owner timetracker_migrations;

\connect timetracker

-- Everything that migrations make may be looked at, the ledger included: `castoff wait` and `castoff current` of the
-- server's role need no more.
alter default privileges for role timetracker_migrations grant usage on schemas to timetracker_web;
alter default privileges for role timetracker_migrations grant select on tables to timetracker_web;

-- Changed, only what is in `public`: not the ledger.
alter default privileges for role timetracker_migrations in schema public
    grant insert, update, delete on tables to timetracker_web;
alter default privileges for role timetracker_migrations in schema public
    grant usage, select on sequences to timetracker_web;
