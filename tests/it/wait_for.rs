//! Waiting for other services than the database: each form of target, the deadline, what no waiting
//! mends, and the order in a start.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use expect_test::{Expect, expect};

use super::support::DEADLINE;
use super::support::castoff::Finished;
use super::support::http_server::{AUTHORITY, Http};
use super::support::project::Project;
use super::support::server::{Server, free_port};
use super::support::transcript::{prepare, transcript};

/// Longer than the tests' own deadline: whoever waits for this is caught.
const FOR_EVER: &str = "1h";

const READY: &str = "200 OK\n\nready";

/// Waits for a target until it says `first`, lets `come` make it ready, and returns the story.
#[track_caller]
fn check_comes(project: &Project, target: &str, first: &str, come: impl FnOnce()) -> Finished {
    let castoff = project.castoff(["wait", "--wait-timeout", FOR_EVER, "--for", target]);
    let mut running = castoff.spawn();
    running.stderr_until(&format!("waiting for {target}: {first}\n"), DEADLINE);
    assert!(running.is_running());
    come();
    let finished = running.wait(DEADLINE);
    finished.status(0);
    let story = format!(
        "castoff: waiting for {target}: {first}\n\
         castoff: {target} is ready after [time]\n\
         castoff: ready: {target}\n"
    );
    let directory = project.directory().display().to_string();
    assert_eq!(finished.stderr, story.replace(&directory, "[dir]"));
    finished
}

#[test]
fn an_address_is_ready_when_somebody_listens() {
    let port = free_port();
    let target = format!("tcp://127.0.0.1:{port}");
    let mut listener = None;
    check_comes(&Project::empty(), &target, "connection refused", || {
        listener = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
    });
    // `localhost` may be two addresses, of which one works.
    let target = format!("tcp://localhost:{port}");
    let project = Project::empty();
    let finished = project.castoff(["wait", "--for", &target]).output();
    finished.status(0);
    assert_eq!(finished.stderr, format!("castoff: ready: {target}\n"));
}

#[test]
fn an_address_of_the_new_kind_is_written_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("SKIPPED: no IPv6 here");
        return;
    };
    let target = format!("tcp://[::1]:{}", listener.local_addr().unwrap().port());
    let project = Project::empty();
    let finished = project.castoff(["wait", "--for", &target]).output();
    finished.status(0);
    assert_eq!(finished.stderr, format!("castoff: ready: {target}\n"));
}

#[test]
fn a_file_is_ready_when_it_is_there_whatever_it_is() {
    let project = Project::empty();
    let path = project.path("flag");
    let target = format!("file:{}", path.display());
    check_comes(&project, &target, "it does not exist", || {
        std::fs::write(&path, "").unwrap();
    });
    // Relative to where castoff runs; a directory is something too, and a link to nothing is not.
    std::fs::create_dir(project.path("directory")).unwrap();
    let finished = project.castoff(["wait", "--for", "file:directory"]);
    finished.output().status(0);
    std::os::unix::fs::symlink("nothing", project.path("link")).unwrap();
    check_comes(&project, "file:link", "it does not exist", || {
        std::fs::write(project.path("nothing"), "").unwrap();
    });
}

#[test]
fn a_socket_is_ready_when_somebody_listens_on_it() {
    let project = Project::empty();
    let path = project.path("s");
    let target = format!("unix:{}", path.display());
    let mut listener = None;
    check_comes(&project, &target, "it does not exist", || {
        listener = Some(UnixListener::bind(&path).unwrap());
    });
    // What its owner left behind is a file, and nobody answers.
    drop(listener.take());
    check_comes(&project, &target, "connection refused", || {
        std::fs::remove_file(&path).unwrap();
        let staged = project.path("staged");
        listener = Some(UnixListener::bind(&staged).unwrap());
        std::fs::rename(staged, &path).unwrap();
    });
}

#[test]
fn a_url_is_ready_when_it_answers_as_expected() {
    let http = Http::start("503 Service Unavailable\n\nstarting");
    let project = Project::empty();
    let url = |rest: &str| format!("http://127.0.0.1:{}{rest}", http.port());
    check_comes(&project, &url("/health"), "status 503", || {
        http.answer("204 No Content");
    });
    let requests = http.requests();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "GET /health HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nuser-agent: castoff/{version}\r\n\
         accept: */*\r\nconnection: close\r\n\r\n",
        http.port()
    );
    assert_eq!(requests[0], expected);
    http.answer("301 Moved Permanently\nLocation: /ready");
    let redirect = "status 301, and redirects are not followed";
    check_comes(&project, &url("/"), redirect, || http.answer(READY));
    // The expected statuses and text are castoff's: they are not sent.
    http.answer("200 OK\n\nnot yet");
    let running = project.castoff(["wait", "--for", &url("/a?b=c#status=200,404&body=ready")]);
    let mut running = running.redact(&http.port().to_string(), "[port]").spawn();
    running.stderr_until("the body does not contain", DEADLINE);
    http.answer("404 Not Found\n\nI am ready.");
    running.wait(DEADLINE).check(&expect![[r#"
        status 0
        --- stderr
        castoff: waiting for http://127.0.0.1:[port]/a?…: status 200, but the body does not contain `ready`
        castoff: http://127.0.0.1:[port]/a?… is ready after [time]
        castoff: ready: http://127.0.0.1:[port]/a?…
    "#]]);
    let last = http.requests().pop().unwrap();
    assert!(last.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{last}");
}

#[test]
fn credentials_in_a_url_are_sent_and_never_shown() {
    let http = Http::start("401 Unauthorized");
    let url = format!(
        "http://al%40ice:hush%21-hush@127.0.0.1:{}/?token=hush-too",
        http.port()
    );
    let project = Project::empty();
    let castoff = project.castoff(["wait", "--for", &url, "--wait-timeout", "3s"]);
    let castoff = castoff.secret("hush");
    let finished = castoff.redact(&http.port().to_string(), "[port]").output();
    finished.check(&expect![[r#"
        status 11
        --- stderr
        castoff: waiting for http://127.0.0.1:[port]/?…: status 401
        error[target-not-ready]: http://127.0.0.1:[port]/?… is not ready after 3 s: status 401
          help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
    "#]]);
    let request = &http.requests()[0];
    // `al@ice:hush!-hush`
    let sent = "authorization: Basic YWxAaWNlOmh1c2ghLWh1c2g=\r\n";
    assert!(request.contains(sent), "{request}");
}

#[test]
fn a_certificate_is_believed_or_refused_at_once() {
    let http = Http::start_tls("503 Service Unavailable");
    let port = http.port().to_string();
    let project = Project::empty();
    let wait = |host: &str| {
        let url = format!("https://{host}:{port}/");
        let castoff = project.castoff(["wait", "--for", &url, "--wait-timeout", FOR_EVER]);
        castoff.redact(&port, "[port]")
    };
    wait("localhost").output().check(&expect![[r#"
        status 11
        --- stderr
        error[target-refused]: `https://localhost:[port]/` cannot be waited for
          caused by: the server's certificate is from an unknown authority
          help: check the name in the URL, and name your own authority's certificate in SSL_CERT_FILE
    "#]]);
    let trusting = wait("127.0.0.1").env("SSL_CERT_FILE", AUTHORITY);
    trusting.output().check(&expect![[r#"
        status 11
        --- stderr
        error[target-refused]: `https://127.0.0.1:[port]/` cannot be waited for
          caused by: the server's certificate is not for `127.0.0.1`
          help: check the name in the URL, and name your own authority's certificate in SSL_CERT_FILE
    "#]]);
    let trusting = wait("localhost").env("SSL_CERT_FILE", AUTHORITY);
    let mut running = trusting.spawn();
    running.stderr_until("status 503", DEADLINE);
    http.answer(READY);
    running.wait(DEADLINE).status(0);
    assert!(http.requests()[0].contains(&format!("host: localhost:{port}\r\n")));
    // Something that does not speak TLS.
    let plain = rude("HTTP/1.1 400 Bad Request\r\n\r\n");
    let url = format!("https://localhost:{plain}/");
    let castoff = project.castoff(["wait", "--for", &url, "--wait-timeout", FOR_EVER]);
    let finished = castoff.output();
    finished.status(11);
    assert!(
        finished.stderr.contains("TLS handshake failed"),
        "{finished}"
    );
}

/// Listens, and answers everybody with the same, whatever they say. Returns the port; the thread
/// ends with the test process.
fn rude(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                stream.write_all(answer.as_bytes()).ok();
            }
        }
    });
    port
}

/// Waits for 1 s for a target that never comes.
#[track_caller]
fn check_late(target: &str, redact: &[(&str, &'static str)], expected: &Expect) {
    let project = Project::empty();
    let castoff = project.castoff(["wait", "--wait-timeout", "3s", "--for", target]);
    let castoff = redact.iter().fold(castoff, |castoff, (needle, label)| {
        castoff.redact(needle, label)
    });
    castoff
        .env("PATH", "/bin:/usr/bin")
        .output()
        .check(expected);
}

#[test]
fn what_does_not_come_in_time_is_named_with_its_last_cause() {
    let port = free_port().to_string();
    check_late(
        &format!("tcp://127.0.0.1:{port}"),
        &[(&port, "[port]")],
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for tcp://127.0.0.1:[port]: connection refused
            error[target-not-ready]: tcp://127.0.0.1:[port] is not ready after 3 s: connection refused
              help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
    // Accepts by its queue, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    for scheme in ["http", "https"] {
        check_late(
            &format!("{scheme}://127.0.0.1:{port}/"),
            &[(&port, "[port]"), (scheme, "[scheme]")],
            &expect![[r#"
                status 11
                --- stderr
                castoff: waiting for [scheme]://127.0.0.1:[port]/: no answer
                error[target-not-ready]: [scheme]://127.0.0.1:[port]/ is not ready after 3 s: no answer
                  help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
            "#]],
        );
    }
    let port = rude("SSH-2.0-x\r\n").to_string();
    check_late(
        &format!("http://127.0.0.1:{port}/"),
        &[(&port, "[port]")],
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for http://127.0.0.1:[port]/: not an HTTP server
            error[target-not-ready]: http://127.0.0.1:[port]/ is not ready after 3 s: not an HTTP server
              help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
    check_late(
        "exec:sh -c 'echo first; echo; echo \"no such queue\" >&2; exit 3'",
        &[],
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for exec:sh …: it ended with status 3
            error[target-not-ready]: exec:sh … is not ready after 3 s: it ended with status 3: no such queue
              help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
    check_late(
        "exec:sh -c 'kill -9 $$'",
        &[],
        &expect![[r#"
            status 11
            --- stderr
            castoff: waiting for exec:sh …: it ended with signal 9
            error[target-not-ready]: exec:sh … is not ready after 3 s: it ended with signal 9
              help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
        "#]],
    );
    let project = Project::empty();
    let castoff = project.castoff(["wait", "--wait-timeout", "3s"]);
    let finished = castoff
        .env("CASTOFF_FOR", "tcp://no-such-host.invalid:1")
        .output();
    finished.status(11);
    // How long the resolver takes to say so depends on the machine.
    let error = "error[target-not-ready]: tcp://no-such-host.invalid:1 is not ready after 3 s: ";
    assert!(finished.stderr.contains(error), "{finished}");
}

#[test]
fn all_that_is_late_is_named_at_once_the_database_too() {
    let port = free_port().to_string();
    let project = Project::with("a<-");
    let line = format!("wait --wait-timeout 3s --for file:first --for tcp://127.0.0.1:{port}");
    let castoff = prepare(&project, None, &line).redact(&port, "[port]");
    let finished = castoff.output();
    finished.status(11);
    let error = "error[target-not-ready]: not ready after 3 s: \
        file:first (it does not exist), tcp://127.0.0.1:[port] (connection refused)\n";
    assert!(finished.stderr.contains(error), "{finished}");
    let url = format!("postgres://x@127.0.0.1:{port}/x");
    let line = "run --wait-timeout 3s --for file:first --for file:there -- /bin/true";
    let project = project.file("there", "");
    let castoff = prepare(&project, None, line);
    let finished = castoff
        .env("DATABASE_URL", &url)
        .redact(&port, "[port]")
        .output();
    finished.status(11);
    let error = "error[target-not-ready]: not ready after 3 s: \
        database x@127.0.0.1:[port]/x (connection refused), file:first (it does not exist)\n";
    assert!(finished.stderr.contains(error), "{finished}");
}

#[test]
fn what_no_waiting_mends_is_told_at_once_and_before_anything_is_done() {
    let database = Server::shared().database();
    let before = database.contents();
    let project = Project::with("a<-").file("not-executable", "");
    let lines = [
        "run --for exec:no-such-program -- /bin/true",
        "run --before-exec 'exec:./no-such-program -x' -- /bin/true",
        "run --before-exec exec:./not-executable -- /bin/true",
        "run --for redis:6379 -- /bin/true",
        "run --before-exec tcp://redis -- /bin/true",
        "CASTOFF_FOR='file:a http://u:hidden@h:x/' run -- /bin/true",
        "run --for 'http://h/#state=200' -- /bin/true",
        "run --for 'exec:sh \"' -- /bin/true",
    ];
    expect![[r#"
        $ castoff run --for exec:no-such-program -- /bin/true
        status 11
        --- stderr
        error[target-refused]: `exec:no-such-program` cannot be waited for
          caused by: `no-such-program` is not found
          help: write the full path after `exec:`, or correct PATH

        $ castoff run --before-exec 'exec:./no-such-program -x' -- /bin/true
        status 11
        --- stderr
        error[target-refused]: `exec:./no-such-program …` cannot be waited for
          caused by: `./no-such-program` is not found
          help: correct the path after `exec:`

        $ castoff run --before-exec exec:./not-executable -- /bin/true
        status 11
        --- stderr
        error[target-refused]: `exec:./not-executable` cannot be waited for
          caused by: `./not-executable` cannot be executed
          caused by: permission denied
          help: make it executable with `chmod +x`, and check that it is built for this machine

        $ castoff run --for redis:6379 -- /bin/true
        status 10
        --- stderr
        error[config-value]: `--for`: `redis:6379` is not tcp://HOST:PORT, http://HOST/PATH, https://HOST/PATH, file:PATH, unix:PATH or exec:COMMAND
          help: set `--for` to tcp://HOST:PORT, http://HOST/PATH, https://HOST/PATH, file:PATH, unix:PATH or exec:COMMAND

        $ castoff run --before-exec tcp://redis -- /bin/true
        status 10
        --- stderr
        error[config-value]: `--before-exec`: `tcp://redis` is not tcp://HOST:PORT, with an IPv6 address in brackets
          help: set `--before-exec` to tcp://HOST:PORT, with an IPv6 address in brackets

        $ castoff CASTOFF_FOR='file:a http://u:hidden@h:x/' run -- /bin/true
        status 10
        --- stderr
        error[config-value]: `CASTOFF_FOR`: `http://…@h:x/` is not http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH], with `%` before what is no letter
          help: set `CASTOFF_FOR` to http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH], with `%` before what is no letter

        $ castoff run --for 'http://h/#state=200' -- /bin/true
        status 10
        --- stderr
        error[config-value]: `--for`: `http://h/#state=200` is not a URL with #status=200-299,404 or #body=TEXT, or both joined by &
          help: set `--for` to a URL with #status=200-299,404 or #body=TEXT, or both joined by &

        $ castoff run --for 'exec:sh "' -- /bin/true
        status 10
        --- stderr
        error[config-value]: `--for`: `exec:sh "` is not exec: and a program with its arguments, every quote closed
          help: set `--for` to exec: and a program with its arguments, every quote closed

    "#]].assert_eq(&transcript(&project, Some(&database), &lines));
    database.assert_unchanged(&before);
    // While others are still waited for; a shell says of a command what castoff says of it.
    let line = "wait --wait-timeout 1h --for file:never --for 'exec:sh -c no-such-program'";
    let castoff = prepare(&project, Some(&database), line).env("PATH", "/bin:/usr/bin");
    let finished = castoff.output();
    finished.status(11);
    for part in [
        "error[target-refused]: `exec:sh …` cannot be waited for\n",
        "caused by: it ended with status 127: ",
    ] {
        assert!(finished.stderr.contains(part), "{finished}");
    }
}

#[test]
fn without_a_database_there_must_be_something_else() {
    let project = Project::empty().file("there", "");
    let lines = [
        "wait --for file:there",
        "wait",
        "CASTOFF_FOR=file:there wait --revision abcd",
        "PGPORT=x wait --for file:there",
    ];
    expect![[r#"
        $ castoff wait --for file:there
        status 0
        --- stderr
        castoff: ready: file:there

        $ castoff wait
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

        $ castoff CASTOFF_FOR=file:there wait --revision abcd
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

        $ castoff PGPORT=x wait --for file:there
        status 10
        --- stderr
        error[connection-parameter-value]: `x` in `PGPORT` is not a value of `port` (1 to 65535)
          help: correct the value of `port`

    "#]]
    .assert_eq(&transcript(&project, None, &lines));
    // With one, it is waited for as well.
    let database = Server::shared().database();
    let line = "wait --for file:there";
    expect![[r#"
        $ castoff wait --for file:there
        status 0
        --- stderr
        castoff: database tester@127.0.0.1:[port]/[database] answers
        castoff: ready: file:there

    "#]]
    .assert_eq(&transcript(&project, Some(&database), &[line]));
}

#[test]
fn the_story_names_the_target_for_programs() {
    let project = Project::empty();
    let castoff = project.castoff(["wait", "--for", "file:flag", "--log-format", "json"]);
    let mut running = castoff.spawn();
    running.stderr_until("it does not exist", DEADLINE);
    std::fs::write(project.path("flag"), "").unwrap();
    running.stderr_until("is ready after", DEADLINE);
    let finished = running.wait(DEADLINE);
    let events: Vec<serde_json::Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let event = |name: &str| {
        let found = events.iter().find(|event| event["event"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {finished}"))
            .clone()
    };
    assert_eq!(event("waiting")["target"], "file:flag");
    assert_eq!(event("waiting")["cause"], "it does not exist");
    assert_eq!(event("ready")["target"], "file:flag");
    assert_eq!(event("phase")["phase"], "waiting");
}
