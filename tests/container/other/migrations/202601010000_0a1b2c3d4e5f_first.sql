-- Make the one table of another application
-- revision: 0a1b2c3d4e5f

-- upgrade
create table other_application (id integer primary key);

-- downgrade
drop table other_application;
