//! Several castoffs at once: each migration is applied once, and everybody gets to the server.

use expect_test::expect;

use super::support::castoff::Running;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::web::{self, Report, Then};
use super::support::{DEADLINE, until};

/// Takes the migration lock as castoff does.
const LOCK: &str = "select pg_advisory_lock(1667330932, hashtext('castoff'))";
const UNLOCK: &str = "select pg_advisory_unlock(1667330932, hashtext('castoff'))";

/// Every revision that was applied, and how often.
const APPLIED: &str = "select revision, count(*) from castoff.history \
    where direction = 'upgrade' and outcome = 'done' group by revision order by revision";

/// Starts one copy, whose server reports under its number.
fn start(project: &Project, database: &Database<'_>, number: usize) -> Running {
    let castoff = project.castoff(["run", "--"]).database(database);
    web::run_as(castoff, project, &format!("report{number}"), Then::Exit(0)).spawn()
}

/// Twenty copies with these migrations; all of them become the server.
fn twenty(project: &Project, database: &Database<'_>) {
    let running: Vec<_> = (0..20)
        .map(|number| start(project, database, number))
        .collect();
    for (number, running) in running.into_iter().enumerate() {
        let pid = running.pid().as_raw();
        running.wait(DEADLINE).status(0);
        let report = Report::read(&project.path(&format!("report{number}")), DEADLINE);
        assert_eq!(report.pid, pid);
    }
}

#[test]
fn of_twenty_at_once_each_migration_is_applied_once_and_all_become_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a c<a d<b,c e<d");
    twenty(&project, &database);
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\nc|1\nd|1\ne|1\n");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "e\n"
    );
}

#[test]
fn twenty_may_also_meet_a_database_that_is_not_there_yet() {
    let server = Server::shared();
    let database = server.database();
    server
        .session("postgres")
        .sql(&format!("drop database {}", database.name()));
    let project = Project::with("a<- b<a").file("castoff.toml", "create_database = true\n");
    twenty(&project, &database);
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\n");
}

#[test]
fn an_index_built_concurrently_waits_for_nobody_who_waits_for_the_lock() {
    let database = Server::shared().database();
    let index = Migration::new("b")
        .after("a")
        .options("autocommit")
        .upgrade("create index concurrently t_a_id on t_a (id);")
        .downgrade("drop index t_a_id;");
    let project = Project::with("a<-").migration(&index);
    twenty(&project, &database);
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\n");
    let valid = "select indisvalid from pg_index where indexrelid = 't_a_id'::regclass";
    assert_eq!(database.rows(valid), "t\n");
}

#[test]
fn an_older_image_that_starts_at_the_same_time_does_no_harm() {
    let database = Server::shared().database();
    let newer = Project::with("a<- b<a c<b d<c");
    let older = Project::with("a<- b<a");
    let running: Vec<_> = (0..20)
        .map(|number| {
            start(
                if number % 2 == 0 { &newer } else { &older },
                &database,
                number,
            )
        })
        .collect();
    for running in running {
        running.wait(DEADLINE).status(0);
    }
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\nc|1\nd|1\n");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "d\n"
    );
}

#[test]
fn whoever_waits_for_the_lock_names_its_holder() {
    let database = Server::shared().database();
    let holder = database.session();
    holder.sql("set application_name = 'castoff on another-host'");
    holder.sql(LOCK);
    let project = Project::with("a<-");
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("waiting for the migration lock", DEADLINE);
    assert!(
        running.stderr().contains(&holder.pid()),
        "{}",
        running.stderr()
    );
    holder.sql(UNLOCK);
    running.wait(DEADLINE).check(&expect![[r#"
        status 0
        --- stderr
        castoff: waiting for the migration lock: held by `castoff on another-host` (127.0.0.1, pid [pid], connected for [time], idle: select)
        castoff: applied a Make a ([time])
        castoff: database is at a
    "#]]);
}

#[test]
fn the_lock_is_not_waited_for_longer_than_allowed() {
    let database = Server::shared().database();
    let holder = database.session();
    holder.sql(LOCK);
    let before = database.contents();
    let project = Project::with("a<-");
    // Long enough for a second look on a slow machine.
    let castoff = project
        .castoff(["upgrade", "--lock-timeout", "3s"])
        .database(&database);
    castoff.output().check(&expect![[r#"
        status 13
        --- stderr
        castoff: waiting for the migration lock: held by `` (127.0.0.1, pid [pid], connected for [time], idle: select)
        error[lock-timeout]: the migration lock was not obtained after 3 s: held by `` (127.0.0.1, pid [pid], connected for [time], idle: select)
          help: inspect it with `select * from pg_stat_activity where pid = [pid]`, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)
    "#]]);
    database.assert_unchanged(&before);
}

#[test]
fn whoever_waits_leaves_when_the_work_is_done_though_the_lock_is_not_free() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a");
    let script = project
        .castoff(["upgrade", "--sql"])
        .database(&database)
        .output();
    // What begins with a backslash is for psql.
    let script = script.status(0).stdout.replace("\n\\", "\n-- ");
    let holder = database.session();
    holder.sql(LOCK);
    let mut running = web::run(&project, Then::Exit(0))
        .database(&database)
        .spawn();
    running.stderr_until("waiting for the migration lock", DEADLINE);
    holder.sql(&script);
    let finished = running.wait(DEADLINE);
    finished.status(0);
    assert!(
        finished.stderr.ends_with("another castoff did the work\n"),
        "{finished}"
    );
    assert_eq!(holder.rows(UNLOCK), "t\n", "the lock was free");
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\n");
}

#[test]
fn two_ledgers_and_two_databases_have_two_locks() {
    let server = Server::shared();
    let (one, other) = (server.database(), server.database());
    let holder = one.session();
    holder.sql(LOCK);
    let project = Project::with("a<-");
    project
        .castoff(["upgrade"])
        .database(&other)
        .output()
        .status(0);
    let second = project
        .castoff(["upgrade", "--ledger-schema", "second"])
        .database(&one);
    second.output().status(0);
    until("the lock is still held", DEADLINE, || {
        (holder.rows(UNLOCK) == "t\n").then_some(())
    });
}
