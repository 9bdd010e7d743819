//! One head from several, as two developers need it who each wrote a revision on the same head.

use super::support::project::Project;
use super::support::server::Server;

#[test]
fn two_heads_are_refused_and_a_merge_mends_it() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a c<a");
    let refused = project.castoff(["upgrade"]).database(&database).output();
    refused.status(14);
    assert!(
        refused.stderr.contains("castoff merge"),
        "{}",
        refused.stderr
    );

    let merged = project.castoff(["merge", "-m", "Both"]).output();
    merged.status(0);
    let path = project.path(merged.stdout.trim());
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("-- Both\n"), "{text}");
    assert!(text.contains("-- down_revision: b, c\n"), "{text}");

    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    assert_eq!(
        database.rows("select count(*) from castoff.revision"),
        "1\n"
    );
    assert_eq!(database.rows("select count(*) from t_b, t_c"), "0\n");
    project
        .castoff(["downgrade", "base"])
        .database(&database)
        .output()
        .status(0);
    assert_eq!(database.rows("select to_regclass('t_a') is null"), "t\n");
}

#[test]
fn one_head_is_nothing_to_merge() {
    let project = Project::with("a<- b<a");
    let refused = project.castoff(["merge"]).output();
    refused.status(2);
    assert!(
        refused.stderr.contains("error[nothing-to-merge]"),
        "{}",
        refused.stderr
    );
    project.castoff(["merge", "nowhere"]).output().status(14);
}
