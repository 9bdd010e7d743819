-- Partitions with other bounds, while their tables change too.

-- case: a bound changes while indexes, keys, checks and columns come and go
-- old
create table p (a int not null, b int, gone int) partition by range (a);
create table p_1 partition of p for values from (0) to (10);
create table p_2 partition of p for values from (10) to (20);
-- new
create table p (a int not null, b int, c int default 7, primary key (a), check (b > 0)) partition by range (a);
create table p_1 partition of p for values from (0) to (5);
create table p_2 partition of p for values from (10) to (20);
create index on p (b);
create unique index on p (a, b);

-- case: a bound changes with the type of a column and the partitions beside it
-- old
create table p (a int not null, b int) partition by range (a);
create table p_1 partition of p for values from (0) to (10);
create index i on p (b);
create table r (id int primary key);
-- new
create table r (id bigint primary key);
create table p (a int not null, b bigint references r) partition by range (a);
create table p_1 partition of p for values from (0) to (5);
create table p_3 partition of p for values from (5) to (10);
create unique index j on p (a);
