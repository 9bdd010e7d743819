-- Names and texts that only exact quoting gets through, and names at the server's limit.

-- case: names with quotes, backslashes, dollars, percents, blanks and line ends
-- old
create schema "S \ $1 % "" '";
create table "S \ $1 % "" '"."T
new 'x' \ %" ("a
b" int, "C""d" text, "$$ $guard$ $castoff$" int);
-- new
create schema "S \ $1 % "" '";
create type "S \ $1 % "" '"."E $$ $guard$" as enum ('a''b', 'c\d', 'e%$1', E'n\nl', '');
create table "S \ $1 % "" '"."T
new 'x' \ %" ("C""d" text, "$$ $guard$ $castoff$" int not null, "e" "S \ $1 % "" '"."E $$ $guard$" default 'c\d', "i""'d" bigint generated always as identity, primary key ("i""'d"), constraint "chk
x" check ("C""d" <> E'a\\b''c'));
create index "I ""x" on "S \ $1 % "" '"."T
new 'x' \ %" ("C""d") where "C""d" <> 'x\y';
comment on table "S \ $1 % "" '"."T
new 'x' \ %" is E'a $$ b ''c'' \\ d\n-- downgrade\ne';
create view "S \ $1 % "" '"."V v" as select 'a\b' as "c$$", "i""'d" from "S \ $1 % "" '"."T
new 'x' \ %";
create function "S \ $1 % "" '"."f()"(a text default 'x\y''z') returns text language sql as $f$
-- downgrade
select $$a$$ || '${x}'
$f$;

-- case: values of an enum with the marks of strings
-- old
create type "E $$ $guard$" as enum ('a''b', 'c\d', 'e%$1', E'n\nl', '');
create table "T
$$ $guard$" (a "E $$ $guard$" default 'c\d', b "E $$ $guard$"[]);
-- new
create type "E $$ $guard$" as enum ('c\d', 'a''b');
create table "T
$$ $guard$" (a "E $$ $guard$" default 'a''b', b "E $$ $guard$"[]);

-- case: the same names in two schemas
-- old
create schema a; create schema b;
create type a.e as enum ('x'); create type b.e as enum ('x');
create table a.t (id int primary key, e a.e); create table b.t (id int primary key, e b.e, a_id int references a.t);
create index i on a.t (e); create index i on b.t (e);
create view a.v as select * from b.t; create view b.v as select * from a.t;
create function a.f() returns int language sql as 'select 1'; create function b.f() returns int language sql as 'select 2';
-- new
create schema a; create schema b;
create type a.e as enum ('y', 'x'); create type b.e as enum ('x', 'z');
create table a.t (id bigint primary key, e a.e); create table b.t (id int primary key, e b.e, a_id bigint references a.t);
create index i on a.t (id); create index i on b.t (e desc);
create view a.v as select * from b.t; create view b.v as select id from a.t;
create function a.f() returns text language sql as 'select ''1'''; create function b.f() returns int language sql as 'select 3';

-- case: names so long that those made of them are cut
-- old
create table a_table_with_a_very_long_name_of_more_than_forty_letters (a_column_with_a_long_name_too int, b int, another_column_that_is_long int);
create domain a_domain_with_a_very_long_name_of_more_than_fifty_letters_abc as int;
-- new
create table a_table_with_a_very_long_name_of_more_than_forty_letters (a_column_with_a_long_name_too int not null, b int, another_column_that_is_long bigint generated always as identity primary key);
create domain a_domain_with_a_very_long_name_of_more_than_fifty_letters_abc as int not null;

-- case: names so long that no other fits behind them
-- old
create table a_table_with_a_very_long_name_of_more_than_forty_letters_of_sixty_th (a_column_with_a_long_name_too int not null, b int);
create type a_domain_with_a_very_long_name_of_more_than_fifty_letters_abcdef as enum ('a', 'b');
create table t (a a_domain_with_a_very_long_name_of_more_than_fifty_letters_abcdef);
-- new
create table a_table_with_a_very_long_name_of_more_than_forty_letters_of_sixty_th (a_column_with_a_long_name_too int not null, b int) partition by list (b);
create type a_domain_with_a_very_long_name_of_more_than_fifty_letters_abcdef as enum ('a');
create table t (a a_domain_with_a_very_long_name_of_more_than_fifty_letters_abcdef);
