//! Building a declared schema, in whatever order it is declared.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

/// A project whose declared schema is in these files.
fn declared(files: &[(&str, &str)]) -> Project {
    let project = Project::empty().file("migrations/.keep", "");
    files.iter().fold(project, |project, (name, text)| {
        project.file(&format!("schema/{name}.sql"), text)
    })
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    let database = Server::shared().database();
    let finished = run(&declared(files), Some(&database), "diff base declared");
    finished.status(0);
    // Before 16 a view names the table of each of its columns.
    let plain = |text: &str| text.replace("SELECT t.", "SELECT ");
    assert_eq!(plain(&finished.stdout), plain(expected), "{finished}");
}

#[test]
fn a_statement_that_is_tried_again_has_the_settings_that_stood_before_it() {
    check(
        &[
            (
                "a",
                "set search_path to one;\n\
                 create view one.v as select * from t;\n\
                 set search_path to two;\n\
                 create view two.v as select * from t;\n",
            ),
            (
                "b",
                "create schema one; create schema two;\n\
                 create table one.t (in_one integer);\n\
                 create table two.t (in_two integer);\n",
            ),
        ],
        "create schema one;\n\
         create schema two;\n\
         create table one.t (\n    in_one integer\n);\n\
         create table two.t (\n    in_two integer\n);\n\
         create view one.v as\n SELECT t.in_one\n   FROM one.t;\n\
         create view two.v as\n SELECT t.in_two\n   FROM two.t;\n",
    );
}

#[test]
fn a_statement_that_must_stand_alone_is_run_alone() {
    check(
        &[(
            "a",
            "create type mood as enum ('sad');\n\
             alter type mood add value 'glad';\n\
             create table t (m mood default 'glad');\n\
             create index concurrently i on t (m);\n",
        )],
        "create type public.mood as enum ('sad', 'glad');\n\
         create table public.t (\n    m public.mood\n);\n\
         alter table public.t alter column m set default 'glad'::public.mood;\n\
         CREATE INDEX i ON public.t USING btree (m);\n",
    );
}

#[test]
fn a_setting_that_is_refused_is_named_with_its_place() {
    let project = declared(&[(
        "a",
        "set search_path to a;\nset nothing.at-all = 1;\nselect 1;\n",
    )]);
    let database = Server::shared().database();
    let finished = run(&project, Some(&database), "diff base declared");
    finished.status(17);
    assert!(finished.stderr.contains("schema/a.sql:2"), "{finished}");
}

#[test]
fn two_thousand_views_from_behind_are_loaded_in_seconds() {
    let mut text = String::new();
    for number in (1..2_000).rev() {
        writeln!(
            text,
            "create view v{number} as select * from v{};",
            number - 1
        )
        .unwrap();
    }
    text.push_str("create view v0 as select 1 as one;\n");
    // Of what makes each other in rounds, a round a view would be two million statements.
    let begun = Instant::now();
    let database = Server::shared().database();
    let finished = run(
        &declared(&[("a", &text)]),
        Some(&database),
        "diff base declared",
    );
    finished.status(0);
    assert_eq!(finished.stdout.matches("create view").count(), 2_000);
    assert!(
        begun.elapsed() < Duration::from_mins(1),
        "{:?}",
        begun.elapsed()
    );
}
