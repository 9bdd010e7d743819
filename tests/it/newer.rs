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
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

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
