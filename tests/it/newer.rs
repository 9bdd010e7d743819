//! An older image in front of a newer database: what it tells, when it starts, and how it takes back
//! what only the ledger has.

use expect_test::expect;

use super::support::castoff::Castoff;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// The rows of the ledger.
const ROWS: &str = "select revision from castoff.revision order by 1";

/// The tables of the migrations.
const TABLES: &str = "select relname from pg_class where relname like 't\\_%' order by 1";

fn older() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11")
}

fn newer() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22 dddd44<cccc33")
}

/// What the older image has, and one migration more.
fn with(migration: &Migration) -> Project {
    older().migration(migration)
}

#[test]
fn an_older_image_lists_and_takes_back_what_only_the_ledger_has() {
    let database = Server::shared().database();
    run(&newer(), Some(&database), "upgrade").status(0);
    let lines = [
        "plan",
        "plan --format json --exit-status",
        "current",
        "current -v",
        "history -i",
        "history -r bbbb22:current",
        "downgrade head",
        "current",
        "upgrade",
        "downgrade",
    ];
    expect![[r#"
        $ castoff plan
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44
        castoff: nothing to do

        $ castoff plan --format json --exit-status
        status 0
        --- stdout
        []
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44
        castoff: nothing to do

        $ castoff current
        status 0
        --- stdout
        dddd44 (only in the ledger)

        $ castoff current -v
        status 0
        --- stdout
        Revision:    dddd44 (only in the ledger)
        Message:     Make dddd44
        Parent:      cccc33
        Path:        ledger:dddd44
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    b8154bb64d0da64e291200fcebe9546c1f1e818ba2363d0b9a7794de21e1d228

        $ castoff history -i
        status 0
        --- stdout
        cccc33 -> dddd44 (current) (only in the ledger), Make dddd44
        bbbb22 -> cccc33 (only in the ledger), Make cccc33
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11

        $ castoff history -r bbbb22:current
        status 0
        --- stdout
        cccc33 -> dddd44 (current) (only in the ledger), Make dddd44
        bbbb22 -> cccc33 (only in the ledger), Make cccc33
        aaaa11 -> bbbb22 (head), Make bbbb22

        $ castoff downgrade head
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: dddd44, cccc33
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22

        $ castoff current
        status 0
        --- stdout
        bbbb22 (head)

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff downgrade
        status 0
        --- stderr
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: database is at aaaa11

    "#]]
    .assert_eq(&transcript(&older(), Some(&database), &lines));
    assert_eq!(database.rows(TABLES), "t_aaaa11\n");
    let ledger =
        "select revision, direction, outcome from castoff.history where id > 4 order by id";
    expect![[r#"
        dddd44|downgrade|done
        cccc33|downgrade|done
        bbbb22|downgrade|done
    "#]]
    .assert_eq(&database.rows(ledger));
    // The newer image finds the database as it should be.
    run(&newer(), Some(&database), "upgrade").status(0);
    assert_eq!(database.rows(ROWS), "dddd44\n");
}

#[test]
fn the_older_image_counts_from_where_the_database_is() {
    let database = Server::shared().database();
    run(&newer(), Some(&database), "upgrade").status(0);
    for (target, rows) in [
        ("-1", "cccc33\n"),
        ("cccc", "cccc33\n"),
        ("aaaa11", "aaaa11\n"),
    ] {
        run(&older(), Some(&database), &format!("downgrade {target}")).status(0);
        assert_eq!(database.rows(ROWS), rows);
    }
    run(&newer(), Some(&database), "upgrade").status(0);
    run(&older(), Some(&database), "downgrade base").status(0);
    assert_eq!(database.rows(TABLES), "");
}

#[test]
fn an_older_bundle_does_the_same() {
    let database = Server::shared().database();
    let place = older();
    run(&place, None, "bundle -o app").status(0);
    run(&newer(), Some(&database), "upgrade").status(0);
    let nowhere = Project::empty();
    let app = |line: &str| {
        Castoff::program(nowhere.directory(), &place.path("app"))
            .database(&database)
            .with(|command| {
                command.args(line.split(' '));
            })
            .output()
    };
    app("run -- /bin/echo served").check(&expect![[r#"
        status 0
        --- stdout
        served
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44
    "#]]);
    app("downgrade heads").check(&expect![[r#"
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: dddd44, cccc33
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22
    "#]]);
    app("run -- /bin/echo served").check(&expect![[r#"
        status 0
        --- stdout
        served
        --- stderr
        castoff: up to date at bbbb22
    "#]]);
}

#[test]
fn the_section_line_is_kept_too() {
    let database = Server::shared().database();
    let index = Migration::new("cccc33")
        .after("bbbb22")
        .upgrade("create index concurrently i on t_aaaa11 (id);")
        .downgrade("drop index concurrently i;\ndrop index concurrently nothing;");
    run(&with(&index), Some(&database), "upgrade").status(0);
    let lines = ["downgrade", "current"];
    expect![[r#"
        $ castoff downgrade
        status 16
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: cccc33
        error[apply-stopped]: downgrade of revision cccc33 stopped after 1 of 2 statements
          --> ledger:cccc33:10 (statement 2 of 2)
          10 | drop index concurrently nothing;
          caused by: 42704 index "nothing" does not exist
          help: correct the cause or the statement and deploy again: the next start goes on after statement 1, and drops the invalid index that this one may have left

        $ castoff current
        status 0
        --- stdout
        cccc33 (only in the ledger)

    "#]].assert_eq(&transcript(&older(), Some(&database), &lines));
    // It goes on where it stopped, as with a file.
    database.sql("create index nothing on t_bbbb22 (id)");
    expect![[r#"
        $ castoff downgrade
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: cccc33
        castoff: resuming cccc33 after statement 1
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22

        $ castoff current
        status 0
        --- stdout
        bbbb22 (head)

    "#]]
    .assert_eq(&transcript(&older(), Some(&database), &lines));
}

#[test]
fn a_way_back_that_fails_shows_its_place_in_the_ledger() {
    let database = Server::shared().database();
    let broken = Migration::new("cccc33")
        .after("bbbb22")
        .upgrade("create table t_cccc33 ();")
        .downgrade("drop table t_cccc33;\ndrop table tt_cccc33;");
    run(&with(&broken), Some(&database), "upgrade").status(0);
    let before = database.contents();
    expect![[r#"
        $ castoff downgrade
        status 15
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: cccc33
        error[apply-failed]: downgrade of revision cccc33 failed and was rolled back
          --> ledger:cccc33:10 (statement 2 of 2)
          10 | drop table tt_cccc33;
          caused by: 42P01 table "tt_cccc33" does not exist
          help: deploy the image that has its file and take it back there; the database is unchanged

    "#]]
    .assert_eq(&transcript(&older(), Some(&database), &["downgrade"]));
    database.assert_unchanged(&before);
}

#[test]
fn a_way_back_that_was_corrected_later_is_taken_as_it_was_recorded_last() {
    let database = Server::shared().database();
    let third = |downgrade: &str| {
        with(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("create table t_cccc33 ();")
                .downgrade(downgrade),
        )
    };
    run(&third("drop table wrong;"), Some(&database), "upgrade").status(0);
    run(&older(), Some(&database), "downgrade").status(15);
    let corrected = third("drop table t_cccc33;");
    run(
        &corrected,
        Some(&database),
        "repair cccc33 --reason corrected",
    )
    .status(0);
    run(&older(), Some(&database), "downgrade").status(0);
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_bbbb22\n");
}

#[test]
fn a_breaking_revision_keeps_older_images_from_starting() {
    let database = Server::shared().database();
    let newest = Project::with("aaaa11<- bbbb22<aaaa11")
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .header("breaking: t_bbbb22: its column is called number now")
                .upgrade("alter table t_bbbb22 rename column id to number;")
                .downgrade("alter table t_bbbb22 rename column number to id;"),
        )
        .migration(&Migration::new("dddd44").after("cccc33"));
    let middle = Project::with("aaaa11<- bbbb22<aaaa11").migration(
        &Migration::new("cccc33")
            .after("bbbb22")
            .header("breaking: t_bbbb22: its column is called number now")
            .upgrade("alter table t_bbbb22 rename column id to number;")
            .downgrade("alter table t_bbbb22 rename column number to id;"),
    );
    run(&newest, Some(&database), "upgrade").status(0);
    let before = database.contents();
    let lines = [
        "run -- /bin/echo served",
        "CASTOFF_ON_NEWER=ok run -- /bin/echo served",
        "CASTOFF_ON_NEWER=fail upgrade",
        "plan",
    ];
    expect![[r#"
        $ castoff run -- /bin/echo served
        status 14
        --- stderr
        error[breaking-revision]: the database has revision cccc33, and images without it must not start: t_bbbb22: its column is called number now
          help: deploy an image that has it, or take it back with `castoff downgrade heads`

        $ castoff CASTOFF_ON_NEWER=ok run -- /bin/echo served
        status 14
        --- stderr
        error[breaking-revision]: the database has revision cccc33, and images without it must not start: t_bbbb22: its column is called number now
          help: deploy an image that has it, or take it back with `castoff downgrade heads`

        $ castoff CASTOFF_ON_NEWER=fail upgrade
        status 14
        --- stderr
        error[breaking-revision]: the database has revision cccc33, and images without it must not start: t_bbbb22: its column is called number now
          help: deploy an image that has it, or take it back with `castoff downgrade heads`

        $ castoff plan
        status 14
        --- stderr
        error[breaking-revision]: the database has revision cccc33, and images without it must not start: t_bbbb22: its column is called number now
          help: deploy an image that has it, or take it back with `castoff downgrade heads`

    "#]].assert_eq(&transcript(&older(), Some(&database), &lines));
    // Whoever has the breaking revision itself is not locked out by it.
    let lines = ["run -- /bin/echo served", "show cccc33"];
    expect![[r#"
        $ castoff run -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has dddd44

        $ castoff show cccc33
        status 0
        --- stdout
        Revision:    cccc33 (head)
        Message:     Make cccc33
        Parent:      bbbb22
        Breaking:    t_bbbb22: its column is called number now
        Path:        migrations/202601010003_cccc33_make_cccc33.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    c358bea9410771a71e2f1471a3b62e3b5750ea7330d1a88f1f619ecbd495c390

        -- Make cccc33
        -- revision: cccc33
        -- down_revision: bbbb22
        -- breaking: t_bbbb22: its column is called number now

        -- upgrade
        alter table t_bbbb22 rename column id to number;

        -- downgrade
        alter table t_bbbb22 rename column number to id;

    "#]]
    .assert_eq(&transcript(&middle, Some(&database), &lines));
    database.assert_unchanged(&before);
    let lines = ["downgrade head", "run -- /bin/echo served"];
    expect![[r#"
        $ castoff downgrade head
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: dddd44, cccc33
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22

        $ castoff run -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: up to date at bbbb22

    "#]]
    .assert_eq(&transcript(&older(), Some(&database), &lines));
}

#[test]
fn a_breaking_revision_counts_when_it_was_stamped_or_marked_later() {
    let breaking = Migration::new("cccc33")
        .after("bbbb22")
        .header("breaking: the reason");
    let database = Server::shared().database();
    run(&older(), Some(&database), "upgrade").status(0);
    run(&with(&breaking), Some(&database), "stamp head").status(0);
    run(&older(), Some(&database), "upgrade").status(14);

    let database = Server::shared().database();
    run(
        &with(&Migration::new("cccc33").after("bbbb22")),
        Some(&database),
        "upgrade",
    )
    .status(0);
    run(&older(), Some(&database), "upgrade").status(0);
    let line = "repair cccc33 --reason 'marked as breaking'";
    run(&with(&breaking), Some(&database), line).status(0);
    let finished = run(&older(), Some(&database), "upgrade");
    finished.status(14);
    assert!(finished.stderr.contains("the reason"), "{finished}");
}

#[test]
fn one_branch_ahead_and_another_behind_is_neither_older_nor_newer() {
    let database = Server::shared().database();
    run(
        &Project::with("aaaa11<- bbbb22<aaaa11 xxxx11<-"),
        Some(&database),
        "upgrade heads",
    )
    .status(0);
    // A fix on the older release, and another revision on the newer one.
    run(
        &Project::with("aaaa11<- bbbb22<aaaa11 xxxx11<- cccc33<bbbb22"),
        Some(&database),
        "upgrade heads",
    )
    .status(0);
    let fixed = Project::with("aaaa11<- bbbb22<aaaa11 xxxx11<- yyyy22<xxxx11");
    let before = database.contents();
    let lines = [
        "upgrade heads",
        "CASTOFF_ON_NEWER=ok upgrade heads",
        "plan heads",
        "current",
    ];
    expect![[r#"
        $ castoff upgrade heads
        status 14
        --- stderr
        error[database-diverged]: the database has `cccc33`, which these migrations do not have, and lacks `yyyy22`, which they have
          help: deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`

        $ castoff CASTOFF_ON_NEWER=ok upgrade heads
        status 14
        --- stderr
        error[database-diverged]: the database has `cccc33`, which these migrations do not have, and lacks `yyyy22`, which they have
          help: deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`

        $ castoff plan heads
        status 14
        --- stderr
        error[database-diverged]: the database has `cccc33`, which these migrations do not have, and lacks `yyyy22`, which they have
          help: deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`

        $ castoff current
        status 0
        --- stdout
        cccc33 (only in the ledger)
        xxxx11

    "#]].assert_eq(&transcript(&fixed, Some(&database), &lines));
    database.assert_unchanged(&before);
    let lines = ["downgrade heads", "upgrade heads", "current"];
    expect![[r#"
        $ castoff downgrade heads
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: cccc33
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22, xxxx11

        $ castoff upgrade heads
        status 0
        --- stderr
        castoff: applied yyyy22 Make yyyy22 ([time])
        castoff: database is at bbbb22, yyyy22

        $ castoff current
        status 0
        --- stdout
        bbbb22 (head)
        yyyy22 (head)

    "#]]
    .assert_eq(&transcript(&fixed, Some(&database), &lines));
}

#[test]
fn merges_and_dependencies_are_known_as_newer() {
    // The files of the older image, those of the newer one, and the rows after the way back.
    let shapes = [
        (
            "aaaa11<- bbbb22<aaaa11 cccc33<aaaa11",
            "aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33",
            "bbbb22\ncccc33\n",
        ),
        (
            "aaaa11<- bbbb22<aaaa11",
            "aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33",
            "bbbb22\n",
        ),
        (
            "aaaa11<- xxxx11<-",
            "aaaa11<- xxxx11<- bbbb22<aaaa11 yyyy22<xxxx11",
            "aaaa11\nxxxx11\n",
        ),
        ("aaaa11<-", "aaaa11<- xxxx11<- yyyy22<xxxx11", "aaaa11\n"),
    ];
    for (older, newer, rows) in shapes {
        let database = Server::shared().database();
        let (older, newer) = (Project::with(older), Project::with(newer));
        run(&newer, Some(&database), "upgrade heads").status(0);
        let finished = run(&older, Some(&database), "upgrade heads");
        finished.status(0);
        assert!(finished.stderr.contains("ahead of these"), "{finished}");
        run(&older, Some(&database), "downgrade heads").status(0);
        assert_eq!(database.rows(ROWS), rows);
        run(&older, Some(&database), "current --check-heads").status(0);
        run(&newer, Some(&database), "upgrade heads").status(0);
    }
    let database = Server::shared().database();
    let dependent = Migration::new("yyyy22")
        .after("xxxx11")
        .header("depends_on: bbbb22")
        .upgrade("create table t_yyyy22 ();")
        .downgrade("drop table t_yyyy22;");
    let older = Project::with("aaaa11<- xxxx11<-");
    let newer = Project::with("aaaa11<- xxxx11<- bbbb22<aaaa11").migration(&dependent);
    run(&newer, Some(&database), "upgrade heads").status(0);
    assert_eq!(database.rows(ROWS), "yyyy22\n");
    run(&older, Some(&database), "upgrade heads").status(0);
    run(&older, Some(&database), "downgrade heads").status(0);
    assert_eq!(database.rows(ROWS), "aaaa11\nxxxx11\n");
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_xxxx11\n");
}

#[test]
fn a_stamped_ledger_knows_the_ancestry_and_the_way_back() {
    let database = Server::shared().database();
    database.sql(
        "create table t_aaaa11 (); create table t_bbbb22 (); create table t_cccc33 (); \
         create table t_dddd44 ()",
    );
    run(&newer(), Some(&database), "stamp head").status(0);
    let lines = ["upgrade", "downgrade head"];
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33, dddd44

        $ castoff downgrade head
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: dddd44, cccc33
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: database is at bbbb22

    "#]]
    .assert_eq(&transcript(&older(), Some(&database), &lines));
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_bbbb22\n");
}

#[test]
fn head_is_one_of_several_for_an_older_image_too() {
    let database = Server::shared().database();
    let older = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11");
    let newer = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33");
    run(&newer, Some(&database), "upgrade").status(0);
    let lines = ["downgrade head", "downgrade bbbb22"];
    expect![[r#"
        $ castoff downgrade head
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge`, name one of them, or say `heads`

        $ castoff downgrade bbbb22
        status 0
        --- stderr
        castoff: not in these migrations, and taken back as the ledger has it: dddd44
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: database is at bbbb22, cccc33

    "#]]
    .assert_eq(&transcript(&older, Some(&database), &lines));
}

#[test]
fn what_the_ledger_does_not_have_is_not_taken_back() {
    let database = Server::shared().database();
    let long = format!("drop table t_cccc33; -- {}", "x".repeat(1 << 20));
    let third = |sql: &str| {
        with(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("create table t_cccc33 ();")
                .downgrade(sql),
        )
    };
    run(&third(&long), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let too_long = transcript(&older(), Some(&database), &["downgrade", "history -i"]);
    database.assert_unchanged(&before);
    run(&third(&long), Some(&database), "downgrade").status(0);

    let decided = older().file(
        "migrations/202602010000_cccc33_drop.sql",
        "-- Drop\n-- revision: cccc33\n-- down_revision: bbbb22\n\n-- upgrade\nselect 1;\n\
         -- downgrade irreversible: the names are gone\n",
    );
    run(&decided, Some(&database), "upgrade").status(0);
    let irreversible = transcript(&older(), Some(&database), &["downgrade"]);
    run(&older(), Some(&database), "stamp --purge bbbb22").status(0);

    let one_way = older().file(
        "migrations/202602010000_cccc33_drop.sql",
        "-- Drop\n-- revision: cccc33\n-- down_revision: bbbb22\n\n-- upgrade\nselect 1;\n",
    );
    run(&one_way, Some(&database), "upgrade").status(0);
    let missing = transcript(&older(), Some(&database), &["downgrade"]);
    run(&older(), Some(&database), "stamp --purge bbbb22").status(0);

    run(&third("drop table t_cccc33;"), Some(&database), "upgrade").status(0);
    // As a later castoff would write it, whose files say more.
    database.sql(
        "update castoff.history set castoff = '9.9.9', \
         frame_text = replace(frame_text, '-- down_revision', E'-- sunset: never\\n-- down_revision')",
    );
    let unknown_key = transcript(
        &older(),
        Some(&database),
        &["downgrade", "upgrade", "current"],
    );
    database.sql(
        "update castoff.history set frame_text = replace(frame_text, E'-- sunset: never\\n', '')",
    );
    database.sql("update castoff.history set downgrade_text = 'drop schema public cascade;'");
    let altered = transcript(&older(), Some(&database), &["downgrade"]);
    assert_eq!(database.rows(ROWS), "cccc33\n");
    expect![[r#"
        $ castoff downgrade
        status 14
        --- stderr
        error[ledger-text]: revision cccc33 is only in the ledger, and cannot be taken back from there
          caused by: its downgrade section is longer than the ledger keeps
          help: run `castoff downgrade` of the image that has its file; castoff 0.1.0 recorded it

        $ castoff history -i
        status 0
        --- stdout
        bbbb22 -> cccc33 (current) (only in the ledger), Make cccc33
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11

        $ castoff downgrade
        status 14
        --- stderr
        error[irreversible]: revision `cccc33` cannot be taken back: the names are gone
          --> ledger:cccc33:7
           7 | -- downgrade irreversible: the names are gone
          help: write a new migration with `castoff revision`, or restore a backup

        $ castoff downgrade
        status 14
        --- stderr
        error[ledger-text]: revision cccc33 is only in the ledger, and cannot be taken back from there
          caused by: its file has no downgrade section
          help: write a new migration with `castoff revision`, or restore a backup

        $ castoff downgrade
        status 14
        --- stderr
        error[ledger-text]: revision cccc33 is only in the ledger, and cannot be taken back from there
          --> ledger:cccc33:3
           3 | -- sunset: never
          caused by: unknown header key `sunset`
          help: run `castoff downgrade` of the image that has its file; castoff 9.9.9 recorded it

        $ castoff upgrade
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33

        $ castoff current
        status 0
        --- stdout
        cccc33 (only in the ledger)

        $ castoff downgrade
        status 14
        --- stderr
        error[ledger-text]: revision cccc33 is only in the ledger, and cannot be taken back from there
          caused by: the ledger's text is not the one that was recorded
          help: run `castoff downgrade` of the image that has its file; castoff 9.9.9 recorded it

    "#]].assert_eq(&[too_long, irreversible, missing, unknown_key, altered].concat());
}

#[test]
fn a_long_way_forward_does_not_close_the_way_back() {
    let database = Server::shared().database();
    let data = "(1),".repeat(300_000);
    let long = Migration::new("cccc33")
        .after("bbbb22")
        .upgrade(&format!(
            "create table t_cccc33 (id integer);\ninsert into t_cccc33 values {data}(1);"
        ))
        .downgrade("drop table t_cccc33;");
    run(&with(&long), Some(&database), "upgrade").status(0);
    let kept = "select upgrade_text is null, downgrade_text, frame_text from castoff.history where revision = 'cccc33'";
    expect![[r#"
        t|drop table t_cccc33;
        |-- Make cccc33
        -- revision: cccc33
        -- down_revision: bbbb22

        -- upgrade
        -- downgrade

    "#]]
    .assert_eq(&database.rows(kept));
    run(&older(), Some(&database), "downgrade head").status(0);
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_bbbb22\n");
}

#[test]
fn the_way_back_through_the_ledger_is_planned_again_under_the_lock() {
    let database = Server::shared().database();
    run(&newer(), Some(&database), "upgrade").status(0);
    let holder = database.session();
    holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let older = older();
    let mut castoff = older
        .castoff(["downgrade", "head"])
        .database(&database)
        .spawn();
    castoff.stderr_until("waiting for the migration lock", super::support::DEADLINE);
    // Somebody else takes one back meanwhile.
    holder.sql("drop table t_dddd44; update castoff.revision set revision = 'cccc33'");
    holder.sql("select pg_advisory_unlock_all()");
    castoff.wait(super::support::DEADLINE).status(0);
    assert_eq!(database.rows(ROWS), "bbbb22\n");
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_bbbb22\n");
}

#[test]
fn json_says_which_revisions_are_in_no_file() {
    let database = Server::shared().database();
    run(&newer(), Some(&database), "upgrade").status(0);
    let told = |line: &str| {
        let finished = run(&older(), Some(&database), line);
        finished.status(0);
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        let rows = document.as_array().unwrap().iter().map(|row| {
            format!(
                "{} {} head {} current {} unknown {} ledger {}\n",
                row["revision"],
                row["path"],
                row["is_head"],
                row["is_current"],
                row["is_unknown"],
                row["ledger"]
            )
        });
        rows.collect::<String>()
    };
    expect![[r#"
        "dddd44" "ledger:dddd44" head false current true unknown true ledger null
        "dddd44" "ledger:dddd44" head false current true unknown null ledger "only"
        "cccc33" "ledger:cccc33" head false current false unknown null ledger "only"
        "bbbb22" "migrations/202601010002_bbbb22_make_bbbb22.sql" head true current false unknown null ledger "same"
        "aaaa11" "migrations/202601010001_aaaa11_make_aaaa11.sql" head false current false unknown null ledger "same"
    "#]]
        .assert_eq(&(told("current --format json") + &told("history -i --format json")));
}
