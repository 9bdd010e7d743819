//! A standby takes over in the middle: nothing twice, nothing lost. castoff has both hosts in its
//! URL, and goes on by itself on the one that may be written to.

use nix::sys::signal::Signal;

use super::support::castoff::{Castoff, Finished};
use super::support::database::Session;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::{AT_GATE, DEADLINE, PASSWORD, until};

/// Takes the migration lock as castoff does.
const LOCK: &str = "select pg_advisory_lock(1667330932, hashtext('castoff'))";

/// A primary that commits nothing without its standby.
struct Pair {
    primary: Server,
    standby: Server,
}

/// In which order the standby takes over.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As an administrator does it: the primary is stopped first.
    Planned,
    /// The primary falls over.
    Crash,
    /// For a moment there are two primaries; the old one can no longer commit.
    Overlapping,
}

const WAYS: [Way; 3] = [Way::Planned, Way::Crash, Way::Overlapping];

impl Pair {
    fn start() -> Self {
        let primary = Server::start(&["synchronous_standby_names = '*'"]);
        let standby = primary.standby(&[]);
        let synchronous = "select sync_state from pg_stat_replication";
        until("the standby is waited for", DEADLINE, || {
            (primary.session("postgres").rows(synchronous) == "sync\n").then_some(())
        });
        primary.session("postgres").sql("create database app");
        // A commit waits until the standby has it, not until the standby shows it.
        until("the standby has the database", DEADLINE, || {
            Session::open(&standby.url("app")).ok()
        });
        Self { primary, standby }
    }

    fn castoff<'p>(&self, castoff: Castoff<'p>) -> Castoff<'p> {
        let (first, second) = (self.primary.port(), self.standby.port());
        let url = format!(
            "postgres://tester:{PASSWORD}@127.0.0.1:{first},127.0.0.1:{second}/app\
             ?target_session_attrs=read-write"
        );
        castoff.env("DATABASE_URL", url)
    }

    fn upgrade<'p>(&self, project: &'p Project) -> Castoff<'p> {
        self.castoff(project.castoff(["upgrade"]))
    }

    fn switch(&self, way: Way) {
        match way {
            Way::Planned => {
                self.primary.stop();
                self.standby.promote();
            }
            Way::Crash => {
                self.primary.kill();
                self.standby.promote();
            }
            Way::Overlapping => {
                self.standby.promote();
                self.primary.stop();
            }
        }
    }

    /// A session on the primary that keeps the statements until it is dropped.
    fn holding(&self, statements: &str) -> Session {
        let session = self.primary.session("app");
        session.sql(statements);
        session
    }

    /// Returns when that many sessions of the primary wait so.
    fn until_waiting(&self, condition: &str) {
        let sql = format!(
            "select count(*) from pg_stat_activity where pid <> pg_backend_pid() \
             and application_name like 'castoff on %' and {condition}"
        );
        let session = self.primary.session("app");
        until(condition, DEADLINE, || {
            (session.rows(&sql) == "1\n").then_some(())
        });
    }

    /// The new primary has what an undisturbed run makes.
    fn check(&self, project: &Project) {
        let undisturbed = Server::shared().database();
        let castoff = project.castoff(["upgrade"]).database(&undisturbed);
        castoff.output().status(0);
        let app = self.standby.session("app");
        assert_eq!(state(&app), state(&undisturbed.session()));
        // And a start with nothing to do agrees.
        self.upgrade(project).output().status(0);
    }
}

/// Everything but times: the schema and its rows, the ledger's heads, and what was done in order.
fn state(session: &Session) -> String {
    let contents = session.rows(include_str!("support/contents.sql"));
    // Comments and sequences are listed with numbers, and the ledger's rows have times in them.
    let differing = ["comment ", "sequence ", "rows castoff."];
    let differs = |line: &str| differing.iter().any(|start| line.starts_with(start));
    let mut text: Vec<_> = contents.lines().filter(|line| !differs(line)).collect();
    let heads = session.rows("select revision, lineage from castoff.revision order by 1");
    let done = session.rows(
        "select revision, direction, statements, last_statement, canonical_checksum \
         from castoff.history where outcome = 'done' order by id",
    );
    text.extend(heads.lines());
    text.extend(done.lines());
    assert!(text.len() > 10, "{text:?}");
    text.join("\n")
}

#[track_caller]
fn check_went_on(finished: &Finished) {
    finished.status(0);
    let line = "going on with the server that answers now";
    assert!(finished.stderr.contains(line), "{finished}");
}

/// What stops the scripts of `transactional`.
const GATE: &str = "begin; lock table gate in share mode";

/// Where they stop.
const STOPPED: &str = "wait_event = 'PgSleep'";

/// Each statement says that it ran; the second waits where the test wants it to.
fn transactional() -> Project {
    let first = Migration::new("a")
        .upgrade("create table t_a (id integer);\ncreate table gate ();")
        .downgrade("drop table gate;\ndrop table t_a;");
    let upgrade = format!("insert into t_a values (1);\n{AT_GATE}\ninsert into t_a values (2);");
    let gate = Migration::new("b")
        .after("a")
        .upgrade(&upgrade)
        .downgrade("select 1;");
    let last = Migration::new("c")
        .after("b")
        .upgrade("insert into t_a values (3);")
        .downgrade("select 1;");
    Project::empty()
        .migration(&first)
        .migration(&gate)
        .migration(&last)
}

#[test]
fn while_it_waits_for_the_database() {
    let pair = Pair::start();
    let project = transactional();
    pair.primary.stop();
    let mut running = pair.upgrade(&project).spawn();
    running.stderr_until("server is read-only", DEADLINE);
    pair.standby.promote();
    running.wait(DEADLINE).status(0);
    pair.check(&project);
}

#[test]
fn while_it_waits_for_the_lock() {
    for way in WAYS {
        let pair = Pair::start();
        let project = transactional();
        let holder = pair.holding(LOCK);
        let mut running = pair.upgrade(&project).spawn();
        running.stderr_until("waiting for the migration lock", DEADLINE);
        pair.switch(way);
        check_went_on(&running.wait(DEADLINE));
        drop(holder);
        pair.check(&project);
    }
}

#[test]
fn in_the_middle_of_a_transaction() {
    for way in WAYS {
        let pair = Pair::start();
        let project = transactional();
        pair.castoff(project.castoff(["upgrade", "a"]))
            .output()
            .status(0);
        let gate = pair.holding(GATE);
        let running = pair.upgrade(&project).spawn();
        pair.until_waiting(STOPPED);
        pair.switch(way);
        check_went_on(&running.wait(DEADLINE));
        drop(gate);
        pair.check(&project);
    }
}

#[test]
fn while_a_commit_waits_for_a_standby_that_has_taken_over() {
    let pair = Pair::start();
    let project = transactional();
    pair.castoff(project.castoff(["upgrade", "a"]))
        .output()
        .status(0);
    let gate = pair.holding(GATE);
    let running = pair.upgrade(&project).spawn();
    pair.until_waiting(STOPPED);
    pair.standby.promote();
    // Now it commits: in the files of the old primary, which nobody will ever see.
    drop(gate);
    pair.until_waiting("wait_event = 'SyncRep'");
    pair.primary.stop();
    check_went_on(&running.wait(DEADLINE));
    pair.check(&project);
}

#[test]
fn in_the_middle_of_an_autocommit_section() {
    for way in WAYS {
        let pair = Pair::start();
        let index = Migration::new("b")
            .after("a")
            .options("autocommit")
            .upgrade(
                "insert into t_a values (1);\n\
                 create index concurrently t_a_id on t_a (id);\n\
                 insert into t_a values (2);",
            )
            .downgrade("drop index t_a_id;");
        let project = Project::with("a<-").migration(&index);
        pair.castoff(project.castoff(["upgrade", "a"]))
            .output()
            .status(0);
        // Lets rows be written, and an index wait for its end.
        let gate = pair.holding("begin; lock table t_a in row exclusive mode");
        let running = pair.upgrade(&project).spawn();
        pair.until_waiting("wait_event_type = 'Lock' and query like 'create index%'");
        pair.switch(way);
        let finished = running.wait(DEADLINE);
        check_went_on(&finished);
        drop(gate);
        pair.check(&project);
        let rows = pair
            .standby
            .session("app")
            .rows("select id from t_a order by id");
        assert_eq!(rows, "1\n2\n", "{way:?}: {finished}");
    }
}

#[test]
fn a_target_that_counts_from_where_the_database_is_is_not_counted_twice() {
    let pair = Pair::start();
    let project = transactional();
    pair.castoff(project.castoff(["upgrade", "a"]))
        .output()
        .status(0);
    let gate = pair.holding(GATE);
    let running = pair.castoff(project.castoff(["upgrade", "+1"])).spawn();
    pair.until_waiting(STOPPED);
    pair.switch(Way::Planned);
    running.wait(DEADLINE).status(12);
    drop(gate);
    let app = pair.standby.session("app");
    assert_eq!(app.rows("select revision from castoff.revision"), "a\n");
    drop(app);
    pair.upgrade(&project).output().status(0);
    pair.check(&project);
}

#[test]
fn is_told_to_stop_while_it_looks_for_the_new_primary() {
    let pair = Pair::start();
    let project = transactional();
    let holder = pair.holding(LOCK);
    let mut running = pair.upgrade(&project).spawn();
    running.stderr_until("waiting for the migration lock", DEADLINE);
    pair.primary.stop();
    running.stderr_until("server is read-only", DEADLINE);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
    drop(holder);
}
