//! What others can see of castoff: the status file, the metrics, the termination log, the events of its
//! phases, and what `castoff status` makes of them.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::support::castoff::{Castoff, Finished, Running};
use super::support::database::{Database, Session};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::transcript::{run, transcript};
use super::support::web::{self, Report, Then};
use super::support::{AT_GATE, DEADLINE, PASSWORD, until};

/// Takes the migration lock as castoff does.
const LOCK: &str = "select pg_advisory_lock(1667330932, hashtext('castoff'))";

const STATUS: &str = "CASTOFF_STATUS_FILE=status.json status";

fn status_file(project: &Project) -> Option<Value> {
    let text = std::fs::read_to_string(project.path("status.json")).ok()?;
    assert!(!text.contains(PASSWORD), "{text}");
    // Whoever reads it sees it whole.
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Waits until the status file says so.
fn until_status(project: &Project, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    until(what, DEADLINE, || status_file(project).filter(&is_so))
}

/// `b` waits while somebody has the table `gate`.
fn gated(database: &Database<'_>) -> (Project, Session) {
    let upgrade = format!("create table t_b (id integer);\n{AT_GATE}");
    let b = Migration::new("b").after("a").upgrade(&upgrade);
    let project = Project::with("a<-").migration(&b);
    run(&project, Some(database), "upgrade a").status(0);
    database.sql("create table gate ()");
    let gate = database.session();
    gate.sql("begin; lock table gate in share mode");
    (project, gate)
}

fn start(project: &Project, database: &Database<'_>) -> Running {
    let castoff = project.castoff(["run", "--"]).database(database);
    let castoff = castoff.env("CASTOFF_STATUS_FILE", "status.json");
    web::run_as(castoff, project, "report", Then::Stay).spawn()
}

/// Runs `castoff status`, with and without `--live`.
#[track_caller]
fn check_health(project: &Project, line: &str, ready: i32, at_work: i32) -> Finished {
    run(project, None, &format!("{line} --live")).status(at_work);
    let finished = run(project, None, line);
    finished.status(ready);
    finished
}

#[test]
fn the_status_file_follows_a_start_to_its_server_and_beyond() {
    let database = Server::shared().database();
    let (project, gate) = gated(&database);
    let holder = database.session();
    holder.sql(LOCK);
    let running = start(&project, &database);
    let pid = running.pid().as_raw();

    let locking = until_status(&project, "it waits for the lock", |status| {
        status["phase"] == "locking" && status["cause"].is_string()
    });
    let cause = locking["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("waiting for the migration lock"),
        "{cause}"
    );
    assert_eq!(locking["pid"], pid);
    let said = check_health(&project, STATUS, 1, 0).stdout;
    assert!(said.starts_with("holding (locking): waiting for"), "{said}");

    drop(holder);
    let migrating = until_status(&project, "b is being applied", |status| {
        status["revision"] == "b"
    });
    assert_eq!(migrating["phase"], "migrating");
    assert_eq!(
        (&migrating["step"], &migrating["steps"]),
        (&1.into(), &1.into())
    );
    assert_eq!(migrating["cause"], Value::Null);
    let said = check_health(&project, STATUS, 1, 0).stdout;
    assert_eq!(said, "holding (migrating): step 1 of 1, b\n");

    drop(gate);
    Report::of(&project, DEADLINE);
    let serving = status_file(&project).unwrap();
    assert_eq!(
        (&serving["phase"], &serving["pid"]),
        (&"serving".into(), &pid.into())
    );
    assert_eq!(serving["applied"][0]["revision"], "b");
    assert_eq!(serving["started_at"], locking["started_at"]);
    assert_eq!(serving["start_ticks"], locking["start_ticks"]);
    let phases = serving["phase_milliseconds"].as_object().unwrap();
    let phases: Vec<&String> = phases.keys().collect();
    let all = [
        "handing-over",
        "locking",
        "migrating",
        "serving",
        "starting",
        "waiting",
    ];
    assert_eq!(phases, all);
    let said = check_health(&project, STATUS, 0, 0).stdout;
    assert_eq!(said, format!("serving: process {pid} is the server\n"));
    let said = run(&project, None, &format!("{STATUS} --format json")).stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["healthy"], &said["from"]),
        (&true.into(), &"status-file".into())
    );

    // Whoever looks around in the container, or works there, does not touch the server's status.
    for line in ["upgrade", "current", "downgrade", "upgrade nope"] {
        run(
            &project,
            Some(&database),
            &format!("CASTOFF_STATUS_FILE=status.json {line}"),
        );
        assert_eq!(status_file(&project).unwrap(), serving, "{line}");
    }

    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE);
    let said = check_health(&project, STATUS, 1, 1).stdout;
    let gone = format!("down: process {pid}, which became the server, is gone\n");
    assert_eq!(said, gone);
    let files = project.directory().read_dir().unwrap();
    let mut files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(files.all(|name| !name.contains(".tmp")));
}

#[test]
fn what_a_killed_castoff_left_is_known_for_what_it_is() {
    let project = Project::with("a<-");
    let castoff = project.castoff(["upgrade", "--status-file", "status.json"]);
    let url = format!("postgres://x:{PASSWORD}@127.0.0.1:{}/x", free_port());
    let running = castoff.env("DATABASE_URL", &url).spawn();
    let pid = running.pid().as_raw();
    let waiting = until_status(&project, "it waits", |status| status["cause"].is_string());
    assert_eq!(waiting["phase"], "waiting");
    check_health(&project, STATUS, 1, 0);

    running.signal(Signal::SIGKILL);
    running.wait(DEADLINE);
    let said = check_health(&project, STATUS, 1, 1).stdout;
    let killed = format!("castoff was killed: process {pid} is gone");
    assert!(said.contains(&killed), "{said}");

    // The next one takes the file over.
    let castoff = project.castoff([
        "wait",
        "--wait-timeout",
        "0",
        "--status-file",
        "status.json",
    ]);
    castoff.env("DATABASE_URL", &url).output().status(11);
    let failed = status_file(&project).unwrap();
    assert_eq!(failed["phase"], "failed");
    assert_eq!(failed["error"]["code"], "not-ready");
    let said = check_health(&project, STATUS, 1, 1).stdout;
    assert!(
        said.starts_with("down (failed): error[not-ready]: "),
        "{said}"
    );
}

#[test]
fn an_error_is_in_all_three_files() {
    let database = Server::shared().database();
    let bad = Migration::new("bbbb22")
        .after("aaaa11")
        .upgrade("select\n  nope;");
    let project = Project::with("aaaa11<-").migration(&bad);
    let line = "run --status-file status.json --metrics-file castoff.prom \
        --termination-log log -- true";
    run(&project, Some(&database), line).status(15);
    let status = status_file(&project).unwrap();
    assert_eq!(
        (&status["phase"], &status["step"]),
        (&"failed".into(), &2.into())
    );
    expect![[r#"
        {
          "code": "apply-failed",
          "exit_status": 15,
          "message": "revision bbbb22 failed and was rolled back (migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)): 42703 column \"nope\" does not exist",
          "phase": "migrating"
        }"#]]
    .assert_eq(&format!("{:#}", status["error"]));
    let log = std::fs::read_to_string(project.path("log")).unwrap();
    expect![[r#"
        error[apply-failed]: revision bbbb22 failed and was rolled back (migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)): 42703 column "nope" does not exist; help: correct the SQL and deploy again; the database is unchanged
    "#]]
    .assert_eq(&log);
    let metrics = std::fs::read_to_string(project.path("castoff.prom")).unwrap();
    for sample in [
        "castoff_phase{phase=\"failed\"} 1\n",
        "castoff_exit_status 15\n",
        "castoff_error_info{code=\"apply-failed\",phase=\"migrating\"} 1\n",
        "castoff_migrations_total{direction=\"upgrade\"} 1\n",
    ] {
        assert!(metrics.contains(sample), "{sample}{metrics}");
    }
}

#[test]
fn the_termination_log_also_has_what_is_wrong_before_anything_begins() {
    let project = Project::with("a<-").file("castoff.toml", "log = \"loud\"\n");
    let lines = [
        ("upgrade", 10),
        ("upgrade --log info", 10),
        ("run --frobnicate -- true", 2),
        // Whoever asks something in a container does not end it.
        ("current", 10),
        ("status --frobnicate", 2),
        ("upgrade --help", 0),
    ];
    let mut all = String::new();
    for (line, status) in lines {
        std::fs::remove_file(project.path("log")).ok();
        let castoff = format!("CASTOFF_TERMINATION_LOG=log {line}");
        run(&project, None, &castoff).status(status);
        let written = std::fs::read_to_string(project.path("log"));
        let written = written.unwrap_or_else(|_| "nothing\n".to_owned());
        write!(all, "{line}: {written}").unwrap();
    }
    expect![[r#"
        upgrade: error[config-value]: `log` in castoff.toml: `loud` is not error, warn, info or debug; help: set `log` in castoff.toml to error, warn, info or debug
        upgrade --log info: error[database-missing]: no database is named; help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`
        run --frobnicate -- true: error: unexpected argument '--frobnicate' found
        current: nothing
        status --frobnicate: nothing
        upgrade --help: nothing
    "#]]
    .assert_eq(&all);
}

#[test]
fn kubernetes_own_file_is_written_if_it_is_there() {
    let run = |prepare: &str, status: i32| {
        let script = format!(
            "mount -t tmpfs none /dev && {prepare}; \"$@\"; status=$?; \
             cd /dev; for file in *; do echo \"$file:\"; cat \"$file\"; done; exit $status"
        );
        let project = Project::with("a<-");
        let castoff = Castoff::program(project.directory(), Path::new("unshare"));
        let castoff = castoff.args(["--mount", "sh", "-c", &script, "sh"]);
        let castoff = castoff.args([env!("CARGO_BIN_EXE_castoff"), "upgrade"]);
        let finished = castoff.env("PATH", "/usr/bin:/bin").output();
        finished.status(status);
        finished.stdout
    };
    let works = Command::new("unshare").args(["--mount", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no mount namespaces here");
        return;
    }
    let written = run("echo before >/dev/termination-log", 10);
    expect![[r#"
        termination-log:
        error[database-missing]: no database is named; help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`
    "#]]
    .assert_eq(&written);
    let nothing = run("true", 10);
    assert_eq!(nothing, "*:\n");
}

#[test]
fn success_leaves_metrics_and_no_last_words() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a");
    let metrics = || std::fs::read_to_string(project.path("castoff.prom")).unwrap();
    let variables = "CASTOFF_METRICS_FILE=castoff.prom CASTOFF_TERMINATION_LOG=log \
        CASTOFF_STATUS_FILE=status.json";
    let lines = [
        (
            "upgrade",
            "done",
            "castoff_migrations_total{direction=\"upgrade\"} 2\n",
        ),
        (
            "downgrade",
            "done",
            "castoff_migrations_total{direction=\"downgrade\"} 1\n",
        ),
        (
            "backfill",
            "done",
            "castoff_migrations_total{direction=\"backfill\"} 0\n",
        ),
        ("wait", "done", "castoff_exit_status 0\n"),
        (
            "run -- true",
            "serving",
            "castoff_migrations_total{direction=\"upgrade\"} 1\n",
        ),
    ];
    for (line, phase, sample) in lines {
        run(&project, Some(&database), &format!("{variables} {line}")).status(0);
        let metrics = metrics();
        let present = format!("castoff_phase{{phase=\"{phase}\"}} 1\n");
        assert!(metrics.contains(&present), "{line}: {metrics}");
        assert!(metrics.contains(sample), "{line}: {metrics}");
        assert_eq!(status_file(&project).unwrap()["phase"], phase, "{line}");
        assert!(!project.path("log").exists(), "{line}");
    }
    assert!(
        metrics().contains(
            "castoff_migration_duration_seconds{revision=\"b\",direction=\"upgrade\"} 0."
        )
    );
}

#[test]
fn files_that_cannot_be_written_are_a_warning_once() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a").file("directory/x", "");
    let lines = [
        "upgrade --status-file nowhere/status.json --metrics-file directory",
        "upgrade nope --status-file /dev/null --termination-log nowhere/log",
    ];
    let said = transcript(&project, Some(&database), &lines);
    // The thread that writes them tells when it comes to it.
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    expect![[r#"


          help: see `castoff history` for the ids
        $ castoff upgrade --status-file nowhere/status.json --metrics-file directory
        $ castoff upgrade nope --status-file /dev/null --termination-log nowhere/log
        --- stderr
        --- stderr
        castoff: applied a Make a ([time])
        castoff: applied b Make b ([time])
        castoff: database is at b
        castoff: warning: `/dev/null` cannot be written: it is there, and is not a regular file
        castoff: warning: `directory` cannot be written: it is there, and is not a regular file
        castoff: warning: `nowhere/log` cannot be written: No such file or directory (os error 2)
        castoff: warning: `nowhere/status.json` cannot be written: No such file or directory (os error 2)
        error[no-such-revision]: no revision or branch label is called `nope`
        status 0
        status 14
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn every_phase_says_what_came_before() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a");
    let lines = [
        "current",
        "upgrade a",
        "upgrade a",
        "run -- true",
        "downgrade",
        "stamp head",
        "repair --all --reason x",
        "backfill",
        "backfill status",
        "plan",
        "wait",
        "heads",
        "upgrade nope",
        "resolve a:1 done",
        "CASTOFF_WAIT_TIMEOUT=0 DATABASE_URL=postgres://x@127.0.0.1:1/x wait",
    ];
    let mut all = String::new();
    for line in lines {
        let line = format!("CASTOFF_LOG_FORMAT=json {line}");
        let said = run(&project, Some(&database), &line).stderr;
        let mut phases = vec!["starting".to_owned()];
        for event in said.lines() {
            let event: Value = serde_json::from_str(event).unwrap();
            let name = event["phase"].as_str().unwrap_or_default();
            if event["event"] == "phase" {
                assert_eq!(
                    event["previous"].as_str(),
                    phases.last().map(String::as_str)
                );
                assert!(event["previous_milliseconds"].is_u64(), "{event}");
                phases.push(name.to_owned());
            } else if event["event"] == "error" {
                assert_eq!(Some(name), phases.last().map(String::as_str), "{event}");
                assert!(event["phase_milliseconds"].is_u64(), "{event}");
                phases.push(event["code"].as_str().unwrap().to_owned());
            }
        }
        let line = line.split_once(' ').unwrap().1;
        writeln!(all, "{line}: {}", phases.join(" ")).unwrap();
    }
    expect![[r#"
        current: starting waiting done
        upgrade a: starting waiting locking migrating done
        upgrade a: starting waiting done
        run -- true: starting waiting locking migrating handing-over serving
        downgrade: starting waiting locking migrating done
        stamp head: starting waiting locking migrating done
        repair --all --reason x: starting waiting locking migrating done
        backfill: starting waiting locking migrating done
        backfill status: starting waiting done
        plan: starting waiting done
        wait: starting waiting done
        heads: starting
        upgrade nope: starting waiting no-such-revision
        resolve a:1 done: starting waiting locking migrating not-half-done
        CASTOFF_WAIT_TIMEOUT=0 DATABASE_URL=postgres://x@127.0.0.1:1/x wait: starting waiting not-ready
    "#]]
    .assert_eq(&all);
}

/// A server that answers everything so; its port.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..count]);
            }
            assert!(request.starts_with(b"GET /readyz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

#[test]
fn without_a_status_file_the_port_is_asked() {
    let project = Project::empty();
    let check = |port: u16, ready: i32, live: i32, expected: &str| {
        let line = format!("CASTOFF_LISTEN=0.0.0.0:{port} status");
        let said = check_health(&project, &line, ready, live).stdout;
        assert_eq!(said, format!("{expected} (at 127.0.0.1:{port})\n"));
        // A status file that is not there yet is none.
        check_health(
            &project,
            &format!("CASTOFF_STATUS_FILE=none {line}"),
            ready,
            live,
        );
    };
    let castoff = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 44\r\n\r\n\
        {\"status\":\"unavailable\",\"phase\":\"migrating\"}\n";
    check(
        answering(castoff),
        1,
        0,
        "holding (migrating): castoff is still at work",
    );
    let stepping = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 65\r\n\r\n\
        {\"status\":\"unavailable\",\"phase\":\"migrating\",\"step\":2,\"steps\":7}\n";
    check(
        answering(stepping),
        1,
        0,
        "holding (migrating): step 2 of 7",
    );
    let server = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    check(
        answering(server),
        0,
        0,
        "serving: the server answers with status 404",
    );
    let broken = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    check(
        answering(broken),
        1,
        1,
        "down: the server answers with status 500",
    );
    check(free_port(), 1, 1, "down: no answer: connection refused");
}

/// `castoff status` in the process namespace of `pid`, with its `/proc`.
fn status_beside(pid: nix::unistd::Pid) -> (Option<i32>, String) {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--pid", "--mount"]);
    command
        .env_clear()
        .args([env!("CARGO_BIN_EXE_castoff"), "status"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code(),
        said + &String::from_utf8(output.stderr).unwrap(),
    )
}

const UNSHARE: [&str; 4] = ["--pid", "--fork", "--kill-child", "--mount-proc"];

/// castoff, under the name that it has, as the first process of a namespace. `None` where this machine
/// does not allow it.
fn as_first_process<'p>(project: &'p Project, program: &str) -> Option<Castoff<'p>> {
    let works = Command::new("unshare").args(UNSHARE).arg("true").output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no process namespaces here");
        return None;
    }
    let castoff = Castoff::program(project.directory(), Path::new("unshare"));
    Some(castoff.args(UNSHARE).args([program]))
}

#[test]
fn an_init_is_looked_through() {
    let project = Project::empty();
    let init = project.path("tini");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_castoff"), &init).unwrap();
    for program in [env!("CARGO_BIN_EXE_castoff"), init.to_str().unwrap()] {
        let Some(castoff) = as_first_process(&project, program) else {
            return;
        };
        let running = castoff.args(["--", "sleep", "1000"]).spawn();
        let pid = running.child();
        // Whoever looks has a number too, and may have the second one.
        until("the server is seen", DEADLINE, || {
            let (status, said) = status_beside(pid);
            let is_seen = said.starts_with("serving: process ")
                && said.ends_with(" is the server, `sleep`\n");
            (status == Some(0) && is_seen).then_some(())
        });
    }
}

#[test]
fn without_either_the_first_process_is_looked_at() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let holder = database.session();
    holder.sql(LOCK);
    let Some(castoff) = as_first_process(&project, env!("CARGO_BIN_EXE_castoff")) else {
        return;
    };
    let castoff = castoff.args(["run", "--", "sleep", "1000"]);
    let mut running = castoff.database(&database).spawn();
    running.stderr_until("waiting for the migration lock", DEADLINE);
    let pid = running.child();
    let holding = "holding: process 1 is still castoff\n".to_owned();
    assert_eq!(status_beside(pid), (Some(1), holding));
    drop(holder);
    let serving = "serving: process 1 is the server, `sleep`\n".to_owned();
    until("castoff became the server", DEADLINE, || {
        (status_beside(pid) == (Some(0), serving.clone())).then_some(())
    });
}
