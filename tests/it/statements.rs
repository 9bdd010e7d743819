//! What castoff knows of statements from their text is what the server says when it meets them:
//! which cannot run in a transaction, and where a new enum value cannot be used yet.

use castoff::sql::classify::{Class, classify};
use castoff::sql::enum_value::NewValues;
use castoff::sql::split::split;
use expect_test::expect;

use super::support::database::Session;
use super::support::project::{Migration, Project};
use super::support::server::Server;

/// The SQLSTATE of a statement, or `ok`.
fn outcome(session: &Session, sql: &str) -> String {
    match session.try_rows(sql) {
        Ok(_) => "ok".into(),
        Err(error) => error.code().expect("the server's answer").code().into(),
    }
}

fn major(session: &Session) -> u32 {
    let number = session.rows("show server_version_num");
    number.trim().parse::<u32>().unwrap() / 10_000
}

/// What stands in each database of these tests.
const OBJECTS: &str = "create table t (a integer); create index i on t (a);
    create table parted (a integer) partition by list (a);
    create table part partition of parted for values in (1);
    create index parted_i on parted (a);
    create materialized view m as select 1 as a; create unique index on m (a);";

/// Statements, and the first major that refuses them in a transaction.
const IN_NO_TRANSACTION: &[(u32, &str)] = &[
    (13, "create database other"),
    (13, "drop database if exists other"),
    (13, "alter database postgres set tablespace pg_default"),
    (13, "create tablespace other location '/nowhere'"),
    (13, "drop tablespace other"),
    (13, "alter system set work_mem = '5MB'"),
    (13, "alter system reset all"),
    (13, "vacuum"),
    (13, "vacuum t"),
    (13, "vacuum (analyze) t"),
    (13, "vacuum full t"),
    (13, "cluster"),
    (13, "cluster verbose"),
    (17, "cluster (verbose)"),
    (13, "create index concurrently j on t (a)"),
    (
        13,
        "create unique index concurrently if not exists j on t (a)",
    ),
    (13, "drop index concurrently i"),
    (13, "drop index concurrently if exists i"),
    (13, "reindex index concurrently i"),
    (13, "reindex table concurrently t"),
    (14, "reindex (concurrently) table t"),
    (14, "reindex (verbose, concurrently true) index i"),
    (13, "reindex schema public"),
    (13, "reindex (verbose) schema public"),
    (13, "reindex schema concurrently public"),
    (13, "reindex database {database}"),
    (16, "reindex database"),
    (13, "reindex system {database}"),
    (14, "alter table parted detach partition part concurrently"),
    (13, "discard all"),
    (
        13,
        "create subscription s connection 'host=127.0.0.1 port=1' publication p",
    ),
    (
        13,
        "create subscription s connection 'host=127.0.0.1 port=1' publication p with (enabled = false)",
    ),
    (14, "alter subscription busy refresh publication"),
    (14, "alter subscription busy set publication q"),
    (14, "alter subscription busy add publication q"),
    (14, "alter subscription busy drop publication r"),
    (17, "alter subscription idle set (failover = true)"),
    (18, "alter subscription idle set (two_phase = off)"),
];

/// Statements that look like those above.
const IN_ANY: &[(u32, &str)] = &[
    (13, "create index j on t (a)"),
    (13, "create index \"concurrently\" on t (a)"),
    (13, "drop index i"),
    (13, "reindex table t"),
    (13, "reindex index i"),
    (14, "reindex (concurrently false) table t"),
    (13, "cluster t using i"),
    (13, "analyze"),
    (13, "analyze t"),
    (13, "checkpoint"),
    (13, "discard plans"),
    (13, "discard temp"),
    (13, "alter database postgres set work_mem = '5MB'"),
    (13, "alter table parted detach partition part"),
    (13, "refresh materialized view m"),
    (13, "refresh materialized view concurrently m"),
    (13, "alter table t set tablespace pg_default"),
    (
        13,
        "create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false)",
    ),
    (
        13,
        "alter subscription busy set publication q with (refresh = false)",
    ),
    (13, "alter subscription idle set (slot_name = none)"),
    (13, "drop subscription bare"),
    (13, "create type e as enum ()"),
    (13, "do $$ begin end $$"),
    (13, "listen x"),
];

/// Statements whose text does not say it; the database decides.
const DEPENDS: &[(u32, &str)] = &[(14, "reindex table parted"), (14, "reindex index parted_i")];

#[test]
fn what_cannot_run_in_a_transaction_is_what_the_server_refuses_in_one() {
    let database = Server::shared().database();
    let session = database.session();
    let major = major(&session);
    session.sql(OBJECTS);
    // One that runs, one that does not, and one that can be dropped as no publisher has its slot.
    for name in ["busy", "idle", "bare"] {
        session.sql(&format!(
            "create subscription {name} connection 'host=127.0.0.1 port=1' publication p, r \
             with (connect = false)"
        ));
    }
    session.sql("alter subscription busy enable");
    session.sql("alter subscription bare set (slot_name = none)");
    let check = |(since, sql): &(u32, &str), class: bool, refused: bool| {
        let sql = sql.replace("{database}", database.name());
        let is_alone = matches!(classify(&sql), Class::NeedsAutocommit(_));
        assert_eq!(is_alone, class, "{sql}");
        session.sql("begin");
        let outcome = outcome(&session, &sql);
        session.sql("rollback");
        if major >= *since {
            assert_eq!(outcome == "25001", refused, "{sql}: {outcome}");
            assert!(refused || outcome == "ok", "{sql}: {outcome}");
        } else {
            // The server knows no such statement, or none that would work here.
            assert!(outcome != "ok" && outcome != "25001", "{sql}: {outcome}");
        }
    };
    for case in IN_NO_TRANSACTION {
        check(case, true, true);
    }
    for case in IN_ANY {
        check(case, false, false);
    }
    for case in DEPENDS.iter().filter(|(since, _)| major >= *since) {
        check(case, false, true);
    }
    session.sql("alter subscription busy disable");
    for name in ["busy", "idle", "bare"] {
        session.sql(&format!("alter subscription {name} set (slot_name = none)"));
        session.sql(&format!("drop subscription {name}"));
    }
}

/// Statements behind `alter type e add value 'new'` in one transaction: whether the server refuses
/// them, and whether castoff does.
const AFTER_A_NEW_VALUE: &[(u32, &str, bool, bool)] = &[
    (13, "select 'new'::e", true, true),
    (13, "insert into v (x) values ('new')", true, true),
    (13, "update v set x = $$new$$ where x = 'a'", true, true),
    (13, "select * from v where x = E'new'", true, true),
    (13, "alter table v alter x set default 'new'", true, true),
    (
        13,
        "create view w as select * from v where x = 'new'",
        true,
        true,
    ),
    (13, "create table w (x e default 'new')", true, true),
    (13, "create table w (x e check (x <> 'new'))", true, true),
    (13, "create domain d as e default 'new'", true, true),
    (13, "create policy p on v using (x = 'new')", true, true),
    (13, "create index on v (y) where x = 'new'", true, true),
    (13, "prepare q as select cast('new' as e)", true, true),
    (
        14,
        "create function f() returns e return 'new'::e",
        true,
        true,
    ),
    (
        14,
        "create function f() returns e begin atomic select 'new'::e; end",
        true,
        true,
    ),
    (
        13,
        "alter type e rename value 'new' to 'x'; select 'x'::e",
        true,
        true,
    ),
    (13, "alter type e add value 'c' before 'new'", false, false),
    (
        13,
        "alter type e add value if not exists 'new'",
        false,
        false,
    ),
    (13, "alter type e rename value 'new' to 'x'", false, false),
    (13, "comment on type e is 'new'", false, false),
    (13, "update v set y = 'new'::text", false, false),
    (13, "set my.kind = 'new'", false, false),
    (13, "create table w (y text default 'new')", false, false),
    (
        13,
        "create type f as enum ('new'); select 'new'::f",
        false,
        false,
    ),
    (
        13,
        "create function f() returns e language plpgsql as $$ begin return 'new'; end $$",
        false,
        false,
    ),
    // A mere text without a cast: refused for nothing, which the help says how to mend.
    (13, "update v set y = 'new'", false, true),
    // Only the server can see these.
    (13, "select enum_range(null::e)", true, false),
    (13, "do $$ begin perform 'new'::e; end $$", true, false),
    (13, "create table w (x e[] default '{new}')", true, false),
    (
        13,
        "create function f() returns e language sql as $$ select 'new'::e $$",
        true,
        false,
    ),
];

#[test]
fn a_new_enum_value_is_refused_where_the_server_refuses_it() {
    let database = Server::shared().database();
    let session = database.session();
    let major = major(&session);
    session.sql("create type e as enum ('a'); create table v (x e, y text)");
    let check = |before: &str, after: &str, refused: bool, found: bool| {
        let text = format!("{before}; {after}");
        let statements = split(&text, 0..text.len()).unwrap();
        let statements: Vec<_> = statements
            .iter()
            .map(|one| &text[one.span.clone()])
            .collect();
        let mut values = NewValues::default();
        let use_found = statements.iter().any(|one| values.follow(one).is_some());
        assert_eq!(use_found, found, "{text}");
        session.sql("begin");
        let outcomes = statements.iter().map(|one| outcome(&session, one));
        let bad = outcomes
            .filter(|outcome| outcome != "ok")
            .collect::<Vec<_>>();
        session.sql("rollback");
        let expected: &[&str] = if refused { &["55P04"] } else { &[] };
        assert_eq!(bad, expected, "{text}");
    };
    for (since, after, refused, found) in AFTER_A_NEW_VALUE {
        if major >= *since {
            check("alter type e add value 'new'", after, *refused, *found);
        }
    }
    check(
        "create type f as enum ('new')",
        "select 'new'::f",
        false,
        false,
    );
    check(
        "create type f as enum (); alter type f add value 'new'",
        "select 'new'::f",
        major < 17,
        false,
    );
}

#[test]
fn the_use_of_a_new_enum_value_changes_nothing_and_says_where() {
    let database = Server::shared().database();
    database.sql("create schema app; create type app.mood as enum ('good')");
    let before = database.contents();
    let base = || Project::with("aaaa11<-");
    let with = |options: &str, sql: &str| {
        let sql = format!("alter type app.mood add value 'calm';\n{sql}");
        base().migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options(options)
                .upgrade(&sql),
        )
    };
    let upgrade = |project: &Project| project.castoff(["upgrade"]).database(&database).output();

    let seen = with("", "create table m (\n    x app.mood default 'calm'\n);");
    upgrade(&seen).check(&expect![[r#"
        status 17
        --- stderr
        error[new-enum-value]: value `calm` of type `mood` is used in the transaction that adds it
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8 (statement 2 of 2)
           8 |     x app.mood default 'calm'
           9 | );
          help: move the use to a following revision, or write `'calm'::text` where a text is meant
    "#]]);
    database.assert_unchanged(&before);

    base()
        .castoff(["stamp", "aaaa11"])
        .database(&database)
        .output()
        .status(0);
    let before = database.rows("select count(*) from pg_enum");
    upgrade(&with("", "select enum_range(null::app.mood);")).check(&expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 2 of 2)
           7 | select enum_range(null::app.mood);
          caused by: 55P04 unsafe use of new value "calm" of enum type app.mood
          postgres hint: New enum values must be committed before they can be used.
          help: move the use of the new value to a following revision; the database is unchanged
    "#]]);
    assert_eq!(database.rows("select count(*) from pg_enum"), before);

    upgrade(&with(
        "autocommit",
        "create table m (x app.mood default 'calm');",
    ))
    .status(0);
    database.sql("insert into m default values");
    assert_eq!(database.rows("select x from m"), "calm\n");
}
