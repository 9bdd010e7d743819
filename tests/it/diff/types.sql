-- case: enum values come anywhere
-- old
create type e as enum ('b', 'd');
create table t (a e default 'b');
-- new
create type e as enum ('a', 'b', 'c', 'd', 'e');
create table t (a e default 'c');

-- case: enum values go
-- old
create type e as enum ('a', 'b', 'c');
comment on type e is 'letters';
create domain d as e;
create type k as (x e, y int);
create table t (a e default 'a', b e[], k k, c text generated always as (case when a = 'a'::e then 'x' end) stored);
create index t_a on t (a) where a = 'b';
create view v as select a from t where a <> 'b'::e;
create function f(x e) returns e language sql as 'select x';
-- new
create type e as enum ('c', 'b');
comment on type e is 'letters';
create table t (a e default 'b', b e[]);
create index t_a on t (a) where a = 'b';
create view v as select a from t where a <> 'b'::e;
create function f(x e) returns e language sql as 'select x';

-- case: a domain has another base
-- old
create domain d as int check (value > 0);
create table t (a d, b d[]);
create view v as select a from t;
-- new
create domain d as bigint default 5 check (value > 1);
create table t (a d, b d[]);
create view v as select a from t;

-- case: a range has another subtype
-- old
create type r as range (subtype = int4);
create table t (a r);
-- new
create type r as range (subtype = int8);
create table t (a r);

-- case: a composite type has another order
-- old
create type c as (x int, y text);
comment on column c.x is 'left';
create table t (a c);
create function f(c) returns int language sql as 'select 1';
-- new
create type c as (y text, x bigint);
comment on column c.y is 'right';
create table t (a c);
create function f(c) returns int language sql as 'select 1';

-- case: casts, operators and classes
-- old
create type c as (x int);
-- new
create type c as (x int);
create function lt(c, c) returns boolean language sql immutable as 'select $1.x < $2.x';
create function eq(c, c) returns boolean language sql immutable as 'select $1.x = $2.x';
create function cmp(c, c) returns int language sql immutable as 'select $1.x - $2.x';
create operator <<< (leftarg = c, rightarg = c, function = lt);
create operator === (leftarg = c, rightarg = c, function = eq, commutator = ===);
create function c_text(c) returns text language sql immutable as 'select $1.x::text';
create cast (c as text) with function c_text(c);
create operator class c_ops for type c using btree as operator 1 <<<, operator 3 ===, function 1 cmp(c, c);
