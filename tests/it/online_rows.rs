//! Rows in the way of what is done online: `castoff plan` finds them before anything runs.

use super::migrate_generated::project;
use super::support::server::Server;
use super::support::transcript::run;

/// Writes a migration online, and asks with rows in the way what would fail.
#[track_caller]
fn check(old: &str, new: &str, rows: &str, expected: &[&str]) {
    let database = Server::shared().database();
    let project = project(old, new);
    run(&project, Some(&database), "upgrade").status(0);
    let line = "migrate -m 'To be' --rev-id bbbb22 --allow-destructive";
    run(&project, Some(&database), line).status(0);
    let planned = |says: &str| -> Vec<String> {
        let finished = run(&project, Some(&database), "plan");
        finished.status(0);
        let lines = finished.stdout.lines();
        let lines = lines.filter(|line| line.contains(says));
        lines
            .filter_map(|line| Some(line.split_once(": ")?.1.to_owned()))
            .collect()
    };
    assert_eq!(planned("not known"), [""; 0], "{new}");
    assert_eq!(planned(" fail"), [""; 0], "{new}: no rows");
    database.sql(rows);
    assert_eq!(planned(" fail"), expected, "{new}: with rows");
}

#[test]
fn rows_in_the_way_of_online_steps_are_found() {
    check(
        "create table t (a int, b int, c int, d int, e int, f int not null);
         create table r (id int primary key);",
        "create table t (a int check (a > 0), b int references r, c int unique, d int not null, e int, f int primary key);
         create table r (id int primary key);
         create unique index on t (e) where e < 10;",
        "insert into t values (0, 1, 2, null, 3, 4), (1, null, 2, 5, 3, 4)",
        &[
            "rows of public.t do not pass t_a_check",
            "rows of public.t lead to no row of public.r",
            "rows of public.t have the same c",
            "rows of public.t have the same f",
            "rows of public.t have the same e",
            "rows of public.t have no value in d",
        ],
    );
}

#[test]
fn rows_in_the_way_of_what_changes_online_are_found() {
    check(
        "create table t (a int check (a > 0), b int unique, c int); create unique index i on t (b, c);",
        "create table t (a int check (a > 5), c int unique, b int); create unique index i on t (c);",
        "insert into t (a, b, c) values (1, 1, 2), (2, 2, 2)",
        &[
            "rows of public.t have the same c",
            "rows of public.t do not pass t_a_check",
            "rows of public.t have the same c",
        ],
    );
}

#[test]
fn rows_of_partitions_and_views_in_the_way_are_found() {
    check(
        "create table p (a int, b int) partition by range (a);
         create table p_1 partition of p for values from (0) to (10);
         create table p_2 partition of p for values from (10) to (20);
         create table p_rest (a int, b int);
         create materialized view m as select a, b from p;",
        "create table p (a int, b int) partition by range (a);
         create table p_1 partition of p for values from (0) to (5);
         create table p_2 partition of p for values from (10) to (20);
         create unique index on p (a);
         create table p_rest (a int, b int);
         create materialized view m as select a, b from p;
         create unique index on m (b);",
        "insert into p values (7, 1), (7, 1); refresh materialized view m",
        &[
            "rows of public.m have the same b",
            "rows of public.p_1 belong to no partition with its bound",
            "rows of public.p have the same a",
        ],
    );
    check(
        "create table p (a int, b int) partition by range (a); create table p_1 (a int, b int);",
        "create table p (a int, b int) partition by range (a);
         create table p_1 partition of p for values from (0) to (5);",
        "insert into p_1 values (7, 1)",
        &["rows of public.p_1 belong to no partition with its bound"],
    );
}
