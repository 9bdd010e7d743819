-- case: an enum loses a value under a domain, a composite type, a range and arrays of them
-- old
create type e as enum ('a', 'b');
create domain d as e check (value <> 'b'::e);
create type k as (x e, y d);
create table t (a e, b d, c k, f d[], g e[]);
-- new
create type e as enum ('a');
create domain d as e check (value <> 'a'::e);
create type k as (x e, y d);
create table t (a e, b d, c k, f d[], g e[]);

-- case: an enum loses a value in the key of partitions
-- old
create type e as enum ('a', 'b', 'c');
create table p (x e, y int) partition by list (x);
create table p_a partition of p for values in ('a');
-- new
create type e as enum ('a', 'b');
create table p (x e, y int) partition by list (x);
create table p_a partition of p for values in ('a');

-- case: the column of a partition key has another collation
-- old
create table p (x text, y int) partition by range (x);
create table p_1 partition of p for values from ('a') to ('b');
-- new
create table p (x text collate "C", y int) partition by range (x);
create table p_1 partition of p for values from ('a') to ('b');

-- case: the type of a typed table changes
-- old
create type k as (x int, y text);
create table t of k;
-- new
create type k as (x bigint, y text, z int);
create table t of k;

-- case: a domain in an array gets a constraint
-- old
create domain d as int;
create table t (a d[]);
-- new
create domain d as int not null check (value > 0);
alter domain d add constraint late check (value < 9) not valid;
create table t (a d[]);

-- case: the options of the key of a partitioned table
-- old
create table p (x int primary key) partition by list (x);
-- new
create table p (x int primary key with (fillfactor = 70)) partition by list (x);

-- case: a foreign key to a partitioned table, and a partition leaves
-- old
create table p (x int primary key, y int references p (x)) partition by list (x);
create table p_1 partition of p for values in (1);
create table p_2 partition of p for values in (2);
-- new
create table p (x int primary key, y int references p (x)) partition by list (x);
create table p_1 partition of p for values in (1);

-- case: a trigger of a partitioned table goes with its partitions
-- old
create function f() returns trigger language plpgsql as 'begin return new; end';
create table p (x int) partition by list (x);
create table p_1 partition of p for values in (1);
create trigger g before insert on p for each row execute function f();
-- new
create function f() returns trigger language plpgsql as 'begin return new; end';

-- case: types without a cast between them
-- old
create table t (a int, b date, c uuid);
-- new
create table t (a int[], b smallint, c jsonb);

-- case: the options of a foreign server in another order
-- old
create foreign data wrapper w;
create server s foreign data wrapper w options (a '1');
-- new
create foreign data wrapper w;
create server s foreign data wrapper w options (b '1', a '2');

-- case: a sequence turns round
-- old
create sequence s increment by -1 maxvalue 141;
create sequence up minvalue 5;
-- new
create sequence s;
create sequence up minvalue 8 maxvalue 100;

-- case: privileges on an ordered-set aggregate
-- old
create aggregate h (float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
-- new
create aggregate h (float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
revoke execute on function h (float8, anyelement) from public;

-- case: a partition with its columns in another order joins, and the parent has a check
-- old
create table p (x int, y int) partition by list (x);
-- new
create table p (x int, y int) partition by list (x);
create table p_1 (y int, x int);
alter table p attach partition p_1 for values in (1);
alter table p add constraint p_y check (y > 0);
