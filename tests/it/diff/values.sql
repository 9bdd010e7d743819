-- Values that move to a type which is made again, and constants that only look alike. Each case:
-- the schema as it is, its rows, the schema as it is to be, and a query with what it gives then;
-- and what it gives after the way back, where that is something else. `-- one way` leaves the way
-- back out, `-- fails:` is what the server says instead.

-- case: attributes of a composite type in another order, also within another type
-- old
create type k as (a int, b int);
create type m as (x k, y int);
create table t (c k, m m, n k[]);
-- rows
insert into t values (row(1, 2), row(row(3, 4), 5), null), (row(6, null), row(row(null, 7), 8), null);
-- new
create type k as (b int, a int);
create type m as (x k, y int);
create table t (c k, m m, n k[]);
-- query
select (c).a, (c).b, ((m).x).a, ((m).x).b, (m).y from t order by 1
-- gives
1|2|3|4|5
6|null|null|7|8

-- case: attributes in another order, in an array
-- old
create type k as (a int, b int);
create table t (c k[]);
-- rows
insert into t values (array[row(1, 2)::k]);
-- new
create type k as (b int, a int);
create table t (c k[]);
-- query
select * from t
-- fails: c of public.t has values of public.k[] that cannot be put together anew

-- case: attributes in another order, in a domain
-- old
create type k as (a int, b int);
create domain d as k;
create table t (c d);
-- rows
insert into t values (row(1, null)::k);
-- new
create type k as (b int, a int);
create domain d as k;
create table t (c d);
-- query
select * from t
-- fails: c of public.t has values of public.d that cannot be put together anew

-- case: attributes in another order, in an array of a table that becomes partitioned
-- old
create type k as (a int, b int);
create table t (id int, c k[]);
-- rows
insert into t values (1, array[row(1, 2)::k]);
-- new
create type k as (b int, a int);
create table t (id int, c k[]) partition by list (id);
create table t_1 partition of t default;
-- query
select * from t
-- fails: c of public.t has values of public.k[] that cannot be put together anew

-- case: an enum becomes a domain that is too short for it
-- old
create type e as enum ('short', 'too long');
create table t (c e);
-- rows
insert into t values ('too long');
-- new
create domain e as varchar(5);
create table t (c e);
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: numbers become others by way of no smaller ones
-- one way
-- old
create table t (a float8, b real, c bool, d smallint);
-- rows
insert into t values (1.25, 2.5, true, 3);
-- new
create table t (a money, b money, c bit(32), d money);
-- query
select a::numeric, b::numeric, c::integer, d::numeric from t
-- gives
1.25|2.50|1|3.00

-- case: names in a guard with the marks that it stands between
-- old
create type "$$ $q$" as enum ('it''s', '$$', 'kept');
create table "t $$" ("c $q$" "$$ $q$");
-- rows
insert into "t $$" values ('$$');
-- new
create type "$$ $q$" as enum ('kept');
create table "t $$" ("c $q$" "$$ $q$");
-- query
select * from "t $$"
-- fails: "c $q$" of public."t $$" has values that public."$$ $q$" loses: it's, $$
