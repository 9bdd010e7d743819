//! Files that were edited after they were applied: what `history` tells of them, and how they are
//! recorded again.

use expect_test::expect;

use super::support::DEADLINE;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// The rows of the ledger.
const ROWS: &str = "select revision from castoff.revision order by 1";

/// What was recorded after the three migrations.
const REPAIRS: &str = "select revision, direction, outcome, parents, reason, \
    upgrade_text ~ 'bigint', statements from castoff.history where direction = 'repair' order by id";

fn project() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22")
}

/// The project with another column in the second migration, which has the same effect to the
/// eyes of whoever changed the database by hand.
fn edited() -> Project {
    Project::with("aaaa11<-")
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("create table t_bbbb22 (id bigint);")
                .downgrade("drop table t_bbbb22;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("create table t_cccc33 (id integer);")
                .downgrade("drop table t_cccc33;"),
        )
}

/// How many questions of castoff's the server has answered.
fn asked(server: &Server) -> usize {
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("castoff: "));
    lines
        .filter(|line| line.contains("statement: ") || line.contains("execute "))
        .count()
}

#[test]
fn an_edited_file_is_recorded_again_with_the_reason() {
    let server = Server::start(&["log_statement = all", "log_line_prefix = '%a: '"]);
    let database = server.database();
    run(&project(), Some(&database), "upgrade").status(0);
    database.sql("alter table t_bbbb22 alter column id type bigint");
    let lines = [
        "upgrade",
        "history -v -i -r bbbb22:bbbb22",
        "repair bbbb --reason 'the column was changed by hand'",
        "history -v -i -r bbbb22:bbbb22",
    ];
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision bbbb22 was edited after it was applied to this database
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6
           6 | create table t_bbbb22 (id bigint);
          was: create table t_bbbb22 (id integer);
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair bbbb22`

        $ castoff history -v -i -r bbbb22:bbbb22
        status 0
        --- stdout
        Revision:    bbbb22
        Message:     Make bbbb22
        Parent:      aaaa11
        Children:    cccc33
        Path:        migrations/202601010002_bbbb22_make_bbbb22.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    baca4d5a17e55a328092c0e98883012d54121bef504ce9cb07276609cfd3f660
        Ledger:      edited since it was applied

        $ castoff repair bbbb --reason 'the column was changed by hand'
        status 0
        --- stderr
        castoff: recorded bbbb22 as its file is now: edited since it was applied

        $ castoff history -v -i -r bbbb22:bbbb22
        status 0
        --- stdout
        Revision:    bbbb22
        Message:     Make bbbb22
        Parent:      aaaa11
        Children:    cccc33
        Path:        migrations/202601010002_bbbb22_make_bbbb22.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    baca4d5a17e55a328092c0e98883012d54121bef504ce9cb07276609cfd3f660
        Ledger:      as recorded

    "#]].assert_eq(&transcript(&edited(), Some(&database), &lines));
    expect![[r#"
        bbbb22|repair|done|{aaaa11}|the column was changed by hand|t|0
    "#]]
    .assert_eq(&database.rows(REPAIRS));
    // The child's row is right again: one question is enough.
    let before = asked(&server);
    let line = "PGAPPNAME=castoff run -- /bin/true";
    expect![[r#"
        $ castoff PGAPPNAME=castoff run -- /bin/true
        status 0
        --- stderr
        castoff: up to date at cccc33

    "#]]
    .assert_eq(&transcript(&edited(), Some(&database), &[line]));
    assert_eq!(asked(&server) - before, 1, "{}", server.log());
    // The file as it was is now the edit.
    run(&project(), Some(&database), "upgrade").status(14);
}

#[test]
fn repair_refuses_what_it_cannot_mean() {
    let database = Server::shared().database();
    let longer = edited().migration(&Migration::new("dddd44").after("cccc33"));
    let empty = transcript(
        &longer,
        Some(&database),
        &["repair aaaa11 --reason x", "repair --all --reason x"],
    );
    run(&project(), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let lines = [
        "repair aaaa11 --reason x",
        "repair dddd44 --reason x",
        "repair eeee55 --reason x",
        "repair bbbb22 aaaa11 --reason x",
    ];
    let said = transcript(&longer, Some(&database), &lines);
    for line in [
        "repair bbbb22",
        "repair bbbb22 --reason ''",
        "repair --reason x",
        "repair bbbb22 --all --reason x",
    ] {
        run(&longer, Some(&database), line).status(2);
    }
    database.assert_unchanged(&before);
    expect![[r#"
        $ castoff repair aaaa11 --reason x
        status 14
        --- stderr
        error[repair-not-applied]: revision `aaaa11` is not applied
          help: edit its file as you like: nothing is recorded of it before `castoff upgrade`

        $ castoff repair --all --reason x
        status 0
        --- stderr
        castoff: nothing to repair: every applied file is as it was recorded

        $ castoff repair aaaa11 --reason x
        status 14
        --- stderr
        error[nothing-to-repair]: revision `aaaa11` is as it was recorded
          help: see `castoff history -v -i` for what differs

        $ castoff repair dddd44 --reason x
        status 14
        --- stderr
        error[repair-not-applied]: revision `dddd44` is not applied
          help: edit its file as you like: nothing is recorded of it before `castoff upgrade`

        $ castoff repair eeee55 --reason x
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `eeee55`
          help: see `castoff history` for the ids

        $ castoff repair bbbb22 aaaa11 --reason x
        status 14
        --- stderr
        error[nothing-to-repair]: revision `aaaa11` is as it was recorded
          help: see `castoff history -v -i` for what differs

    "#]]
    .assert_eq(&[empty, said].concat());
    let foreign = Server::shared().database();
    foreign.sql("create table theirs ()");
    run(&longer, Some(&foreign), "repair --all --reason x").status(14);
}

#[test]
fn all_that_differs_is_recorded_at_once() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let other = edited().file(
        "migrations/202601010001_aaaa11_make_aaaa11.sql",
        "-- Another message\n-- revision: aaaa11\n\n-- upgrade\ncreate table t_aaaa11 (id integer);\n",
    );
    let lines = [
        "repair --all --reason 'reviewed'",
        "upgrade",
        "repair --all --reason 'reviewed'",
    ];
    expect![[r#"
        $ castoff repair --all --reason 'reviewed'
        status 0
        --- stderr
        castoff: recorded aaaa11 as its file is now: cosmetic edit since it was applied
        castoff: recorded bbbb22 as its file is now: edited since it was applied

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at cccc33

        $ castoff repair --all --reason 'reviewed'
        status 0
        --- stderr
        castoff: nothing to repair: every applied file is as it was recorded

    "#]]
    .assert_eq(&transcript(&other, Some(&database), &lines));
    expect![[r#"
        aaaa11|repair|done|{}|reviewed|f|0
        bbbb22|repair|done|{aaaa11}|reviewed|t|0
    "#]]
    .assert_eq(&database.rows(REPAIRS));
}

#[test]
fn one_of_two_edits_leaves_the_other_to_be_told() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let both = Project::with("aaaa11<-")
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("select 1;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("select 1;"),
        );
    let lines = [
        "repair bbbb22 --reason x",
        "upgrade",
        "repair cccc33 --reason x",
        "upgrade",
    ];
    expect![[r#"
        $ castoff repair bbbb22 --reason x
        status 0
        --- stderr
        castoff: recorded bbbb22 as its file is now: edited since it was applied

        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision cccc33 was edited after it was applied to this database
          --> migrations/202601010003_cccc33_make_cccc33.sql:6
           6 | select 1;
          was: create table t_cccc33 (id integer);
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair cccc33`

        $ castoff repair cccc33 --reason x
        status 0
        --- stderr
        castoff: recorded cccc33 as its file is now: edited since it was applied

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at cccc33

    "#]].assert_eq(&transcript(&both, Some(&database), &lines));
}

#[test]
fn another_order_is_recorded_where_all_of_it_is_applied() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let swapped = Project::with("aaaa11<- cccc33<aaaa11 bbbb22<cccc33");
    let lines = [
        "upgrade",
        "repair bbbb22 --reason x",
        "repair bbbb22 cccc33 --reason 'merged the other way round'",
        "upgrade",
        "downgrade",
    ];
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[parents-mismatch]: revision cccc33 no longer follows what it followed when it was applied
          --> migrations/202601010002_cccc33_make_cccc33.sql
          was: bbbb22
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair cccc33`

        $ castoff repair bbbb22 --reason x
        status 14
        --- stderr
        error[repair-circle]: with only some of them recorded again, revisions follow each other in a circle: `bbbb22`, `cccc33`
          help: name them all: `castoff repair bbbb22 cccc33`

        $ castoff repair bbbb22 cccc33 --reason 'merged the other way round'
        status 0
        --- stderr
        castoff: recorded bbbb22 as its file is now: follows other revisions than when it was applied
        castoff: recorded cccc33 as its file is now: follows other revisions than when it was applied
        castoff: database is at bbbb22

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff downgrade
        status 0
        --- stderr
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: database is at cccc33

    "#]].assert_eq(&transcript(&swapped, Some(&database), &lines));
    expect![[r#"
        bbbb22|repair|done|{cccc33}|merged the other way round|f|0
        cccc33|repair|done|{aaaa11}|merged the other way round|f|0
    "#]]
    .assert_eq(&database.rows(REPAIRS));
    assert_eq!(database.rows(ROWS), "cccc33\n");
}

#[test]
fn what_was_never_run_does_not_become_applied_by_a_repair() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let inserted = Project::with("aaaa11<- abab12<aaaa11 bbbb22<abab12 cccc33<bbbb22");
    let lines = ["repair --all --reason x", "repair bbbb22 --reason x"];
    expect![[r#"
        $ castoff repair --all --reason x
        status 14
        --- stderr
        error[repair-unapplied]: revision `bbbb22` now stands on `abab12`, which is not applied
          help: put `abab12` behind the head, where `castoff upgrade` applies it

        $ castoff repair bbbb22 --reason x
        status 14
        --- stderr
        error[repair-unapplied]: revision `bbbb22` now stands on `abab12`, which is not applied
          help: put `abab12` behind the head, where `castoff upgrade` applies it

    "#]]
    .assert_eq(&transcript(&inserted, Some(&database), &lines));
    database.assert_unchanged(&before);
}

#[test]
fn a_fork_that_was_a_row_gets_its_second_row() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let since = database.rows("select since from castoff.revision");
    let forked = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11");
    let lines = ["repair cccc33 --reason x", "upgrade heads"];
    expect![[r#"
        $ castoff repair cccc33 --reason x
        status 0
        --- stderr
        castoff: recorded cccc33 as its file is now: follows other revisions than when it was applied
        castoff: database is at bbbb22, cccc33

        $ castoff upgrade heads
        status 0
        --- stderr
        castoff: up to date at bbbb22, cccc33

    "#]].assert_eq(&transcript(&forked, Some(&database), &lines));
    assert_eq!(database.rows(ROWS), "bbbb22\ncccc33\n");
    let kept = "select since from castoff.revision where revision = 'cccc33'";
    assert_eq!(database.rows(kept), since);
}

#[test]
fn a_repair_waits_for_the_lock() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let holder = database.session();
    holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let line = "repair bbbb22 --reason x --lock-timeout 100ms";
    run(&edited(), Some(&database), line).status(13);
    database.assert_unchanged(&before);
    let edited = edited();
    let mut castoff = edited
        .castoff(["repair", "bbbb22", "--reason", "x"])
        .database(&database)
        .spawn();
    castoff.stderr_until("waiting for the migration lock", DEADLINE);
    holder.sql("select pg_advisory_unlock_all()");
    castoff.wait(DEADLINE).status(0);
}

#[test]
fn a_repair_does_not_end_the_story_of_a_section_half_done() {
    let database = Server::shared().database();
    let project = |upgrade: &str| {
        Project::with("aaaa11<-").migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade(upgrade)
                .downgrade(
                    "drop table t;\ncreate index concurrently i on t_aaaa11 (id);\ndrop table u;",
                ),
        )
    };
    let stopping = |upgrade: &str| {
        let path = "migrations/202601010002_bbbb22_make_bbbb22.sql";
        let project = project(upgrade);
        let text = std::fs::read_to_string(project.path(path)).unwrap();
        project.file(
            path,
            text.replace("-- downgrade\n", "-- downgrade autocommit\n"),
        )
    };
    run(&stopping("create table t ();"), Some(&database), "upgrade").status(0);
    run(
        &stopping("create table t ();"),
        Some(&database),
        "downgrade",
    )
    .status(16);
    let edited = stopping("create table t (); create table u ();");
    run(&edited, Some(&database), "repair bbbb22 --reason x").status(0);
    database.sql("create table u ()");
    expect![[r#"
        $ castoff downgrade
        status 0
        --- stderr
        castoff: resuming bbbb22 after statement 2
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: database is at aaaa11

    "#]]
    .assert_eq(&transcript(&edited, Some(&database), &["downgrade"]));
}
