//! `castoff check` and `castoff diff`: what differs between the declared schema, the head, a
//! revision and a database.

use expect_test::{Expect, expect};

use super::migrate_generated::project;
use super::support::project::Migration;
use super::support::server::Server;
use super::support::transcript::run;

#[test]
fn a_forgotten_migration_is_found() {
    let project = project(
        "create table t (a integer);",
        "create table t (a integer, b text not null);\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "check").check(&expect![[r#"
        status 1
        --- stdout
        do $$ begin if exists (select from public.t) then
            raise exception 'public.t has rows, and there is no value for its new column b'
                using hint = 'add b with a default, or without not null, and fill it first'; end if; end $$;
        alter table public.t add column b text not null;
        --- stderr
        castoff: the declared schema is not what the head makes: write a migration with `castoff migrate -m`
    "#]]);
    assert_eq!(
        database.rows("select count(*) from pg_namespace where nspname = 'castoff'"),
        "0\n"
    );
}

#[test]
fn any_two_schemas_are_compared() {
    let project = project("create table t ();", "create table declared ();\n");
    let project = project.migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .upgrade("alter table t add column n integer;"),
    );
    let database = Server::shared().database();
    database.sql("create table live ()");
    let url = database.url();
    let check = |from: &str, to: &str, expected: &Expect| {
        let finished = run(&project, Some(&database), &format!("diff {from} {to}"));
        finished.status(0);
        expected.assert_eq(&finished.stdout);
    };
    check(
        "aaaa",
        "head",
        &expect![[r#"
        alter table public.t add column n integer;
    "#]],
    );
    check(
        "head",
        "aaaa11",
        &expect![[r#"
        alter table public.t drop column n;
    "#]],
    );
    check(
        "base",
        "declared",
        &expect![[r#"
        create table public.declared ();
    "#]],
    );
    check(
        "head",
        &url,
        &expect![[r#"
        drop table public.t;
        create table public.live ();
    "#]],
    );
    check(
        &url,
        "declared",
        &expect![[r#"
        drop table public.live;
        create table public.declared ();
    "#]],
    );
    check("head", "head", &expect![[r#""#]]);
    // A database may be the declaration.
    let other = Server::shared().database();
    other.sql("create table t (n integer)");
    run(
        &project,
        Some(&database),
        &format!("check --schema {}", other.url()),
    )
    .status(0);
}

#[test]
fn a_check_that_the_server_writes_otherwise_is_no_difference() {
    let declared = "create table t (s varchar(9) check (s in ('a', 'b')));\n\
        create view v as select * from t where s in ('a', 'b');\n\
        create index i on t (s) where s in ('a', 'b');\n";
    let project = project("select 1;", declared);
    let database = Server::shared().database();
    run(&project, Some(&database), "migrate -m T").status(0);
    for line in ["check", "upgrade", "downgrade aaaa11", "upgrade"] {
        run(&project, Some(&database), line).status(0);
    }
    let diff = format!("diff declared {}", database.url());
    let finished = run(&project, Some(&database), &diff);
    assert_eq!(finished.stdout, "");
}
