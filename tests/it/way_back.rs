//! The way back through revisions that only the ledger has: what it keeps of them, and what it does
//! when that is not enough.

use expect_test::expect;

use super::support::DEADLINE;
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

/// What the older image has, and one migration more.
fn with(migration: &Migration) -> Project {
    older().migration(migration)
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
        --- stderr
        castoff: warning: downgrade of revision cccc33 is half done: 1 of 2 statements are done

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
    let newer = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22 dddd44<cccc33");
    run(&newer, Some(&database), "upgrade").status(0);
    let holder = database.session();
    holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let older = older();
    let mut castoff = older
        .castoff(["downgrade", "head"])
        .database(&database)
        .spawn();
    castoff.stderr_until("waiting for the migration lock", DEADLINE);
    // Somebody else takes one back meanwhile.
    holder.sql("drop table t_dddd44; update castoff.revision set revision = 'cccc33'");
    holder.sql("select pg_advisory_unlock_all()");
    castoff.wait(DEADLINE).status(0);
    assert_eq!(database.rows(ROWS), "bbbb22\n");
    assert_eq!(database.rows(TABLES), "t_aaaa11\nt_bbbb22\n");
}
