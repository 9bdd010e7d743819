//! A migration that waits for somebody's lock says for whose.

use super::support::DEADLINE;
use super::support::project::{Migration, Project};
use super::support::server::Server;

#[test]
fn names_who_keeps_a_migration_waiting() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    let column = Migration::new("b")
        .after("a")
        .upgrade("alter table t_a add column b integer;")
        .downgrade("alter table t_a drop column b;");
    let project = project.migration(&column);

    let report = database.session();
    report.sql("set application_name = 'long report'; begin; lock table t_a in access share mode");
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    let expected = format!(
        "castoff: waiting for a lock of `long report` (127.0.0.1, pid {}, idle in transaction for",
        report.pid()
    );
    running.stderr_until(&expected, DEADLINE);
    report.sql("commit");
    running.wait(DEADLINE).status(0);
    assert_eq!(database.rows("select b from t_a"), "");
}
