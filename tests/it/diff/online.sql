-- case: indexes come, change and go
-- old
create table t (a int, b text, c text);
create unique index changed on t (a);
create index gone on t (c);
create index other on t (lower(b));
comment on index changed is 'Old.';
create materialized view m as select a, b from t;
create unique index m_a on m (a);
create index m_b on m (b);
-- new
create table t (a int, b text, c text);
create unique index changed on t (a, b);
create index come on t (c) where c <> '';
create index other on t (upper(b));
alter index other alter column 1 set statistics 300;
comment on index changed is 'New.';
create materialized view m as select a, b from t;
create unique index m_a on m (a, b);
create index on m (b) include (a);

-- case: an index that is a table's mark changes
-- old
create table t (a int not null, b int not null);
create unique index mark on t (a);
alter table t replica identity using index mark;
alter table t cluster on mark;
-- new
create table t (a int not null, b int not null);
create unique index mark on t (a, b);
alter table t replica identity using index mark;
alter table t cluster on mark;

-- case: checks and foreign keys
-- old
create table a (id int primary key, n int, m int constraint m_check check (m > 0), k int);
create table b (id int primary key, a int, a2 int constraint b_a2_fkey references a, a3 int);
alter table b add constraint late check (id > 0) not valid;
-- new
create table a (id int primary key, n int check (n > 0), m int constraint m_check check (m > 1), k int check (k > 0) no inherit);
create table b (id int primary key, a int references a on delete cascade deferrable initially deferred, a2 int constraint b_a2_fkey references a on delete set null, a3 int);
alter table b add constraint late check (id > 0);
alter table b add constraint b_a3_fkey foreign key (a3) references a not valid;
comment on constraint m_check on a is 'More.';

-- case: keys come and change
-- old
create table a (id int, n int, m int, k int constraint k_key unique);
create table b (id int constraint b_pkey primary key, n int not null);
-- new
create table a (id int primary key, n int unique deferrable, m int, k int, constraint k_key unique (k, m), unique (m) include (n) with (fillfactor = 80));
create table b (id int not null, n int not null, constraint b_pkey primary key (n, id));
create table c (a int references a, n int);

-- case: columns may no longer be null
-- old
create table t (a int, "B b" text, c int check (c is not null), d int);
create table parent (a int, b int);
create table heir (c int) inherits (parent);
create table p (a int, b int) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create table t_a_not_null ();
-- new
create table t (a int not null, "B b" text not null, c int not null check (c is not null), d int not null generated always as identity);
create table parent (a int not null, b int);
create table heir (c int not null) inherits (parent);
create table p (a int, b int not null) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create table t_a_not_null ();

-- case: a type and not null change under a view
-- old
create table t (a int, b int check (b > 0), c int);
create index t_a on t (a);
create index t_text on t ((b::text));
create view v as select a, b from t;
-- new
create table t (a bigint not null, b bigint check (b > 0), c int);
create index t_a on t (a);
create index t_text on t ((b::text));
create view v as select a, b from t;
create index t_c on t (c);

-- case: indexes and keys of partitioned tables
-- old
create table p (a int not null, b int, c text) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create table p22 partition of p2 default;
create index p1_c on p1 (c);
create table nothing (a int) partition by list (a);
-- new
create table p (a int not null, b int not null, c text, primary key (a, b)) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create table p22 partition of p2 default;
create table p3 partition of p for values in (3);
create index p1_c on p1 (c);
create index p_c on p (c);
create unique index on p (b, a) where c > '';
create table nothing (a int) partition by list (a);
create index on nothing (a);
comment on index p_c is 'All.';

-- case: a changed index of a partitioned table
-- old
create table p (a int not null, b int, c text) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create index changed on p (b);
comment on index p1_b_idx is 'One.';
-- new
create table p (a int not null, b int, c text) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) partition by list (b);
create table p21 partition of p2 for values in (1);
create index changed on only p (b, c);
create index p1_b_idx on p1 (b, c);
create index p2_b_idx on only p2 (b, c);
create index p21_b_idx on p21 (b, c);
alter index p2_b_idx attach partition p21_b_idx;
alter index changed attach partition p1_b_idx;
alter index changed attach partition p2_b_idx;
comment on index p1_b_idx is 'The first.';

-- case: partitions join, and back they leave
-- old
create table p (a int, at date, primary key (a, at)) partition by range (at);
create table p1 partition of p for values from ('2020-01-01') to ('2021-01-01');
create table p2 (a int not null, at date not null, primary key (a, at));
create table h (a int) partition by hash (a);
create table h0 partition of h for values with (modulus 2, remainder 0);
create table h1 (a int);
create table d (a int) partition by list (a);
create table d1 partition of d for values in (1);
create table d2 (a int);
create table rest partition of d default;
-- new
create table p (a int, at date, primary key (a, at)) partition by range (at);
create table p1 partition of p for values from ('2020-01-01') to ('2021-01-01');
create table p2 partition of p for values from ('2021-01-01') to ('2022-01-01');
create table h (a int) partition by hash (a);
create table h0 partition of h for values with (modulus 2, remainder 0);
create table h1 partition of h for values with (modulus 2, remainder 1);
create table d (a int) partition by list (a);
create table d1 partition of d for values in (1);
create table d2 partition of d for values in (2);
create table rest partition of d default;

-- case: one partition takes the place of another
-- old
create table p (a int, at date, primary key (a, at)) partition by range (at);
create table p1 partition of p for values from ('2020-01-01') to ('2021-01-01');
create table p2 (a int not null, at date not null, primary key (a, at));
-- new
create table p (a int, at date, primary key (a, at)) partition by range (at);
create table p1 (a int not null, at date not null, primary key (a, at));
create table p2 partition of p for values from ('2020-01-01') to ('2021-01-01');

-- case: a foreign key of partitions
-- old
create table a (id int primary key);
create table p (a int, b int) partition by list (a);
create table p1 partition of p for values in (1);
create table q (id int primary key) partition by list (id);
create table q1 partition of q for values in (1);
create table b (q int);
-- new
create table a (id int primary key);
create table p (a int references a, b int check (b > 0)) partition by list (a);
create table p1 partition of p for values in (1);
create table q (id int primary key) partition by list (id);
create table q1 partition of q for values in (1);
create table b (q int references q);

-- case: an index becomes a constraint
-- old
create table t (a int not null, b int);
create table v (a int);
create unique index t_a_key on t (a);
alter table t cluster on t_a_key;
create unique index t_pkey on t (b, a);
comment on index t_pkey is 'All.';
alter table v add constraint v_a_fkey foreign key (a) references t (a);
-- new
create table t (a int not null, b int not null, constraint t_a_key unique (a), constraint t_pkey primary key (b, a));
create table v (a int);
alter table v add constraint v_a_fkey foreign key (a) references t (a);
create table u (a int references t (a));

-- case: a partition's bound changes, and no other's
-- old
create table p (a int, b text, primary key (a)) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2);
create table rest partition of p default;
create index on p (b);
-- new
create table p (a int, b text, primary key (a)) partition by list (a);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2, 3);
create table rest partition of p default;
create index on p (b);

-- case: a type that is made anew takes its constraints and indexes along
-- old
create type e as enum ('a', 'b');
create table t (id int primary key, a e check (a > 'a'), b int);
create index t_a on t (a) where a > 'a';
create index t_b on t (b);
create table u (t int references t, a e);
-- new
create type e as enum ('b', 'a');
create table t (id int primary key, a e check (a > 'a'), b int);
create index t_a on t (a) where a > 'a';
create index t_b on t (b, id);
create table u (t int references t, a e not null);
