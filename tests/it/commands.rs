//! The commands that move a database, and those that say where it would go and where it is.

use expect_test::expect;

use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// Two branches and their merge.
fn diamond() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33")
}

fn tables(database: &Database<'_>) -> String {
    database
        .rows("select relname from pg_class where relname like 't\\_%' order by 1")
        .replace('\n', " ")
}

/// Each line, and the tables that are there behind it.
#[track_caller]
fn check_moves(project: &Project, moves: &[(&str, &str)]) {
    let database = Server::shared().database();
    for (line, expected) in moves {
        run(project, Some(&database), line).status(0);
        assert_eq!(tables(&database).trim(), *expected, "behind `{line}`");
    }
}

#[test]
fn a_target_can_be_written_in_many_ways() {
    let project = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22 dddd44<cccc33");
    let (one, two) = ("t_aaaa11", "t_aaaa11 t_bbbb22");
    let (three, four) = (
        "t_aaaa11 t_bbbb22 t_cccc33",
        "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44",
    );
    check_moves(
        &project,
        &[
            ("upgrade +1", one),
            ("upgrade bbbb", two),
            ("upgrade bbbb22+1", three),
            ("upgrade", four),
            ("upgrade head", four),
            ("upgrade heads", four),
            ("downgrade", three),
            ("downgrade -1", two),
            ("upgrade dddd44-1", three),
            ("downgrade cccc33-2", one),
            ("upgrade head-1", three),
            ("downgrade base", ""),
            ("upgrade +2", two),
        ],
    );
}

#[test]
fn branches_are_reached_one_by_one_and_joined_by_their_merge() {
    let project = Project::with("aaaa11<-")
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("branch_labels: billing")
                .upgrade("create table t_bbbb22 ();")
                .downgrade("drop table t_bbbb22;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("aaaa11")
                .header("branch_labels: people")
                .upgrade("create table t_cccc33 ();")
                .downgrade("drop table t_cccc33;"),
        );
    check_moves(
        &project,
        &[
            ("upgrade billing@head", "t_aaaa11 t_bbbb22"),
            ("upgrade people@head", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("downgrade people@-1", "t_aaaa11 t_bbbb22"),
            ("upgrade heads", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("downgrade aaaa11", "t_aaaa11"),
            ("upgrade people", "t_aaaa11 t_cccc33"),
        ],
    );
    check_moves(
        &diamond(),
        &[
            ("upgrade", "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44"),
            // The other branch stays.
            ("downgrade bbbb22", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("upgrade", "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44"),
            ("downgrade base", ""),
        ],
    );
}

#[test]
fn each_step_is_told_and_a_second_upgrade_says_that_nothing_is_to_do() {
    let database = Server::shared().database();
    let lines = [
        "current",
        "upgrade +1",
        "upgrade",
        "upgrade",
        "current",
        "downgrade",
        "current",
        "downgrade base",
        "downgrade base",
        "current",
    ];
    let said = transcript(&diamond(), Some(&database), &lines);
    expect![[r#"
        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is empty

        $ castoff upgrade +1
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: applied cccc33 Make cccc33 ([time])
        castoff: applied dddd44 Make dddd44 ([time])
        castoff: database is at dddd44

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at dddd44

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff downgrade
        status 14
        --- stderr
        error[ambiguous-target]: `-1` is ambiguous: next to `dddd44` are `bbbb22`, `cccc33`
          help: name the revision to reach instead of counting

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff downgrade base
        status 0
        --- stderr
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: reverted aaaa11 Make aaaa11 ([time])
        castoff: database is at base

        $ castoff downgrade base
        status 0
        --- stderr
        castoff: up to date at base

        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is at base

    "#]]
    .assert_eq(&said);
}

#[test]
fn a_target_that_cannot_be_reached_says_why() {
    let database = Server::shared().database();
    let before = database.contents();
    let lines = [
        "upgrade +9",
        "upgrade nope",
        "upgrade aa",
        "upgrade bbbb23",
        "upgrade a:b",
        "upgrade %",
        "upgrade nope@head",
        "downgrade",
        "downgrade bbbb22",
        "upgrade -1",
        "downgrade +1",
    ];
    let said = transcript(&diamond(), Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade +9
        status 14
        --- stderr
        error[ambiguous-target]: `+9` is ambiguous: next to `aaaa11` are `bbbb22`, `cccc33`
          help: name the revision to reach instead of counting

        $ castoff upgrade nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff upgrade aa
        status 14
        --- stderr
        error[prefix-too-short]: `aa` is too short for the beginning of a revision id
          help: give at least 4 characters of the id

        $ castoff upgrade bbbb23
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `bbbb23`
          help: did you mean `bbbb22`? see `castoff history`

        $ castoff upgrade a:b
        status 2
        --- stderr
        error[invalid-target]: `a:b` is not a target
          help: write `head`, `heads`, `base`, a revision id, `+1`, `-1`, `3f2a+1` or `LABEL@head`

        $ castoff upgrade %
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `%`
          help: see `castoff history` for the ids

        $ castoff upgrade nope@head
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff downgrade
        status 14
        --- stderr
        error[target-beyond-end]: `-1` leads beyond the first revision: only 0 that way
          help: say `base` to take back all

        $ castoff downgrade bbbb22
        status 14
        --- stderr
        error[not-applied]: revision `bbbb22` is not applied, so nothing can be taken back to it
          help: see `castoff current` for what is applied, and `castoff upgrade` to go forward

        $ castoff upgrade -1
        status 14
        --- stderr
        error[wrong-direction]: `-1` leads the other way
          help: go forward with `castoff upgrade` and back with `castoff downgrade`

        $ castoff downgrade +1
        status 14
        --- stderr
        error[wrong-direction]: `+1` leads the other way
          help: go forward with `castoff upgrade` and back with `castoff downgrade`

    "#]]
    .assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn stamp_records_without_running() {
    let database = Server::shared().database();
    let project = diamond();
    let lines = [
        "stamp bbbb22",
        "current",
        "stamp bbbb22 cccc33",
        "current",
        "stamp aaaa11 bbbb22",
        "stamp head",
        "current",
        "stamp base",
        "current",
        "stamp --purge aaaa11",
        "current",
        "stamp nope",
        "stamp",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff stamp bbbb22
        status 0
        --- stderr
        castoff: database is at bbbb22

        $ castoff current
        status 0
        --- stdout
        bbbb22

        $ castoff stamp bbbb22 cccc33
        status 0
        --- stderr
        castoff: database is at bbbb22, cccc33

        $ castoff current
        status 0
        --- stdout
        bbbb22
        cccc33

        $ castoff stamp aaaa11 bbbb22
        status 14
        --- stderr
        error[overlapping-targets]: `bbbb22` already stands on `aaaa11`, so only one of them can be recorded
          help: run `castoff stamp bbbb22`

        $ castoff stamp head
        status 0
        --- stderr
        castoff: database is at dddd44

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff stamp base
        status 0
        --- stderr
        castoff: database is at base

        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is at base

        $ castoff stamp --purge aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff current
        status 0
        --- stdout
        aaaa11 (branchpoint)

        $ castoff stamp nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff stamp
        status 2
        --- stderr
        error: the following required arguments were not provided:
          <REV>...

        Usage: castoff stamp <REV>...

        For more information, try '--help'.

    "#]].assert_eq(&said);
    assert_eq!(tables(&database), "");
    let ledger = "select revision, direction, outcome, statements, last_statement from castoff.history order by id";
    expect![[r#"
        aaaa11|stamp|done|0|0
        bbbb22|stamp|done|0|0
        cccc33|stamp|done|0|0
        dddd44|stamp|done|0|0
        base|stamp|done|0|0
        aaaa11|stamp|done|0|0
    "#]]
    .assert_eq(&database.rows(ledger));
}

#[test]
fn purge_forgets_revisions_that_nobody_knows() {
    let database = Server::shared().database();
    let newer = Project::with("aaaa11<- zzzz99<aaaa11");
    run(&newer, Some(&database), "upgrade").status(0);
    database.sql("delete from castoff.history where revision = 'zzzz99'");
    let project = Project::with("aaaa11<-");
    let lines = [
        "upgrade",
        "current",
        "stamp aaaa11",
        "stamp --purge aaaa11",
        "upgrade",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[unknown-revision]: the database is at `zzzz99`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff current
        status 0
        --- stdout
        zzzz99 (unknown to these migrations)

        $ castoff stamp aaaa11
        status 14
        --- stderr
        error[unknown-revision]: the database is at `zzzz99`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff stamp --purge aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at aaaa11

    "#]].assert_eq(&said);
}
