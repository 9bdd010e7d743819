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
    expect![[r#"
        $ castoff plan
        status 0
        --- stdout
        -- bbbb22 Make bbbb22 (in one transaction)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        --   would fail in line 6: rows without a
        --   may fail in line 14, unless the statements before change that: rows above one
        alter table t alter a set not null;
        alter table t add check (a >= 0);
        alter table t add b integer;
        update t set a = 1;
        alter table t add check (a = 1);

        $ castoff plan --format json
        status 0
        --- stdout
        [
          {
            "destructive": [],
            "direction": "upgrade",
            "done": 0,
            "message": "Make bbbb22",
            "mode": "transaction",
            "path": "migrations/202601010002_bbbb22_make_bbbb22.sql",
            "probes": [
              {
                "line": 6,
                "result": "would fail",
                "says": "rows without a"
              },
              {
                "line": 8,
                "result": "passes",
                "says": "rows below nothing"
              },
              {
                "line": 14,
                "result": "may fail",
                "says": "rows above one"
              }
            ],
            "revision": "bbbb22",
            "statements": [
              "alter table t alter a set not null",
              "alter table t add check (a >= 0)",
              "alter table t add b integer",
              "update t set a = 1",
              "alter table t add check (a = 1)"
            ]
          }
        ]

        $ castoff plan --exit-status
        status 1
        --- stdout
        -- bbbb22 Make bbbb22 (in one transaction)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        --   would fail in line 6: rows without a
        --   may fail in line 14, unless the statements before change that: rows above one
        alter table t alter a set not null;
        alter table t add check (a >= 0);
        alter table t add b integer;
        update t set a = 1;
        alter table t add check (a = 1);

    "#]]
    .assert_eq(&said);
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
    expect![[r#"
        $ castoff plan
        status 0
        --- stdout
        -- bbbb22 Make bbbb22 (in one transaction)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        --   not known, line 6: rows of nowhere (42P01 relation "nowhere" does not exist)
        --   not known, line 7: a number (the query does not return one truth value)
        --   not known, line 8: nothing (the query does not return one truth value)
        --   not known, line 9: a slow one (57014 canceling statement due to statement timeout)
        --   not known, line 10: one that writes (25006 cannot execute SELECT in a read-only transaction)
        alter table t alter a set not null;

    "#]].assert_eq(&said);
}

#[test]
fn what_is_no_query_is_refused_with_its_line() {
    let project = project("-- probe: rows of t\nalter table t alter a set not null;");
    let said = transcript(&project, None, &["history"]);
    expect![[r#"
        $ castoff history
        status 17
        --- stderr
        error[probe-not-a-query]: `-- probe: rows of t` is no query
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6
           6 | -- probe: rows of t
          help: write one query, such as `-- probe: select exists (select from t) -- t has rows`, or a mere comment without the colon

    "#]].assert_eq(&said);
}
