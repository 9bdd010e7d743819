//! Waiting for the database: bounded, never silent about the cause, and over at once where waiting
//! cannot help.

use std::io::Write;
use std::net::TcpListener;

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, kill};

use super::support::castoff::Finished;
use super::support::project::Project;
use super::support::server::{Server, USER, free_port};
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, PASSWORD};

/// `castoff wait` for a URL that never becomes ready.
#[track_caller]
fn check(url: &str, timeout: &str, expected: &Expect) {
    let address = url.rsplit(':').next().unwrap_or_default();
    let (port, rest) = address
        .split_once('/')
        .expect("tests write the port and the database");
    let database = rest.split('?').next().unwrap_or_default();
    let project = Project::empty();
    let castoff = project
        .castoff(["wait", "--wait-timeout", timeout])
        .env("DATABASE_URL", url);
    let castoff = castoff
        .redact(port, "[port]")
        .redact(database, "[database]");
    castoff.output().check(expected);
}

/// What it said, without the causes that are over so soon that not every machine shows them.
fn story(finished: &Finished) -> String {
    let brief = ["starting up", "connection closed during login"];
    let lines = finished.stderr.split_inclusive('\n');
    lines
        .filter(|line| !brief.iter().any(|cause| line.contains(cause)))
        .collect()
}

/// Longer than the tests' own deadline: whoever waits for this is caught.
const FOR_EVER: &str = "1h";

#[test]
fn a_port_that_refuses_is_waited_for_until_the_deadline() {
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/app", free_port());
    check(
        &url,
        "1s",
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for database tester@127.0.0.1:[port]/[database]: connection refused
            error[not-ready]: database tester@127.0.0.1:[port]/[database] is not ready after 1 s
              caused by: connection refused
              help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
}

#[test]
fn a_server_that_accepts_and_never_answers_does_not_outlast_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/app");
    check(
        &url,
        "1s",
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for database tester@127.0.0.1:[port]/[database]: no answer within [time]
            error[not-ready]: database tester@127.0.0.1:[port]/[database] is not ready after 1 s
              caused by: no answer within [time]
              help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
}

#[test]
fn a_server_that_hangs_up_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the test process.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/app");
    check(
        &url,
        "1s",
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for database tester@127.0.0.1:[port]/[database]: connection closed during login
            error[not-ready]: database tester@127.0.0.1:[port]/[database] is not ready after 1 s
              caused by: connection closed during login
              help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
}

#[test]
fn something_else_that_listens_there_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .ok();
        }
    });
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/app");
    check(
        &url,
        FOR_EVER,
        &expect![[r#"
            status 11
            --- stderr
            error[connection-not-postgres]: database tester@127.0.0.1:[port]/[database] cannot be used
              caused by: not a PostgreSQL server
              help: check the host and port in `DATABASE_URL`
        "#]],
    );
}

#[test]
fn a_name_that_does_not_resolve_may_do_so_later() {
    let project = Project::empty();
    let url = format!("postgres://{USER}:{PASSWORD}@no-such-host.invalid/app");
    let castoff = project
        .castoff(["wait", "--wait-timeout", "2s"])
        .env("DATABASE_URL", url);
    let finished = castoff.output();
    finished.status(11);
    // What else the resolver says depends on the machine, and on how slow it is.
    for part in [
        "waiting for database",
        "error[not-ready]: ",
        " is not ready after 2 s",
    ] {
        assert!(finished.stderr.contains(part), "{finished}");
    }
}

#[test]
fn what_cannot_improve_is_told_at_once() {
    let server = Server::shared();
    let database = server.database();
    let url = database.url();
    check(
        &url.replace(PASSWORD, "wrong"),
        FOR_EVER,
        &expect![[r#"
            status 11
            --- stderr
            error[login-password-wrong]: database tester@127.0.0.1:[port]/[database] cannot be used
              caused by: password authentication failed for user "tester"
              help: correct user and password in `DATABASE_URL`
        "#]],
    );
    check(
        &url.replace(&format!(":{PASSWORD}"), ""),
        FOR_EVER,
        &expect![[r#"
            status 11
            --- stderr
            error[login-password-missing]: database tester@127.0.0.1:[port]/[database] cannot be used
              caused by: no password for user "tester"
              help: correct user and password in `DATABASE_URL`
        "#]],
    );
    check(
        &server.url("no_such_database"),
        FOR_EVER,
        &expect![[r#"
            status 11
            --- stderr
            error[login-database-missing]: database tester@127.0.0.1:[port]/[database] cannot be used
              caused by: database "[database]" does not exist
              help: create it with `create database "[database]"`
        "#]],
    );
    check(
        &(database.url() + "?sslmode=require"),
        FOR_EVER,
        &expect![[r#"
            status 11
            --- stderr
            error[tls-refused]: database tester@127.0.0.1:[port]/[database] cannot be used
              caused by: server does not support TLS, but sslmode=require
              help: switch the server's `ssl` on, or lower `sslmode` in `DATABASE_URL`
        "#]],
    );
}

#[test]
fn a_missing_database_is_created_on_request() {
    let server = Server::shared();
    let database = server.database();
    let session = server.session("postgres");
    session.sql(&format!("drop database {}", database.name()));
    let project = Project::with("a<-");
    let arguments = ["upgrade", "--create-database"];
    project
        .castoff(arguments)
        .database(&database)
        .output()
        .check(&expect![[r#"
        status 0
        --- stderr
        castoff: created database "[database]"
        castoff: applied a Make a ([time])
        castoff: database is at a
    "#]]);
    project
        .castoff(arguments)
        .database(&database)
        .output()
        .check(&expect![[r#"
        status 0
        --- stderr
        castoff: up to date at a
    "#]]);
    assert_eq!(database.rows("select count(*) from t_a"), "0\n");
}

#[test]
fn a_server_that_comes_up_later_is_met_with_one_line_a_cause() {
    let server = Server::start(&[]);
    let database = server.database();
    server.stop();
    let project = Project::with("a<-");
    let mut running = web::run(&project, Then::Exit(0))
        .database(&database)
        .spawn();
    running.stderr_until("connection refused", DEADLINE);
    server.launch();
    Report::of(&project, DEADLINE);
    let finished = running.wait(DEADLINE);
    finished.status(0);
    assert_eq!(
        finished.stderr.matches("connection refused").count(),
        1,
        "{finished}"
    );
    expect![[r#"
        castoff: waiting for database tester@127.0.0.1:[port]/[database]: connection refused
        castoff: database tester@127.0.0.1:[port]/[database] is ready after [time]
        castoff: applied a Make a ([time])
        castoff: database is at a
    "#]]
    .assert_eq(&story(&finished));
}

#[test]
fn a_server_in_recovery_is_waited_for() {
    let server = Server::start(&["hot_standby = off"]);
    let database = server.database();
    server.stop();
    server.write("standby.signal", "");
    server.launch();
    let project = Project::empty();
    let mut running = project.castoff(["wait"]).database(&database).spawn();
    // 57P03, in the words of that version of the server.
    let words = "the database system is ";
    running.stderr_until(words, DEADLINE);
    assert!(running.is_running());
    server.write("promote", "");
    kill(server.pids().1.unwrap(), Signal::SIGUSR1).unwrap();
    let finished = running.wait(DEADLINE);
    finished.status(0);
    assert!(
        finished.stderr.contains("is ready after [time]"),
        "{finished}"
    );
}

#[test]
fn a_server_that_shuts_down_is_waited_for_until_it_is_back() {
    let server = Server::start(&[]);
    let database = server.database();
    let session = database.session();
    // Takes no new sessions, and waits for this one to end.
    kill(server.pids().1.unwrap(), Signal::SIGTERM).unwrap();
    let project = Project::empty();
    let mut running = project.castoff(["wait"]).database(&database).spawn();
    running.stderr_until("the database system is shutting down", DEADLINE);
    drop(session);
    running.stderr_until("connection refused", DEADLINE);
    server.ended();
    server.up();
    let finished = running.wait(DEADLINE);
    finished.status(0);
    expect![[r#"
        castoff: waiting for database tester@127.0.0.1:[port]/[database]: the database system is shutting down
        castoff: waiting for database tester@127.0.0.1:[port]/[database]: connection refused
        castoff: database tester@127.0.0.1:[port]/[database] is ready after [time]
        castoff: database tester@127.0.0.1:[port]/[database] answers
    "#]].assert_eq(&story(&finished));
}

#[test]
fn a_server_without_a_free_slot_is_waited_for() {
    let server = Server::start(&[
        "max_connections = 4",
        "superuser_reserved_connections = 0",
        "max_wal_senders = 0",
    ]);
    let database = server.database();
    let mut sessions: Vec<_> = (0..4).map(|_| database.session()).collect();
    let project = Project::empty();
    let mut running = project.castoff(["wait"]).database(&database).spawn();
    running.stderr_until("too many connections", DEADLINE);
    sessions.pop();
    running.wait(DEADLINE).check(&expect![[r#"
        status 0
        --- stderr
        castoff: waiting for database tester@127.0.0.1:[port]/[database]: too many connections
        castoff: database tester@127.0.0.1:[port]/[database] is ready after [time]
        castoff: database tester@127.0.0.1:[port]/[database] answers
    "#]]);
}

#[test]
fn of_several_hosts_the_one_that_works_is_taken() {
    let database = Server::shared().database();
    let url = database
        .url()
        .replace("@127", &format!("@127.0.0.1:{},127", free_port()));
    let project = Project::empty();
    let castoff = project
        .castoff(["wait"])
        .database(&database)
        .env("DATABASE_URL", url);
    let finished = castoff.output();
    finished.status(0);
    assert!(!finished.stderr.contains("waiting"), "{finished}");
}

#[test]
fn both_addresses_work() {
    let database = Server::shared().database();
    for url in [database.url(), database.socket_url()] {
        let project = Project::empty();
        let castoff = project
            .castoff(["wait"])
            .database(&database)
            .env("DATABASE_URL", url);
        castoff.output().status(0);
    }
}
