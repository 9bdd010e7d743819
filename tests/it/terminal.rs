//! What somebody at a terminal sees while castoff works, and what stays when it is done.

use nix::sys::signal::Signal;

use super::batch::{COUNT, project as batches, table};
use super::support::castoff::Status;
use super::support::database::{Database, Session};
use super::support::project::{Migration, Project};
use super::support::redact::redact;
use super::support::server::Server;
use super::support::terminal::{Terminal, screen};
use super::support::{DEADLINE, until};

/// `a` makes the table `t`, `b` does this to it.
pub(super) fn project(options: &str, upgrade: &str) -> Project {
    let first = Migration::new("a").upgrade(&table(10));
    let mut second = Migration::new("b").after("a").upgrade(upgrade);
    if !options.is_empty() {
        second = second.options(options);
    }
    Project::empty().migration(&first).migration(&second)
}

/// Somebody who has written to `t`, and does not end the transaction.
pub(super) fn writer(project: &Project, database: &Database<'_>) -> Session {
    let castoff = project.castoff(["upgrade", "a"]).database(database);
    castoff.output().status(0);
    let session = database.session();
    session.sql("begin; update t set n = 1 where id = 1");
    session
}

fn start(project: &Project, database: &Database<'_>) -> Terminal {
    Terminal::start(project.castoff(["upgrade"]).database(database), "xterm")
}

/// What stays on the screen of a run that succeeds.
#[track_caller]
fn check_screen(terminal: Terminal, expected: &[&str]) {
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(0), "{written}");
    let shown: Vec<String> = screen(&written)
        .iter()
        .map(|line| redact(line, &[]))
        .collect();
    assert_eq!(shown, expected, "{written:?}");
}

#[test]
fn a_line_at_the_foot_says_how_far_it_is_and_vanishes() {
    let database = Server::shared().database();
    let project = Project::with("a<-").migration(
        &Migration::new("b")
            .after("a")
            .upgrade("do $$ begin raise notice 'half way'; end $$;\nselect pg_sleep(1.5);"),
    );
    let terminal = start(&project, &database);
    terminal.until_drawn(&["castoff: 1 of 2, a"]);
    terminal.until_drawn(&["castoff: 2 of 2, b ("]);
    check_screen(
        terminal,
        &[
            "castoff: applied a Make a ([time])",
            "castoff: postgres: half way",
            "castoff: applied b Make b ([time])",
            "castoff: database is at b",
        ],
    );
}

#[test]
fn time_passes_while_nothing_else_happens() {
    let database = Server::shared().database();
    let project = project("", "select pg_sleep(4);");
    let terminal = start(&project, &database);
    until("another time is drawn", DEADLINE, || {
        let written = terminal.written();
        let mut times = ["1s", "2s", "3s"].iter();
        times
            .any(|time| written.contains(&format!("castoff: 2 of 2, b ({time})")))
            .then_some(())
    });
    assert_eq!(terminal.wait().0, Status::Code(0));
}

#[test]
fn batches_have_a_bar() {
    let database = Server::shared().database();
    // The planner's statistics are where the number of rows comes from.
    let rows = format!("{}\nanalyze t;", table(3_000));
    let project = batches(&rows, "table=t key=id size=100 pause=50ms", COUNT);
    let terminal = start(&project, &database);
    terminal.until_drawn(&["castoff: 2 of 2, b [", "%: upgrade b (", " rows)"]);
    check_screen(
        terminal,
        &[
            "castoff: applied a Make a ([time])",
            "castoff: running b in batches",
            "castoff: applied b Make b ([time])",
            "castoff: database is at b",
        ],
    );
}

#[test]
fn an_index_that_waits_for_a_writer_says_so() {
    let database = Server::shared().database();
    let project = project("autocommit", "create index concurrently t_n on t (n);");
    let writer = writer(&project, &database);
    let terminal = start(&project, &database);
    terminal.until_drawn(&[
        "castoff: 1 of 1, b [",
        "0%: create index concurrently: waiting for",
    ]);
    writer.sql("commit");
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(0), "{written}");
    let shown = screen(&written);
    assert!(
        shown
            .iter()
            .all(|line| line.starts_with("castoff: ") && !line.contains('[')),
        "{shown:?}"
    );
    assert!(
        shown.last().is_some_and(|line| line.ends_with(" is at b")),
        "{shown:?}"
    );
}

#[test]
fn an_index_tells_its_blocks() {
    let database = Server::shared().database();
    // Slow to scan, since every row takes a while.
    let slow = "create function slow(n integer) returns integer immutable language plpgsql \
        as $$ begin perform pg_sleep(0.003); return n; end $$;";
    let project = Project::empty()
        .migration(&Migration::new("a").upgrade(&format!("{}\n{slow}", table(2_000))))
        .migration(
            &Migration::new("b")
                .after("a")
                .upgrade("create index t_slow on t (slow(n));"),
        );
    let terminal = start(&project, &database);
    terminal.until_drawn(&["castoff: 2 of 2, b [", "%: create index: building inde"]);
    assert_eq!(terminal.wait().0, Status::Code(0));
}

#[test]
fn many_statements_are_counted() {
    let database = Server::shared().database();
    let project = project("", &"select pg_sleep(0.002);\n".repeat(1_000));
    let terminal = start(&project, &database);
    terminal.until_drawn(&[
        "castoff: 2 of 2, b [",
        "%: upgrade b (",
        " of 1000 statements)",
    ]);
    assert_eq!(terminal.wait().0, Status::Code(0));
}

#[test]
fn a_copy_is_counted_by_its_bytes() {
    let database = Server::shared().database();
    let slow = "create table kept (line text);\n\
        create function slow() returns trigger language plpgsql \
        as $$ begin perform pg_sleep(0.01); return new; end $$;\n\
        create trigger slow before insert on kept for each row execute function slow();\n";
    let rows = format!("{}\n", "x".repeat(32 * 1024)).repeat(200);
    let project = project("", &format!("{slow}copy kept from stdin;\n{rows}\\.\n"));
    // A socket of the kind that takes little before it is read.
    let castoff = project
        .castoff(["upgrade"])
        .env("DATABASE_URL", database.socket_url());
    let terminal = Terminal::start(castoff, "xterm");
    terminal.until_drawn(&[
        "castoff: 2 of 2, b [=",
        "%: upgrade b: copy in statement 4 (",
    ]);
    assert_eq!(terminal.wait().0, Status::Code(0));
    assert_eq!(database.rows("select count(*) from kept"), "200\n");
}

#[test]
fn hooks_and_the_server_begin_on_a_clean_line() {
    let database = Server::shared().database();
    let project = project("", "select pg_sleep(0.3);");
    let castoff = project
        .castoff(["run", "--", "/bin/sh", "-c", "echo the server"])
        .env(
            "CASTOFF_BEFORE",
            "/bin/sh -c 'echo before; printf \"half a line\"; echo'",
        )
        .env("CASTOFF_AFTER", "/bin/sh -c 'echo after'")
        .database(&database);
    check_screen(
        Terminal::start(castoff, "xterm"),
        &[
            "before",
            "half a line",
            "castoff: before hook `/bin/sh` is done ([time])",
            "castoff: applied a Make a ([time])",
            "castoff: applied b Make b ([time])",
            "after",
            "castoff: after hook `/bin/sh` is done ([time])",
            "castoff: database is at b",
            "the server",
        ],
    );
}

#[test]
fn errors_and_signals_leave_nothing_drawn() {
    let database = Server::shared().database();
    let failing = project("", "select pg_sleep(0.3);\nselect nope;");
    let (status, written) = start(&failing, &database).wait();
    assert_eq!(status, Status::Code(15));
    assert!(written.contains("castoff: 2 of 2, b"), "{written:?}");
    let shown = screen(&written);
    assert_eq!(
        shown[1],
        "error[apply-failed]: revision b failed and was rolled back"
    );

    let project = project("", "select pg_sleep(600);");
    let terminal = start(&project, &database);
    terminal.until_drawn(&["castoff: 1 of 1, b ("]);
    let session = database.session();
    let sleeps = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event = 'PgSleep'";
    until("the server sleeps", DEADLINE, || {
        (session.rows(sleeps) == "1\n").then_some(())
    });
    terminal.signal(Signal::SIGTERM);
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(143), "{written}");
    let shown = screen(&written);
    assert!(shown[0].starts_with("error[stopped]"), "{shown:?}");
}

#[test]
fn a_dumb_terminal_is_told_lines_and_colours_are_never_used() {
    let database = Server::shared().database();
    let text = "select pg_sleep(0.5);";
    let dumb = project("", text);
    let castoff = dumb.castoff(["upgrade"]).database(&database);
    let (status, written) = Terminal::start(castoff, "dumb").wait();
    assert_eq!(status, Status::Code(0));
    assert!(!written.contains('\u{1b}'), "{written:?}");
    assert!(!written.replace("\r\n", "\n").contains('\r'), "{written:?}");

    let database = Server::shared().database();
    let (status, written) = start(&dumb, &database).wait();
    assert_eq!(status, Status::Code(0));
    assert!(written.contains("castoff: 2 of 2, b"), "{written:?}");
    // `screen` refuses the sequences of colours.
    assert_eq!(screen(&written).len(), 3, "{written:?}");
}
