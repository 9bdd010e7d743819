//! The harness itself: that it fails when it should, and leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::castoff::{Castoff, Status};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port, is_gone};
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, PASSWORD, until};

/// A shell in castoff's place.
fn shell<'p>(project: &'p Project, script: &str) -> Castoff<'p> {
    Castoff::program(project.directory(), Path::new("/bin/sh")).args(["-c", script])
}

#[track_caller]
fn check_panics(part: &str, act: impl FnOnce() + std::panic::UnwindSafe) {
    let panic = catch_unwind(act).expect_err("it did not fail");
    let message = panic
        .downcast_ref::<String>()
        .expect("the message is formatted");
    assert!(message.contains(part), "{message}");
}

#[test]
fn a_password_in_the_output_fails_the_test() {
    for script in [
        format!("echo {PASSWORD}"),
        format!("echo url:{PASSWORD}@ >&2; exit 1"),
    ] {
        check_panics("a password is in std", || {
            shell(&Project::empty(), &script).output();
        });
    }
    check_panics("a password is in stdout", || {
        shell(&Project::empty(), "echo sesame")
            .secret("sesame")
            .output();
    });
}

#[test]
fn waiting_in_vain_fails_the_test() {
    let short = Duration::from_millis(20);
    check_panics("not within 20ms: never", || {
        until("never", short, || None::<()>);
    });
    check_panics("it runs on after 20ms", || {
        shell(&Project::empty(), "sleep 100").spawn().wait(short);
    });
    check_panics("it ended without saying `ready`", || {
        shell(&Project::empty(), "echo nothing >&2")
            .spawn()
            .stderr_until("ready", DEADLINE);
    });
}

#[test]
fn everything_about_the_end_is_in_the_snapshot() {
    let project = Project::empty();
    let script = "pwd; echo \"$GIVEN ${HOME-no home}\" >&2; echo 'done (8 ms)' >&2; exit 7";
    shell(&project, script)
        .env("GIVEN", "given")
        .output()
        .check(&expect![[r#"
        status 7
        --- stdout
        [dir]
        --- stderr
        given no home
        done ([time])
    "#]]);
    let mut running = shell(&project, "echo up >&2; exec sleep 100").spawn();
    running.stderr_until("up", DEADLINE).signal(Signal::SIGTERM);
    assert_eq!(running.wait(DEADLINE).status, Status::Signal(15));
}

#[test]
fn migration_files_are_written_as_people_write_them() {
    let migration = Migration::new("c")
        .after("a,b")
        .header("depends_on: d")
        .message("Join both");
    let project =
        Project::with("a<- b<a").migration(&migration.options("autocommit").upgrade("select 1;"));
    shell(&project, "cd migrations && ls && cat *_c_*")
        .output()
        .check(&expect![[r#"
        status 0
        --- stdout
        202601010001_a_make_a.sql
        202601010002_b_make_b.sql
        202601010003_c_join_both.sql
        -- Join both
        -- revision: c
        -- down_revision: a, b
        -- depends_on: d

        -- upgrade autocommit
        select 1;

        -- downgrade
    "#]]);
}

#[test]
fn the_server_reports_how_it_was_started() {
    let project = Project::empty();
    let start = |script: &str, report: &str| {
        let castoff = shell(&project, script).args(["sh"]).env("ONLY", "this");
        let running = web::run_as(castoff, &project, report, Then::Exit(9)).spawn();
        let pid = running.pid().as_raw();
        running.wait(DEADLINE).status(9);
        let report = Report::read(&project.path(report), DEADLINE);
        assert_eq!(report.pid, pid);
        report
    };
    let plain = start(r#"exec "$@""#, "plain");
    let path = project.path("plain").display().to_string();
    assert_eq!(plain.arguments[3..], ["web", &path, "9"]);
    assert!(
        plain.environment.contains(&"ONLY=this".to_owned()),
        "{:?}",
        plain.environment
    );
    assert_eq!(plain.ignored & 1 << 14, 0);
    let given = start(r#"trap "" TERM; exec "$@" 5</dev/null"#, "given");
    assert_eq!(given.ignored, plain.ignored | 1 << 14);
    let more = given
        .descriptors
        .iter()
        .filter(|number| !plain.descriptors.contains(number));
    assert_eq!(more.collect::<Vec<_>>(), [&5]);
}

#[test]
fn a_database_starts_empty_and_every_change_of_it_shows() {
    let database = Server::shared().database();
    let public = "schema public ";
    let contents = database.contents();
    let only = contents
        .split_once(public)
        .map(|(before, rest)| (before, rest.lines().count()));
    assert_eq!(only, Some(("extension plpgsql 1.0\n", 1)), "{contents}");
    let changes = [
        "create schema s",
        "create table t (id integer, name text)",
        "alter table t alter name set default 'x'",
        "insert into t values (1, 'a')",
        "update t set name = 'b'",
        "alter table t add check (id > 0) not valid",
        "alter table t validate constraint t_id_check",
        "create index i on t (name)",
        "create view v as select id from t",
        "create or replace view v as select id + 0 as id from t",
        "create type e as enum ('a')",
        "alter type e add value 'b'",
        "create sequence q",
        "select nextval('q')",
        "create function f() returns trigger language plpgsql as 'begin return new; end'",
        "create or replace function f() returns trigger language plpgsql as 'begin return old; end'",
        "create trigger g before update on t for each row execute function f()",
        "alter table t disable trigger g",
        "create policy p on t using (id = 1)",
        "alter table t enable row level security",
        "comment on table t is 'c'",
        "grant select on t to public",
        "create domain d as integer check (value > 0)",
        "alter table t set (fillfactor = 50)",
        "drop table t cascade",
    ];
    for change in changes {
        let before = database.contents();
        database.sql(change);
        assert_ne!(before, database.contents(), "unseen: {change}");
    }
    let before = database.contents();
    database.sql("begin; create table t (); rollback");
    database.assert_unchanged(&before);
}

#[test]
fn rows_are_text_and_both_addresses_lead_to_the_same_database() {
    let database = Server::shared().database();
    database.sql("create table t (a integer, b text); insert into t values (1, 'x'), (2, null)");
    assert_eq!(
        database.rows("select a, b from t order by a"),
        "1|x\n2|null\n"
    );
    let project = Project::empty();
    let url = database.socket_url();
    assert!(url.contains("%2F"), "{url}");
    let said = shell(&project, "echo \"${DATABASE_URL##*/}\"")
        .database(&database)
        .output();
    assert_eq!(said.stdout, "[database]\n");
    let session = database.session();
    let held = session.pid();
    let count = format!("select count(*) from pg_stat_activity where pid = {held}");
    assert_eq!(database.rows(&count), "1\n");
    drop(session);
    until("the session is closed", DEADLINE, || {
        (database.rows(&count) == "0\n").then_some(())
    });
}

#[test]
fn a_wrong_password_is_refused() {
    let database = Server::shared().database();
    let url = database.url().replace(PASSWORD, "wrong");
    let error = super::support::database::Session::open(&url).unwrap_err();
    assert_eq!(
        error.code().map(|code| code.code().to_owned()),
        Some("28P01".to_owned())
    );
}

#[test]
fn a_server_of_its_own_can_be_configured_stopped_killed_and_started_again() {
    let server = Server::start(&["log_statement = all"]);
    let database = server.database();
    database.sql("create table t (a integer)");
    assert!(server.log().contains("create table t"), "{}", server.log());
    server.restart();
    server.kill();
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.up();
    assert_eq!(database.rows("select count(*) from t"), "0\n");
    assert!(
        server.log().contains("was not properly shut down"),
        "{}",
        server.log()
    );
    server.stop();
    assert_ne!(free_port(), server.port());
    let directory = server.socket_directory().to_owned();
    drop(database);
    drop(server);
    assert!(!directory.exists(), "{} is left", directory.display());
}

/// Plays both parts: the test, and the process that it starts to be killed.
#[test]
fn a_killed_test_process_leaves_no_server_and_no_files() {
    const VICTIM: &str = "CASTOFF_TEST_VICTIM";
    const NAME: &str = "harness::a_killed_test_process_leaves_no_server_and_no_files";
    #[expect(clippy::disallowed_methods, reason = "tells the two parts apart")]
    if std::env::var_os(VICTIM).is_some() {
        let server = Server::start(&[]);
        let (supervisor, postmaster) = server.pids();
        println!(
            "victim {supervisor} {} {}",
            postmaster.unwrap(),
            server.socket_directory().display()
        );
        until("somebody kills this process", DEADLINE, || None::<()>);
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let words = { lines }
        .find_map(|line| {
            line.split_once("victim ")
                .map(|(_, words)| words.to_owned())
        })
        .expect("the victim started a server");
    let words: Vec<&str> = words.split(' ').collect();
    let pid = |word: &str| Pid::from_raw(word.parse().unwrap());
    assert!(!is_gone(pid(words[0])) && !is_gone(pid(words[1])));
    kill(
        Pid::from_raw(victim.id().try_into().unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
    victim.wait().unwrap();
    until("everything is gone", DEADLINE, || {
        let processes = is_gone(pid(words[0])) && is_gone(pid(words[1]));
        (processes && !Path::new(words[2]).exists()).then_some(())
    });
}
