-- case: values go from an enum that other types are made of
-- old
create type e as enum ('a', 'b', 'c');
create domain d as e check (value <> 'c');
create domain dd as d default 'b';
create type k as (x e, y e[]);
create table t (x e default 'a', y e[] default '{a,b}', z d default 'a', w k, v dd, primary key (x));
create table u (x e references t (x), k k[], d d[], g e generated always as ('a'::e) stored);
create materialized view m as select x, count(*) as n from t group by x;
create unique index m_x on m (x);
comment on domain d is 'narrow';
-- new
create type e as enum ('b', 'a');
create domain d as e check (value <> 'b');
create domain dd as d default 'a';
create type k as (x e, y e[]);
create table t (x e default 'a', y e[] default '{a,b}', z d default 'a', w k, v dd, primary key (x));
create table u (x e references t (x), k k[], d d[], g e generated always as ('a'::e) stored);
create materialized view m as select x, count(*) as n from t group by x;
create unique index m_x on m (x);
comment on domain d is 'narrow';

-- case: a domain takes the place of an enum
-- old
create type e as enum ('a', 'b');
create table t (x e not null default 'a', y e[]);
create index t_x on t (x);
create view v as select x from t;
-- new
create domain e as text check (value in ('a', 'b'));
create table t (x e not null default 'a', y e[]);
create index t_x on t (x);
create view v as select x from t;

-- case: a domain in an array gets a check
-- old
create domain d as int constraint low check (value > 0);
create table t (a d, b d[]);
create view v as select b from t;
-- new
create domain d as int not null default 5 constraint low check (value > 0) constraint high check (value < 10);
create table t (a d, b d[]);
create view v as select b from t;

-- case: a table is partitioned by an enum whose values change
-- old
create type e as enum ('a', 'b', 'c');
create table p (x e not null, n int) partition by list (x);
create table p_a partition of p for values in ('a');
create table p_b partition of p for values in ('b');
create index p_n on p (n);
create view v as select x from p;
-- new
create type e as enum ('b', 'a');
create table p (x e not null, n int) partition by list (x);
create table p_a partition of p for values in ('a');
create table p_b partition of p for values in ('b');
create index p_n on p (n);
create view v as select x from p;

-- case: the key of a partition that is partitioned itself has another type
-- old
create table p (a int, b int, c text) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20) partition by list (b);
create table p21 partition of p2 for values in (1);
create index p_c on p (c);
-- new
create table p (a int, b bigint, c text) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20) partition by list (b);
create table p21 partition of p2 for values in (1);
create index p_c on p (c);

-- case: a collation in use changes
-- old
create collation c (provider = libc, locale = 'C');
create domain d as text collate c;
create table t (a text collate c, b d, e text collate c);
create index t_a on t (a);
create view v as select a, b from t;
-- new
create collation c (provider = libc, locale = 'POSIX');
create domain d as text collate c;
create table t (a text collate c, b d, e text);
create index t_a on t (a);
create view v as select a, b from t;

-- case: triggers of partitions
-- since 14
-- old
create function f() returns trigger language plpgsql as 'begin return new; end';
create table p (a int, b int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20) partition by list (b);
create trigger watch after insert on p for each row execute function f();
-- new
create function f() returns trigger language plpgsql as 'begin return new; end';
create table p (a int, b int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20) partition by list (b);
create table p21 partition of p2 for values in (1);
create trigger watch after update on p for each row execute function f();
alter table p1 disable trigger watch;

-- case: a table that others refer to becomes partitioned
-- old
create table p (id int primary key);
create table c (p int references p);
-- new
create table p (id int primary key) partition by hash (id);
create table p0 partition of p for values with (modulus 2, remainder 0);
create table p1 partition of p for values with (modulus 2, remainder 1);
create table c (p int references p);

-- case: a partition goes from a table that others refer to
-- old
create table p (id int primary key) partition by range (id);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
create table c (p int references p, one int references p1);
-- new
create table p (id int primary key) partition by range (id);
create table p2 partition of p for values from (10) to (20);
create table c (p int references p, one int);

-- case: the key of a partition is under the index of the whole
-- old
create table p (a int, b text) partition by list (b);
create table p1 partition of p for values in ('a');
-- new
create table p (a int, b text) partition by list (b);
create table p1 partition of p for values in ('a');
create unique index p_key on only p (b, a);
alter table p1 add constraint p1_pkey primary key (b, a);
alter index p_key attach partition p1_pkey;

-- case: types without a cast, on both sides of a foreign key
-- old
create table a (id int primary key);
create table b (id int primary key, a int not null references a (id) on delete cascade);
create index b_a on b (a);
create view v as select a.id, b.id as b from a join b on b.a = a.id;
-- new
create table a (id uuid primary key);
create table b (id int primary key, a uuid not null references a (id) on delete cascade);
create index b_a on b (a);
create view v as select a.id, b.id as b from a join b on b.a = a.id;

-- case: values and lists of them
-- old
create table t (a boolean default true, b int, c int, d int[], e uuid[], f boolean[], g numeric, h bigint);
-- new
create table t (a smallint default 1, b boolean, c int[] not null default '{}', d uuid[], e text[], f int[], g boolean, h uuid);

-- case: a foreign table moves to another server, and another becomes ordinary
-- old
create foreign data wrapper w;
create server s foreign data wrapper w;
create foreign table ft (a int) server s;
create foreign table other (a int) server s;
create view v as select ft.a from ft, other;
-- new
create foreign data wrapper w;
create server s2 foreign data wrapper w;
create foreign table ft (a int) server s2;
create table other (a int);
create view v as select ft.a from ft, other;

-- case: a sequence stands outside its new bounds
-- old
create sequence s;
-- new
create sequence s as int minvalue 5 maxvalue 100 start 10;

-- case: names as long as they may be
-- old
create type a_name_of_sixty_three_bytes_that_has_no_room_for_anything_more1 as enum ('a', 'b');
create type "ein_Name_von_62_Bytes_der_für_ein_Wort_mehr_keinen_Platz_läss" as enum ('a', 'b');
create table t (
    x a_name_of_sixty_three_bytes_that_has_no_room_for_anything_more1,
    y "ein_Name_von_62_Bytes_der_für_ein_Wort_mehr_keinen_Platz_läss"
);
-- new
create type a_name_of_sixty_three_bytes_that_has_no_room_for_anything_more1 as enum ('b', 'a');
create type "ein_Name_von_62_Bytes_der_für_ein_Wort_mehr_keinen_Platz_läss" as enum ('b', 'a');
create table t (
    x a_name_of_sixty_three_bytes_that_has_no_room_for_anything_more1,
    y "ein_Name_von_62_Bytes_der_für_ein_Wort_mehr_keinen_Platz_läss"
);

-- case: heirs that say their columns themselves
-- old
create table base (a int, b text);
create table child (a int, d int) inherits (base);
create table grandchild () inherits (child);
-- new
create table base (a bigint, b varchar(5));
create table child (a bigint, d int) inherits (base);
create table grandchild () inherits (child);

-- case: a table joins a parent that checks its rows
-- one way
-- printed in two ways
-- old
create table base (a int not null, check (a > 0));
create table t (a int not null);
-- new
create table base (a int not null, check (a > 0));
create table t () inherits (base);

-- case: a table of a type, and a type of a table's rows
-- old
create type k as (a int, b text);
create table t of k (primary key (a), b default 'x');
-- new
create type k as (a int, b text, c date);
create table t of k (primary key (a), b default 'y');
create table z (i int);
create type r as (z z, n int);
create table a (r r, z z[]);

-- case: a replica is identified by the key of a partition
-- old
create table p (a int not null, b text not null, constraint k primary key (b, a)) partition by list (b);
create table p1 partition of p for values in ('a');
alter table p1 replica identity using index p1_pkey;
-- new
create table p (a bigint not null, b text not null, constraint k primary key (b, a)) partition by list (b);
create table p1 partition of p for values in ('a');
alter table p1 replica identity using index p1_pkey;

-- case: sequences whose bounds have nothing in common
-- old
create sequence s as smallint start 3 minvalue 2 maxvalue 30 cycle cache 2;
create sequence high minvalue 1000 maxvalue 2000 start 1500;
-- new
create sequence s as bigint start -3 increment -1 minvalue -100 maxvalue -1;
create sequence high minvalue 1 maxvalue 1200 start 7;

-- case: an index of a parent alone, and with all its partitions
-- old
create table f (id int, foo text) partition by list (foo);
create table f1 partition of f for values in ('1');
create table f2 partition of f for values in ('2');
create index i on only f (id);
create index i1 on f1 (id);
alter index i attach partition i1;
-- new
create table f (id int, foo text) partition by list (foo);
create table f1 partition of f for values in ('1');
create table f2 partition of f for values in ('2');
create index i on only f (id);
create index i1 on f1 (id);
alter index i attach partition i1;
create index i2 on f2 (id);
alter index i attach partition i2;

-- case: a partition of a partition, both made anew
-- old
create table t (id int, d date, k text) partition by list (k);
create table ta partition of t for values in ('a') partition by range (d);
create table ta1 partition of ta for values from ('2020-01-01') to ('2021-01-01');
create table tb partition of t for values in ('b', null);
-- new
create table t (id int, d date, k text) partition by range (d);
create table ta partition of t for values from ('2020-01-01') to ('2021-01-01') partition by hash (id);
create table ta1 partition of ta for values with (modulus 2, remainder 0);
create table ta2 partition of ta for values with (modulus 2, remainder 1);
create table tb partition of t default;

-- case: partitions come while there is a default one
-- old
create table t (d int not null, k text, primary key (d)) partition by range (d);
create index t_k on t (k);
create table t1 partition of t for values from (1) to (10);
create table t2 partition of t for values from (10) to (20);
create table td partition of t default;
create table u (d int) partition by list (d);
create table ud partition of u default;
-- new
create table t (d int not null, k text, primary key (d)) partition by range (d);
create index t_k on t (k);
create table t1 partition of t for values from (1) to (15);
create table t2 partition of t for values from (15) to (20);
create table t3 partition of t for values from (20) to (maxvalue);
create table td partition of t default;
create table u (d int) partition by list (d);
create table u1 partition of u for values in (1);
create table ud partition of u default;

-- case: an heir of two whose check changes as it leaves
-- old
create table p (a int, constraint p_a check (a > 0));
create table q (z int);
create table d (a int, z int, constraint p_a check (a > 0)) inherits (p, q);
-- new
create table p (a int, constraint p_a check (a > 1));
create table q (z int);
create table d (a int, z int, constraint p_a check (a > 1));

-- case: a partition gets another bound while its columns and checks change
-- old
create table p (id int, k text, v int default 1) partition by list (k);
create table pa partition of p for values in ('a');
create table pb partition of p (v default 5, constraint own check (v > 0)) for values in ('b');
-- new
create table p (id bigint, k text, v int default 2, n text not null default 'n') partition by list (k);
create table pa partition of p (v default 7) for values in ('a');
create table pb partition of p (constraint own check (v > 1)) for values in ('b', 'c');
create table pd partition of p default;

-- case: a partition gets another bound while the keys change
-- old
create table p (id int, k int, u text, primary key (id, k)) partition by range (k);
create table p1 partition of p for values from (1) to (10);
create table p2 partition of p for values from (10) to (20);
create table r (pid int, pk int, constraint rf foreign key (pid, pk) references p);
-- new
create table p (id bigint, k int, u text, primary key (k, id), unique (u, k)) partition by range (k);
create table p1 partition of p for values from (1) to (10);
create table p2 partition of p for values from (10) to (30);
create table r (pid bigint, pk int, constraint rf foreign key (pk, pid) references p on delete cascade);

-- case: a key and what refers to it become of a type that the other is not compared with
-- old
create table a (id text primary key, n int unique);
create table b (a text references a, n int references a (n) on delete cascade);
-- new
create table a (id int generated always as identity primary key, n numeric(8) unique);
create table b (a int references a, n numeric(8) references a (n) on delete cascade);
