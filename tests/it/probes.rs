//! Probes: questions to the rows that are there, asked by `castoff plan` and by nobody else.

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

const TABLE: &str = "create table t (a integer);";

/// A table, and then an upgrade of these lines.
fn project(upgrade: &str) -> Project {
    Project::empty()
        .migration(&Migration::new("aaaa11").upgrade(TABLE))
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade(upgrade)
                .downgrade("select 1;"),
        )
}

#[test]
fn a_probe_is_asked_by_plan_alone_and_changes_nothing() {
    let database = Server::shared().database();
    let project = project(
        "-- probe: select exists (select from t where a is null) -- rows without a\n\
         alter table t alter a set not null;\n\
         -- probe: select exists (select from t where a < 0) -- rows below nothing\n\
         alter table t add check (a >= 0);\n\
         -- probe: select exists (select from t where b > 0)\n\
         alter table t add b integer;\n\
         -- probe: select exists (select from t where wrong is null) -- rows that nobody knows\n\
         update t set a = 1;\n\
         -- probe: select exists (select from t where a > 1) -- rows above one\n\
         alter table t add check (a = 1);",
    );
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    database.sql("insert into t values (null), (2)");
    let before = database.contents();
    let said = transcript(
        &project,
        Some(&database),
        &["plan", "plan --format json", "plan --exit-status"],
    );
    database.assert_unchanged(&before);
    expect![[r#""#]].assert_eq(&said);
}

#[test]
fn a_probe_that_cannot_be_asked_is_not_known() {
    let database = Server::shared().database();
    let project = project(
        "-- probe: select exists (select from nowhere) -- rows of nowhere\n\
         -- probe: select 1 -- a number\n\
         -- probe: select null::boolean -- nothing\n\
         -- probe: select pg_sleep(60) is null -- a slow one\n\
         -- probe: with gone as (delete from t returning a) select count(*) > 0 from gone -- one that writes\n\
         alter table t alter a set not null;",
    );
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    let before = database.contents();
    let said = transcript(&project, Some(&database), &["plan"]);
    database.assert_unchanged(&before);
    expect![[r#""#]].assert_eq(&said);
}

#[test]
fn what_is_no_query_is_refused_with_its_line() {
    let project = project("-- probe: rows of t\nalter table t alter a set not null;");
    let said = transcript(&project, None, &["history"]);
    expect![[r#""#]].assert_eq(&said);
}
