//! Autocommit sections whose last statement is of unknown outcome: castoff was killed, or its
//! connection was lost, where a statement and the note that it is done are two things. The next
//! start looks.

use expect_test::expect;

use super::support::interrupt::{
    End, check, ended_before_note, ended_in_the_middle, first, is_at_least, project, project_with,
    waiting,
};
use super::support::server::Server;
use super::support::transcript::run;

#[test]
fn an_index_that_was_built_before_the_kill_is_not_built_again() {
    for (definition, name) in [
        ("i on t (id)", "i"),
        ("if not exists i on public.t (id)", "i"),
        (
            "\"I x\" on only public . t using btree (id desc, lower(t.name)) where id > 0",
            "\"I x\"",
        ),
        (
            "i on t (name text_pattern_ops) include (id) with (fillfactor = 70)",
            "i",
        ),
        ("on t (id)", "t_id_idx"),
    ] {
        for unique in ["", "unique "] {
            let database = Server::shared().database();
            let project = project(&format!(
                "create {unique}index concurrently {definition};\ninsert into t values (1);"
            ));
            first(&project, &database);
            ended_before_note(&project, &database, "upgrade", 1, End::Kill);
            let index = format!("select '{name}'::regclass::oid");
            let before = database.rows(&index);
            let finished = run(&project, Some(&database), "upgrade");
            finished.status(0);
            let said = format!("statement 1 of bbbb22 was done: index public.{name} is there");
            assert!(
                // `if not exists` leaves it to the server.
                finished.stderr.contains(&said) || definition.starts_with("if"),
                "{definition}: {finished}"
            );
            assert_eq!(database.rows(&index), before, "{definition}");
            assert_eq!(database.rows("select count(*) from t"), "1\n");
            let count = "select count(*) from pg_index where indrelid = 't'::regclass";
            assert_eq!(database.rows(count), "1\n", "{definition}");
        }
    }
}

#[test]
fn another_index_under_the_name_is_for_a_person_to_judge() {
    let database = Server::shared().database();
    let project = project("create index concurrently i on t (id);\ninsert into t values (1);");
    first(&project, &database);
    ended_before_note(&project, &database, "upgrade", 1, End::Kill);
    database.sql("drop index i; create index i on t (name)");
    check(
        &project,
        &database,
        &["upgrade", "current", "resolve bbbb22:1 done", "upgrade"],
        &expect![[r#"
            $ castoff upgrade
            status 16
            --- stderr
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 1 of 2
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 2)
               6 | create index concurrently i on t (id);
              caused by: index public.i is there, and is not the one that the statement makes
              help: keep that index with `castoff resolve bbbb22:1 done`, or drop it and run `castoff resolve bbbb22:1 again`

            $ castoff current
            status 0
            --- stdout
            aaaa11
            --- stderr
            castoff: warning: revision bbbb22 is half done: 0 of 2 statements

            $ castoff resolve bbbb22:1 done
            status 0
            --- stderr
            castoff: recorded that 1 of 2 statements of bbbb22 are done

            $ castoff upgrade
            status 0
            --- stderr
            castoff: resuming bbbb22 after statement 1
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22

        "#]],
    );
    assert_eq!(database.rows("select count(*) from t"), "1\n");
}

#[test]
fn a_build_that_was_interrupted_is_taken_away_and_begins_again() {
    for how in [End::Kill, End::Terminate] {
        for (name, left) in [("i", "i"), ("", "t_id_idx")] {
            let database = Server::shared().database();
            let project = project(&format!("create index concurrently {name} on t (id);"));
            first(&project, &database);
            let finished = ended_in_the_middle(&project, &database, "select 1", how);
            if let End::Terminate = how {
                let code =
                    "error[apply-interrupted]: revision bbbb22 was interrupted at statement 1 of 1";
                assert!(finished.stderr.contains(code), "{finished}");
                finished.status(16);
            }
            let indexes = "select relname, indisvalid from pg_index \
                join pg_class on oid = indexrelid where indrelid = 't'::regclass";
            assert_eq!(database.rows(indexes), format!("{left}|f\n"));
            let begun = "select begun_statement, begun_at is not null from castoff.history \
                order by id desc limit 1";
            assert_eq!(database.rows(begun), "1|t\n");
            let finished = run(&project, Some(&database), "upgrade");
            finished.status(0);
            let dropped = format!("dropped the invalid index public.{left} that an earlier");
            assert!(finished.stderr.contains(&dropped), "{finished}");
            assert_eq!(database.rows(indexes), format!("{left}|t\n"));
            assert_eq!(database.rows(begun), "null|f\n");
        }
    }
}

#[test]
fn an_index_that_somebody_else_builds_is_left_to_them() {
    let database = Server::shared().database();
    let build = "create index concurrently i on t (id)";
    let project = project(&format!("{build};"));
    first(&project, &database);
    ended_in_the_middle(&project, &database, "select 1", End::Kill);
    database.sql("drop index i");
    let reader = database.session();
    reader.sql("begin isolation level repeatable read; select 1");
    std::thread::scope(|scope| {
        let builder = scope.spawn(|| database.session().try_rows(build).is_ok());
        let pid = waiting(&database, "l.locktype = 'virtualxid'");
        let finished = run(&project, Some(&database), "upgrade");
        let said = format!("index public.i is being built by another session, pid {pid}");
        drop(reader);
        assert!(builder.join().unwrap());
        let said = said.replace(&pid, "[pid]");
        assert!(finished.stderr.contains(&said), "{finished}");
        finished.status(16);
    });
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(0);
    let said = "statement 1 of bbbb22 was done: index public.i is there";
    assert!(finished.stderr.contains(said), "{finished}");
}

#[test]
fn an_invalid_index_does_not_pass_for_one_that_is_there() {
    let database = Server::shared().database();
    let project = project("create unique index concurrently if not exists i on t (id);");
    first(&project, &database);
    // Left by somebody else, before castoff's time.
    database.sql("insert into t values (1), (1)");
    let failed = database.session();
    failed
        .try_rows("create unique index concurrently i on t (id)")
        .unwrap_err();
    database.sql("truncate t");
    check(
        &project,
        &database,
        &["upgrade"],
        &expect![[r#"
        $ castoff upgrade
        status 16
        --- stderr
        castoff: postgres: relation "i" already exists, skipping
        error[apply-in-doubt]: revision bbbb22 needs a decision on statement 1 of 1
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | create unique index concurrently if not exists i on t (id);
          caused by: index public.i is there, but invalid: no query can use it
          help: run `drop index concurrently public.i`, and deploy again

    "#]],
    );
    database.sql("drop index i");
    run(&project, Some(&database), "upgrade").status(0);
}

#[test]
fn an_index_that_was_dropped_before_the_kill_is_not_dropped_again() {
    let database = Server::shared().database();
    let project = project("drop index concurrently i;\ninsert into t values (1);");
    first(&project, &database);
    database.sql("create index i on t (id)");
    ended_before_note(&project, &database, "upgrade", 1, End::Kill);
    check(
        &project,
        &database,
        &["upgrade"],
        &expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: statement 1 of bbbb22 was done: index i is gone
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]],
    );
}

#[test]
fn what_a_reindex_left_is_taken_away_before_it_runs_again() {
    let database = Server::shared().database();
    let project = project("reindex table concurrently t;");
    first(&project, &database);
    database.sql("create index i on t (id)");
    ended_in_the_middle(&project, &database, "select 1", End::Kill);
    let indexes = "select relname, indisvalid from pg_index join pg_class on oid = indexrelid \
        where indrelid = 't'::regclass order by 1";
    assert_eq!(database.rows(indexes), "i|t\ni_ccnew|f\n");
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows(indexes), "i|t\n");
}

#[test]
fn a_partition_that_is_half_detached_is_detached() {
    let server = Server::shared();
    if !is_at_least(&server.database(), 14) {
        return;
    }
    let attached = "select count(*) from pg_inherits where inhparent = 'p'::regclass";
    let tables = "create table p (id integer) partition by range (id); \
        create table p1 partition of p for values from (0) to (10)";
    for is_done in [false, true] {
        let database = server.database();
        let project =
            project("alter table p detach partition p1 concurrently;\ninsert into t values (1);");
        first(&project, &database);
        database.sql(tables);
        let said = if is_done {
            ended_before_note(&project, &database, "upgrade", 1, End::Kill);
            assert_eq!(database.rows(attached), "0\n");
            "statement 1 of bbbb22 was done: p1 is detached"
        } else {
            ended_in_the_middle(&project, &database, "select * from p", End::Kill);
            assert_eq!(database.rows(attached), "1\n");
            "finishing what an earlier start began: alter table p detach partition p1 finalize"
        };
        let finished = run(&project, Some(&database), "upgrade");
        finished.status(0);
        assert!(finished.stderr.contains(said), "{finished}");
        assert_eq!(database.rows(attached), "0\n");
        assert_eq!(database.rows("select count(*) from t"), "1\n");
    }
}

#[test]
fn a_database_that_was_made_or_dropped_is_seen() {
    let database = Server::shared().database();
    let other = format!("{}_other", database.name());
    let project = project_with(
        "autocommit destructive",
        &format!(
            "create database {other};\ndrop database {other};\nvacuum t;\ninsert into t values (1);"
        ),
    );
    first(&project, &database);
    for number in [1, 2, 3] {
        ended_before_note(&project, &database, "upgrade", number, End::Kill);
    }
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(0);
    assert_eq!(database.rows("select count(*) from t"), "1\n");
    let left = format!("select count(*) from pg_database where datname = '{other}'");
    assert_eq!(database.rows(&left), "0\n");
}
