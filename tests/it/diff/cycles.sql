-- Changes of which each seems to wait for another.

-- case: a range is used by a domain and changes, with its multirange elsewhere
-- since 14
-- old
create schema s;
create type r as range (subtype = int);
create domain d as r;
create table t (a r, b d);
-- new
create schema s;
create type r as range (subtype = bigint, multirange_type_name = s.m);
create domain d as r;
create table t (a r, b d);

-- case: the type of many ranges has another name and another home
-- since 14
-- old
create schema s;
create type r as range (subtype = int);
create table t (a r, b r_multirange);
-- new
create schema s;
create type r as range (subtype = int, multirange_type_name = s."many r");
create table t (a r, b s."many r");

-- case: a range moves, and the type of many ranges keeps its name
-- since 14
-- old
create schema s;
create type r as range (subtype = int, multirange_type_name = m);
create table t (a r);
-- new
create schema s;
create type s.r as range (subtype = int, multirange_type_name = m);
create table t (a s.r);

-- case: a partition becomes partitioned, with an index of its own
-- old
create table p (x int, y int) partition by list (x);
create table p_1 partition of p for values in (1);
create index own on p_1 (y);
-- new
create table p (x int, y int) partition by list (x);
create table p_1 partition of p for values in (1) partition by hash (y);
create table p_1_0 partition of p_1 for values with (modulus 1, remainder 0);
create index own on p_1 (y);

-- case: a table and its partition are made anew, with all that uses a function that changes
-- old
create function f(x int) returns int immutable language sql as 'select 1';
create table p (x int default f(2), y int, z int generated always as (f(3)) stored,
    constraint c check (f(x) > 0)) partition by list (x);
create table p_1 partition of p for values in (1) partition by list (y);
create table p_1_1 partition of p_1 for values in (1);
create index i on p (f(y));
create policy o on p using (f(1) = 1);
create policy o on p_1 using (f(1) = 1);
-- new
create function f(x int) returns bigint immutable language sql as 'select 2::bigint';
create table p (x int default f(2), y int, z bigint generated always as (f(3)) stored,
    constraint c check (f(x) > 0)) partition by range (x);
create table p_1 partition of p for values from (1) to (2) partition by list (x);
create table p_1_1 partition of p_1 for values in (1);
create index i on p (f(y));
create policy o on p using (f(1) = 1);
create policy o on p_1 using (f(1) = 1);

-- case: a table is made anew, and what is owned and privileged in its schema changes
-- old
create schema s;
create function s.tf() returns trigger language plpgsql as 'begin return null; end';
create table s.p (x int, gone int, constraint c check (x > 0)) partition by list (x);
create table s.p_1 partition of s.p for values in (1);
create trigger g after insert on s.p for each row execute function s.tf();
-- new
create schema s;
grant usage on schema s to public;
create table s.p (x int) partition by range (x);
create table s.p_1 partition of s.p for values from (1) to (2);

-- case: a table leaves one type for another that takes an enum over
-- old
create type e as enum ('a', 'b');
create type k as (x int, y e);
create table t of k;
-- new
create type e as enum ('b', 'a');
create type l as (x int, y e);
create table t of l;

-- case: a table joins a type with its columns in another order
-- old
create type k as (x int, y text);
create table t (y text, z int, x int);
-- new
create type k as (x int, y text);
create table t of k (x not null, primary key (x));

-- case: the type of a table has attributes of types without a cast, or in another order
-- old
create type k as (x int, y text, z date);
create table t of k;
create view v as select * from t;
-- new
create type k as (y uuid, x int[], z date);
create table t of k;
create view v as select * from t;

-- case: a sequence keeps its own way of being logged
-- since 15
-- old
create table t (x serial, y serial);
-- new
create unlogged table t (x serial, y serial);
alter sequence t_x_seq set logged;

-- case: a sequence counts in other bounds
-- old
create sequence down increment by -1;
create sequence low maxvalue 10;
create sequence other maxvalue 100 start 50;
-- new
create sequence down;
create sequence low minvalue 5 start 7 maxvalue 20;
create sequence other minvalue 200 maxvalue 300;

-- case: a domain with checks comes within another type
-- old
create table t (a int[], b int);
-- new
create domain d as int check (value > 0) constraint two check (value <> 7);
create type k as (a d);
create table t (a d[], b int, c k);

-- case: a partition has an index with options of its own
-- old
create table p (x int) partition by list (x);
create table p_1 partition of p for values in (1);
-- new
create table p (x int) partition by list (x);
create table p_1 partition of p for values in (1);
create index own on p_1 (x);
create index i on p (x) with (fillfactor = 60);

-- case: a computed column is none any more, of a type that is made again
-- old
create type e as enum ('a', 'b');
create table t (a int, b e generated always as (case when a > 1 then 'a'::e else 'b'::e end) stored);
-- new
create type e as enum ('b', 'a');
create table t (a int, b e);

-- case: what a column is kept with stays when its type is made again
-- since 14
-- old
create type k as (a int, b text);
create table t (x k[]);
alter table t alter x set storage external, alter x set compression pglz;
-- new
create type k as (b text, a int);
create table t (x k[]);
alter table t alter x set storage external, alter x set compression pglz;

-- case: a child has another column of the parent's name when it joins a new parent
-- old
create type e as enum ('a', 'b');
create table p (x int, y e) partition by list (x);
create table p_1 partition of p for values in (1);
-- new
create type e as enum ('b', 'a');
create table q (x int, y text) partition by list (x);
create table p_1 partition of q for values in (1);
