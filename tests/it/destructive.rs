//! Upgrades that lose data need somebody's word.

use expect_test::expect;
use serde_json::Value;

use super::support::castoff::Castoff;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// A table, then a revision that drops its column and another that drops it.
fn dropping(options: &str) -> Project {
    let mut project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade("create table t (id integer, note text);"));
    for (id, parent, sql) in [
        (
            "bbbb22",
            "aaaa11",
            "alter table t\n    add column kind text,\n    drop column note;\ncreate table scratch ();\ndrop table scratch;",
        ),
        ("cccc33", "bbbb22", "drop table t;"),
    ] {
        let mut migration = Migration::new(id).after(parent).upgrade(sql);
        if !options.is_empty() {
            migration = migration.options(options);
        }
        project = project.migration(&migration.downgrade("drop table if exists other;"));
    }
    project
}

#[test]
fn a_loss_that_nobody_asked_for_stops_before_anything_runs() {
    let database = Server::shared().database();
    let project = dropping("");
    let before = database.contents();
    let said = transcript(&project, Some(&database), &["upgrade", "run -- /bin/true"]);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[destructive]: revision `bbbb22` loses data: drop column, and 1 more
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8
           8 |     drop column note;
          also: migrations/202601010003_cccc33_make_cccc33.sql:6 (drop table)
          help: if that is meant, write `-- upgrade destructive` in the file, or set --allow-destructive (CASTOFF_ALLOW_DESTRUCTIVE)

        $ castoff run -- /bin/true
        status 14
        --- stderr
        error[destructive]: revision `bbbb22` loses data: drop column, and 1 more
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8
           8 |     drop column note;
          also: migrations/202601010003_cccc33_make_cccc33.sql:6 (drop table)
          help: if that is meant, write `-- upgrade destructive` in the file, or set --allow-destructive (CASTOFF_ALLOW_DESTRUCTIVE)

    "#]].assert_eq(&said);
    database.assert_unchanged(&before);
    let json = run(&project, Some(&database), "upgrade --log-format json");
    let error: Value = serde_json::from_str(json.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["code"], "destructive");
    assert_eq!(error["line"], 8);
    // What loses nothing may go ahead, up to there.
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    run(&project, Some(&database), "upgrade").status(14);
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "aaaa11\n"
    );
}

#[test]
fn whoever_says_so_may() {
    for line in [
        "upgrade --allow-destructive",
        "CASTOFF_ALLOW_DESTRUCTIVE=yes upgrade",
        "--config allow.toml upgrade",
    ] {
        let database = Server::shared().database();
        let project = dropping("").file("allow.toml", "allow_destructive = true\n");
        run(&project, Some(&database), line).status(0);
        assert_eq!(database.rows("select to_regclass('t')"), "null\n");
    }
    let database = Server::shared().database();
    run(&dropping("destructive"), Some(&database), "upgrade").status(0);
    // A way back loses what the way forward made, as everybody knows.
    run(
        &dropping("destructive"),
        Some(&database),
        "downgrade aaaa11",
    )
    .status(0);
}

#[test]
fn the_mark_may_be_added_where_the_migration_has_run() {
    let database = Server::shared().database();
    run(
        &dropping(""),
        Some(&database),
        "upgrade --allow-destructive",
    )
    .status(0);
    let finished = run(&dropping("destructive"), Some(&database), "upgrade");
    finished.check(&expect![[r#"
        status 0
        --- stderr
        castoff: up to date at cccc33
    "#]]);
}

#[test]
fn plan_and_bundle_name_what_is_lost() {
    let database = Server::shared().database();
    let project = dropping("");
    let said = transcript(&project, Some(&database), &["plan", "bundle -o app"]);
    expect![[r#"
        $ castoff plan
        status 0
        --- stdout
        -- aaaa11 Make aaaa11 (in one transaction)
        --   migrations/202601010001_aaaa11_make_aaaa11.sql
        create table t (id integer, note text);

        -- bbbb22 Make bbbb22 (in one transaction)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        --   destructive: drop column in line 8
        alter table t
            add column kind text,
            drop column note;
        create table scratch ();
        drop table scratch;

        -- cccc33 Make cccc33 (in one transaction)
        --   migrations/202601010003_cccc33_make_cccc33.sql
        --   destructive: drop table in line 6
        drop table t;

        $ castoff bundle -o app
        status 0
        --- stderr
        castoff: warning: revision bbbb22 loses data (drop column, migrations/202601010002_bbbb22_make_bbbb22.sql:8): it needs `-- upgrade destructive` or --allow-destructive
        castoff: warning: revision cccc33 loses data (drop table, migrations/202601010003_cccc33_make_cccc33.sql:6): it needs `-- upgrade destructive` or --allow-destructive
        castoff: embedded 3 migrations in app

    "#]].assert_eq(&said);
    let json = run(&project, Some(&database), "plan --format json").stdout;
    let steps: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(steps[0]["destructive"], serde_json::json!([]));
    assert_eq!(
        steps[1]["destructive"],
        serde_json::json!([{ "line": 8, "loss": "drop column" }])
    );
    // The bundle itself refuses as well.
    Castoff::program(project.directory(), &project.path("app"))
        .args(["upgrade"])
        .database(&database)
        .output()
        .status(14);
    let marked = dropping("destructive");
    let bundled = run(&marked, None, "bundle -o app");
    assert!(!bundled.stderr.contains("warning"), "{bundled}");
}
