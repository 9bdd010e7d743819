//! What is compared and what is not: owners, roles, what may be left out, and what castoff lists
//! because it does not know how to change it.

use expect_test::{Expect, expect};

use super::migrate_generated::project;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

/// A role that goes with the value.
struct Role<'d> {
    name: String,
    database: &'d Database<'d>,
}

impl<'d> Role<'d> {
    fn new(database: &'d Database<'d>, name: &str) -> Self {
        let name = format!("{name}_{}", database.name());
        database.sql(&format!("create role {name}"));
        Self { name, database }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .sql(&format!("drop owned by {name}; drop role {name}"));
    }
}

/// What `diff` prints between two databases, with a role's name as `app`.
#[track_caller]
fn check_diff(
    old: &Database<'_>,
    new: &Database<'_>,
    options: &str,
    role: &str,
    expected: &Expect,
) {
    let project = Project::empty();
    let line = format!("diff {} {} {options}", old.url(), new.url());
    let finished = run(&project, None, &line);
    finished.status(0);
    expected.assert_eq(&finished.stdout.replace(role, "app"));
}

#[test]
fn owners_privileges_and_comments_can_be_left_out() {
    let server = Server::shared();
    let (old, new) = (server.database(), server.database());
    let role = Role::new(&new, "app");
    let name = &role.name;
    old.sql("create table t ()");
    new.sql(&format!(
        "create table t (); alter table t owner to {name}; grant select on t to public; \
         comment on table t is 'x'; create view v as select 1 as n; alter view v owner to {name}"
    ));
    let check = |options: &str, expected: &Expect| check_diff(&old, &new, options, name, expected);
    check(
        "",
        &expect![[r"
        alter table public.t owner to app;
        grant select on table public.t to public;
        comment on table public.t is 'x';
        create view public.v as
         SELECT 1 AS n;
        alter view public.v owner to app;
    "]],
    );
    check(
        "--without owners --without privileges",
        &expect![[r"
        comment on table public.t is 'x';
        create view public.v as
         SELECT 1 AS n;
    "]],
    );
    check(
        "--without comments --without privileges --without owners",
        &expect![[r"
        create view public.v as
         SELECT 1 AS n;
    "]],
    );
}

#[test]
fn an_owner_that_nobody_said_is_whoever_runs_the_migration() {
    let database = Server::shared().database();
    let role = Role::new(&database, "app");
    let name = &role.name;
    let project = project(
        &format!("create table t (); alter table t owner to {name};\ncreate table u ();"),
        &format!(
            "create table t ();\ncreate table u ();\nalter table u owner to {name};\n\
             create table w ();\nalter default privileges grant select on tables to {name};\n"
        ),
    );
    let finished = run(&project, Some(&database), "check");
    finished.status(1);
    expect![[r#"
        alter table public.t owner to current_user;
        alter table public.u owner to app_[database];
        create table public.w ();
        alter default privileges grant select on tables to app_[database];
    "#]]
    .assert_eq(&finished.stdout.replace(name, "app"));
    run(&project, Some(&database), "migrate -m X").status(0);
    run(&project, Some(&database), "check").status(0);
    // A database has owners for everything: those that nobody said are no difference.
    run(&project, Some(&database), "upgrade").status(0);
    database.sql(&format!("alter table w owner to {name}"));
    let line = format!("diff declared {}", database.url());
    let finished = run(&project, Some(&database), &line);
    assert_eq!(finished.stdout, "", "{finished}");
    database.sql("alter table w owner to current_user; alter table u owner to current_user");
    let finished = run(&project, Some(&database), &line);
    let tester = database.rows("select current_user").trim().to_owned();
    assert_eq!(
        finished.stdout,
        format!("alter table public.u owner to {tester};\n")
    );
}

#[test]
fn roles_that_are_missing_are_listed_before_anything_is_built() {
    let project = project(
        "create table t ();",
        "create table t ();\nalter table t owner to nobody_one;\n\
         grant select on t to \"Nobody Two\", public;\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "check").check(&expect![[r#"
        status 10
        --- stderr
        error[roles-missing]: the server for scratch databases does not have the roles `Nobody Two`, `nobody_one`
          help: create them there with `create role`, or compare on a private server with --scratch-url private
    "#]]);
}

/// What is listed of a schema, with numbers of large objects and the like left out.
#[track_caller]
fn check_listed(sql: &str, undo: &str, expected: &Expect) {
    let database = Server::shared().database();
    database.sql(sql);
    let project = Project::empty();
    let url = database.url();
    let finished = project.castoff(["diff", &url, &url]).output();
    finished.status(0);
    let strict = project.castoff(["diff", &url, &url, "--strict"]).output();
    strict.status(17);
    assert!(strict.stderr.contains("error[not-compared]"), "{strict}");
    if !undo.is_empty() {
        database.sql(undo);
    }
    expected.assert_eq(&finished.stderr.replace(database.name(), "[database]"));
}

#[test]
fn what_is_not_compared_is_listed() {
    check_listed(
        "select lo_create(0); select lo_create(0)",
        "",
        &expect![[r"
        castoff: warning: large objects 2 is not compared: castoff does not change such things
    "]],
    );
    check_listed(
        "do $$ begin execute format('alter database %I set work_mem = ''5MB''', current_database()); \
         execute format('alter role current_user in database %I set jit = off', current_database()); end $$",
        "",
        &expect![[r"
        castoff: warning: setting of the database jit for role tester is not compared: castoff does not change such things
        castoff: warning: setting of the database work_mem is not compared: castoff does not change such things
    "]],
    );
    check_listed(
        "create function pg_catalog.mine() returns integer language sql as 'select 1'; \
         revoke execute on function pg_catalog.pg_sleep(double precision) from public",
        "",
        &expect![[r"
        castoff: warning: object in a schema of the system function mine() is not compared: castoff does not change such things
        castoff: warning: privileges of the system function pg_sleep(double precision) is not compared: castoff does not change such things
    "]],
    );
    check_listed(
        "create type raw; \
         create function raw_in(cstring) returns raw language internal immutable strict as 'textin'; \
         create function raw_out(raw) returns cstring language internal immutable strict as 'textout'; \
         create type raw (input = raw_in, output = raw_out, like = text); \
         create function raw_sql(internal) returns internal language internal immutable as 'numeric_support'; \
         create transform for raw language sql (from sql with function raw_sql(internal))",
        "",
        &expect![[r#"
            castoff: warning: base type public.raw is not compared: castoff does not change such things
        "#]],
    );
    check_listed(
        "create subscription listed connection 'dbname=none' publication p \
         with (connect = false, enabled = false, slot_name = none)",
        "drop subscription listed",
        &expect![[r"
        castoff: warning: subscription listed is not compared: castoff does not change such things
    "]],
    );
}

#[test]
fn strict_commands_refuse_what_they_do_not_compare() {
    let project = project("select lo_create(0);", "create table t ();\n");
    let database = Server::shared().database();
    for line in [
        "check --strict",
        "CASTOFF_STRICT=true migrate -m X",
        "diff head declared --strict",
    ] {
        run(&project, Some(&database), line).check(&expect![[r"
            status 17
            --- stderr
            error[not-compared]: not everything is compared: large objects 1
              help: leave out --strict (CASTOFF_STRICT), and look after these by hand
        "]]);
    }
    run(&project, Some(&database), "check").status(1);
}

#[test]
fn a_document_has_the_statements_and_what_they_lose() {
    let project = project(
        "create type mood as enum ('sad');\ncreate table t (a text);",
        "create type mood as enum ('sad', 'happy');\ncreate table t (b text);\n",
    );
    let database = Server::shared().database();
    let finished = run(&project, Some(&database), "check --format json");
    finished.status(1);
    expect![[r#"
        {
          "difference": true,
          "not_compared": [],
          "perhaps_renamed": [
            "public.t.a=b"
          ],
          "statements": [
            {
              "loses": "the column and its values",
              "probes": [],
              "runs": "together",
              "sql": "alter table public.t drop column a"
            },
            {
              "loses": null,
              "probes": [],
              "runs": "before",
              "sql": "alter type public.mood add value 'happy'"
            },
            {
              "loses": null,
              "probes": [],
              "runs": "together",
              "sql": "alter table public.t add column b text"
            }
          ]
        }
    "#]]
    .assert_eq(&finished.stdout);
    let same = run(
        &project,
        Some(&database),
        "diff head head --format json --exit-status",
    );
    same.status(0);
    expect![[r#"
        {
          "difference": false,
          "not_compared": [],
          "perhaps_renamed": [],
          "statements": []
        }
    "#]]
    .assert_eq(&same.stdout);
    run(&project, Some(&database), "diff head declared").status(0);
    run(
        &project,
        Some(&database),
        "diff head declared --exit-status",
    )
    .status(1);
}

#[test]
fn a_declaration_does_not_reach_beyond_its_database() {
    let database = Server::shared().database();
    for statement in ["alter system set work_mem = '5MB'", "create database other"] {
        let project = project("create table t ();", &format!("{statement};\n"));
        let finished = run(&project, Some(&database), "check");
        finished.status(17);
        assert!(
            finished.stderr.contains("error[schema-declares-nothing]"),
            "{finished}"
        );
    }
}
