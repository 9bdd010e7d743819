//! Options of one start that meet: the port and the user, the page and the waits, files and failures,
//! and a castoff that castoff itself runs.

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use super::handover::timetracker;
use super::holding::port;
use super::support::found::{self, Found};
use super::support::http;
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::stage::{in_own_mounts, is_root};
use super::support::transcript::{prepare, run};
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, until};

const CASTOFF: &str = env!("CARGO_BIN_EXE_castoff");

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path(name)).unwrap()
}

/// What `castoff status` says of whoever is at this port.
#[track_caller]
fn check_health(project: &Project, port: u16, status: i32, expected: &str) {
    let line = format!("CASTOFF_LISTEN=127.0.0.1:{port} status --format json");
    let finished = run(project, None, &line);
    finished.status(status);
    let said: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(said["from"], "page", "{said}");
    let phase = said["phase"].as_str().unwrap_or_default();
    let state = said["state"].as_str().unwrap_or_default();
    assert_eq!(format!("{state} {phase}"), expected);
}

#[test]
fn a_port_that_only_root_may_bind_is_the_servers_whoever_that_is() {
    if !is_root("a low port and another user") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (512..1024).rev().find(is_free).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let castoff = project.castoff(["run", "--user=12345", "--listen", &listen]);
    let castoff = castoff
        .database(&database)
        .env("CASTOFF_STATUS_FILE", "status.json")
        .env("CASTOFF_METRICS_FILE", "castoff.prom")
        .env("PATH", "/usr/bin:/bin");
    found::server(castoff, &project).output().status(0);
    let found = Found::of(&project);
    assert!(found.rights().starts_with("Uid: 12345 12345 12345 12345\n"));
    assert_eq!(found.variable("LISTEN_FDS"), Some(&b"1"[..]));
    assert!(
        found.descriptors.contains(" 3 -> socket:["),
        "{}",
        found.descriptors
    );
    // The files are written before castoff is somebody who may not write there.
    let status: Value = serde_json::from_str(&read(&project, "status.json")).unwrap();
    assert_eq!(status["phase"], "serving");
    assert!(read(&project, "castoff.prom").contains("castoff_phase{phase=\"serving\"} 1\n"));
}

#[test]
fn the_page_answers_while_castoff_waits_before_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let line = "run --listen 127.0.0.1:0 --before-exec file:two --";
    let castoff = prepare(&project, Some(&database), line);
    let mut running = web::run_as(castoff, &project, "report", Then::Exit(7)).spawn();
    running.stderr_until("waiting for file:two", DEADLINE);
    let port = port(&running);
    assert_eq!(http::get(port, "/readyz", &[]).body, "handing-over\n");
    let page = http::get(port, "/", &["Accept: text/html"]).body;
    assert!(page.contains("Waiting for another service"), "{page}");
    check_health(&project, port, 1, "holding handing-over");
    std::fs::write(project.path("two"), "").unwrap();
    let report = Report::of(&project, DEADLINE);
    assert!(report.environment.contains(&"LISTEN_FDS=1".to_owned()));
    running.wait(DEADLINE).status(7);
}

#[test]
fn a_health_check_asks_the_page_and_then_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let timetracker = timetracker();
    let port = free_port();
    let line = format!("run --listen 127.0.0.1:{port} --for file:one --");
    let castoff = prepare(&project, Some(&database), &line);
    let castoff = castoff.args([timetracker.to_str().unwrap()]);
    let mut running = castoff.env("PORT", port.to_string()).spawn();
    running.stderr_until("waiting for file:one", DEADLINE);
    check_health(&project, port, 1, "holding waiting");
    std::fs::write(project.path("one"), "").unwrap();
    until("the server answers", DEADLINE, || {
        (http::get(port, "/style.css", &[]).status == 200).then_some(())
    });
    check_health(&project, port, 0, "serving serving");
}

#[test]
fn a_failed_migration_is_in_every_file_and_gives_the_port_back() {
    let database = Server::shared().database();
    let bad = Migration::new("b").after("a").upgrade("select nope;");
    let project = Project::with("a<-").migration(&bad);
    let port = free_port();
    let line = format!(
        "run --listen 127.0.0.1:{port} --status-file status.json --termination-log log -- true"
    );
    run(&project, Some(&database), &line).status(15);
    let status: Value = serde_json::from_str(&read(&project, "status.json")).unwrap();
    assert_eq!(status["error"]["code"], "apply-failed");
    assert!(read(&project, "log").starts_with("error[apply-failed]: "));
    TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    // With the same port, at once.
    run(&project, Some(&database), &line).status(15);
}

#[test]
fn a_castoff_that_castoff_runs_does_not_run_itself() {
    let database = Server::shared().database();
    let target = format!("exec:{CASTOFF} wait");
    let project = Project::with("a<-").file("castoff.toml", format!("for = ['{target}']\n"));
    let line = "wait --wait-timeout 10s";
    run(&project, Some(&database), line).status(0);
    let project = Project::with("a<-");
    let castoff = prepare(&project, Some(&database), line);
    let castoff = castoff.env("CASTOFF_FOR", format!("'{target}'"));
    castoff.output().status(0);
}

#[test]
fn the_last_words_of_a_castoff_that_castoff_runs_are_not_the_containers() {
    let project = Project::empty();
    let target = format!("exec:{CASTOFF} wait --for file:flag --wait-timeout 0");
    let castoff = project.castoff(["wait", "--for", &target]);
    let castoff = castoff.env("CASTOFF_TERMINATION_LOG", "log");
    let mut running = castoff.env("CASTOFF_STATUS_FILE", "status.json").spawn();
    running.stderr_until("it ended with status 11", DEADLINE);
    std::fs::write(project.path("flag"), "").unwrap();
    running.wait(DEADLINE).status(0);
    assert!(!project.path("log").exists());
    let status: Value = serde_json::from_str(&read(&project, "status.json")).unwrap();
    assert_eq!(
        (&status["phase"], &status["error"]),
        (&"done".into(), &Value::Null)
    );
}

/// A status file that says what was true once would have a server ended that serves.
#[test]
fn a_full_disk_leaves_no_status_that_is_true_no_more() {
    let database = Server::shared().database();
    let project = Project::with("a<-").file("small/keep", "");
    let mount = "mount -t tmpfs -o size=16k none small";
    let Some(castoff) = in_own_mounts(&project, mount) else {
        return;
    };
    let castoff = castoff
        .args(["run", "--before-exec", "file:go", "--"])
        .database(&database)
        .env("CASTOFF_STATUS_FILE", "small/status.json");
    let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    running.stderr_until("waiting for file:go", DEADLINE);
    let root = format!("/proc/{}/root", running.pid());
    let small = Path::new(&root).join(project.path("small").strip_prefix("/").unwrap());
    let status = || {
        let text = std::fs::read_to_string(small.join("status.json")).ok()?;
        let status: Value = serde_json::from_str(&text).unwrap();
        Some(status["phase"].as_str().unwrap().to_owned())
    };
    until("it is kept", DEADLINE, || {
        (status()? == "handing-over").then_some(())
    });
    let mut filler = File::create(small.join("filler")).unwrap();
    while filler.write_all(&[0; 1024]).is_ok() {}
    std::fs::write(project.path("go"), "").unwrap();
    Report::of(&project, DEADLINE);
    assert_ne!(status().as_deref(), Some("handing-over"));
}
