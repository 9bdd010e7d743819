//! Migrations that need a lock which somebody else has: nobody stalls behind them for longer than
//! an attempt lasts, and they are applied once the lock is free.

use nix::sys::signal::{Signal, kill};

use super::support::castoff::Running;
use super::support::database::{Database, Session};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::{DEADLINE, until};

/// How often a reader or a writer must get through, to show that nothing keeps it out.
const OFTEN: usize = 30;

/// Two tables `t_a` and `t_b` that are there, and a migration `c` that is not applied yet.
fn project(options: &str, upgrade: &str) -> Project {
    let last = Migration::new("c").after("b").options(options);
    Project::with("a<- b<a").migration(&last.upgrade(upgrade))
}

/// Applies `a` and `b`.
fn prepare(project: &Project, database: &Database<'_>) {
    let castoff = project.castoff(["upgrade", "b"]).database(database);
    castoff.output().status(0);
}

/// Somebody who reads a table in a transaction, and forgets to end it.
fn reader_of(table: &str, database: &Database<'_>) -> Session {
    let session = database.session();
    session.sql(&format!(
        "set application_name = 'long report'; begin; lock table {table} in access share mode"
    ));
    session
}

/// Somebody whose statements would fail if they stalled for longer than any attempt lasts.
fn passer_by(database: &Database<'_>) -> Session {
    let session = database.session();
    session.sql("set statement_timeout = '20s'");
    session
}

/// The same lock as the statement's, but out of sight for whoever reads the script.
fn hidden(statements: &str) -> String {
    format!("do $$ begin {statements} end $$;")
}

/// Returns when a session's transaction is older than castoff queues behind.
fn until_old(session: &Session, database: &Database<'_>) {
    let age = format!(
        "select clock_timestamp() - xact_start > '1100 ms' from pg_stat_activity where pid = {}",
        session.pid()
    );
    until("the transaction is old", DEADLINE, || {
        (database.rows(&age) == "t\n").then_some(())
    });
}

fn finish(running: Running) -> String {
    let finished = running.wait(DEADLINE);
    finished.status(0);
    finished.stderr
}

#[test]
fn readers_get_through_while_a_migration_waits() {
    let database = Server::shared().database();
    let project = project("", &hidden("alter table t_a add column x integer;"));
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let passer_by = passer_by(&database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("castoff: c was refused a lock", DEADLINE);
    for _ in 0..OFTEN {
        passer_by.sql("select count(*) from t_a");
    }
    let expected = format!(
        "by `long report` (127.0.0.1, pid {}, idle in transaction, begun",
        report.pid()
    );
    running.stderr_until(&expected, DEADLINE);
    assert!(running.stderr().contains("holds AccessShareLock"));
    assert!(running.is_running());
    report.sql("commit");
    let stderr = finish(running);
    assert!(!stderr.contains("lock table t_a"), "{stderr}");
    assert_eq!(database.rows("select x from t_a"), "");
}

#[test]
fn nobody_queues_behind_an_old_transaction() {
    let database = Server::shared().database();
    let project = project("", "alter table t_a add column x integer;");
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    until_old(&report, &database);
    let before = database.contents();
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    let expected = format!(
        "castoff: c does not queue for `t_a` behind `long report` (127.0.0.1, pid {}, \
         idle in transaction, begun",
        report.pid()
    );
    running.stderr_until(&expected, DEADLINE);
    // Attempts would show: each would be in the queue for a tenth of a second or more.
    let queued = "select count(*) from pg_locks where not granted and relation = 't_a'::regclass";
    for _ in 0..10 * OFTEN {
        assert_eq!(database.rows(queued), "0\n");
    }
    database.assert_unchanged(&before);
    report.sql("commit");
    let stderr = finish(running);
    assert!(!stderr.contains("was refused"), "{stderr}");
    assert_eq!(database.rows("select x from t_a"), "");
}

#[test]
fn a_partition_that_is_read_counts_as_its_table() {
    let database = Server::shared().database();
    let tables = "create table whole (id integer) partition by list (id);\n\
        create table part partition of whole for values in (1);";
    let column = Migration::new("c")
        .after("b")
        .upgrade("alter table whole add column x integer;");
    let project = Project::with("a<-")
        .migration(&Migration::new("b").after("a").upgrade(tables))
        .migration(&column);
    prepare(&project, &database);
    let report = reader_of("part", &database);
    until_old(&report, &database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("does not queue for `part`", DEADLINE);
    report.sql("commit");
    finish(running);
}

#[test]
fn the_locks_a_transaction_has_are_given_back_between_attempts() {
    let database = Server::shared().database();
    let both = "alter table t_a add column x integer; alter table t_b add column x integer;";
    let project = project("", &hidden(both));
    prepare(&project, &database);
    let report = reader_of("t_b", &database);
    let passer_by = passer_by(&database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("castoff: c was refused a lock", DEADLINE);
    for _ in 0..OFTEN {
        passer_by.sql("insert into t_a values (1)");
    }
    assert!(running.is_running());
    report.sql("commit");
    finish(running);
    let rows = database.rows("select count(*), count(x) from t_a");
    assert_eq!(rows, format!("{OFTEN}|0\n"));
}

#[test]
fn a_deadlock_is_tried_again() {
    let database = Server::shared().database();
    // Outlives a rollback, so that only the first attempt makes a deadlock.
    let upgrade = hidden(
        "lock table t_a;
         if nextval('attempt') = 1 then
             while not exists (
                 select from pg_locks where relation = 't_a'::regclass and not granted
             ) loop
                 perform pg_sleep(0.01);
             end loop;
         end if;
         lock table t_b;",
    );
    let project = project("lock_timeout=5s", &upgrade);
    prepare(&project, &database);
    database.sql("create sequence attempt");
    // Whoever looks first is the one whose statement ends.
    database.sql(&format!(
        "alter database {} set deadlock_timeout = '20ms'",
        database.name()
    ));
    let other = database.session();
    other.sql("set deadlock_timeout = '1h'; begin; lock table t_b");
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    let locked = "select count(*) from pg_locks where granted and relation = 't_a'::regclass";
    until("castoff has the first lock", DEADLINE, || {
        (database.rows(locked) == "1\n").then_some(())
    });
    other.sql("lock table t_a");
    other.sql("commit");
    let stderr = finish(running);
    assert!(
        stderr.contains("(attempt 1, 40P01): rolled back"),
        "{stderr}"
    );
    assert_eq!(database.rows("select last_value from attempt"), "2\n");
    assert_eq!(database.rows("select count(*) from castoff.history"), "3\n");
}

#[test]
fn when_the_budget_is_spent_nothing_has_changed() {
    let database = Server::shared().database();
    for upgrade in [
        "alter table t_a add column x integer;".to_owned(),
        hidden("alter table t_a add column x integer;"),
    ] {
        let database = database.server().database();
        let project = project("", &format!("create table t_c (id integer);\n{upgrade}"));
        prepare(&project, &database);
        let report = reader_of("t_a", &database);
        until_old(&report, &database);
        let before = database.contents();
        let castoff = project.castoff(["upgrade", "--ddl-lock-budget", "6s"]);
        let finished = castoff.database(&database).output();
        finished.status(13);
        database.assert_unchanged(&before);
        let stderr = &finished.stderr;
        for expected in [
            "error[lock-busy]: revision c was not applied: no lock was obtained within ",
            "  --> migrations/202601010003_c_make_c.sql:7 (statement 2 of 2)\n",
            "  caused by: 55P03 canceling statement due to lock timeout\n",
            "  blocked by: `long report` (127.0.0.1, pid [pid], idle in transaction, begun ",
            "giving up",
        ] {
            assert!(stderr.contains(expected), "{expected} in {stderr}");
        }
        drop(report);
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
    }
}

#[test]
fn told_to_stop_while_it_waits_it_stops() {
    let database = Server::shared().database();
    for (upgrade, said) in [
        (
            "alter table t_a add column x integer;".to_owned(),
            "does not queue",
        ),
        (
            hidden("alter table t_a add column x integer;"),
            "was refused",
        ),
    ] {
        let database = database.server().database();
        let project = project("", &upgrade);
        prepare(&project, &database);
        let report = reader_of("t_a", &database);
        until_old(&report, &database);
        let before = database.contents();
        let mut running = project.castoff(["upgrade"]).database(&database).spawn();
        running.stderr_until(said, DEADLINE).signal(Signal::SIGTERM);
        running.wait(DEADLINE).status(143);
        database.assert_unchanged(&before);
    }
}

#[test]
fn without_a_budget_there_is_one_attempt() {
    let database = Server::shared().database();
    let project = project("", &hidden("alter table t_a add column x integer;"));
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let castoff = project.castoff(["upgrade"]).database(&database);
    let finished = castoff.env("CASTOFF_DDL_LOCK_BUDGET", "0").output();
    finished.status(13);
    assert!(finished.stderr.contains("(1 attempt)"), "{finished}");
    drop(report);
}

#[test]
fn a_refusal_is_an_event_with_its_numbers() {
    let database = Server::shared().database();
    let project = project("", &hidden("alter table t_a add column x integer;"));
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let pid = report.pid();
    report.sql("select 'a secret'");
    for (show, expected) in [("false", false), ("true", true)] {
        let castoff = project.castoff(["upgrade", "--log-format=json"]);
        let castoff = castoff.env("CASTOFF_SHOW_QUERIES", show);
        let mut running = castoff.database(&database).spawn();
        running.stderr_until("`long report`", DEADLINE);
        let stderr = running.stderr();
        let event = stderr.lines().find(|line| line.contains("long report"));
        let event = event.expect("just seen");
        for part in [
            "\"event\":\"lock-refused\"",
            "\"revision\":\"c\"",
            "\"sqlstate\":\"55P03\"",
            "\"attempt\":",
            "\"left_milliseconds\":",
            &format!("\"pids\":\"{pid}\""),
        ] {
            assert!(event.contains(part), "{part} in {event}");
        }
        assert_eq!(event.contains("a secret"), expected, "{event}");
    }
}

#[test]
fn a_script_cannot_drop_the_timeout() {
    let database = Server::shared().database();
    let seen = "insert into seen (lock, idle) values \
        (current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'));\n";
    let changes = [
        "",
        "reset all;\n",
        "set lock_timeout = 0;\n",
        "/* why */ SET LOCAL lock_timeout TO '10min';\n",
        "set local lock_timeout = '50ms';\n",
        "reset lock_timeout;\n",
        "select set_config('lock_timeout', '0', false);\n",
        "savepoint s; set lock_timeout = '3s'; rollback to s;\n",
        "do $$ begin execute 'reset all'; end $$;\n",
    ];
    let mut script =
        "create table seen (id integer generated always as identity, lock text, idle text);\n"
            .to_owned();
    for change in changes {
        script += change;
        script += seen;
    }
    let project = project("", &script);
    prepare(&project, &database);
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    assert_eq!(
        database.rows("select lock from seen order by id"),
        "100ms\n100ms\n100ms\n5s\n50ms\n100ms\n100ms\n100ms\n100ms\n"
    );
    assert_eq!(
        database.rows("select idle from seen order by id limit 2"),
        "1min\n1min\n"
    );
}

#[test]
fn a_wait_without_a_timeout_is_ended() {
    let database = Server::shared().database();
    let dropped = hidden("perform set_config('lock_' || 'timeout', '0', true);");
    let column = hidden("alter table t_a add column x integer;");
    let project = project("", &format!("{dropped}\n{column}"));
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("(attempt 1, 57014): rolled back", DEADLINE);
    report.sql("commit");
    finish(running);
}

/// Another request would end what comes after the statement: the rollback, or the next attempt.
#[test]
fn a_server_that_is_slow_to_end_a_wait_is_asked_once() {
    let server = Server::start(&[]);
    let database = server.database();
    let dropped = hidden("perform set_config('lock_' || 'timeout', '0', true);");
    let column = hidden("alter table t_a add column x integer;");
    let project = project("", &format!("{dropped}\n{column}"));
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let castoff = project.castoff(["upgrade", "--log=debug"]);
    let mut running = castoff.database(&database).spawn();
    let looks = "select count(*) > 1 from pg_stat_activity \
        where application_name like 'castoff%' and datname = current_database()";
    until("it waits and looks who blocks", DEADLINE, || {
        (database.rows(looks) == "t\n").then_some(())
    });
    // Whoever asks for the end of a statement connects to the process that starts all others.
    let (_, postmaster) = server.pids();
    let postmaster = postmaster.expect("the server runs");
    kill(postmaster, Signal::SIGSTOP).unwrap();
    let is_late = "select clock_timestamp() - xact_start > '9 s' from pg_stat_activity \
        where pid = pg_backend_pid()";
    until("it has asked", DEADLINE, || {
        (report.rows(is_late) == "t\n").then_some(())
    });
    kill(postmaster, Signal::SIGCONT).unwrap();
    running.stderr_until("(attempt 1, 57014): rolled back", DEADLINE);
    report.sql("commit");
    let stderr = finish(running);
    let asked = stderr.matches("ending a wait for a lock").count();
    assert_eq!(asked, 1, "{stderr}");
}

#[test]
fn a_section_may_have_a_timeout_of_its_own_within_bounds() {
    let database = Server::shared().database();
    let seen = "create table seen as select current_setting('lock_timeout') l, \
        current_setting('statement_timeout') s;";
    for (options, expected, warns) in [
        ("lock_timeout=3s", "3s|0\n", false),
        ("lock_timeout=10min", "5s|0\n", true),
        ("lock_timeout=0", "5s|0\n", true),
        ("lock_timeout=2s statement_timeout=1s", "500ms|1s\n", false),
    ] {
        let database = database.server().database();
        let project = project(options, seen);
        prepare(&project, &database);
        let finished = project.castoff(["upgrade"]).database(&database).output();
        finished.status(0);
        assert_eq!(database.rows("table seen"), expected, "{options}");
        let warning = "warning: the lock_timeout of c is lowered to 5 s";
        assert_eq!(finished.stderr.contains(warning), warns, "{finished}");
    }
}

#[test]
fn idle_sessions_in_the_way_are_ended_only_on_wish() {
    let database = Server::shared().database();
    for upgrade in [
        "alter table t_a add column x integer;".to_owned(),
        hidden("alter table t_a add column x integer;"),
    ] {
        let database = database.server().database();
        let project = project("", &upgrade);
        prepare(&project, &database);
        let report = reader_of("t_a", &database);
        let castoff =
            project.castoff(["upgrade", "--terminate-blockers=idle-in-transaction:100ms"]);
        let finished = castoff.database(&database).output();
        finished.status(0);
        let expected = "castoff: warning: ended `long report` (127.0.0.1, pid [pid], \
            idle in transaction, begun ";
        assert!(finished.stderr.contains(expected), "{finished}");
        assert!(report.try_rows("select 1").is_err(), "it was ended");
    }
}

#[test]
fn sessions_at_work_are_never_ended() {
    let database = Server::shared().database();
    let project = project("", &hidden("alter table t_a add column x integer;"));
    prepare(&project, &database);
    database.sql("create table go (id integer)");
    let worker = database.session();
    worker.sql("set application_name = 'worker'; begin; lock table t_a in access share mode");
    let work = "do $$ begin while not exists (select from go) loop perform pg_sleep(0.01); \
        end loop; end $$; commit";
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| worker.try_rows(work).is_ok());
        let active = "select count(*) from pg_stat_activity where application_name = 'worker' \
            and state = 'active' and wait_event = 'PgSleep'";
        until("it is at work", DEADLINE, || {
            (database.rows(active) == "1\n").then_some(())
        });
        let castoff = project.castoff(["upgrade", "--terminate-blockers=idle-in-transaction:0"]);
        let castoff = castoff.args(["--ddl-lock-budget=6s"]).database(&database);
        let finished = castoff.output();
        finished.status(13);
        assert!(finished.stderr.contains("`worker`"), "{finished}");
        assert!(!finished.stderr.contains("ended"), "{finished}");
        database.sql("insert into go default values");
        assert!(worker.join().unwrap(), "it was not disturbed");
    });
}

#[test]
fn statements_of_an_autocommit_section_are_tried_again_one_by_one() {
    let database = Server::shared().database();
    let statements = format!(
        "create table t_c (id integer);\n{}\ncreate table t_d (id integer);",
        hidden("alter table t_a add column x integer;")
    );
    let project = project("autocommit", &statements);
    prepare(&project, &database);
    let report = reader_of("t_a", &database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("castoff: c was refused a lock", DEADLINE);
    assert_eq!(database.rows("select count(*) from t_c"), "0\n");
    report.sql("commit");
    finish(running);
    assert_eq!(database.rows("select count(x) from t_a, t_d"), "0\n");
}

#[test]
fn what_stalls_nobody_waits_without_a_timeout_and_within_its_budget() {
    let database = Server::shared().database();
    let project = project("", "create index concurrently i on t_a (id);");
    prepare(&project, &database);
    // A writer: the build waits for the end of its transaction.
    let writer = database.session();
    writer.sql("set application_name = 'long report'; begin; insert into t_a values (1)");
    let castoff = project.castoff(["upgrade", "--concurrent-budget=2s"]);
    let finished = castoff.database(&database).output();
    finished.status(16);
    let expected = "cancelling a statement of c that takes longer than 2 s (--concurrent-budget)";
    assert!(finished.stderr.contains(expected), "{finished}");
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    let expected = format!(
        "castoff: waiting for a lock of `long report` (127.0.0.1, pid {}, idle in transaction, begun",
        writer.pid()
    );
    running.stderr_until(&expected, DEADLINE);
    writer.sql("commit");
    let stderr = finish(running);
    assert!(!stderr.contains("was refused"), "{stderr}");
    let valid = "select indisvalid from pg_index where indexrelid = 'i'::regclass";
    assert_eq!(database.rows(valid), "t\n");
}

#[test]
fn a_mere_validation_waits_without_a_timeout() {
    let database = Server::shared().database();
    let project = project("", "alter table t_a validate constraint positive;");
    prepare(&project, &database);
    database.sql("alter table t_a add constraint positive check (id > 0) not valid");
    let other = database.session();
    other.sql(
        "set application_name = 'long report'; begin; \
         lock table t_a in share update exclusive mode",
    );
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("castoff: waiting for a lock of `long report`", DEADLINE);
    let writer = passer_by(&database);
    writer.sql("insert into t_a values (1)");
    other.sql("commit");
    let stderr = finish(running);
    assert!(!stderr.contains("was refused"), "{stderr}");
}

#[test]
fn nobody_queues_behind_a_vacuum_against_wraparound() {
    let server = Server::start(&["autovacuum_naptime=1s", "autovacuum_freeze_max_age=100000"]);
    let database = server.database();
    let project = project("", "alter table t_a add column x integer;");
    prepare(&project, &database);
    // A tenth of a second a page at least: it is at work for minutes. Only against wraparound does
    // it come to a table without autovacuum.
    database.sql(
        "alter table t_a set (autovacuum_enabled = false, autovacuum_vacuum_cost_delay = 100, \
             autovacuum_vacuum_cost_limit = 1);
         insert into t_a select generate_series(1, 300000)",
    );
    // Each block with an exception handler that writes uses up a transaction id.
    database.sql(
        "do $$ begin for i in 1..110000 loop
             begin insert into t_b values (i); exception when division_by_zero then null; end;
         end loop; end $$",
    );
    let vacuum = "select count(*) from pg_stat_activity a join pg_locks l on l.pid = a.pid \
        where a.query like '%(to prevent wraparound)' and l.relation = 't_a'::regclass";
    until("the vacuum is at work", DEADLINE, || {
        (database.rows(vacuum) == "1\n").then_some(())
    });
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("castoff: c does not queue for `t_a` behind", DEADLINE);
    assert!(
        running
            .stderr()
            .contains("behind `autovacuum worker` (local, pid ")
    );
    let queued = "select count(*) from pg_locks where not granted and relation = 't_a'::regclass";
    for _ in 0..OFTEN {
        assert_eq!(database.rows(queued), "0\n");
    }
    assert_eq!(database.rows(vacuum), "1\n", "it was left alone");
}
