//! Being told to stop, in every phase: what is under way is rolled back, and the status says why.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::support::castoff::{Castoff, Finished, Running, Status};
use super::support::database::Database;
use super::support::gate::{close_gate, gated, until_at_gate};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::web::{self, Report, Then};
use super::support::{AT_GATE, DEADLINE, until};

/// The promise is a second; a busy machine gets more.
const SOON: Duration = Duration::from_secs(10);

/// Where castoff runs in a test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    Child,
    Pid1,
}

/// Starts castoff, or says that this machine does not let it be PID 1.
fn start(project: &Project, who: As, database: &Database<'_>) -> Option<Running> {
    let castoff = match who {
        As::Child => Castoff::new(project.directory()),
        As::Pid1 => Castoff::as_pid_1(project.directory())?,
    };
    let castoff = castoff.args(["run", "--"]).database(database);
    Some(web::run_as(castoff, project, "report", Then::Stay).spawn())
}

fn stop(running: Running, who: As, signal: Signal) -> Finished {
    match who {
        As::Child => running.signal(signal),
        As::Pid1 => running.signal_child(signal),
    };
    running.wait(SOON)
}

/// Each way to be told to stop.
const WAYS: [(As, Signal); 4] = [
    (As::Child, Signal::SIGTERM),
    (As::Child, Signal::SIGINT),
    (As::Pid1, Signal::SIGTERM),
    (As::Pid1, Signal::SIGINT),
];

#[track_caller]
fn check_stopped(finished: &Finished, signal: Signal) {
    finished.status(128 + signal as i32);
    let line = format!("error[stopped]: stopped by {signal}\n");
    assert!(finished.stderr.contains(&line), "{finished}");
}

/// Returns when nothing of castoff's runs on in the server.
fn until_server_is_idle(database: &Database<'_>) {
    let count = "select count(*) from pg_stat_activity \
        where datname = current_database() and application_name like 'castoff on %'";
    until("the server is done with castoff", SOON, || {
        (database.rows(count) == "0\n").then_some(())
    });
}

#[test]
fn while_waiting_for_the_database() {
    let database = Server::shared().database();
    for (who, signal) in WAYS {
        for url in [
            format!("postgres://x@127.0.0.1:{}/x", free_port()),
            "postgres://x@no-such-host.invalid/x".to_owned(),
        ] {
            let project = Project::with("a<-");
            let castoff = match who {
                As::Child => Some(Castoff::new(project.directory())),
                As::Pid1 => Castoff::as_pid_1(project.directory()),
            };
            let Some(castoff) = castoff else { continue };
            let castoff = castoff
                .args(["run", "--"])
                .database(&database)
                .env("DATABASE_URL", &url);
            let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
            if url.contains("127") {
                running.stderr_until("waiting for database", DEADLINE);
            }
            let finished = stop_when_started(running, who, signal);
            check_stopped(&finished, signal);
            assert!(!project.path("report").exists());
        }
    }
}

/// A signal that comes before the handlers stand ends a process as signals do, which is right, and
/// not what is to be tested.
fn stop_when_started(running: Running, who: As, signal: Signal) -> Finished {
    let pid = match who {
        As::Child => running.pid(),
        As::Pid1 => running.child(),
    };
    let status = format!("/proc/{pid}/status");
    until("the handlers stand", DEADLINE, || {
        let status = std::fs::read_to_string(&status).ok()?;
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        let caught = u64::from_str_radix(caught.trim(), 16).ok()?;
        (caught >> (signal as i32 - 1) & 1 == 1).then_some(())
    });
    stop(running, who, signal)
}

#[test]
fn while_waiting_for_the_lock() {
    for (who, signal) in WAYS {
        let database = Server::shared().database();
        let holder = database.session();
        holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
        let before = database.contents();
        let project = Project::with("a<-");
        let Some(mut running) = start(&project, who, &database) else {
            continue;
        };
        running.stderr_until("waiting for the migration lock", DEADLINE);
        check_stopped(&stop(running, who, signal), signal);
        until_server_is_idle(&database);
        database.assert_unchanged(&before);
        assert!(!project.path("report").exists());
    }
}

#[test]
fn inside_a_migration() {
    for (who, signal) in WAYS {
        let database = Server::shared().database();
        let project = gated();
        let gate = close_gate(&project, &database);
        let before = database.contents();
        let Some(running) = start(&project, who, &database) else {
            continue;
        };
        until_at_gate(&database);
        check_stopped(&stop(running, who, signal), signal);
        until_server_is_idle(&database);
        database.assert_unchanged(&before);
        assert!(!project.path("report").exists());
        drop(gate);
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
    }
}

#[test]
fn inside_an_autocommit_migration() {
    for (who, signal) in WAYS {
        let database = Server::shared().database();
        let upgrade = format!("create table t_b (id integer);\n{AT_GATE}\ncreate table t_c ();");
        let gate = Migration::new("b").after("a").options("autocommit");
        let gate = gate.upgrade(&upgrade);
        let project = Project::with("a<-").migration(&gate);
        let gate = close_gate(&project, &database);
        let Some(running) = start(&project, who, &database) else {
            continue;
        };
        until_at_gate(&database);
        check_stopped(&stop(running, who, signal), signal);
        until_server_is_idle(&database);
        let history = "select revision, last_statement, statements from castoff.history \
            where revision = 'b' order by id desc limit 1";
        assert_eq!(database.rows(history), "b|1|3\n");
        drop(gate);
        // Goes on behind the first statement: the table it makes is there already.
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
        assert_eq!(database.rows("select to_regclass('t_c')"), "t_c\n");
    }
}

#[test]
fn the_server_as_pid_1_gets_its_signals_itself() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let Some(castoff) = Castoff::as_pid_1(project.directory()) else {
        return;
    };
    let castoff = castoff.args(["run", "--"]).database(&database);
    let script = "trap 'exit 43' TERM; echo ready >&2; while :; do sleep 0.05; done";
    let mut running = castoff.args(["/bin/sh", "-c", script]).spawn();
    running
        .stderr_until("ready", DEADLINE)
        .signal_child(Signal::SIGTERM);
    running.wait(DEADLINE).status(43);
}

#[test]
fn other_signals_do_not_end_it() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    until_at_gate(&database);
    running
        .signal(Signal::SIGCHLD)
        .signal(Signal::SIGWINCH)
        .signal(Signal::SIGCONT);
    drop(gate);
    running.wait(DEADLINE).status(0);
}

#[test]
fn a_reader_that_went_away_does_not_end_it() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a");
    let script = r#""$0" upgrade 2>&1 | true; exec "$0" current"#;
    let shell = Castoff::program(project.directory(), Path::new("/bin/sh"));
    let shell = shell
        .args(["-c", script, env!("CARGO_BIN_EXE_castoff")])
        .database(&database);
    let finished = shell.output();
    finished.status(0);
    assert!(finished.stdout.contains('b'), "{finished}");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "b\n"
    );
}

#[test]
fn the_status_of_a_stopped_wait_is_128_and_the_signal() {
    let project = Project::empty();
    let url = format!("postgres://x@127.0.0.1:{}/x", free_port());
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let mut running = project.castoff(["wait"]).env("DATABASE_URL", &url).spawn();
        running.stderr_until("waiting", DEADLINE).signal(signal);
        assert_eq!(running.wait(SOON).status, Status::Code(128 + signal as i32));
    }
}

#[test]
fn the_report_of_the_server_comes_after_the_migrations() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let running = web::run(&project, Then::Stay).database(&database).spawn();
    Report::of(&project, DEADLINE);
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "a\n"
    );
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait(DEADLINE).status, Status::Signal(9));
}
