//! Becoming the web server: the same process, and nothing of castoff's left in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use expect_test::expect;

use super::support::castoff::{Castoff, Status};
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::web::{self, Masks, Report, Then};
use super::support::{DEADLINE, PASSWORD, until};

/// What no test comes to: a database that is not there.
fn nowhere() -> String {
    format!("postgres://nobody@127.0.0.1:{}/nothing", free_port())
}

#[test]
fn the_server_is_the_same_process_with_nothing_of_castoffs() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    // The same server started by the harness itself, for comparison.
    let shell = Castoff::program(project.directory(), Path::new("/bin/sh"));
    let shell = shell.args(["-c", "exec \"$@\"", "sh"]);
    web::run_as(shell, &project, "plain", Then::Exit(0))
        .output()
        .status(0);
    let plain = Report::read(&project.path("plain"), DEADLINE);

    let running = web::run(&project, Then::Exit(7))
        .database(&database)
        .env("CASTOFF_DATABASE_URL", database.url())
        .env("PATH", "/usr/bin:/bin")
        .env("CASTOFF_LOG", "warn")
        .env("KEPT", "a b\nc=d")
        .spawn();
    let pid = running.pid().as_raw();
    let finished = running.wait(DEADLINE);
    finished.check(&expect![[r#"
        status 7
    "#]]);
    let report = Report::of(&project, DEADLINE);
    assert_eq!(report.pid, pid);
    assert_eq!(report.descriptors, plain.descriptors);
    assert_eq!(report.ignored, 0);
    assert_eq!(report.arguments[..2], ["/bin/sh", "-c"]);
    assert_eq!(
        report.arguments[3..5],
        ["web", &project.path("report").display().to_string()]
    );
    let mut environment = report.environment;
    environment.sort();
    let mut expected = [
        "CASTOFF_LOG=warn".to_owned(),
        format!("DATABASE_URL={}", database.url()),
        "KEPT=a b\nc=d".to_owned(),
        "PATH=/usr/bin:/bin".to_owned(),
    ];
    expected.sort();
    assert_eq!(environment, expected);
}

#[test]
fn bytes_that_are_no_text_reach_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let odd = OsStr::from_bytes(b"\xff\xfe");
    let script = r#"printf %s "$1" >argument; printf %s "$ODD" >variable"#;
    let castoff = project.castoff(["run", "--", "/bin/sh", "-c", script, "sh"]);
    let castoff = castoff.database(&database).env("ODD", odd).with(|command| {
        command.arg(odd);
    });
    castoff.output().status(0);
    for name in ["argument", "variable"] {
        assert_eq!(
            std::fs::read(project.path(name)).unwrap(),
            odd.as_bytes(),
            "{name}"
        );
    }
}

#[test]
fn the_server_is_not_deaf_because_castoffs_parent_was() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let parent = Castoff::program(project.directory(), Path::new("/usr/bin/env"));
    let castoff = parent.args([
        "--ignore-signal=HUP,INT,QUIT,PIPE,TERM,CHLD,USR1",
        "--block-signal=HUP,TERM,CHLD,USR2",
        env!("CARGO_BIN_EXE_castoff"),
        "run",
        "--",
    ]);
    let masks = Masks::under(castoff.database(&database));
    assert_eq!((masks.ignored & !web::LIBC, masks.blocked), (0, 0));
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_database_is_touched() {
    let project = Project::with("a<-")
        .file("readme", "text")
        .file("nothing", "#!/no/such/shell\n");
    let run = |command: &str| {
        let castoff = project.castoff(["run", "--wait-timeout", "1h", "--", command]);
        castoff
            .env("DATABASE_URL", nowhere())
            .env("PATH", "/bin")
            .output()
    };
    run("no-such-server").check(&expect![[r#"
        status 127
        --- stderr
        error[exec-not-found]: `no-such-server` is not found
          help: write the full path after `--`, or correct PATH
    "#]]);
    run("./no-such-server").check(&expect![[r#"
        status 127
        --- stderr
        error[exec-not-found]: `./no-such-server` is not found
          help: correct the path after `--`
    "#]]);
    run("./readme").check(&expect![[r#"
        status 126
        --- stderr
        error[exec-failed]: `./readme` cannot be executed
          caused by: permission denied
          help: make it executable with `chmod +x`, and check that it is built for this machine
    "#]]);
}

#[test]
fn a_server_without_its_interpreter_is_told_as_such() {
    let database = Server::shared().database();
    let project = Project::with("a<-").file("server", "#!/no/such/shell\n");
    let path = project.path("server");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).unwrap();
    let castoff = project
        .castoff(["run", "--", "./server"])
        .database(&database);
    castoff.output().check(&expect![[r#"
        status 126
        --- stderr
        castoff: applied a Make a ([time])
        castoff: database is at a
        error[exec-failed]: `./server` is there, but its interpreter or loader is not
          help: install what its first line names, or link it statically for an image without a libc
    "#]]);
}

#[test]
fn a_failed_migration_starts_no_server() {
    let database = Server::shared().database();
    let failing = Migration::new("b")
        .after("a")
        .upgrade("create table x (id int);\nselect 1/0;");
    let project = Project::with("a<-").migration(&failing);
    let castoff = web::run(&project, Then::Exit(0)).database(&database);
    castoff.output().check(&expect![[r#"
        status 15
        --- stderr
        castoff: applied a Make a ([time])
        error[apply-failed]: revision b failed and was rolled back
          --> migrations/202601010002_b_make_b.sql:7 (statement 2 of 2)
           7 | select 1/0;
          caused by: 22012 division by zero
          help: correct the SQL and deploy again; the database is unchanged
    "#]]);
    assert!(!project.path("report").exists());
    assert_eq!(
        database.rows("select to_regclass('t_a'), to_regclass('x')"),
        "t_a|null\n"
    );
}

#[test]
fn the_server_gets_the_signals_and_gives_the_status() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let running = web::run(&project, Then::Stay).database(&database).spawn();
    Report::of(&project, DEADLINE);
    let name = format!("/proc/{}/comm", running.pid());
    let is_sleep = || std::fs::read_to_string(&name).unwrap() == "sleep\n";
    until("the shell became sleep", DEADLINE, || {
        is_sleep().then_some(())
    });
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(running.wait(DEADLINE).status, Status::Signal(15));
}

#[test]
fn a_start_with_nothing_to_do_is_one_connection_one_query_and_no_lock() {
    let server = Server::start(&["log_statement = all", "log_connections = on"]);
    let database = server.database();
    let project = Project::with("a<- b<a c<b");
    web::run(&project, Then::Exit(0))
        .database(&database)
        .output()
        .status(0);
    let before = server.log().len();
    let finished = web::run(&project, Then::Exit(0))
        .database(&database)
        .output();
    finished.check(&expect![[r#"
        status 0
        --- stderr
        castoff: up to date at c
    "#]]);
    let log = server.log()[before..].to_owned();
    let said = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(said("connection authorized"), 1, "{log}");
    assert_eq!(
        said("LOG:  statement: ") + said("LOG:  execute "),
        1,
        "{log}"
    );
    assert_eq!(said("advisory"), 0, "{log}");
    assert!(!log.contains(PASSWORD));
}
