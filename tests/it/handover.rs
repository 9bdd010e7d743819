//! Nobody notices that castoff became the server: clients ask 200 times a second from castoff's
//! start on, through the wait for the database, a migration and the exec, and each is answered.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::Signal;

use super::holding::port;
use super::support::castoff::Castoff;
use super::support::crowd::Crowd;
use super::support::http::{self, request};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, until};

/// What both servers and castoff answer differently: castoff with 503, they with 200.
const PATH: &str = "/style.css";

/// A migration that takes until somebody opens the gate. Not a lock: the server starts anew meanwhile.
fn gated() -> Project {
    let upgrade = "do $$ begin while not exists (select from gate) loop perform pg_sleep(0.01); end loop; end $$;";
    Project::with("a<-").migration(&Migration::new("b").after("a").upgrade(upgrade))
}

/// Lets castoff, which becomes this server, go through a whole start while clients ask.
fn check(server: impl FnOnce(Castoff<'_>) -> Castoff<'_>) {
    let postgres = Server::start(&[]);
    let database = postgres.database();
    let project = gated();
    let castoff = project.castoff(["upgrade", "a"]).database(&database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    postgres.stop();

    let port = free_port();
    let strangers = Crowd::strangers(port, PATH);
    let regular = Crowd::regular(port, PATH);
    let listen = format!("127.0.0.1:{port}");
    let castoff = project.castoff(["run", "--wait-timeout", "5m", "--listen", &listen, "--"]);
    let castoff = castoff.database(&database).env("PORT", port.to_string());
    let mut running = server(castoff).spawn();
    running.stderr_until("waiting for database", DEADLINE);
    strangers.until_answered(503, 50);
    regular.until_answered(503, 50);

    postgres.up();
    until("castoff migrates", DEADLINE, || {
        let ready = http::get(port, "/readyz", &[]).body;
        (ready == "migrating: step 1 of 1\n").then_some(())
    });
    strangers.until_answered(503, 50);
    let mut silent = http::connect(port).unwrap();
    // Long enough that castoff would have accepted it, were it not told to wait for its first word.
    strangers.until_answered(503, 50);

    database.sql("insert into gate default values");
    strangers.until_answered(200, 200);
    regular.until_answered(200, 200);
    silent
        .write_all(request("GET", PATH, &["Connection: close"]).as_bytes())
        .unwrap();
    assert_eq!(http::to_the_end(&mut silent).unwrap().status, 200);
    strangers.check();
    regular.check();
    running.signal(Signal::SIGTERM);
    // The server's own status: castoff is gone.
    running.wait(DEADLINE);
}

#[test]
fn to_gunicorn() {
    let python = gunicorn();
    let application = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support");
    check(|castoff| {
        let castoff = castoff.args([python.to_str().unwrap(), "-m", "gunicorn"]);
        // Threads, since others of its kinds do not keep connections.
        let castoff = castoff.env("PYTHONDONTWRITEBYTECODE", "1");
        castoff.args([
            "--worker-class=gthread",
            "--threads=8",
            "--keep-alive=60",
            "--pythonpath",
            application.to_str().unwrap(),
            "wsgi",
        ])
    });
}

#[test]
fn to_the_example_server() {
    let timetracker = timetracker();
    check(|castoff| castoff.args([timetracker.to_str().unwrap()]));
}

#[test]
fn a_client_that_never_finishes_keeps_the_server_from_nothing() {
    let database = Server::shared().database();
    let project = gated();
    let castoff = project.castoff(["upgrade", "a"]).database(&database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    let castoff = project.castoff(["run", "--listen", "127.0.0.1:0", "--"]);
    let castoff = castoff.database(&database);
    let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    running.stderr_until("answering on", DEADLINE);
    let port = port(&running);
    let mut slow = http::connect(port).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: te").unwrap();
    // Accepted behind the slow one: so both are.
    assert_eq!(http::get(port, "/", &[]).status, 503);
    database.sql("insert into gate default values");
    Report::of(&project, DEADLINE);
    // castoff is gone, and with it every connection of its own.
    assert!(http::to_the_end(&mut slow).is_err());
    // The next one is the server's, which does not answer.
    let mut next = http::connect(port).unwrap();
    next.write_all(request("GET", "/", &[]).as_bytes()).unwrap();
    next.set_nonblocking(true).unwrap();
    let error = http::one(&mut next).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// A Python that has gunicorn, installed if need be.
fn gunicorn() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gunicorn.sh");
        let output = Command::new(script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no gunicorn: {said}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    })
}

/// The example server. Building the tests of castoff alone does not build it.
pub(super) fn timetracker() -> PathBuf {
    let castoff = Path::new(env!("CARGO_BIN_EXE_castoff"));
    let target = castoff.parent().and_then(Path::parent).unwrap();
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--package",
            "timetracker",
            "--target-dir",
        ])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no example server: {said}");
    target.join("debug/timetracker")
}
