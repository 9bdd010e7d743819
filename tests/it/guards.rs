//! What castoff refuses to touch, and how to make it go on.

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

fn project() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11")
}

#[test]
fn a_database_with_tables_and_no_ledger_is_refused_by_all_that_would_change_it() {
    let database = Server::shared().database();
    database.sql("create table theirs (); create view v as select 1 as one");
    let before = database.contents();
    let lines = [
        "upgrade",
        "run -- /bin/true",
        "plan",
        "downgrade",
        "current",
        "history -i",
        "CASTOFF_BASELINE=nope upgrade",
        "CASTOFF_BASELINE=% upgrade",
    ];
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[not-stamped]: the database has 2 tables or views of its own, and no ledger of castoff's
          help: run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once

        $ castoff run -- /bin/true
        status 14
        --- stderr
        error[not-stamped]: the database has 2 tables or views of its own, and no ledger of castoff's
          help: run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once

        $ castoff plan
        status 14
        --- stderr
        error[not-stamped]: the database has 2 tables or views of its own, and no ledger of castoff's
          help: run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once

        $ castoff downgrade
        status 14
        --- stderr
        error[not-stamped]: the database has 2 tables or views of its own, and no ledger of castoff's
          help: run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once

        $ castoff current
        status 0
        --- stderr
        castoff: nothing is recorded: the database has tables of its own, and no ledger

        $ castoff history -i
        status 0
        --- stdout
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11

        $ castoff CASTOFF_BASELINE=nope upgrade
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff CASTOFF_BASELINE=% upgrade
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `%`
          help: see `castoff history` for the ids

    "#]].assert_eq(&transcript(&project(), Some(&database), &lines));
    assert_eq!(database.contents(), before);
}

#[test]
fn a_baseline_is_recorded_once_and_then_the_rest_is_applied() {
    let database = Server::shared().database();
    database.sql("create table t_aaaa11 (id integer)");
    let lines = [
        "CASTOFF_BASELINE=aaaa11 plan",
        "CASTOFF_BASELINE=aaaa11 upgrade",
        "CASTOFF_BASELINE=aaaa11 upgrade",
        "CASTOFF_BASELINE=aaaa11 downgrade",
        "CASTOFF_BASELINE=bbbb22 run -- /bin/true",
    ];
    expect![[r#"
        $ castoff CASTOFF_BASELINE=aaaa11 plan
        status 0
        --- stdout
        -- bbbb22 Make bbbb22 (in one transaction)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        create table t_bbbb22 (id integer);

        $ castoff CASTOFF_BASELINE=aaaa11 upgrade
        status 0
        --- stderr
        castoff: recorded the baseline aaaa11
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

        $ castoff CASTOFF_BASELINE=aaaa11 upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff CASTOFF_BASELINE=aaaa11 downgrade
        status 0
        --- stderr
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: database is at aaaa11

        $ castoff CASTOFF_BASELINE=bbbb22 run -- /bin/true
        status 0
        --- stderr
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]]
    .assert_eq(&transcript(&project(), Some(&database), &lines));
    let ledger = "select revision, direction from castoff.history order by id";
    expect![[r#"
        aaaa11|stamp
        bbbb22|upgrade
        bbbb22|downgrade
        bbbb22|upgrade
    "#]]
    .assert_eq(&database.rows(ledger));
}

#[test]
fn a_baseline_at_the_head_leaves_nothing_to_apply() {
    let database = Server::shared().database();
    database.sql("create table t_aaaa11 (); create table t_bbbb22 ()");
    let lines = ["--baseline head upgrade", "upgrade"];
    expect![[r#"
        $ castoff --baseline head upgrade
        status 0
        --- stderr
        castoff: recorded the baseline bbbb22
        castoff: database is at bbbb22

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

    "#]]
    .assert_eq(&transcript(&project(), Some(&database), &lines));
}

#[test]
fn a_baseline_means_nothing_to_an_empty_database() {
    let database = Server::shared().database();
    let lines = ["CASTOFF_BASELINE=bbbb22 upgrade"];
    expect![[r#"
        $ castoff CASTOFF_BASELINE=bbbb22 upgrade
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]]
    .assert_eq(&transcript(&project(), Some(&database), &lines));
    assert_eq!(
        database.rows("select count(*) from pg_class where relname like 't\\_%'"),
        "2\n"
    );
}

#[test]
fn stamp_is_the_other_way_on() {
    let database = Server::shared().database();
    database.sql("create table t_aaaa11 (id integer)");
    let lines = ["stamp aaaa11", "upgrade"];
    expect![[r#"
        $ castoff stamp aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]]
    .assert_eq(&transcript(&project(), Some(&database), &lines));
}

#[test]
fn what_is_not_a_table_of_the_applications_does_not_count() {
    let server = Server::shared();
    for sql in [
        "create schema app; create type app.mood as enum ('x'); create function f() returns int language sql as 'select 1'",
        "create sequence s",
        // A table that an extension owns, as PostGIS has its spatial_ref_sys.
        "create table spatial_ref_sys (); alter extension plpgsql add table spatial_ref_sys",
    ] {
        let database = server.database();
        database.sql(sql);
        run(&project(), Some(&database), "upgrade").status(0);
    }
    for sql in [
        "create schema app; create table app.t ()",
        "create materialized view v as select 1 as one",
        "create table p (a integer) partition by range (a)",
    ] {
        let database = server.database();
        database.sql(sql);
        run(&project(), Some(&database), "upgrade").status(14);
    }
}

#[test]
fn alembics_table_is_named_as_the_place_to_look() {
    let database = Server::shared().database();
    database.sql("create schema app; create table app.alembic_version (version_num varchar(32))");
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[not-stamped]: the database has a table or view of its own, and no ledger of castoff's
          help: find where it is with `select version_num from app.alembic_version`, and set CASTOFF_BASELINE to the revision of these migrations that stands for it, or run `castoff stamp <rev>` once

    "#]].assert_eq(&transcript(&project(), Some(&database), &["upgrade"]));
}

#[test]
fn two_heads_are_refused_with_the_way_to_join_them() {
    let database = Server::shared().database();
    let before = database.contents();
    let project = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11");
    let lines = [
        "upgrade",
        "run -- /bin/true",
        "plan",
        "bundle -o app",
        "revision -m x",
        "show head",
        "stamp head",
    ];
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff run -- /bin/true
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff plan
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff bundle -o app
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff revision -m x
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff show head
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff stamp head
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

    "#]]
    .assert_eq(&transcript(&project, Some(&database), &lines));
    assert_eq!(database.contents(), before);
}

#[test]
fn an_older_image_meets_a_newer_database() {
    let database = Server::shared().database();
    let newer = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22 dddd44<cccc33");
    run(&newer, Some(&database), "upgrade").status(0);
    let before = database.contents();
    let lines = [
        "upgrade",
        "run -- /bin/echo served",
        "CASTOFF_ON_NEWER=ok run -- /bin/echo served",
        "CASTOFF_ON_NEWER=fail run -- /bin/echo served",
        "current",
        "current --format json",
        "plan",
        "stamp head",
        "history -i",
    ];
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44

        $ castoff run -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44

        $ castoff CASTOFF_ON_NEWER=ok run -- /bin/echo served
        status 0
        --- stdout
        served

        $ castoff CASTOFF_ON_NEWER=fail run -- /bin/echo served
        status 14
        --- stderr
        error[database-newer]: the database is ahead of these migrations: it also has `cccc33`, `dddd44`
          help: deploy a newer image, set --on-newer to warn (CASTOFF_ON_NEWER), or take the newer revisions back with `castoff downgrade heads`

        $ castoff current
        status 0
        --- stdout
        dddd44 (only in the ledger)

        $ castoff current --format json
        status 0
        --- stdout
        [
          {
            "branch_labels": [],
            "breaking": null,
            "canonical_checksum": "b8154bb64d0da64e291200fcebe9546c1f1e818ba2363d0b9a7794de21e1d228",
            "children": [],
            "depends_on": [],
            "down_revisions": [
              "cccc33"
            ],
            "is_branch_point": false,
            "is_current": true,
            "is_head": false,
            "is_merge": false,
            "is_reversible": true,
            "is_unknown": true,
            "ledger": null,
            "message": "Make dddd44",
            "path": "ledger:dddd44",
            "raw_checksum": "bf5c7d433a315f608da95a033348c1a9dfaa79c52127f892717d9f3a8a59160f",
            "revision": "dddd44"
          }
        ]

        $ castoff plan
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44
        castoff: nothing to do

        $ castoff stamp head
        status 14
        --- stderr
        error[database-newer]: the database is ahead of these migrations: it also has `cccc33`, `dddd44`
          help: deploy a newer image, set --on-newer to warn (CASTOFF_ON_NEWER), or take the newer revisions back with `castoff downgrade heads`

        $ castoff history -i
        status 0
        --- stdout
        cccc33 -> dddd44 (current) (only in the ledger), Make dddd44
        bbbb22 -> cccc33 (only in the ledger), Make cccc33
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11

    "#]].assert_eq(&transcript(&project(), Some(&database), &lines));
    assert_eq!(database.contents(), before);
}

#[test]
fn an_older_image_that_was_not_fully_applied_is_not_just_older() {
    // The newer image left out a revision that this one has.
    let database = Server::shared().database();
    run(
        &Project::with("aaaa11<- cccc33<aaaa11"),
        Some(&database),
        "upgrade",
    )
    .status(0);
    let before = database.contents();
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[database-diverged]: the database has `cccc33`, which these migrations do not have, and lacks `bbbb22`, which they have
          help: deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`

        $ castoff plan
        status 14
        --- stderr
        error[database-diverged]: the database has `cccc33`, which these migrations do not have, and lacks `bbbb22`, which they have
          help: deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`

    "#]].assert_eq(&transcript(&project(), Some(&database), &["upgrade", "plan"]));
    assert_eq!(database.contents(), before);
}

#[test]
fn a_revision_of_another_application_is_unknown() {
    let database = Server::shared().database();
    run(
        &Project::with("xxxx11<- yyyy22<xxxx11"),
        Some(&database),
        "upgrade",
    )
    .status(0);
    let before = database.contents();
    let lines = [
        "upgrade",
        "CASTOFF_ON_NEWER=ok run -- /bin/true",
        "plan",
        "downgrade",
        "current",
    ];
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[unknown-revision]: the database is at `xxxx11`, `yyyy22`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff CASTOFF_ON_NEWER=ok run -- /bin/true
        status 14
        --- stderr
        error[unknown-revision]: the database is at `xxxx11`, `yyyy22`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff plan
        status 14
        --- stderr
        error[unknown-revision]: the database is at `xxxx11`, `yyyy22`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff downgrade
        status 14
        --- stderr
        error[unknown-revision]: the database is at `xxxx11`, `yyyy22`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff current
        status 0
        --- stdout
        yyyy22 (unknown to these migrations)

    "#]].assert_eq(&transcript(&project(), Some(&database), &lines));
    assert_eq!(database.contents(), before);
}

#[test]
fn an_edited_file_is_refused_behind_an_older_image_too() {
    let database = Server::shared().database();
    run(
        &Project::with("aaaa11<- bbbb22<aaaa11"),
        Some(&database),
        "upgrade",
    )
    .status(0);
    let edited = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade("create table t_aaaa11 (id bigint);"));
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision aaaa11 was edited after it was applied to this database
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:5
           5 | create table t_aaaa11 (id bigint);
          was: create table t_aaaa11 (id integer);
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair aaaa11`

    "#]]
    .assert_eq(&transcript(&edited, Some(&database), &["upgrade"]));
}

#[test]
fn two_applications_keep_apart_in_schemas_of_their_own() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let other = Project::with("xxxx11<-");
    let lines = [
        "CASTOFF_SCHEMA=other upgrade",
        "CASTOFF_SCHEMA=other CASTOFF_BASELINE=base upgrade",
        "--ledger-schema 'Odd \"name' current",
        "--ledger-schema other current",
        "--ledger-schema '' current",
    ];
    expect![[r#"
        $ castoff CASTOFF_SCHEMA=other upgrade
        status 14
        --- stderr
        error[not-stamped]: the database has 5 tables or views of its own, and no ledger of castoff's
          help: run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once

        $ castoff CASTOFF_SCHEMA=other CASTOFF_BASELINE=base upgrade
        status 0
        --- stderr
        castoff: recorded the baseline base
        castoff: applied xxxx11 Make xxxx11 ([time])
        castoff: database is at xxxx11

        $ castoff --ledger-schema 'Odd "name' current
        status 0
        --- stderr
        castoff: nothing is recorded: the database has tables of its own, and no ledger

        $ castoff --ledger-schema other current
        status 0
        --- stdout
        xxxx11 (head)

        $ castoff --ledger-schema '' current
        status 10
        --- stderr
        error[config-value]: `--ledger-schema`: `` is not a name of 1 to 63 bytes
          help: set `--ledger-schema` to a name of 1 to 63 bytes

    "#]].assert_eq(&transcript(&other, Some(&database), &lines));
}
