//! Answering on the web server's port until the server does, and what the server is then given.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::castoff::{Castoff, Running};
use super::support::http::{self, exchange, get, request};
use super::support::project::Project;
use super::support::server::{Server, free_port};
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, until};

/// castoff that waits for a database that does not come, and the port that it answers on.
fn holding(project: &Project) -> (Running, u16) {
    let castoff = project.castoff(["run", "--listen", "127.0.0.1:0", "--wait-timeout", "1h"]);
    let nowhere = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let castoff = castoff.env("DATABASE_URL", nowhere);
    let mut running = castoff.args(["--", "/bin/sh"]).spawn();
    running.stderr_until("waiting for database", DEADLINE);
    let port = port(&running);
    (running, port)
}

/// The port that castoff says it answers on.
pub(super) fn port(running: &Running) -> u16 {
    let said = running.stderr();
    let (_, address) = said.split_once("answering on ").unwrap();
    let (address, _) = address.split_once(' ').unwrap();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn probes_browsers_and_programs_are_answered() {
    let project = Project::with("a<-");
    let (_running, port) = holding(&project);
    let healthy = get(port, "/healthz", &[]);
    assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok\n"));
    let ready = get(port, "/readyz", &[]);
    assert_eq!((ready.status, ready.body.as_str()), (503, "waiting\n"));
    assert!(ready.header("retry-after").is_some());
    let metrics = get(port, "/metrics?x=y", &[]);
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .contains("version=0.0.4")
    );
    assert!(metrics.body.contains("# TYPE castoff_"), "{}", metrics.body);

    let page = get(port, "/projects/1", &["Accept: text/html,*/*;q=0.8"]);
    assert_eq!(page.status, 503);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.header("content-security-policy").is_some());
    assert!(page.body.contains("<html"), "{}", page.body);
    let document = get(port, "/", &["Accept: application/json"]);
    assert_eq!(document.status, 503);
    let value: serde_json::Value = serde_json::from_str(&document.body).unwrap();
    assert_eq!(value["phase"], "waiting");
    let line = get(port, "/", &["Accept: */*"]);
    assert_eq!((line.status, line.body.as_str()), (503, "waiting\n"));
    for answer in [healthy, ready, metrics, page, document, line] {
        assert!(answer.is_last());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("server"), None);
    }
}

#[test]
fn every_method_is_answered_and_head_has_no_body() {
    let project = Project::with("a<-");
    let (_running, port) = holding(&project);
    let whole = get(port, "/", &[]);
    let head = exchange(port, &request("HEAD", "/", &[]));
    assert_eq!((head.status, head.body.as_str()), (503, ""));
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let answer = exchange(port, &request(method, "/", &["Content-Length: 0"]));
        assert_eq!(answer.status, 503, "{method}");
    }
    assert_eq!(exchange(port, &request("OPTIONS", "*", &[])).status, 503);
    let whole = request("GET", "http://test/healthz", &[]);
    assert_eq!(exchange(port, &whole).status, 200);
    assert_eq!(exchange(port, "GET / HTTP/1.0\r\n\r\n").status, 503);
}

#[test]
fn what_is_no_request_is_refused() {
    let project = Project::with("a<-");
    let (_running, port) = holding(&project);
    assert_eq!(exchange(port, "nonsense\r\n\r\n").status, 400);
    let long = format!("X: {}", "x".repeat(100_000));
    assert_eq!(get(port, "/", &[&long]).status, 431);
    // A load balancer looks whether somebody listens.
    drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    assert_eq!(get(port, "/healthz", &[]).status, 200);
}

#[test]
fn an_upload_gets_its_answer() {
    let project = Project::with("a<-");
    let (_running, port) = holding(&project);
    let body = vec![b'x'; 8 * 1024 * 1024];
    let length = format!("Content-Length: {}", body.len());
    // Sent whole before the answer is read, as simple clients do. Closing with some of it unread would
    // be a reset, which takes the answer away.
    let mut stream = http::connect(port).unwrap();
    let head = request("POST", "/upload", &[&length]);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    assert_eq!(http::to_the_end(&mut stream).unwrap().status, 503);

    // Two requests at once, of which the first alone is answered.
    let twice = request("GET", "/", &[]).repeat(2);
    assert_eq!(exchange(port, &twice).status, 503);

    // The client that asks first is told at once.
    let expecting = request("POST", "/upload", &[&length, "Expect: 100-continue"]);
    let mut stream = http::connect(port).unwrap();
    stream.write_all(expecting.as_bytes()).unwrap();
    let answer = http::one(&mut stream).unwrap();
    assert_eq!(answer.status, 503);

    // One that says by closing its half that this was all.
    let mut stream = http::connect(port).unwrap();
    stream
        .write_all(request("GET", "/", &[]).as_bytes())
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(http::to_the_end(&mut stream).unwrap().status, 503);
}

#[test]
fn clients_that_never_finish_keep_nobody_else_out() {
    let project = Project::with("a<-");
    let (_running, port) = holding(&project);
    // More than are served at a time, each with half a request.
    let mut slow: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = http::connect(port).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: te").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(port, "/healthz", &[]).status, 200);
    // The first of them had to go for it.
    let mut rest = Vec::new();
    let ended = slow[0].read_to_end(&mut rest);
    assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
    // The last are still there, until their time is over.
    let last = slow.last_mut().unwrap();
    last.write_all(b"st\r\n\r\n").unwrap();
    assert_eq!(http::to_the_end(last).unwrap().status, 503);
    let mut one = http::connect(port).unwrap();
    one.write_all(b"GET / HTTP/1.1\r\nHost: te").unwrap();
    assert_eq!(one.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn few_descriptors_are_shared_with_the_database() {
    let project = Project::with("a<-");
    let limited = r#"ulimit -n 40; exec "$@""#;
    let shell = Castoff::program(project.directory(), Path::new("/bin/sh"));
    let shell = shell.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_castoff")]);
    let castoff = shell.args(["run", "--listen", "127.0.0.1:0", "--wait-timeout", "1h"]);
    let nowhere = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let mut running = castoff
        .env("DATABASE_URL", nowhere)
        .args(["--", "/bin/true"])
        .spawn();
    running.stderr_until("waiting for database", DEADLINE);
    let port = port(&running);
    let _slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = http::connect(port).unwrap();
            stream.write_all(b"GET /").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(port, "/healthz", &[]).status, 200);
    let pid = running.pid();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count();
    assert!(open < 35, "{open} descriptors are open");
}

#[test]
fn sigterm_is_not_kept_waiting_by_clients() {
    let project = Project::with("a<-");
    let (running, port) = holding(&project);
    let mut slow = http::connect(port).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(get(port, "/readyz", &[]).status, 503);
    running.signal(Signal::SIGTERM);
    let finished = running.wait(DEADLINE);
    finished.status(143);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_done() {
    let project = Project::with("a<-");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let run = |listen: &str| {
        let castoff = project.castoff(["run", "--listen", listen, "--", "/bin/true"]);
        let castoff = castoff.env("DATABASE_URL", "postgres://x@127.0.0.1:1/x");
        castoff.redact(&address, "[address]").output()
    };
    run(&address).check(&expect![[r#"
        status 10
        --- stderr
        error[listen-failed]: castoff cannot listen on [address]
          caused by: Address already in use (os error 98)
          help: stop what listens there, which `ss -ltnp` names, or choose another port with --listen (CASTOFF_LISTEN)
    "#]]);
    // An address of documentation, RFC 5737.
    run("192.0.2.1:80").check(&expect![[r#"
        status 10
        --- stderr
        error[listen-failed]: castoff cannot listen on 192.0.2.1:80
          caused by: Cannot assign requested address (os error 99)
          help: choose an address of this machine, or 0.0.0.0 for all, with --listen (CASTOFF_LISTEN)
    "#]]);
    run("fd:3").check(&expect![[r#"
        status 10
        --- stderr
        error[listen-failed]: descriptor 3 is not a listening TCP socket
          caused by: Bad file descriptor (os error 9)
          help: start castoff with the socket as descriptor 3, as a socket unit of systemd does, or name an address in --listen (CASTOFF_LISTEN)
    "#]]);
    run("here").check(&expect![[r#"
        status 10
        --- stderr
        error[config-value]: `--listen`: `here` is not HOST:PORT, such as 0.0.0.0:8000, [::]:8000 or :8000, or fd:3
          help: set `--listen` to HOST:PORT, such as 0.0.0.0:8000, [::]:8000 or :8000, or fd:3
    "#]]);
    let resolved = run("no-such-host.invalid:80");
    resolved.status(10);
    assert!(
        resolved
            .stderr
            .contains("`no-such-host.invalid` has no address"),
        "{resolved}"
    );
}

#[test]
fn what_the_parent_gave_as_descriptor_3_is_not_thrown_away() {
    let project = Project::with("a<-");
    let script = r#"exec "$@" 3</dev/null"#;
    let shell = Castoff::program(project.directory(), Path::new("/bin/sh"));
    let castoff = shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_castoff")]);
    let castoff = castoff.args(["run", "--listen", "127.0.0.1:0", "--", "/bin/true"]);
    castoff.output().check(&expect![[r#"
        status 10
        --- stderr
        error[descriptor-taken]: descriptor 3 is in use: castoff was started with it, and the server is to get the socket there
          help: start castoff with `3>&-`; if it is the socket to listen on, set --listen to fd:3; if CMD binds by itself, set --listen-handover to close
    "#]]);
}

#[test]
fn a_page_of_the_users_is_shown_to_browsers_alone() {
    let project = Project::with("a<-").file("soon.html", "<p>Back soon, say the owners</p>");
    let nowhere = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let run = |page: &str| {
        let castoff = project.castoff(["run", "--listen", "127.0.0.1:0", "--holding-page", page]);
        let castoff = castoff.args(["--wait-timeout", "1h", "--", "/bin/true"]);
        castoff.env("DATABASE_URL", &nowhere).spawn()
    };
    let mut running = run("soon.html");
    running.stderr_until("waiting for database", DEADLINE);
    let port = port(&running);
    let page = get(port, "/", &["Accept: text/html"]);
    assert_eq!(page.status, 503);
    assert!(page.body.contains("say the owners"), "{}", page.body);
    assert_eq!(get(port, "/", &[]).body, "waiting\n");
    run("later.html").wait(DEADLINE).check(&expect![[r#"
        status 10
        --- stderr
        error[config-unreadable]: `later.html` (named by `--holding-page`) cannot be read
          caused by: No such file or directory (os error 2)
          help: check that `--holding-page` names a file that this user may read
    "#]]);
}

/// The variables of a server that are about sockets, in order.
fn listening(report: &Report) -> Vec<String> {
    let variables = report.environment.iter();
    let mut found: Vec<String> = variables
        .filter(|variable| variable.starts_with("LISTEN_"))
        .cloned()
        .collect();
    found.sort();
    found
}

fn sorted(mut descriptors: Vec<u32>) -> Vec<u32> {
    descriptors.sort_unstable();
    descriptors
}

/// Descriptors that a server has when the harness itself starts it.
fn usual(project: &Project) -> Vec<u32> {
    let shell = Castoff::program(project.directory(), Path::new("/bin/sh"));
    let shell = shell.args(["-c", "exec \"$@\"", "sh"]);
    web::run_as(shell, project, "usual", Then::Exit(0))
        .output()
        .status(0);
    Report::read(&project.path("usual"), DEADLINE).descriptors
}

#[test]
fn the_server_gets_the_socket_and_nothing_else() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let castoff = project.castoff(["run", "--listen", "127.0.0.1:0", "--"]);
    // Of somebody else's activation.
    let castoff = castoff.env("LISTEN_PID", "1").env("LISTEN_FDS", "5");
    let castoff = castoff.database(&database);
    let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    let report = Report::of(&project, DEADLINE);
    running.stderr_until("answering on", DEADLINE);
    let pid = running.pid();
    let variables = [
        "LISTEN_FDNAMES=castoff".to_owned(),
        "LISTEN_FDS=1".to_owned(),
        format!("LISTEN_PID={pid}"),
    ];
    assert_eq!(listening(&report), variables);
    let mut expected = usual(&project);
    expected.push(3);
    assert_eq!(sorted(report.descriptors), sorted(expected));

    // It is the one that listens on the port, and blocks, as a server of systemd's expects.
    let port = port(&running);
    let socket = std::fs::read_link(format!("/proc/{pid}/fd/3")).unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = format!("0100007F:{port:04X} 00000000:0000 0A ");
    let entry = table.lines().find(|line| line.contains(&listens)).unwrap();
    let inode = entry.split_whitespace().nth(9).unwrap();
    assert_eq!(socket, Path::new(&format!("socket:[{inode}]")));
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/3")).unwrap();
    let (_, flags) = info.split_once("flags:\t").unwrap();
    let flags = u32::from_str_radix(flags.lines().next().unwrap(), 8).unwrap();
    assert_eq!(flags & 0o4000, 0, "it does not block: {info}");
    // Nobody accepts, and nobody refuses.
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_server_that_binds_by_itself_finds_the_port_free() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let castoff = project.castoff(["run", "--listen", "127.0.0.1:0"]);
    let castoff = castoff
        .args(["--listen-handover", "close", "--"])
        .env("LISTEN_PID", "1")
        .env("LISTEN_FDS", "5")
        .database(&database);
    let mut running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    let report = Report::of(&project, DEADLINE);
    running.stderr_until("answering on", DEADLINE);
    assert_eq!(listening(&report), [""; 0]);
    assert_eq!(report.descriptors, usual(&project));
    TcpListener::bind(("127.0.0.1", port(&running))).unwrap();
}

#[test]
fn what_somebody_else_was_given_is_not_the_servers() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let castoff = web::run(&project, Then::Exit(0)).database(&database);
    let castoff = castoff.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    castoff.output().status(0);
    assert_eq!(listening(&Report::of(&project, DEADLINE)), [""; 0]);
}

#[test]
fn a_socket_that_castoff_was_given_goes_on_to_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    // One castoff becomes the next, with its socket.
    let castoff = project.castoff(["run", "--listen", "localhost:0", "--"]);
    let castoff = castoff.database(&database).args([
        env!("CARGO_BIN_EXE_castoff"),
        "run",
        "--listen",
        "fd:3",
        "--",
    ]);
    let running = web::run_as(castoff, &project, "report", Then::Stay).spawn();
    let report = Report::of(&project, DEADLINE);
    let said = until("both told where they answer", DEADLINE, || {
        let said = running.stderr();
        (said.matches("answering on").count() == 2).then_some(said)
    });
    let addresses: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("answering on "))
        .map(|(_, address)| address)
        .collect();
    assert_eq!(addresses[0], addresses[1]);
    let pid = format!("LISTEN_PID={}", running.pid());
    let variables = ["LISTEN_FDNAMES=castoff", "LISTEN_FDS=1", &pid];
    assert_eq!(listening(&report), variables);
    assert!(report.descriptors.contains(&3));
    let port = port(&running);
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}
