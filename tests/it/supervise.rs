//! `run --init`: castoff stays beside the server, and beside itself while it waits and migrates.

use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::handover::timetracker;
use super::holding::port;
use super::support::castoff::{Castoff, Running};
use super::support::database::Database;
use super::support::http;
use super::support::project::{Migration, Project};
use super::support::server::{Server, children, free_port};
use super::support::stage::{behind, is_root};
use super::support::supervised::status_line;
use super::support::web::{self, Masks, Report, Then};
use super::support::{AT_GATE, DEADLINE, until};

/// castoff as a server's init, with the options of the caller.
fn init<'p, const N: usize>(project: &'p Project, options: [&str; N]) -> Castoff<'p> {
    let castoff = project.castoff(["run", "--init"]);
    castoff.args(options).args(["--"])
}

/// The engine, or the server that it became: the init's one child.
fn engine(running: &Running) -> Pid {
    running.child()
}

/// Whether a process has a handler for a signal.
fn handles(pid: Pid, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mut masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigCgt:"));
    let mask = masks
        .next()
        .map(|mask| u64::from_str_radix(mask.trim(), 16));
    mask.is_some_and(|mask| mask.unwrap() >> (signal as i32 - 1) & 1 == 1)
}

/// A migration that stops at a table that somebody else has locked.
fn gated() -> Project {
    let upgrade = format!("create table t_b (id integer);\n{AT_GATE}\ncreate table t_c ();");
    let gate = Migration::new("b").after("a").upgrade(&upgrade);
    Project::with("a<-").migration(&gate)
}

/// Locks that table until the session is dropped.
fn close_gate(project: &Project, database: &Database<'_>) -> super::support::database::Session {
    let castoff = project.castoff(["upgrade", "a"]).database(database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    let session = database.session();
    session.sql("begin; lock table gate in share mode");
    session
}

fn until_at_gate(database: &Database<'_>) {
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' \
        and datname = current_database() and application_name like 'castoff on %'";
    until("castoff waits at the gate", DEADLINE, || {
        (database.rows(waiting) == "1\n").then_some(())
    });
}

#[test]
fn the_server_is_a_child_and_its_status_is_castoffs() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    // The same server started by the harness itself, for comparison.
    let shell = Castoff::program(project.directory(), std::path::Path::new("/bin/sh"));
    let shell = shell.args(["-c", "exec \"$@\"", "sh"]);
    web::run_as(shell, &project, "plain", Then::Exit(0))
        .output()
        .status(0);
    let plain = Report::read(&project.path("plain"), DEADLINE);

    let running = web::run_as(init(&project, []), &project, "report", Then::Exit(7))
        .database(&database)
        .env("CASTOFF_DATABASE_URL", database.url())
        .spawn();
    let pid = running.pid().as_raw();
    running.wait(DEADLINE).check(&expect![[r#"
        status 7
        --- stderr
        castoff: applied a Make a ([time])
        castoff: database is at a
    "#]]);
    let report = Report::of(&project, DEADLINE);
    assert_ne!(report.pid, pid);
    assert_eq!(report.descriptors, plain.descriptors);
    assert_eq!(report.ignored, 0);
    assert_eq!(
        report.environment,
        [format!("DATABASE_URL={}", database.url())]
    );
}

#[test]
fn what_castoff_inherited_reaches_the_server_through_migrations() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let check = |options: &[&str], ignored: &[Signal], blocked: &[Signal]| {
        let parent = Castoff::program(project.directory(), std::path::Path::new("/usr/bin/env"));
        let castoff = parent.with(|command| {
            command.args(options).arg(env!("CARGO_BIN_EXE_castoff"));
        });
        // The hook is waited for, although the parent ignores what tells of its end.
        let castoff = castoff.args(["run", "--init", "--before", "true", "--"]);
        let bits = |signals: &[Signal]| {
            let bits = signals.iter().map(|signal| 1_u64 << (*signal as i32 - 1));
            bits.sum()
        };
        // All 64, the two that the C library keeps to itself among them.
        let expected = Masks {
            ignored: bits(ignored),
            blocked: bits(blocked),
        };
        assert_eq!(Masks::under(castoff.database(&database)), expected);
    };
    check(&[], &[], &[]);
    check(
        &[
            "--ignore-signal=HUP,PIPE,CHLD,USR1",
            "--block-signal=USR2,TERM",
        ],
        &[
            Signal::SIGHUP,
            Signal::SIGPIPE,
            Signal::SIGCHLD,
            Signal::SIGUSR1,
        ],
        &[Signal::SIGUSR2, Signal::SIGTERM],
    );
}

#[test]
fn the_init_keeps_nothing_that_others_could_read() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let running = web::run_as(
        init(
            &project,
            ["--database-url", &database.url(), "--grace", "5s"],
        ),
        &project,
        "report",
        Then::Stay,
    );
    let running = running
        .env("CASTOFF_PLACEHOLDER_X", "Zt-secret-17")
        .env("CASTOFF_DATABASE_URL", database.url())
        .env("DATABASE_URL", "postgres://x")
        .spawn();
    Report::of(&project, DEADLINE);
    let file = |name: &str| {
        let path = format!("/proc/{}/{name}", running.pid());
        std::fs::read_to_string(path).unwrap()
    };
    assert_eq!(file("environ"), "");
    assert_eq!(file("comm"), "castoff\n");
    let server = engine(&running);
    let arguments = file("cmdline").replace('\0', " ");
    let expected =
        format!("castoff supervise --child={server} --grace=5000ms --log=warn -- /bin/sh -c");
    assert!(arguments.starts_with(&expected), "{arguments}");
    let directory = format!("/proc/{}/cwd", running.pid());
    assert_eq!(std::fs::read_link(directory).unwrap().to_str(), Some("/"));
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
}

/// Sockets that a process has open.
fn sockets(pid: Pid) -> usize {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

#[test]
fn the_port_is_the_engines_and_then_the_servers_and_never_the_inits() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let castoff = init(&project, ["--listen", "127.0.0.1:0"]).database(&database);
    let server = timetracker();
    let mut running = castoff.args([server.to_str().unwrap()]).spawn();
    running.stderr_until("answering on", DEADLINE);
    until_at_gate(&database);
    let port = port(&running);
    let engine = engine(&running);
    assert_eq!(http::get(port, "/style.css", &[]).status, 503);
    assert_eq!(
        http::get(port, "/readyz", &[]).body,
        "migrating: step 1 of 1\n"
    );
    assert_ne!(sockets(engine), 0);
    assert_eq!(sockets(running.pid()), 0);

    drop(gate);
    until("the server answers on the same port", DEADLINE, || {
        (http::get(port, "/style.css", &["Connection: close"]).status == 200).then_some(())
    });
    assert_eq!(running.child(), engine);
    assert_eq!(sockets(running.pid()), 0);
    let environment = std::fs::read_to_string(format!("/proc/{engine}/environ")).unwrap();
    let variables: Vec<&str> = environment.split('\0').collect();
    // Or the server would have opened a socket of its own, on another port.
    for variable in [&*format!("LISTEN_PID={engine}"), "LISTEN_FDS=1"] {
        assert!(variables.contains(&variable), "{variables:?}");
    }
    running.signal(Signal::SIGTERM);
    // This server ends by itself when it is told to, with success.
    running.wait(DEADLINE).status(0);
}

/// A server of another user, or of castoff's own where it is that user already.
#[track_caller]
fn check_user(stage: &[&str], uids: [&str; 2], script: &str, expected: i32) {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let options = ["run", "--init", "--user=12345:54321", "--grace=500ms", "--"];
    let castoff = behind(&project, stage).args(options).database(&database);
    let castoff = castoff.env("PATH", "/usr/bin:/bin");
    let mut running = castoff.args(["/bin/sh", "-c", script]).spawn();
    running.stderr_until("ready", DEADLINE);
    let found = [running.pid(), engine(&running)].map(|pid| status_line(pid, "Uid"));
    assert_eq!(found, uids.map(|uid| [uid; 4].join("\t")), "{stage:?}");
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(expected);
}

#[test]
fn a_server_of_another_user_is_told_to_stop_and_killed_by_an_init_that_stays_who_it_was() {
    if !is_root("another user") {
        return;
    }
    let obeys = "trap 'exit 4' TERM; echo ready >&2; while :; do sleep 0.02; done";
    let is_deaf = "trap '' TERM; echo ready >&2; while :; do sleep 0.02; done";
    let as_root = &["env"];
    let as_user = &[
        "setpriv",
        "--reuid=12345",
        "--regid=54321",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ];
    for (script, expected) in [(obeys, 4), (is_deaf, 137)] {
        check_user(as_root, ["0", "12345"], script, expected);
        check_user(as_user, ["12345", "12345"], script, expected);
    }
}

/// Root without `CAP_KILL` may not signal the server that it let become another user. The engine's own
/// SIGKILL would end both; until then the init says what is wrong, and the server's end is its own.
#[test]
fn an_init_that_may_not_signal_its_server_says_so_and_goes_on() {
    if !is_root("another user") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-").file("gate", "");
    let castoff = behind(&project, &["setpriv", "--bounding-set=-kill"]);
    let castoff = castoff.args(["run", "--init", "--user=12345:54321", "--"]);
    let castoff = castoff.database(&database).env("PATH", "/usr/bin:/bin");
    let script = "echo ready >&2; while [ -e gate ]; do sleep 0.02; done; exit 7";
    let mut running = castoff.args(["/bin/sh", "-c", script]).spawn();
    running.stderr_until("ready", DEADLINE);
    running.signal(Signal::SIGTERM);
    running.stderr_until("it belongs to another user", DEADLINE);
    std::fs::remove_file(project.path("gate")).unwrap();
    running.wait(DEADLINE).status(7);
}

#[test]
fn told_to_stop_while_waiting_for_the_database() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let project = Project::with("a<-");
        let url = format!("postgres://x@127.0.0.1:{}/x", free_port());
        let castoff = init(&project, []).env("DATABASE_URL", &url);
        let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
        running.stderr_until("waiting for database", DEADLINE);
        running.signal(signal);
        let finished = running.wait(DEADLINE);
        finished.status(128 + signal as i32);
        let line = format!("error[stopped]: stopped by {signal}\n");
        assert!(finished.stderr.contains(&line), "{finished}");
        assert!(!project.path("report").exists());
    }
}

#[test]
fn told_to_stop_inside_a_migration_which_is_rolled_back() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let before = database.contents();
    let castoff = init(&project, []).database(&database);
    let running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    until_at_gate(&database);
    running.signal(Signal::SIGTERM);
    let finished = running.wait(DEADLINE);
    finished.status(143);
    assert!(finished.stderr.contains("stopped by SIGTERM"), "{finished}");
    let count = "select count(*) from pg_stat_activity \
        where datname = current_database() and application_name like 'castoff on %'";
    until("the server is done with castoff", DEADLINE, || {
        (database.rows(count) == "0\n").then_some(())
    });
    database.assert_unchanged(&before);
    assert!(!project.path("report").exists());
    drop(gate);
}

#[test]
fn the_server_is_told_to_stop_and_its_status_is_remapped_when_asked() {
    let database = Server::shared().database();
    for (options, expected) in [(&[][..], 143), (&["--remap-status", "143"], 0)] {
        let project = Project::with("a<-");
        let castoff = project.castoff(["run", "--init"]).with(|command| {
            command.args(options).arg("--");
        });
        let castoff = castoff.database(&database);
        let running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
        Report::of(&project, DEADLINE);
        running.signal(Signal::SIGTERM);
        running.wait(DEADLINE).status(expected);
    }
}

#[test]
fn an_engine_that_was_killed_is_told_by_the_status() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    let castoff = init(&project, []).database(&database);
    let running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    until_at_gate(&database);
    kill(engine(&running), Signal::SIGKILL).unwrap();
    running.wait(DEADLINE).status(137);
    drop(gate);
}

#[test]
fn orphans_are_collected_while_castoff_migrates() {
    let database = Server::shared().database();
    let project = gated();
    let gate = close_gate(&project, &database);
    // The hook leaves twenty processes behind that end once it has ended.
    let leave = "sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; \
        do ( ( sleep 0.1; : ) & ); done'";
    let castoff = init(&project, ["--before", leave, "--log", "debug"]).database(&database);
    let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    until_at_gate(&database);
    until("twenty orphans were collected", DEADLINE, || {
        let said = running.stderr();
        (said.matches("ended with status 0").count() >= 20).then_some(())
    });
    let only = [engine(&running)];
    until("the engine is the only child", DEADLINE, || {
        (children(running.pid()) == only).then_some(())
    });
    assert!(running.is_running());
    drop(gate);
    Report::of(&project, DEADLINE);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
}

#[test]
fn a_server_that_does_not_stop_is_killed_after_the_grace() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let script = "trap 'echo heard >&2' TERM; echo ready >&2; while :; do sleep 0.05; done";
    let castoff = init(&project, ["--grace", "200ms"]).database(&database);
    let mut running = castoff.args(["/bin/sh", "-c", script]).spawn();
    running
        .stderr_until("ready", DEADLINE)
        .signal(Signal::SIGTERM);
    let finished = running.wait(DEADLINE);
    finished.status(137);
    assert!(
        finished
            .stderr
            .contains("has not stopped within [time]: it is killed"),
        "{finished}"
    );
    assert!(finished.stderr.contains("heard"), "{finished}");
}

#[test]
fn as_pid_1_it_is_told_to_stop_in_every_phase() {
    let database = Server::shared().database();
    let start = |url: Option<&str>| {
        let project = Project::with("a<-");
        let castoff = Castoff::as_pid_1(project.directory())?;
        let castoff = castoff.args(["run", "--init", "--"]).database(&database);
        let castoff = match url {
            Some(url) => castoff.env("DATABASE_URL", url),
            None => castoff,
        };
        let running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
        Some((project, running))
    };
    let nowhere = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let Some((_project, mut running)) = start(Some(&nowhere)) else {
        return;
    };
    running.stderr_until("waiting for database", DEADLINE);
    running.signal_child(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);

    let Some((project, running)) = start(None) else {
        return;
    };
    Report::of(&project, DEADLINE);
    running.signal_child(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
}

#[test]
fn a_signal_at_any_moment_of_the_start_ends_it() {
    // From before the fork to the engine's handlers: sooner or later by a step of a millisecond.
    let url = format!("postgres://x@127.0.0.1:{}/x", free_port());
    for step in 0..20 {
        let project = Project::with("a<-");
        let castoff = init(&project, ["--wait-timeout", "1h"]).env("DATABASE_URL", &url);
        let running = castoff.args(["/bin/sh", "-c", "exit 9"]).spawn();
        // Before its first handler stands, a process ends by the signal's default action, which is
        // right, and says nothing of the init.
        until(
            "the handlers stand, or it is the init already",
            DEADLINE,
            || {
                let is_init = !children(running.pid()).is_empty();
                (is_init || handles(running.pid(), Signal::SIGTERM)).then_some(())
            },
        );
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(step) {
            std::hint::spin_loop();
        }
        running.signal(Signal::SIGTERM);
        running.wait(DEADLINE).status(143);
    }
}

#[test]
fn the_variable_and_the_file_are_enough() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let castoff = project.castoff(["run", "--"]).env("CASTOFF_INIT", "true");
    let running = web::run_as(
        castoff.database(&database),
        &project,
        "first",
        Then::Exit(0),
    )
    .spawn();
    let pid = running.pid().as_raw();
    running.wait(DEADLINE).status(0);
    assert_ne!(Report::read(&project.path("first"), DEADLINE).pid, pid);

    let project = project.file("castoff.toml", "init = true\nremap_status = [7]\n");
    let castoff = project.castoff(["run", "--"]).database(&database);
    web::run_as(castoff, &project, "second", Then::Exit(7))
        .output()
        .status(0);

    // Only what `run` does has a server.
    project
        .castoff(["current"])
        .database(&database)
        .output()
        .status(0);
}
