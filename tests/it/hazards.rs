//! What a generated migration says of its statements: what each loses, locks, reads and rewrites, and
//! which rows would make it fail. Exactly: a line more is as wrong as a line less.

use expect_test::{Expect, expect};

use super::migrate_generated::{files, project};
use super::support::castoff::Finished;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

/// Writes the migration from one schema to another.
fn migrate(database: &Database<'_>, old: &str, new: &str) -> (Project, Finished) {
    let project = project(old, new);
    let line = "migrate -m 'To be' --rev-id bbbb22 --allow-destructive";
    let finished = run(&project, Some(database), line);
    finished.status(0);
    (project, finished)
}

/// The upgrade of the last file, without the lines that only begin it.
fn upgrade(project: &Project) -> String {
    let name = files(project).pop().unwrap();
    let text = std::fs::read_to_string(project.path(&format!("migrations/{name}"))).unwrap();
    let (_, sections) = text.split_once("\n-- upgrade").unwrap();
    let (upgrade, _) = sections.split_once("\n-- downgrade").unwrap();
    upgrade
        .trim_start_matches(" destructive\n")
        .trim_start()
        .to_owned()
}

#[track_caller]
fn check(old: &str, new: &str, expected: &Expect) {
    let database = Server::shared().database();
    let (project, _) = migrate(&database, old, new);
    expected.assert_eq(&upgrade(&project));
}

#[test]
fn new_tables_are_nobodys_business() {
    check(
        "create table other (id int primary key);",
        "create table other (id int primary key);
         create table t (id int primary key, o int references other, check (id > 0));
         create index on t (o);
         create view v as select * from t;",
        &expect![[r#""#]],
    );
}

#[test]
fn columns() {
    check(
        "create table t (a int, b int, c text, gone text);",
        "create table t (a int not null, b bigint, c text default 'x', d int default 5, e int not null, f float8 default random());",
        &expect![[r#""#]],
    );
}

#[test]
fn constraints_and_indexes() {
    check(
        "create table r (id int primary key); create table t (a int, b int, c text, r int, s int4range);",
        "create table r (id int primary key);
         create table t (a int check (a > 0), b int primary key, c text unique, r int references r, s int4range, exclude using gist (s with &&));
         create unique index on t (lower(c), a desc) where b > 0;
         create index on t (r);",
        &expect![[r#""#]],
    );
}

#[test]
fn types_that_lose_and_types_that_may_fail() {
    check(
        "create table t (a numeric(10, 4), b timestamptz, c varchar(9), d varchar(9), e bigint, f text, g text[], h int, i timestamp);",
        "create table t (a numeric(10, 2), b date, c varchar(5), d text, e int, f numeric, g varchar(5)[], h boolean, i timestamp(0));",
        &expect![[r#""#]],
    );
}

#[test]
fn values_of_enums_and_checks_of_domains() {
    check(
        "create type mood as enum ('sad', 'ok'); create domain age as int; create table t (m mood, a age, ms mood[], w text);",
        "create type mood as enum ('ok'); create domain age as int not null check (value > 0); create table t (m mood, a age, ms mood[], w mood);",
        &expect![[r#""#]],
    );
}

#[test]
fn partitions() {
    check(
        "create table p (id int, at int) partition by range (at);
         create table p1 partition of p for values from (0) to (10);
         create table p2 partition of p for values from (10) to (20);
         create table rest partition of p default;
         create table joins (id int, at int);
         create table h (id int) partition by hash (id);
         create table h0 partition of h for values with (modulus 2, remainder 0);
         create table h1 (id int);
         create table plain (id int);",
        "create table p (id int, at bigint, n int) partition by range (at);
         create table p1 partition of p for values from (0) to (10);
         create table p2 (id int, at bigint);
         create table rest partition of p default;
         create table joins partition of p for values from (20) to (30);
         create table made partition of p for values from (30) to (maxvalue);
         create table h (id int) partition by hash (id);
         create table h0 partition of h for values with (modulus 2, remainder 0);
         create table h1 partition of h for values with (modulus 2, remainder 1);
         create table plain (id int) partition by list (id);
         create table plain1 partition of plain for values in (1, null);",
        &expect![[r#""#]],
    );
}

#[test]
fn what_keeps_others_waiting_is_told() {
    let database = Server::shared().database();
    let (_, finished) = migrate(
        &database,
        "create table t (a int, b int); create table u (a int);",
        "create table t (a bigint, b int check (b > 0)); create table u (a int, b int);",
    );
    let told = "others wait while the upgrade goes through all rows: it locks public.t (access \
        exclusive); rewrites it, locks public.t (access exclusive); reads all of it";
    assert!(finished.stderr.contains(told), "{finished}");
}

/// What `castoff plan` finds on a database with rows, and what an upgrade then does.
#[track_caller]
fn check_plan(old: &str, rows: &str, new: &str, expected: &Expect) {
    let database = Server::shared().database();
    let (project, _) = migrate(&database, old, new);
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    database.sql(rows);
    let before = database.contents();
    let plan = run(&project, Some(&database), "plan");
    plan.status(0);
    database.assert_unchanged(&before);
    let said: Vec<&str> = plan
        .stdout
        .lines()
        .filter(|line| line.starts_with("--   ") && !line.contains("migrations/"))
        .collect();
    let failed = run(&project, Some(&database), "upgrade --allow-destructive");
    let error: Vec<&str> = failed
        .stderr
        .lines()
        .filter(|line| line.contains("caused by") || line.contains("postgres hint"))
        .collect();
    expected.assert_eq(&format!("{}\n{}\n", said.join("\n"), error.join("\n")));
}

#[test]
fn rows_that_stand_in_the_way_are_found_before_anything_runs() {
    check_plan(
        "create table t (a int, b text, c int);",
        "insert into t values (1, 'x', 5), (1, null, -3);",
        "create table t (a int primary key, b text not null, c int check (c > 0));",
        &expect![[r#""#]],
    );
    check_plan(
        "create type mood as enum ('sad', 'ok'); create table t (m mood, n text);",
        "insert into t values ('sad', '4x');",
        "create type mood as enum ('ok'); create table t (m mood, n int, o int not null);",
        &expect![[r#""#]],
    );
}

#[test]
fn rows_that_fit_are_not_spoken_of() {
    check_plan(
        "create table r (id int primary key); create table t (a int, b text, c int, r int);",
        "insert into r values (7); insert into t values (1, 'x', 5, 7), (2, 'y', null, null);",
        "create table r (id int primary key); create table t (a int primary key, b varchar(1) not null unique, c smallint check (c > 0), r int references r);",
        &expect![[r#""#]],
    );
}
