-- case: functions that need each other
-- old
create function f(a int) returns int language sql as 'select a';
create view v as select f(1) as x;
-- new
create function g(b int) returns int language sql as 'select 1';
create function h(b int, c int default 2) returns int language sql as 'select g(b) + c';
create function f(b int) returns bigint language sql as 'select 1::bigint';
create procedure p(inout x int) language plpgsql as 'begin x := 1; end';
create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0');
create view v as select f(1) as x;

-- case: the name of an argument changes
-- old
create function f(a int) returns int language sql immutable as 'select $1';
create table t (x int default f(1), check (f(x) > 0));
create index t_f on t (f(x));
-- new
create function f(b int) returns int language sql immutable as 'select $1';
create table t (x int default f(1), check (f(x) > 0));
create index t_f on t (f(x));

-- case: triggers, rules and policies
-- old
create table t (a int, b int);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger one before insert on t for each row execute function f();
create policy p on t using (a = 1);
-- new
create table t (a int, b int);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger one after update of b on t for each row execute function f();
create trigger two after insert on t referencing new table as n for each statement execute function f();
alter table t disable trigger two;
alter table t enable row level security;
create policy p on t for select to public using (a = 2);
create policy q on t for insert with check (b > 0);
create rule r as on delete to t do instead nothing;
create function e() returns event_trigger language plpgsql as 'begin end';
create event trigger et on ddl_command_end when tag in ('CREATE TABLE') execute function e();

-- case: views
-- old
create table t (a int, b text);
create view v as select a from t;
create view w as select a from v;
create materialized view m as select a from v;
create unique index m_a on m (a);
-- new
create table t (a int, b text);
create view v with (security_barrier) as select b, a from t;
comment on column v.a is 'number';
create view w as select a from v;
create materialized view m as select a, 1 as one from v;
create unique index m_a on m (a);

-- case: sequences
-- old
create sequence s;
create table t (a int);
-- new
create table t (a int);
create sequence s as integer increment by 2 maxvalue 100 cache 5 cycle owned by t.a;

-- case: privileges
-- old
create table t (a int, b int);
create function f() returns int language sql as 'select 1';
grant select on t to public;
-- new
create table t (a int, b int);
create function f() returns int language sql as 'select 1';
grant select (a), insert (b) on t to public;
revoke execute on function f() from public;
alter default privileges grant select on tables to public;
create view v as select 1 as x;
revoke all on v from public;

-- case: text search
-- old
create text search configuration c (copy = pg_catalog.english);
-- new
create text search dictionary d (template = pg_catalog.simple);
create text search configuration c (copy = pg_catalog.english);
alter text search configuration c alter mapping for word with d;

-- case: statistics, collations, publications
-- old
create table t (a int, b text);
-- new
create collation c (provider = libc, locale = 'C');
create table t (a int, b text collate c);
create statistics st (dependencies) on a, b from t;
create publication p for table t with (publish = 'insert');

-- case: foreign tables
-- old
create foreign data wrapper w;
create server s foreign data wrapper w options (a '1');
-- new
create foreign data wrapper w;
create server s foreign data wrapper w options (b '2');
create user mapping for public server s options (u 'x');
create foreign table ft (a int options (n 'x') not null, b text) server s options (t 'y');

-- case: schemas
-- old
create schema one;
create table one.t (a int);
-- new
create schema two;
comment on schema two is 'second';
create table two.t (a int);
grant usage on schema two to public;
