//! `castoff backfill`: deferred batches, and those who pause, resume, abort and retry them.

use expect_test::expect;
use nix::sys::signal::Signal;

use super::batch::{
    COUNT, hold_row, met, patient, project, project_with, table, until_batch, until_blocked, up,
};
use super::support::DEADLINE;
use super::support::castoff::Running;
use super::support::clients::client;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};
use super::support::until;
use super::support::web::{self, Report, Then};

/// A deferred backfill that waits while the table `gate` has a row.
fn gated() -> Project {
    let tables = table(1_000) + "\ncreate table gate ();\ninsert into gate default values;";
    let line = "table=t key=id size=50 deferred throttle=\"select count(*) from gate\"";
    project(&tables, line, COUNT)
}

fn start_gated(project: &Project, database: &Database<'_>) -> Running {
    let mut running = project.castoff(["backfill"]).database(database).spawn();
    running.stderr_until("b waits: its `throttle` query returned 1", DEADLINE);
    running
}

/// `c` requires what `b` defers.
fn requiring() -> Project {
    let line = "table=t key=id size=50 pause=0 deferred throttle=\"select count(*) from gate\"";
    let tables = table(200) + "\ncreate table gate ();";
    let strict = Migration::new("c")
        .after("b")
        .header("requires_backfill: b")
        .upgrade("alter table t add check (n = 1);");
    project(&tables, line, COUNT).migration(&strict)
}

#[test]
fn a_deferred_section_is_done_while_the_server_serves() {
    let database = Server::shared().database();
    let project = gated();
    let server = web::run(&project, Then::Stay).database(&database).spawn();
    Report::of(&project, DEADLINE);
    assert_eq!(met(&database), "0|1000\n");
    let said = transcript(&project, Some(&database), &["current", "backfill status"]);
    expect![[r#"
        $ castoff current
        status 0
        --- stdout
        b (head)
        --- stderr
        castoff: the backfill of b is pending: see `castoff backfill status`

        $ castoff backfill status
        status 0
        --- stdout
        b pending, deferred (nobody is at work: run `castoff backfill`): 0 rows in 0 batches

    "#]]
    .assert_eq(&said);
    let running = start_gated(&project, &database);
    until_batch(&database, "throttled_by is not null");
    let status = run(&project, Some(&database), "backfill status");
    assert_eq!(
        status.stdout,
        "b running, deferred: 0 rows in 0 batches\n  waits: its `throttle` query returned 1\n"
    );
    // A start of another replica has nothing to do with it, and waits for nothing.
    let other = run(&project, Some(&database), "upgrade");
    assert_eq!(other.stderr, "castoff: up to date at b\n");
    database.sql("delete from gate");
    let finished = running.wait(DEADLINE);
    finished.status(0);
    assert!(
        finished.stderr.contains("backfilled b Make b"),
        "{finished}"
    );
    assert_eq!(met(&database), "1|1000\n");
    let done = run(&project, Some(&database), "backfill");
    assert_eq!(done.stderr, "castoff: no backfill is pending\n");
    let current = run(&project, Some(&database), "current");
    assert_eq!(current.stderr, "");
    server.signal(Signal::SIGTERM);
    server.wait(DEADLINE);
}

#[test]
fn another_process_pauses_resumes_aborts_and_retries() {
    let database = Server::shared().database();
    let project = gated();
    up(&project, &database);
    let wish = |line: &str| run(&project, Some(&database), line);
    let mut running = start_gated(&project, &database);
    wish("backfill pause b").status(0);
    running.stderr_until("b is paused", DEADLINE);
    database.sql("delete from gate");
    let status = wish("backfill status");
    assert_eq!(status.stdout, "b paused, deferred: 0 rows in 0 batches\n");
    // A second one waits like the first.
    assert!(running.is_running());
    database.sql("insert into gate default values");
    wish("backfill resume b").status(0);
    running.stderr_until("b goes on", DEADLINE);
    wish("backfill abort b").status(0);
    database.sql("delete from gate");
    // What was under way when somebody aborted it may have been done.
    let finished = running.wait(DEADLINE);
    finished.status(0);
    assert!(finished.stderr.contains("b was aborted"), "{finished}");
    let said = transcript(
        &project,
        Some(&database),
        &[
            "backfill",
            "backfill resume b",
            "backfill retry b",
            "backfill pause x",
        ],
    );
    expect![[r#"
        $ castoff backfill
        status 0
        --- stderr
        castoff: b was aborted: it goes on after `castoff backfill retry b`

        $ castoff backfill resume b
        status 2
        --- stderr
        error[backfill-status]: the backfill of b is aborted: there is nothing to resume
          help: look at `castoff backfill status`

        $ castoff backfill retry b
        status 0
        --- stderr
        castoff: b may go on

        $ castoff backfill pause x
        status 2
        --- stderr
        error[no-backfill]: the ledger has no batched section of revision `x`
          help: look at `castoff backfill status`

    "#]]
    .assert_eq(&said);
    wish("backfill b").status(0);
    assert_eq!(met(&database), "1|1000\n");
    let json = wish("backfill status --format json");
    let text = json.stdout.as_str();
    for part in ["\"status\": \"done\"", "\"rows\": 1000", "\"worker\": null"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn two_backfills_do_not_meet() {
    let database = Server::shared().database();
    let project = gated();
    up(&project, &database);
    let first = start_gated(&project, &database);
    let mut second = project.castoff(["backfill"]).database(&database).spawn();
    second.stderr_until("waiting for another `castoff backfill` to end", DEADLINE);
    let late = run(&project, Some(&database), "backfill --lock-timeout 100ms");
    late.status(13);
    assert!(late.stderr.contains("error[backfill-busy]"), "{late}");
    database.sql("delete from gate");
    first.wait(DEADLINE).status(0);
    second.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "1|1000\n");
}

#[test]
fn a_signal_ends_a_pause_between_batches() {
    let database = Server::shared().database();
    let project = gated();
    up(&project, &database);
    let running = start_gated(&project, &database);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
}

#[test]
fn a_lock_that_is_not_obtained_halves_the_batch_and_is_given_up_at_last() {
    let database = Server::shared().database();
    let project = project_with(
        &table(1_000),
        "lock_timeout=20ms",
        "table=t key=id size=800 pause=0 deferred",
        COUNT,
    );
    up(&project, &database);
    let holder = hold_row(&database, 1);
    let failed = run(&project, Some(&database), "backfill");
    failed.status(16);
    for part in [
        "trying b again with 400 rows: 55P03",
        "trying b again with 50 rows: 55P03",
        "error[batch-failed]: revision b stopped after 0 batches (0 rows)",
        "castoff backfill retry b",
    ] {
        assert!(failed.stderr.contains(part), "{part}\n{failed}");
    }
    let state = "select status, attempts, left(last_error, 5) from castoff.batch";
    assert_eq!(database.rows(state), "failed|5|55P03\n");
    drop(holder);
    let again = run(&project, Some(&database), "backfill");
    again.status(16);
    assert!(
        again.stderr.contains("nobody asked to try it again"),
        "{again}"
    );
    run(&project, Some(&database), "backfill retry b").status(0);
    run(&project, Some(&database), "backfill").status(0);
    assert_eq!(met(&database), "1|1000\n");
}

#[test]
fn a_revision_that_requires_a_backfill_gets_it() {
    let project = requiring();
    // A fresh database has everything ahead of it at once.
    let database = Server::shared().database();
    let finished = run(&project, Some(&database), "upgrade");
    finished.check(&expect![[r#"
        status 0
        --- stderr
        castoff: applied a Make a ([time])
        castoff: left b to `castoff backfill`
        castoff: applied b Make b ([time])
        castoff: c requires the backfill of b: doing it now
        castoff: running b in batches
        castoff: backfilled b Make b ([time])
        castoff: applied c Make c ([time])
        castoff: database is at c
    "#]]);
    assert_eq!(met(&database), "1|200\n");
    let done = run(&project, Some(&database), "backfill");
    assert_eq!(done.stderr, "castoff: no backfill is pending\n");

    // Where somebody does it already, he is waited for.
    let database = Server::shared().database();
    run(&project, Some(&database), "upgrade b").status(0);
    database.sql("insert into gate default values");
    let worker = start_gated(&project, &database);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("waiting for the castoff that does it", DEADLINE);
    database.sql("delete from gate");
    running.wait(DEADLINE).status(0);
    worker.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "1|200\n");

    // What somebody paused or aborted is not done behind his back.
    let database = Server::shared().database();
    run(&project, Some(&database), "upgrade b").status(0);
    run(&project, Some(&database), "backfill pause b").status(0);
    let refused = run(&project, Some(&database), "upgrade");
    refused.check(&expect![[r#"
        status 14
        --- stderr
        error[backfill-required]: revision c requires the backfill of b, which is paused
          help: run `castoff backfill resume b` and deploy again
    "#]]);
    run(&project, Some(&database), "backfill resume b").status(0);
    up(&project, &database);
    assert_eq!(met(&database), "1|200\n");
}

#[test]
fn the_way_back_ends_a_backfill_and_the_way_forward_begins_it_again() {
    let database = Server::shared().database();
    let project = gated();
    up(&project, &database);
    let running = start_gated(&project, &database);
    run(&project, Some(&database), "downgrade").status(0);
    database.sql("delete from gate");
    running.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "0|1000\n");
    let status = run(&project, Some(&database), "backfill status").stdout;
    assert!(status.contains("(its revision was taken back)"), "{status}");
    let nothing = run(&project, Some(&database), "backfill");
    assert_eq!(nothing.stderr, "castoff: no backfill is pending\n");
    up(&project, &database);
    run(&project, Some(&database), "backfill").status(0);
    assert_eq!(met(&database), "1|1000\n");
}

#[test]
fn an_aborted_section_of_an_upgrade_waits_for_a_person() {
    let database = Server::shared().database();
    let project = patient(200);
    run(&project, Some(&database), "upgrade a").status(0);
    let holder = hold_row(&database, 120);
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    until_blocked(&database);
    let abort = project
        .castoff(["backfill", "abort", "b"])
        .database(&database);
    let abort = abort.spawn();
    // It waits for the batch that is under way.
    let waiting = "select count(*) > 1 from pg_stat_activity where datname = current_database() \
        and application_name like 'castoff on %' and wait_event_type = 'Lock'";
    until("the wish waits for the batch", DEADLINE, || {
        (database.rows(waiting) == "t\n").then_some(())
    });
    drop(holder);
    abort.wait(DEADLINE).status(0);
    let finished = running.wait(DEADLINE);
    finished.status(16);
    assert!(
        finished.stderr.contains("error[batch-aborted]"),
        "{finished}"
    );
    let again = run(&project, Some(&database), "upgrade");
    again.status(16);
    run(&project, Some(&database), "backfill retry b").status(0);
    up(&project, &database);
    assert_eq!(met(&database), "1|200\n");
}

#[test]
fn a_script_for_psql_has_no_batches_but_says_what_is_deferred() {
    let project = project(&table(5), "table=t key=id", COUNT);
    let refused = run(&project, None, "upgrade --sql");
    refused.check(&expect![[r#"
        status 14
        --- stderr
        error[batch-offline]: revision b runs in batches, which a script for psql cannot do
          --> migrations/202601010002_b_make_b.sql
          help: apply it with `castoff upgrade`, and print the script of the revisions before and behind it as ranges
    "#]]);
    let database = Server::shared().database();
    let deferred = gated();
    let script = run(&deferred, None, "upgrade --sql");
    script.status(0);
    let deferred = deferred.file("script.sql", &script.stdout);
    let psql = std::process::Command::new(client("psql"))
        .env_clear()
        .args(["--no-psqlrc", "--quiet", "--file"])
        .arg(deferred.path("script.sql"))
        .arg(database.url())
        .output()
        .unwrap();
    assert!(psql.status.success(), "{psql:?}");
    database.sql("delete from gate");
    assert_eq!(met(&database), "0|1000\n");
    run(&deferred, Some(&database), "backfill").status(0);
    assert_eq!(met(&database), "1|1000\n");
}

#[test]
fn the_plan_says_how_a_section_runs() {
    let database = Server::shared().database();
    let project = requiring();
    let plan = run(&project, Some(&database), "plan");
    for part in [
        "-- b Make b (in batches, left to `castoff backfill`)\n",
        "--   first the backfill of b, if it is not done\n",
    ] {
        assert!(plan.stdout.contains(part), "{plan}");
    }
}

#[test]
fn what_is_required_must_be_there() {
    let strict = Migration::new("c")
        .after("b")
        .header("requires_backfill: a")
        .upgrade("select 1;");
    let project = project(&table(5), "table=t key=id deferred", COUNT).migration(&strict);
    let refused = run(&project, None, "history");
    refused.check(&expect![[r#"
        status 14
        --- stderr
        error[required-backfill-missing]: revision `c` requires the backfill of `a`, which is no revision in batches before it
          --> migrations/202601010003_c_make_c.sql:4
           4 | -- requires_backfill: a
          help: correct `requires_backfill` in `migrations/202601010003_c_make_c.sql`
    "#]]);
}

#[test]
fn a_throttle_query_that_fails_is_an_error_and_one_that_writes_is_refused() {
    for (query, sqlstate) in [("select nope", "42703"), ("delete from t", "25006")] {
        let database = Server::shared().database();
        let line = format!("table=t key=id size=50 deferred throttle=\"{query}\"");
        let project = project(&table(100), &line, COUNT);
        up(&project, &database);
        let failed = run(&project, Some(&database), "backfill");
        failed.status(16);
        assert!(
            failed.stderr.contains("(asking whether to pause)"),
            "{failed}"
        );
        assert!(failed.stderr.contains(sqlstate), "{failed}");
        let state = "select status, left(last_error, 5) from castoff.batch";
        assert_eq!(database.rows(state), format!("failed|{sqlstate}\n"));
        assert_eq!(met(&database), "0|100\n");
    }
}
