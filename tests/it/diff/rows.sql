-- Rows that live through a change of the schema. Each case: the schema as it is, its rows, the
-- schema as it is to be, and a query with what it gives then; and what it gives after the way back,
-- where that is something else. `-- one way` leaves the way back out, `-- fails:` is what the
-- server says instead.

-- case: the bound of a partition changes
-- old
create table p (id int, at int) partition by range (at);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
-- rows
insert into p values (1, 3), (2, 13);
-- new
create table p (id int, at int) partition by range (at);
create table p1 partition of p for values from (0) to (8);
create table p2 partition of p for values from (8) to (30);
-- query
select tableoid::regclass, * from p order by id
-- gives
p1|1|3
p2|2|13

-- case: a partition leaves, and comes back
-- old
create table p (id int, at int) partition by range (at);
create table p1 partition of p for values from (0) to (10);
-- rows
insert into p values (1, 3), (2, 4);
-- new
create table p (id int, at int) partition by range (at);
create table p1 (id int, at int);
-- query
select * from p1 order by id
-- gives
1|3
2|4

-- case: a table becomes partitioned, and ordinary again
-- old
create table t (id serial primary key, region text not null default 'eu', note text);
-- rows
insert into t (note) values ('a'), ('b');
-- new
create table t (id serial, region text not null default 'eu', note text, primary key (id, region)) partition by list (region);
create table t_eu partition of t for values in ('eu');
create table t_rest partition of t default;
-- query
insert into t (note) values ('next'); select id, region, note from t order by id
-- gives
1|eu|a
2|eu|b
3|eu|next
-- back
1|eu|a
2|eu|b
3|eu|next
4|eu|next

-- case: partitions are cut another way
-- old
create table t (id int, region text) partition by list (region);
create table t_a partition of t for values in ('a') partition by range (id);
create table t_a1 partition of t_a for values from (0) to (100);
-- rows
insert into t values (1, 'a'), (99, 'a');
-- new
create table t (id int, region text) partition by range (id);
create table t_low partition of t for values from (0) to (50);
create table t_high partition of t for values from (50) to (100) partition by list (region);
create table t_high_rest partition of t_high default;
-- query
select * from t order by id
-- gives
1|a
99|a

-- case: rows without a partition are not lost
-- one way
-- old
create table t (id int);
-- rows
insert into t values (1), (7);
-- new
create table t (id int) partition by range (id);
create table t_low partition of t for values from (0) to (5);
-- query
select * from t
-- fails: no partition of relation "t" found for row

-- case: a table joins a partitioned one with its rows
-- old
create table p (id int, at int) partition by range (at);
create table p1 (id int, at int);
create table p2 (at int, id int, gone text);
-- rows
insert into p1 values (1, 3);
insert into p2 values (13, 2, 'x');
-- new
create table p (id int, at int) partition by range (at);
create table p1 partition of p for values from (0) to (10);
create table p2 (at int, id int);
alter table p attach partition p2 for values from (10) to (20);
-- query
select id, at from p1 union all select id, at from p2 order by id
-- gives
1|3
2|13

-- case: another collation
-- old
create table t (id int primary key, name text collate "C", code varchar(9) unique);
-- rows
insert into t values (1, 'b', 'x'), (2, 'A', 'y');
-- new
create table t (id int primary key, name text collate "POSIX", code varchar(9) collate "C" unique);
-- query
select * from t order by id
-- gives
1|b|x
2|A|y

-- case: a value of an enum goes that nobody has
-- old
create type mood as enum ('sad', 'ok', 'happy');
create table t (id int, m mood default 'ok', ms mood[]);
create index on t (m);
-- rows
insert into t values (1, 'ok', '{ok,happy}'), (2, null, null), (3, 'happy', '{}');
-- new
create type mood as enum ('happy', 'ok');
create table t (id int, m mood default 'happy', ms mood[]);
create index on t (m);
-- query
select * from t order by id
-- gives
1|ok|{ok,happy}
2|null|null
3|happy|{}

-- case: a value of an enum goes that somebody has
-- one way
-- old
create type mood as enum ('sad', 'it''s 100%', 'happy');
create table t (id int, m mood);
-- rows
insert into t values (1, 'it''s 100%');
-- new
create type mood as enum ('sad', 'happy');
create table t (id int, m mood);
-- query
select * from t
-- fails: m of public.t has values that public.mood loses: it's 100%

-- case: a value of an enum goes that somebody has in an array
-- one way
-- old
create type mood as enum ('sad', 'happy');
create table t (id int, ms mood[]);
-- rows
insert into t values (1, '{happy,sad}');
-- new
create type mood as enum ('happy');
create table t (id int, ms mood[]);
-- query
select * from t
-- fails: ms of public.t has values that public.mood loses: sad

-- case: a text becomes a number, a date, a document, a truth
-- old
create table t (id int, n text, d text, j text, b text, u text, a text[]);
-- rows
insert into t values (1, '42', '2025-02-03', '{"a": 1}', 'true', '00000000-0000-0000-0000-000000000001', '{1,2}');
insert into t values (2);
-- new
create table t (id int, n int, d date, j jsonb, b boolean, u uuid, a int[]);
-- query
select * from t order by id
-- gives
1|42|2025-02-03|{"a": 1}|t|00000000-0000-0000-0000-000000000001|{1,2}
2|null|null|null|null|null|null
-- back
1|42|2025-02-03|{"a": 1}|true|00000000-0000-0000-0000-000000000001|{1,2}
2|null|null|null|null|null|null

-- case: an enum becomes a text
-- old
create type mood as enum ('ok', 'sad');
create table t (id int, m mood default 'ok', ms mood[], v mood);
-- rows
insert into t values (1, 'sad', '{ok,sad}', 'ok');
-- new
create type mood as enum ('ok', 'sad');
create table t (id int, m text default 'ok', ms text[], v varchar(5));
-- query
select * from t
-- gives
1|sad|{ok,sad}|ok

-- case: one enum becomes another
-- old
create type mood as enum ('ok', 'sad');
create table t (id int, m mood default 'ok');
create view v as select m from t;
-- rows
insert into t values (1, 'sad');
-- new
create type feeling as enum ('sad', 'ok', 'new');
create table t (id int, m feeling default 'new');
create view v as select m from t;
-- query
select t.*, v.m from t, v
-- gives
1|sad|sad

-- case: numbers and truths
-- old
create table t (id int, b int, n int, s bigint);
-- rows
insert into t values (1, 1, 5, 70), (2, 0, 6, 80);
-- new
create table t (id bigint, b boolean, n numeric(12, 2), s smallint);
-- query
select * from t order by id
-- gives
1|t|5.00|70
2|f|6.00|80
-- back
1|1|5|70
2|0|6|80

-- case: a text that is too long stays whole
-- one way
-- old
create table t (id int, v varchar(20));
-- rows
insert into t values (1, 'longer than that');
-- new
create table t (id int, v varchar(5));
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: a text in an array that is too long stays whole
-- one way
-- old
create table t (id int, v text[]);
-- rows
insert into t values (1, '{longer than that}');
-- new
create table t (id int, v varchar(5)[]);
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: a text that is too long for a domain stays whole
-- one way
-- old
create domain short as varchar(5);
create table t (id int, v text);
-- rows
insert into t values (1, 'longer than that');
-- new
create domain short as varchar(5);
create table t (id int, v short);
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: a domain that gets shorter cuts nothing
-- one way
-- old
create domain short as varchar(20);
create table t (id int, v short, vs short[]);
-- rows
insert into t values (1, 'longer than that', '{a}');
-- new
create domain short as varchar(5);
create table t (id int, v short, vs short[]);
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: a table that becomes partitioned cuts nothing
-- one way
-- old
create table t (id int, v varchar(20));
-- rows
insert into t values (1, 'longer than that');
-- new
create table t (id int, v varchar(5)) partition by range (id);
create table t_all partition of t default;
-- query
select * from t
-- fails: value too long for type character varying(5)

-- case: a domain of another type
-- old
create domain price as int check (value > 0);
create table t (id int, p price, ps price[]);
-- rows
insert into t values (1, 5, '{6,7}');
-- new
create domain price as bigint check (value >= 0) default 1;
create table t (id int, p price, ps price[]);
-- query
select * from t
-- gives
1|5|{6,7}

-- case: a type becomes a domain, and back
-- old
create table t (id int, mail text, n int);
-- rows
insert into t values (1, 'a@b', 3);
-- new
create domain mail as text check (value like '%@%');
create domain small as smallint;
create table t (id int, mail mail, n small);
-- query
select * from t
-- gives
1|a@b|3

-- case: a composite type with values
-- old
create type place as (x int, y int, z text);
create table t (id int, p place);
-- rows
insert into t values (1, (1, 2, 'a')), (2, null);
-- new
create type place as (y bigint, x int, w text);
create table t (id int, p place);
-- query
select id, (p).x, (p).y from t order by id
-- gives
1|1|2
2|null|null

-- case: a serial becomes an identity and counts on
-- old
create table t (id serial primary key, n text);
-- rows
insert into t (n) values ('a'), ('b'), ('c');
-- new
create table t (id int generated always as identity primary key, n text);
-- query
insert into t (n) values ('next'); select id, n from t order by id
-- gives
1|a
2|b
3|c
4|next
-- back
1|a
2|b
3|c
4|next
5|next

-- case: a serial counts on when it becomes a big one
-- old
create table t (id serial primary key, n text);
-- rows
insert into t (n) values ('a'), ('b'), ('c');
delete from t where n = 'c';
-- new
create table t (id bigserial primary key, n text);
-- query
insert into t (n) values ('next'); select id, n from t order by id
-- gives
1|a
2|b
4|next
-- back
1|a
2|b
4|next
5|next

-- case: an identity of another kind counts on
-- old
create table t (id int generated always as identity, n text);
-- rows
insert into t (n) values ('a'), ('b');
-- new
create table t (id bigint generated by default as identity (increment by 2), n text);
-- query
insert into t (n) values ('next'); select id, n from t order by id
-- gives
1|a
2|b
4|next
-- back
1|a
2|b
4|next
5|next

-- case: a table without numbers gets them
-- old
create table t (n text);
-- rows
insert into t values ('a'), ('b');
-- new
create table t (n text, id serial primary key, at int not null default 5, maybe int default 7);
-- query
select to_jsonb(t) from t order by n
-- gives
{"n": "a", "at": 5, "id": 1, "maybe": 7}
{"n": "b", "at": 5, "id": 2, "maybe": 7}
-- back
{"n": "a"}
{"n": "b"}

-- case: a default comes to children with the column
-- old
create table p (id int) partition by range (id);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
create table h (id int);
create table h1 () inherits (h);
-- rows
insert into p values (1), (11);
insert into h values (1);
insert into h1 values (2);
-- new
create table p (id int, n int not null default 3) partition by range (id);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
alter table only p2 alter n drop default;
create table h (id int, n int default 4);
create table h1 () inherits (h);
-- query
select to_jsonb(p) from p union all select to_jsonb(h) from h order by 1
-- gives
{"n": 3, "id": 1}
{"n": 3, "id": 11}
{"n": 4, "id": 1}
{"n": 4, "id": 2}
-- back
{"id": 1}
{"id": 1}
{"id": 2}
{"id": 11}

-- case: a new column that wants a value nobody has
-- one way
-- old
create table t (id int);
-- rows
insert into t values (1);
-- new
create table t (id int, n int not null);
-- query
select * from t
-- fails: public.t has rows, and there is no value for its new column n

-- case: a column that wants a value comes to a table without rows
-- old
create table t (id int);
-- rows
-- new
create table t (id int, n int not null);
-- query
select count(*) from t
-- gives
0

-- case: a generated column
-- old
create table t (id int, a int, b int generated always as (a * 2) stored, c int generated always as (a + 1) stored);
-- rows
insert into t (id, a) values (1, 5);
-- new
create table t (id int, a bigint, b int generated always as (a * 3) stored, c int);
-- query
select id, a, b, c from t
-- gives
1|5|15|6
-- back
1|5|10|6

-- case: logged and not, with options and a key
-- old
create table t (id int);
create unlogged table u (id int);
-- rows
insert into t values (1);
insert into u values (2);
-- new
create unlogged table t (id int primary key) with (fillfactor = 50);
create table u (id int);
-- query
select t.id, u.id from t, u
-- gives
1|2

-- case: a child leaves and another joins
-- old
create table p (id int, n text);
create table a (x int) inherits (p);
create table b (id int, n text, x int);
-- rows
insert into a values (1, 'a', 10);
insert into b values (2, 'b', 20);
-- new
create table p (id int, n text);
create table a (id int, n text, x int);
create table b (x int) inherits (p);
-- query
select id, n, x from a union all select id, n, x from b order by 1
-- gives
1|a|10
2|b|20

-- case: a sequence with other steps counts on
-- old
create sequence s;
create table t (id int default nextval('s'));
-- rows
insert into t default values; insert into t default values;
-- new
create sequence s as integer increment by 10 cache 2;
create table t (id int default nextval('s'));
-- query
select nextval('s') > 2
-- gives
t

-- case: a range of another kind
-- old
create type span as range (subtype = int);
create table t (id int, s span);
-- rows
insert into t values (1, '[1,5)');
-- new
create type span as range (subtype = bigint);
create table t (id int, s span);
-- query
select id, lower(s), upper(s) from t
-- gives
1|1|5
