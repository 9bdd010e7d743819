//! What goes wrong in the middle: nothing is applied twice, nothing is half recorded, and the next
//! start goes on.

use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::gate::{close_gate, gated, until_at_gate};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::{DEADLINE, until, within};

/// Numbers that look random and are the same in each run.
fn chances(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |number| {
        Some(
            number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    })
    .map(|number| number >> 33)
}

#[test]
fn killed_at_any_moment_nothing_is_applied_twice_and_nothing_half_recorded() {
    // Each writes down that it ran, in a table that does not mind its running twice.
    let mut project = Project::empty();
    let first = "create table ran (id integer not null);\ninsert into ran values (0);";
    project = project.migration(&Migration::new("r0").upgrade(first));
    for number in 1..8 {
        let upgrade = format!("insert into ran values ({number});\nselect pg_sleep(0.004);");
        let parent = format!("r{}", number - 1);
        let migration = Migration::new(&format!("r{number}"))
            .after(&parent)
            .upgrade(&upgrade);
        project = project.migration(&migration);
    }
    let server = Server::shared();
    let mut interrupted = 0;
    for chance in chances(1).skip(1).take(25) {
        let database = server.database();
        // Several kills on the way; the last start is left to finish.
        for chance in chances(chance).take(3) {
            let mut running = project.castoff(["upgrade"]).database(&database).spawn();
            let moment = Duration::from_micros(chance % 60_000);
            within(moment, || (!running.is_running()).then_some(()));
            if running.is_running() {
                running.signal(Signal::SIGKILL);
                interrupted += 1;
            }
            running.wait(DEADLINE);
            let consistent = "select (select count(*) from ran) = (select count(*) \
                from castoff.history where outcome = 'done')";
            let exists = "select to_regclass('ran') is not null";
            if database.rows(exists) == "t\n" {
                assert_eq!(database.rows(consistent), "t\n");
            }
        }
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
        let ran = "select count(*), count(distinct id) from ran";
        assert_eq!(database.rows(ran), "8|8\n");
        let recorded = "select count(*), count(distinct revision) from castoff.history";
        assert_eq!(database.rows(recorded), "8|8\n");
        assert_eq!(
            database.rows("select revision from castoff.revision"),
            "r7\n"
        );
    }
    // Had no kill met a start at work, this test would show nothing.
    assert!(interrupted > 10, "{interrupted}");
}

#[test]
fn a_terminated_backend_leaves_the_database_as_it_was() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let before = database.contents();
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    let pid = until_at_gate(&database);
    database.rows(&format!("select pg_terminate_backend({pid})"));
    running.wait(DEADLINE).check(&expect![[r#"
        status 12
        --- stderr
        error[connection-lost]: the connection was lost while applying revision b
          caused by: terminating connection due to administrator command
          help: start again: what was not finished was rolled back
    "#]]);
    database.assert_unchanged(&before);
    drop(gate);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
        status 0
        --- stderr
        castoff: applied b Make b ([time])
        castoff: database is at b
    "#]]);
}

#[test]
fn a_cancelled_statement_is_rolled_back() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let before = database.contents();
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    let pid = until_at_gate(&database);
    database.rows(&format!("select pg_cancel_backend({pid})"));
    running.wait(DEADLINE).check(&expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision b failed and was rolled back
          --> migrations/202601010002_b_make_b.sql:7 (statement 2 of 3)
           7 | do $$ begin while exists (select from pg_locks where mode = 'ShareLock' and relation = 'gate'::regclass) loop perform pg_sleep(0.01); end loop; end $$;
          caused by: 57014 canceling statement due to user request
          postgres context: SQL statement "SELECT pg_sleep(0.01)"
            PL/pgSQL function inline_code_block line 1 at PERFORM
          help: correct the SQL and deploy again; the database is unchanged
    "#]]);
    database.assert_unchanged(&before);
    drop(gate);
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_the_database_as_it_was() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let before = database.contents();
    let castoff = project.castoff(["upgrade", "--wait-timeout", "300ms"]);
    let running = castoff.database(&database).spawn();
    until_at_gate(&database);
    server.kill();
    let mut finished = running.wait(DEADLINE);
    let waiting = |line: &&str| line.starts_with("castoff: waiting for database ");
    assert!(
        finished.stderr.lines().any(|line| waiting(&line)),
        "{finished}"
    );
    // A server that is dying closes connections before it refuses them.
    let rest = finished.stderr.lines().filter(|line| !waiting(line));
    finished.stderr = rest.collect::<Vec<_>>().join("\n");
    finished.check(&expect![[r#"
        status 12
        --- stderr
        error[connection-lost]: the connection was lost while applying revision b
          caused by: connection closed
          help: start again: what was not finished was rolled back
    "#]]);
    drop(gate);
    server.up();
    database.assert_unchanged(&before);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
}

#[test]
fn a_server_that_comes_back_is_gone_on_with() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    until_at_gate(&database);
    server.kill();
    running.stderr_until("connection refused", DEADLINE);
    drop(gate);
    server.up();
    let finished = running.wait(DEADLINE);
    finished.status(0);
    let expected = "castoff: the connection was lost while applying revision b: \
        going on with the server that answers now\n\
        castoff: applied b Make b ([time])\ncastoff: database is at b\n";
    assert!(finished.stderr.ends_with(expected), "{finished}");
    let recorded = "select revision, outcome from castoff.history order by id";
    assert_eq!(database.rows(recorded), "a|done\nb|done\n");
}

#[test]
fn a_killed_castoff_does_not_keep_the_lock() {
    let database = Server::shared().database();
    let version = database.rows("show server_version_num");
    let project = gated();
    let gate = close_gate(&project, &database);
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    let pid = until_at_gate(&database);
    running.signal(Signal::SIGKILL).pid();
    running.wait(DEADLINE);
    // Before version 14 a backend looks at its client only between statements.
    if version.trim().parse::<u32>().unwrap() >= 140_000 {
        let alive = format!("select count(*) from pg_stat_activity where pid = {pid}");
        until("its backend noticed", DEADLINE, || {
            (database.rows(&alive) == "0\n").then_some(())
        });
    }
    drop(gate);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    assert_eq!(database.rows("select count(*) from castoff.history"), "2\n");
}

#[test]
fn a_failing_statement_is_shown_where_it_stands_and_the_rest_is_not_lost() {
    let database = Server::shared().database();
    let invoice = Migration::new("b").after("a").upgrade(
        "create table invoice (total integer);\n\
         \n\
         alter table invoice\n    add constraint total_positive check (totl > 0);",
    );
    let project = Project::with("a<-").migration(&invoice);
    project
        .castoff(["upgrade", "a"])
        .database(&database)
        .output()
        .status(0);
    let before = database.contents();
    let failed = project.castoff(["upgrade"]).database(&database).output();
    failed.check(&expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision b failed and was rolled back
          --> migrations/202601010002_b_make_b.sql:8 (statement 2 of 2)
           8 | alter table invoice
           9 |     add constraint total_positive check (totl > 0);
          caused by: 42703 column "totl" does not exist
          postgres hint: Perhaps you meant to reference the column "invoice.total".
          help: correct the SQL and deploy again; the database is unchanged
    "#]]);
    database.assert_unchanged(&before);
    let corrected = Migration::new("b")
        .after("a")
        .upgrade("create table invoice (total integer);");
    let project = Project::with("a<-").migration(&corrected);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
        status 0
        --- stderr
        castoff: applied b Make b ([time])
        castoff: database is at b
    "#]]);
}

#[test]
fn a_constraint_that_fails_at_commit_is_rolled_back() {
    let database = Server::shared().database();
    let late = Migration::new("b").after("a").upgrade(
        "create table p (id integer primary key);\n\
         create table c (id integer references p deferrable initially deferred);\n\
         insert into c values (1);",
    );
    let project = Project::with("a<-").migration(&late);
    project
        .castoff(["upgrade", "a"])
        .database(&database)
        .output()
        .status(0);
    let before = database.contents();
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
            status 15
            --- stderr
            error[apply-failed]: revision b failed and was rolled back
              --> migrations/202601010002_b_make_b.sql (at commit)
              caused by: 23503 insert or update on table "c" violates foreign key constraint "c_id_fkey"
              postgres detail: Key (id)=(1) is not present in table "p".
              help: correct the SQL and deploy again; the database is unchanged
        "#]]);
    database.assert_unchanged(&before);
}

#[test]
fn an_autocommit_migration_that_stops_goes_on_where_it_stopped() {
    let database = Server::shared().database();
    let unique = Migration::new("b")
        .after("a")
        .options("autocommit")
        .upgrade(
            "insert into t_a values (1), (1);\n\
         alter table t_a add constraint only_one unique (id);\n\
         insert into t_a values (2);",
        );
    let project = Project::with("a<-").migration(&unique);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
            status 16
            --- stderr
            castoff: applied a Make a ([time])
            error[apply-stopped]: revision b stopped after 1 of 3 statements
              --> migrations/202601010002_b_make_b.sql:7 (statement 2 of 3)
               7 | alter table t_a add constraint only_one unique (id);
              caused by: 23505 could not create unique index "only_one"
              postgres detail: Key (id)=(1) is duplicated.
              help: correct the cause or the statement and deploy again: the next start goes on after statement 1
        "#]]);
    let history = "select last_statement, statements, outcome from castoff.history \
        where revision = 'b' order by id desc limit 1";
    assert_eq!(database.rows(history), "1|3|failed\n");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "a\n"
    );
    database.sql("delete from t_a; insert into t_a values (1)");
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
            status 0
            --- stderr
            castoff: resuming b after statement 1
            castoff: applied b Make b ([time])
            castoff: database is at b
        "#]]);
    assert_eq!(database.rows("select id from t_a order by id"), "1\n2\n");
    assert_eq!(database.rows(history), "3|3|done\n");
}

#[test]
fn an_invalid_index_that_a_failed_build_left_is_built_again() {
    let database = Server::shared().database();
    for statement in [
        "create unique index concurrently",
        "create unique index concurrently if not exists",
    ] {
        let index = format!("{statement} only_one on t_a (id);");
        let index = Migration::new("b")
            .after("a")
            .options("autocommit")
            .upgrade(&index);
        let project = Project::with("a<-").migration(&index.downgrade("drop index only_one;"));
        project
            .castoff(["upgrade", "a"])
            .database(&database)
            .output()
            .status(0);
        database.sql("insert into t_a values (1), (1)");
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(16);
        database.sql("delete from t_a");
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
        // `if not exists` would call an index under that name a success, valid or not.
        let valid = "select indisvalid from pg_index where indexrelid = 'only_one'::regclass";
        assert_eq!(database.rows(valid), "t\n", "{statement}");
        project
            .castoff(["downgrade", "a"])
            .database(&database)
            .output()
            .status(0);
    }
}

#[test]
fn of_an_autocommit_migration_only_the_statements_that_have_not_run_may_be_edited() {
    let database = Server::shared().database();
    let upgrade = |statements: &str| {
        let migration = Migration::new("b").after("a").options("autocommit");
        let project = Project::with("a<-").migration(&migration.upgrade(statements));
        project.castoff(["upgrade"]).database(&database).output()
    };
    upgrade("create table x ();\nselect 1/0;").status(16);
    upgrade("create table y ();\nselect 1/0;").check(&expect![[r#"
        status 16
        --- stderr
        error[edited-half-way]: revision b was edited after 1 of its statements ran
          --> migrations/202601010002_b_make_b.sql
          help: undo the edit of the first statement, which ran already; those behind it may be corrected
    "#]]);
    upgrade("create table x ();\nselect 1/1;").check(&expect![[r#"
        status 0
        --- stderr
        castoff: resuming b after statement 1
        castoff: applied b Make b ([time])
        castoff: database is at b
    "#]]);
}

#[test]
fn a_script_cannot_take_the_ledger_or_the_lock_away() {
    let hostile = [
        (
            "search path",
            "select set_config('search_path', '', false);",
        ),
        ("role", "create role nobody_at_all; set role nobody_at_all;"),
        ("read only", "set default_transaction_read_only = on;"),
        ("reset", "reset all;"),
    ];
    for (name, script) in hostile {
        let server = Server::start(&[]);
        let database = server.database();
        let migration = Migration::new("b").after("a").upgrade(script);
        let last = Migration::new("c")
            .after("b")
            .upgrade("create table public.t_c (id integer);");
        let project = Project::with("a<-").migration(&migration).migration(&last);
        let finished = project.castoff(["upgrade"]).database(&database).output();
        finished.status(0);
        assert_eq!(
            database.rows("select revision from castoff.revision"),
            "c\n",
            "{name}"
        );
        assert_eq!(
            database.rows("select count(*) from castoff.history"),
            "3\n",
            "{name}"
        );
    }
    let database = Server::shared().database();
    let unlock = Migration::new("b")
        .after("a")
        .upgrade("select pg_advisory_unlock_all();");
    let project = Project::with("a<-")
        .migration(&unlock)
        .migration(&Migration::new("c").after("b"));
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .check(&expect![[r#"
            status 12
            --- stderr
            castoff: applied a Make a ([time])
            castoff: applied b Make b ([time])
            castoff: warning: postgres: you don't own a lock of type ExclusiveLock
            castoff: warning: the migration lock was no longer held when it was to be released
            error[lock-lost]: revision c was not applied
              caused by: this session no longer holds the migration lock
              help: start again; if a pooler is in between, set CASTOFF_DATABASE_URL to the server's own URL
        "#]]);
}
