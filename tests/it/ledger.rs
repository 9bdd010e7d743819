//! The ledger moves with the migration or not at all, whoever else is at work.

use std::collections::BTreeMap;
use std::time::Duration;

use castoff::database::connect;
use castoff::database::conninfo::{self, Sources};
use castoff::database::ledger::FenceError;
use castoff::database::record::Move;
use castoff::database::session::{Attempt, Session};
use castoff::sql::ident::Ident;
use expect_test::expect;

use super::support::DEADLINE;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};
use super::support::until;

fn waits_for_a_lock(session: &super::support::database::Session) {
    until("castoff waits for a lock", DEADLINE, || {
        let waiting = "select from pg_stat_activity where datname = current_database() \
                       and application_name like 'castoff%' and wait_event_type = 'Lock'";
        (session.rows(waiting) == "\n").then_some(())
    });
}

#[test]
fn rows_stay_where_no_transaction_has_begun() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-");
    run(&project, Some(&database), "upgrade").status(0);
    let sources = Sources {
        url: Some((database.url(), "test".to_owned())),
        environment: BTreeMap::new(),
        home: None,
        user: || None,
    };
    let conninfo = conninfo::resolve(&sources).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let fenced = runtime.block_on(async {
        let link = connect::attempt(&conninfo, DEADLINE).await.unwrap();
        let session = Session::open(link, Ident::new("castoff").unwrap());
        let Attempt::Locked { session, .. } = session.try_lock().await.unwrap() else {
            panic!("nobody else holds the lock");
        };
        let rows = Move {
            leaves: vec!["aaaa11".to_owned()],
            enters: Vec::new(),
        };
        // As when a cancel request meets `begin`.
        session.begin_and_move("select 1 / 0; begin", &rows).await
    });
    assert!(matches!(fenced, Err(FenceError::Failure(_))), "{fenced:?}");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "aaaa11\n"
    );
}

#[test]
fn tables_that_another_castoff_makes_meanwhile_are_not_foreign() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-");
    run(&project, Some(&database), "upgrade").status(0);
    // As if the ledger, its row and the table were made between two questions.
    let session = database.session();
    session.sql("alter schema castoff rename to later; drop table t_aaaa11");
    let watcher = database.session();
    session.sql(
        "begin; lock table pg_catalog.pg_depend in access exclusive mode; \
         alter schema later rename to castoff; create table t_aaaa11 (id integer)",
    );
    let castoff = project.castoff(["upgrade"]).database(&database).spawn();
    waits_for_a_lock(&watcher);
    session.sql("commit");
    let finished = castoff.wait(DEADLINE);
    finished.status(0);
    assert_eq!(finished.stderr, "castoff: up to date at aaaa11\n");
}

#[test]
fn a_role_that_may_not_see_the_holder_still_waits_for_it() {
    let server = Server::start(&[]);
    let database = server.database();
    database.sql(
        "set password_encryption = 'scram-sha-256'; create role app login password 'x'; create schema castoff authorization app; \
         create schema app authorization app",
    );
    let project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade("create table app.t (id integer);"));
    let url = database.url().replacen("tester", "app", 1);
    let url = url.replacen(super::support::PASSWORD, "x", 1);
    let castoff = |arguments| {
        project
            .castoff(["upgrade", "--lock-timeout", arguments])
            .database(&database)
            .env("DATABASE_URL", &url)
    };
    let session = database.session();
    session.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let pid = session.pid();
    // Long enough for a second look on a slow machine.
    castoff("3s")
        .redact(&pid, "[pid]")
        .output()
        .check(&expect![[r#"
            status 13
            --- stderr
            castoff: waiting for the migration lock: held by `` (of another role, pid [pid], unknown)
            error[lock-timeout]: the migration lock was not obtained after 3 s: held by `` (of another role, pid [pid], unknown)
              help: inspect it with `select * from pg_stat_activity where pid = [pid]`, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)
        "#]]);
    session.sql("select pg_advisory_unlock_all()");
    // The schema is there, and the role may not create one.
    castoff("1s").output().status(0);
}

#[test]
fn what_a_script_leaves_in_the_session_does_not_reach_the_next() {
    let database = Server::shared().database();
    let project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade(
            "create table t (id integer); create temp table t (id integer); \
             prepare p as select 1; declare c cursor with hold for select 1; \
             select set_config('search_path', '', false); set lock_timeout = 1;",
        ))
        .migration(&Migration::new("bbbb22").after("aaaa11").upgrade(
            "alter table t add column more text; prepare p as select 2; \
             declare c cursor with hold for select 2;",
        ));
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(
        database.rows("select attname from pg_attribute where attrelid = 'public.t'::regclass and attnum > 0 order by attnum"),
        "id\nmore\n"
    );
}

#[test]
fn a_secret_in_a_broken_configuration_file_is_not_shown() {
    let lines = ["upgrade"];
    let file = |text: &str| {
        let project = Project::with("aaaa11<-").file("castoff.toml", text);
        transcript(&project, None, &lines)
    };
    for text in [
        "database_url = postgres://u:sesame@h/d\n",
        "databse_url = 'postgres://u:sesame@h/d'\n",
        "database_url = 'postgres://u:sesame@h/d\n",
        "log = 'info'\ndatabase_url = 'host=h password=sesame'\ndatabase_url = 'host=h password=sesame'\n",
    ] {
        let said = file(text);
        assert!(
            said.contains("castoff.toml") && !said.contains("sesame"),
            "{said}"
        );
    }
}

#[test]
fn a_statement_that_fails_early_in_a_long_copy_is_told() {
    let database = Server::shared().database();
    let mut script = "create table t (id integer);\ncopy t from stdin;\nnope\n".to_owned();
    for number in 0..400_000 {
        script.push_str(&number.to_string());
        script.push('\n');
    }
    script.push_str("\\.\nselect 1;");
    let project = Project::empty().migration(&Migration::new("aaaa11").upgrade(&script));
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(15);
    assert!(finished.stderr.contains("22P02"), "{finished}");
}

#[test]
fn a_server_that_falls_silent_does_not_outlast_the_time_for_the_lock() {
    let server = Server::start(&[]);
    let database = server.database();
    let session = database.session();
    session.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let project = Project::with("aaaa11<-");
    let mut castoff = project
        .castoff(["upgrade", "--lock-timeout", "500ms"])
        .database(&database)
        .spawn();
    castoff.stderr_until("waiting for the migration lock", DEADLINE);
    let pid =
        session.rows("select pid from pg_stat_activity where application_name like 'castoff%'");
    let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let finished = castoff.wait(Duration::from_secs(20));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    finished.status(13);
}

#[test]
fn a_standby_is_enough_at_head_and_refused_for_the_rest() {
    let server = Server::start(&["hot_standby = on"]);
    let database = server.database();
    run(&Project::with("aaaa11<-"), Some(&database), "upgrade").status(0);
    server.stop();
    server.write("standby.signal", "");
    server.up();
    let lines = ["run -- /bin/true", "current", "upgrade --lock-timeout 1s"];
    expect![[r#"
        $ castoff run -- /bin/true
        status 12
        --- stderr
        error[database]: the ledger could not be read or written while applying revision bbbb22
          caused by: 0A000 cannot set transaction read-write mode during recovery
          help: name the primary, or add `target_session_attrs=read-write` to DATABASE_URL

        $ castoff current
        status 0
        --- stdout
        aaaa11

        $ castoff upgrade --lock-timeout 1s
        status 12
        --- stderr
        error[database]: the ledger could not be read or written while applying revision bbbb22
          caused by: 0A000 cannot set transaction read-write mode during recovery
          help: name the primary, or add `target_session_attrs=read-write` to DATABASE_URL

    "#]]
    .assert_eq(&transcript(
        &Project::with("aaaa11<- bbbb22<aaaa11"),
        Some(&database),
        &lines,
    ));
    run(
        &Project::with("aaaa11<-"),
        Some(&database),
        "run -- /bin/true",
    )
    .status(0);
}

#[test]
fn an_autocommit_section_goes_on_with_the_settings_of_its_beginning() {
    let database = Server::shared().database();
    let project = |last: &str| {
        Project::empty().migration(&Migration::new("aaaa11").options("autocommit").upgrade(
            &format!(
                "create schema s;\nset search_path = s;\ncreate table one (id integer);\n{last}"
            ),
        ))
    };
    run(&project("creat table two ();"), Some(&database), "upgrade").status(16);
    run(&project("create table two ();"), Some(&database), "upgrade").status(0);
    assert_eq!(
        database.rows(
            "select relnamespace::regnamespace from pg_class where relname in ('one', 'two')"
        ),
        "s\ns\n"
    );
}

#[test]
fn a_role_that_an_autocommit_section_takes_does_not_write_the_record() {
    let server = Server::start(&[]);
    let database = server.database();
    database.sql("create role app; grant create on schema public to app");
    let project = Project::empty().migration(
        &Migration::new("aaaa11")
            .options("autocommit")
            .upgrade("set role app;\ncreate table t (id integer);\n"),
    );
    let finished = run(&project, Some(&database), "upgrade");
    finished.check(&expect![[r#"
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11
    "#]]);
}

#[test]
fn a_statement_of_an_autocommit_section_is_noted_with_what_it_does() {
    let database = Server::shared().database();
    let project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade("create table t (id integer);"))
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options("autocommit")
                .upgrade("insert into t values (1);\ninsert into t values (2);"),
        );
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    // As if castoff, or the server, ended between the second statement and the note.
    database.sql(
        "create function stop() returns trigger language plpgsql as \
         $$ begin if new.last_statement = 2 then raise 'stop'; end if; return new; end $$; \
         create trigger stop before update on castoff.history \
         for each row execute function stop()",
    );
    run(&project, Some(&database), "upgrade").status(16);
    database.sql("drop function stop cascade");
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows("select id from t order by id"), "1\n2\n");
}

#[test]
fn a_database_that_is_there_needs_no_time_to_wait() {
    let database = Server::shared().database();
    run(
        &Project::with("aaaa11<-"),
        Some(&database),
        "upgrade --wait-timeout 0",
    )
    .status(0);
}
