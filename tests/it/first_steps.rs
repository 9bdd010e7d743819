//! What somebody meets who declares a schema for the first time: no directory yet, a word that is
//! not meant, two tables that need each other.

use expect_test::{Expect, expect};

use super::migrate_generated::{files, project};
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

/// What `castoff check` says to a declaration, with no migration yet.
#[track_caller]
fn check(declared: &str, expected: &Expect) {
    let project = project("select 1;", declared);
    let database = Server::shared().database();
    let finished = run(&project, Some(&database), "check");
    finished.status(17);
    expected.assert_eq(&finished.stderr);
}

#[test]
fn the_first_migration_makes_its_directory() {
    let project = Project::empty().file("schema/t.sql", "create table t (a integer,);\n");
    let database = Server::shared().database();
    run(&project, Some(&database), "migrate -m First").status(17);
    assert!(!project.path("migrations").exists());
    let project = project.file("schema/t.sql", "create table t (a integer);\n");
    // Who names a directory that is not there has made a mistake.
    run(
        &project,
        Some(&database),
        "migrate -m First --migrations other",
    )
    .status(17);
    assert!(!project.path("other").exists());
    run(&project, Some(&database), "migrate -m First").status(0);
    assert_eq!(files(&project).len(), 1);
    run(&project, Some(&database), "check").status(0);
}

#[test]
fn tables_that_need_each_other_are_named() {
    check(
        "create view v as table a;\n\
         create table a (id integer primary key, b integer references b);\n\
         create table b (id integer primary key, a integer references a);\n",
        &expect![[r#"
            error[schema-unloadable]: 3 of the declared schema's statements cannot be run
              --> schema/schema.sql:1:24
               1 | create view v as table a;
              caused by: 42P01 relation "a" does not exist
              also: schema/schema.sql:2: 42P01 relation "b" does not exist
                schema/schema.sql:3: 42P01 relation "a" does not exist
              help: declare what leads back by a statement of its own, such as `alter table … add foreign key`: `a`, `b` need each other
        "#]],
    );
}

#[test]
fn what_is_the_servers_is_not_declared() {
    let role = format!("first_steps_{}", std::process::id());
    let declared = format!("create role {role} login;\ncreate table t ();\n");
    let project = project("create table t ();", &declared);
    let server = Server::shared();
    let database = server.database();
    let finished = run(&project, Some(&database), "check");
    finished.status(10);
    let named = format!("does not have the role `{role}`");
    assert!(finished.stderr.contains(&named), "{finished}");
    // It is not made for the comparison, so that nothing of it stays.
    let count = format!("select count(*) from pg_roles where rolname = '{role}'");
    assert_eq!(database.rows(&count), "0\n");
    database.sql(&format!("create role {role}"));
    run(&project, Some(&database), "check").status(0);
    database.sql(&format!("drop role {role}"));
    check(
        "create table t ();\nalter role somebody login;\n",
        &expect![[r#"
            error[schema-declares-nothing]: the declared schema says `alter role`, which declares nothing
              --> schema/schema.sql:2
               2 | alter role somebody login;
              help: leave it out: it belongs to the server, and not to the schema of one database
        "#]],
    );
}

#[test]
fn a_command_that_prints_nothing_is_a_mistake() {
    let project = project("create table t ();", "create table t ();");
    let database = Server::shared().database();
    run(&project, Some(&database), "check --schema-command true").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-command-failed]: `true` failed: it prints nothing
          help: correct --schema-command (CASTOFF_SCHEMA_COMMAND), so that it prints DDL and ends with status 0
    "#]]);
    // Who means it prints a comment.
    run(
        &project,
        Some(&database),
        "check --schema-command 'echo -- empty'",
    )
    .status(1);
}

#[test]
fn a_side_that_cannot_be_reached_is_told_by_its_argument() {
    let project = project("create table t ();", "create table t ();");
    let database = Server::shared().database();
    run(
        &project,
        Some(&database),
        "diff head postgres://app@nowhere.invalid/app --wait-timeout 0s --log error",
    )
    .check(&expect![[r#"
        status 11
        --- stderr
        error[not-ready]: database app@nowhere.invalid:5432/app is not ready after 0 s
          caused by: name does not resolve
          caused by: failed to lookup address information: Name or service not known
          help: check the host in `TO`, and that both containers share a network
    "#]]);
    run(&project, Some(&database), "diff postgres://h:x/ head").check(&expect![[r#"
        status 10
        --- stderr
        error[database-url-malformed]: `FROM` is not understood: what follows `host:` is not a port number
          help: write a port from 1 to 65535; if it is part of the password, escape `@` as `%40`, `/` as `%2F` and `:` as `%3A`
    "#]]);
}

#[test]
fn a_word_that_means_nothing_is_no_side_of_a_comparison() {
    let project = Project::empty().file("migrations/README", "None yet.\n");
    let database = Server::shared().database();
    run(&project, Some(&database), "diff head declard").check(&expect![[r#"
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `declard`
          help: see `castoff history` for the ids
    "#]]);
}

#[test]
fn a_guard_that_was_generated_does_not_keep_from_squashing() {
    let project = project(
        "create table t (a integer);",
        "create table t (a integer, b integer not null);\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "migrate -m B").status(0);
    assert_eq!(files(&project).len(), 2);
    run(&project, Some(&database), "squash :head").status(0);
    assert_eq!(files(&project).len(), 1);
    run(&project, Some(&database), "check").status(0);
}

#[test]
fn the_example_declares_what_its_migrations_make() {
    let root = env!("CARGO_MANIFEST_DIR");
    let line = format!("check --migrations {root}/migrations --schema {root}/schema");
    let database = Server::shared().database();
    run(&Project::empty(), Some(&database), &line).check(&expect![[r#"
        status 0
        --- stderr
        castoff: no changes: the declared schema is what the head makes
    "#]]);
}
