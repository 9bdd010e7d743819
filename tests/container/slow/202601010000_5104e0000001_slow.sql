-- Take longer than anybody waits
-- revision: 5104e0000001

-- upgrade
create table begun (id integer);
select pg_sleep(600);

-- downgrade
drop table begun;
