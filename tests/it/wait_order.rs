//! Waiting for other services in the course of a start: before the lock, before the server, and until
//! castoff is told to stop.

use std::net::TcpListener;
use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::http_server::Http;
use super::support::project::Project;
use super::support::server::{Server, free_port};
use super::support::transcript::prepare;
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, until};

#[test]
fn a_start_waits_in_order_before_the_lock_and_before_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let arguments = "run --before-migrate file:one --before-exec file:two --log-format json --";
    let castoff = prepare(&project, Some(&database), arguments);
    let mut running = web::run_as(castoff, &project, "report", Then::Exit(7)).spawn();
    running.stderr_until("waiting for file:one", DEADLINE);
    // The database is asked where it is meanwhile, and for nothing else.
    let nothing = "select to_regclass('castoff.revision'), (select count(*) from pg_locks \
        where locktype = 'advisory' and database = \
        (select oid from pg_database where datname = current_database()))";
    assert_eq!(database.rows(nothing), "null|0\n");
    std::fs::write(project.path("one"), "").unwrap();
    running.stderr_until("waiting for file:two", DEADLINE);
    let said = running.stderr();
    let at = |text: &str| {
        said.find(text)
            .unwrap_or_else(|| panic!("no {text} in {said}"))
    };
    assert!(at("\"applied\"") < at("\"handing-over\""), "{said}");
    assert!(at("\"handing-over\"") < at("file:two"), "{said}");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "a\n"
    );
    let sessions = "select count(*) from pg_stat_activity where application_name like 'castoff on %' \
        and datname = current_database()";
    until("no session is kept meanwhile", DEADLINE, || {
        (database.rows(sessions) == "0\n").then_some(())
    });
    assert!(!project.path("report").exists());
    std::fs::write(project.path("two"), "").unwrap();
    Report::of(&project, DEADLINE);
    running.wait(DEADLINE).status(7);
}

#[test]
fn what_the_database_said_before_a_long_wait_is_asked_again() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let line = "run --for file:flag -- /bin/echo served";
    let mut running = prepare(&project, Some(&database), line).spawn();
    running.stderr_until("waiting for file:flag", DEADLINE);
    let sessions = "from pg_stat_activity where application_name like 'castoff on %' \
        and datname = current_database()";
    until("the database was asked", DEADLINE, || {
        let idle = format!("select count(*) {sessions} and state = 'idle'");
        (database.rows(&idle) == "1\n").then_some(())
    });
    // The connection goes away, and another castoff does the work.
    database.sql(&format!("select pg_terminate_backend(pid) {sessions}"));
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    database.sql("select pg_sleep(1.1)");
    std::fs::write(project.path("flag"), "").unwrap();
    running.wait(DEADLINE).check(&expect![[r#"
        status 0
        --- stdout
        served
        --- stderr
        castoff: waiting for file:flag: it does not exist
        castoff: file:flag is ready after [time]
        castoff: up to date at a
    "#]]);
}

#[test]
fn other_commands_wait_for_the_database_alone() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let line = "CASTOFF_FOR=file:never CASTOFF_BEFORE_EXEC=file:never upgrade";
    prepare(&project, Some(&database), line).output().status(0);
}

/// Stops castoff while it waits.
#[track_caller]
fn check_stopped(project: &Project, line: &str, url: Option<&str>, first: &str) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut castoff = prepare(project, None, line).env("PATH", "/bin:/usr/bin");
        if let Some(url) = url {
            castoff = castoff.env("DATABASE_URL", url);
        }
        let mut running = castoff.spawn();
        running.stderr_until(first, DEADLINE);
        running.signal(signal);
        let finished = running.wait(Duration::from_secs(10));
        finished.status(128 + signal as i32);
        let line = format!("error[stopped]: stopped by {signal}\n");
        assert!(finished.stderr.contains(&line), "{finished}");
    }
}

#[test]
fn every_wait_ends_when_castoff_is_told_to_stop() {
    let project = Project::with("a<-");
    let port = free_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let refused = Http::start("503 Service Unavailable");
    for target in [
        format!("tcp://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}/", refused.port()),
        "file:never".to_owned(),
        "unix:never".to_owned(),
        "'exec:sh -c false'".to_owned(),
    ] {
        let line = format!("wait --wait-timeout 1h --for {target}");
        check_stopped(&project, &line, None, "waiting for");
    }
    // In the middle of an attempt.
    let line = format!("wait --wait-timeout 1h --for file:never --for http://127.0.0.1:{silent}/");
    check_stopped(&project, &line, None, "waiting for file:never");
    let database = Server::shared().database();
    let url = database.url();
    let before = database.contents();
    let line = "run --wait-timeout 1h --for file:never -- /bin/echo served";
    check_stopped(&project, line, Some(&url), "waiting for file:never");
    database.assert_unchanged(&before);
    let line = "run --wait-timeout 1h --before-exec file:never -- /bin/echo served";
    check_stopped(&project, line, Some(&url), "waiting for file:never");
}
