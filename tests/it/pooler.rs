//! PgBouncer in between: as good as none in session mode, and refused before anything is changed
//! in the other modes.

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::castoff::Castoff;
use super::support::database::{Database, Session};
use super::support::pgbouncer::{PgBouncer, Pool};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::web::{self, Report, Then};
use super::support::{AT_GATE, DEADLINE, until};

/// How many session locks there are in the database.
const LOCKS: &str = "select count(*) from pg_locks l join pg_database d on d.oid = l.database \
    where d.datname = current_database() and l.locktype = 'advisory'";

/// A table, and an index that is built outside any transaction.
fn with_index() -> Project {
    let index = Migration::new("b")
        .after("a")
        .options("autocommit")
        .upgrade("create index concurrently t_a_id on t_a (id);")
        .downgrade("drop index t_a_id;");
    Project::with("a<-").migration(&index)
}

fn upgrade<'p>(pooler: &PgBouncer, project: &'p Project, database: &Database<'_>) -> Castoff<'p> {
    pooler.between(project.castoff(["upgrade"]), database)
}

/// A migration that stops at a table that somebody else has locked, and that lock.
fn gated(pooler: &PgBouncer, database: &Database<'_>) -> (Project, Session) {
    let upgrade = format!("create table t_b (id integer);\n{AT_GATE}\ncreate table t_c ();");
    let gate = Migration::new("b").after("a").upgrade(&upgrade);
    let project = Project::with("a<-").migration(&gate);
    let castoff = pooler.between(project.castoff(["upgrade", "a"]), database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    let session = database.session();
    session.sql("begin; lock table gate in share mode");
    (project, session)
}

fn until_at_gate(database: &Database<'_>) {
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' \
        and datname = current_database() and application_name like 'castoff on %'";
    until(
        "castoff waits at the gate, under its name",
        DEADLINE,
        || (database.rows(waiting) == "1\n").then_some(()),
    );
}

#[test]
fn in_session_mode_all_is_as_without() {
    let server = Server::shared();
    let database = server.database();
    let pooler = PgBouncer::start(server, Pool::Session, &[]);
    let project = with_index();
    let castoff = |arguments: &[&str]| {
        let castoff = project.castoff([]).with(|command| {
            command.args(arguments);
        });
        pooler.between(castoff, &database).output()
    };
    castoff(&["wait"]).check(&expect![[r#"
        status 0
        --- stderr
        castoff: database tester@127.0.0.1:[pooler]/[database] answers
    "#]]);
    castoff(&["upgrade"]).check(&expect![[r#"
        status 0
        --- stderr
        castoff: applied a Make a ([time])
        castoff: applied b Make b ([time])
        castoff: database is at b
    "#]]);
    castoff(&["downgrade", "base"]).check(&expect![[r#"
        status 0
        --- stderr
        castoff: reverted b Make b ([time])
        castoff: reverted a Make a ([time])
        castoff: database is at base
    "#]]);
    castoff(&["stamp", "a"]).status(0);
    castoff(&["downgrade", "base"]).status(15);
    castoff(&["stamp", "base"]).status(0);
    let run = pooler.between(project.castoff(["run", "--"]), &database);
    let running = web::run_as(run, &project, "report", Then::Exit(0)).spawn();
    let pid = running.pid().as_raw();
    running.wait(DEADLINE).status(0);
    assert_eq!(Report::of(&project, DEADLINE).pid, pid);
    assert_eq!(database.rows(LOCKS), "0\n");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "b\n"
    );
}

#[test]
fn twenty_at_once_finish_in_session_mode_whether_or_not_there_are_sessions_for_all() {
    let server = Server::shared();
    // With ten, half of them wait in the pooler, and no second connection is to be had.
    for size in ["default_pool_size = 50", "default_pool_size = 10"] {
        let database = server.database();
        let pooler = PgBouncer::start(server, Pool::Session, &[size]);
        let project = with_index();
        let running: Vec<_> = (0..20)
            .map(|number| {
                let castoff = pooler.between(project.castoff(["run", "--"]), &database);
                let report = format!("report{number}");
                web::run_as(castoff, &project, &report, Then::Exit(0)).spawn()
            })
            .collect();
        for running in running {
            running.wait(DEADLINE).status(0);
        }
        let applied = "select revision, count(*) from castoff.history group by 1 order by 1";
        assert_eq!(database.rows(applied), "a|1\nb|1\n", "{size}");
    }
}

#[test]
fn without_a_session_of_its_own_it_changes_nothing() {
    let server = Server::shared();
    let cases: [(Pool, &[&str]); 3] = [
        (Pool::Transaction, &[]),
        // Each session of the server in turn.
        (Pool::Transaction, &["server_round_robin = 1"]),
        (Pool::Statement, &[]),
    ];
    for (pool, settings) in cases {
        for sessions in 1..=5 {
            let database = server.database();
            let pooler = PgBouncer::start(server, pool, settings);
            if pool == Pool::Transaction {
                // As many sessions of the server as applications have used at once.
                let url = pooler.url(database.name());
                let clients: Vec<_> = (0..sessions)
                    .map(|_| {
                        let client = Session::open(&url).unwrap();
                        client.sql("begin; select 1");
                        client
                    })
                    .collect();
                for client in &clients {
                    client.sql("commit");
                }
            }
            let before = database.contents();
            let project = with_index();
            let refused = expect![[r#"
                status 12
                --- stderr
                error[pooler]: a pooler in transaction mode is in between: the migration lock would not stay with castoff
                  help: set CASTOFF_DATABASE_URL to the URL of the server itself, not of the pooler
            "#]];
            upgrade(&pooler, &project, &database)
                .output()
                .check(&refused);
            let stamp = pooler.between(project.castoff(["stamp", "a"]), &database);
            stamp.output().check(&refused);
            let run = pooler.between(project.castoff(["run", "--", "true"]), &database);
            run.output().check(&refused);
            database.assert_unchanged(&before);
            assert_eq!(database.rows(LOCKS), "0\n", "{pool:?} {settings:?}");
        }
    }
}

#[test]
fn with_nothing_to_do_the_server_starts_behind_any_pooler() {
    let server = Server::shared();
    let database = server.database();
    let project = with_index();
    let castoff = project.castoff(["upgrade"]).database(&database);
    castoff.output().status(0);
    for pool in [Pool::Session, Pool::Transaction, Pool::Statement] {
        let pooler = PgBouncer::start(server, pool, &[]);
        let run = pooler.between(project.castoff(["run", "--"]), &database);
        let report = format!("{pool:?}");
        web::run_as(run, &project, &report, Then::Exit(0))
            .output()
            .status(0);
        Report::read(&project.path(&report), DEADLINE);
        // One client, and no second one to find out what the pooler does.
        assert_eq!(pooler.log().matches("login attempt").count(), 1);
    }
}

#[test]
fn migrates_over_the_direct_url_and_leaves_the_poolers_to_the_server() {
    let server = Server::shared();
    let database = server.database();
    let pooler = PgBouncer::start(server, Pool::Transaction, &[]);
    let project = with_index();
    let run = pooler.between(project.castoff(["run", "--"]), &database);
    let run = run.env("CASTOFF_DATABASE_URL", database.url());
    web::run_as(run, &project, "report", Then::Exit(0))
        .output()
        .status(0);
    let environment = Report::of(&project, DEADLINE).environment;
    let url = format!("DATABASE_URL={}", pooler.url(database.name()));
    assert!(environment.contains(&url), "{environment:?}");
    let direct = |line: &String| line.starts_with("CASTOFF_DATABASE_URL");
    assert!(!environment.iter().any(direct), "{environment:?}");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "b\n"
    );
}

#[test]
fn sigterm_cancels_the_statement_through_the_pooler() {
    for over_socket in [false, true] {
        let server = Server::start(&[]);
        let database = server.database();
        let pooler = PgBouncer::start(&server, Pool::Session, &[]);
        let (project, gate) = gated(&pooler, &database);
        let before = database.contents();
        let url = if over_socket {
            pooler.socket_url(database.name())
        } else {
            pooler.url(database.name())
        };
        let running = upgrade(&pooler, &project, &database)
            .env("DATABASE_URL", url)
            .spawn();
        until_at_gate(&database);
        running.signal(Signal::SIGTERM);
        running.wait(DEADLINE).status(143);
        until("the server cancelled the statement", DEADLINE, || {
            let log = server.log();
            log.contains("canceling statement due to user request")
                .then_some(())
        });
        assert!(!pooler.log().contains("FATAL"), "{}", pooler.log());
        until("the lock is given back", DEADLINE, || {
            (database.rows(LOCKS) == "0\n").then_some(())
        });
        drop(gate);
        database.assert_unchanged(&before);
        upgrade(&pooler, &project, &database).output().status(0);
    }
}

#[test]
fn over_a_socket_the_modes_are_told_apart_too() {
    let server = Server::shared();
    for (pool, status) in [
        (Some(Pool::Session), 0),
        (Some(Pool::Transaction), 12),
        (None, 0),
    ] {
        let database = server.database();
        let pooler = pool.map(|pool| PgBouncer::start(server, pool, &[]));
        let url = match &pooler {
            Some(pooler) => pooler.socket_url(database.name()),
            None => database.socket_url(),
        };
        let project = with_index();
        let castoff = project.castoff(["upgrade"]).database(&database);
        castoff.env("DATABASE_URL", url).output().status(status);
    }
}

#[test]
fn a_killed_castoff_does_not_keep_the_lock_in_the_pool() {
    let server = Server::shared();
    let database = server.database();
    let pooler = PgBouncer::start(server, Pool::Session, &[]);
    let (project, gate) = gated(&pooler, &database);
    let running = upgrade(&pooler, &project, &database).spawn();
    until_at_gate(&database);
    running.signal(Signal::SIGKILL);
    running.wait(DEADLINE);
    drop(gate);
    upgrade(&pooler, &project, &database).output().status(0);
    let recorded = "select revision, count(*) from castoff.history group by 1 order by 1";
    assert_eq!(database.rows(recorded), "a|1\nb|1\n");
}

#[test]
fn waits_for_a_server_that_is_not_there_yet() {
    let server = Server::start(&[]);
    let database = server.database();
    server.stop();
    let pooler = PgBouncer::start(&server, Pool::Session, &[]);
    let project = with_index();
    let running = upgrade(&pooler, &project, &database).spawn();
    until("the pooler has tried in vain", DEADLINE, || {
        pooler.log().contains("connect failed").then_some(())
    });
    server.up();
    running.wait(DEADLINE).status(0);

    // And for one that the pooler has known before.
    server.stop();
    let attempts = pooler.log().matches("connect failed").count();
    let running = upgrade(&pooler, &project, &database).spawn();
    until("the pooler has tried in vain", DEADLINE, || {
        (pooler.log().matches("connect failed").count() > attempts).then_some(())
    });
    server.up();
    running.wait(DEADLINE).status(0);
}

#[test]
fn what_the_pooler_refuses_is_named_and_not_waited_for() {
    let server = Server::shared();
    let database = server.database();
    let pooler = PgBouncer::start(server, Pool::Session, &[]);
    let project = with_index();
    let castoff = |url: String| {
        let castoff = upgrade(&pooler, &project, &database);
        castoff.env("DATABASE_URL", url).output()
    };
    castoff(pooler.url("pgbouncer")).check(&expect![[r#"
        status 11
        --- stderr
        error[login-admin-console]: database tester@127.0.0.1:[pooler]/pgbouncer cannot be used
          caused by: "pgbouncer" is the console of PgBouncer, not a database
          help: name the application's database in `DATABASE_URL`
    "#]]);
    castoff(pooler.url("nowhere")).check(&expect![[r#"
        status 11
        --- stderr
        error[login-database-missing]: database tester@127.0.0.1:[pooler]/nowhere cannot be used
          caused by: database "nowhere" does not exist
          help: create it with `create database "nowhere"`
    "#]]);
    let wrong = pooler.url(database.name()).replace("tester:", "tester:not");
    castoff(wrong).check(&expect![[r#"
        status 11
        --- stderr
        error[login-password-wrong]: database tester@127.0.0.1:[pooler]/[database] cannot be used
          caused by: password authentication failed for user "tester"
          help: correct user and password in `DATABASE_URL`
    "#]]);
    let options = "?options=-cwork_mem%3D8MB";
    castoff(pooler.url(database.name()) + options).check(&expect![[r#"
        status 11
        --- stderr
        error[login-startup-parameter]: database tester@127.0.0.1:[pooler]/[database] cannot be used
          caused by: unsupported startup parameter
          caused by: 08P01 unsupported startup parameter: options
          help: give castoff the server's own address in `CASTOFF_DATABASE_URL`, or add the parameter to the pooler's `ignore_startup_parameters`
    "#]]);
    let lenient = PgBouncer::start(
        server,
        Pool::Session,
        &["ignore_startup_parameters = options"],
    );
    let castoff = upgrade(&lenient, &project, &database);
    let url = lenient.url(database.name()) + options;
    castoff.env("DATABASE_URL", url).output().status(0);
}

#[test]
fn tls_to_the_pooler_changes_nothing() {
    let server = Server::shared();
    let tls = [
        "client_tls_sslmode = require",
        "client_tls_key_file = {directory}/key",
        "client_tls_cert_file = {directory}/certificate",
    ];
    for (pool, status) in [(Pool::Session, 0), (Pool::Transaction, 12)] {
        let database = server.database();
        let pooler = PgBouncer::start(server, pool, &tls);
        let project = with_index();
        let castoff = upgrade(&pooler, &project, &database);
        let url = pooler.url(database.name()) + "?sslmode=require";
        castoff.env("DATABASE_URL", url).output().status(status);
    }
}

#[test]
fn a_script_arrives_in_utf8_though_the_pooler_logs_in_without_saying_so() {
    let server = Server::shared();
    let database = server.database();
    let latin = format!("{}_latin", database.name());
    server.session("postgres").sql(&format!(
        "create database {latin} encoding 'LATIN1' locale 'C' template template0"
    ));
    let pooler = PgBouncer::start(server, Pool::Session, &[]);
    let project = Project::empty()
        .migration(&Migration::new("a").upgrade("create table street (name text);"))
        .migration(
            &Migration::new("b")
                .after("a")
                .upgrade("insert into street values ('Größe');"),
        );
    let castoff = upgrade(&pooler, &project, &database).env("DATABASE_URL", pooler.url(&latin));
    castoff.output().status(0);
    let session = server.session(&latin);
    assert_eq!(
        session.rows("select name, length(name) from street"),
        "Größe|5\n"
    );
    drop(session);
    let drop_it = format!("drop database {latin} with (force)");
    server.session("postgres").sql(&drop_it);
}
