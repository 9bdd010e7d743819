//! Files that change after they were applied, in part or as a whole, and the way back.

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// A project whose second migration does this.
fn second(sql: &str) -> Project {
    Project::with("aaaa11<-").migration(&Migration::new("bbbb22").after("aaaa11").upgrade(sql))
}

#[test]
fn an_autocommit_section_stops_where_it_failed_and_goes_on_when_the_cause_is_gone() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22").after("aaaa11").options("autocommit").upgrade(
            "create table log (step integer);\ninsert into log values (1);\ncreate unique index concurrently i on t_aaaa11 (id);\ninsert into log values (3);",
        ),
    );
    run(&project, Some(&database), "upgrade +1").status(0);
    database.sql("insert into t_aaaa11 values (5), (5)");
    let said = transcript(
        &project,
        Some(&database),
        &["upgrade", "current", "plan", "upgrade"],
    );
    expect![[r#"
        $ castoff upgrade
        status 16
        --- stderr
        error[apply-stopped]: revision bbbb22 stopped after 2 of 4 statements
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8 (statement 3 of 4)
           8 | create unique index concurrently i on t_aaaa11 (id);
          caused by: 23505 could not create unique index "i"
          postgres detail: Key (id)=(5) is duplicated.
          help: correct the cause or the statement and deploy again: the next start goes on after statement 2, and drops the invalid index that this one may have left

        $ castoff current
        status 0
        --- stdout
        aaaa11
        --- stderr
        castoff: warning: revision bbbb22 is half done: 2 of 4 statements are done

        $ castoff plan
        status 0
        --- stdout
        -- bbbb22 Make bbbb22 (statement by statement, after statement 2 of 4)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        create unique index concurrently i on t_aaaa11 (id);
        insert into log values (3);
        --- stderr
        castoff: warning: revision bbbb22 is half done: 2 of 4 statements are done

        $ castoff upgrade
        status 16
        --- stderr
        castoff: resuming bbbb22 after statement 2
        castoff: dropped the invalid index public.i that an earlier start left
        error[apply-stopped]: revision bbbb22 stopped after 2 of 4 statements
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8 (statement 3 of 4)
           8 | create unique index concurrently i on t_aaaa11 (id);
          caused by: 23505 could not create unique index "i"
          postgres detail: Key (id)=(5) is duplicated.
          help: correct the cause or the statement and deploy again: the next start goes on after statement 2, and drops the invalid index that this one may have left

    "#]].assert_eq(&said);
    // The invalid index of the first try is in nobody's way.
    database.sql("truncate t_aaaa11");
    let said = transcript(&project, Some(&database), &["upgrade", "current"]);
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: resuming bbbb22 after statement 2
        castoff: dropped the invalid index public.i that an earlier start left
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

        $ castoff current
        status 0
        --- stdout
        bbbb22 (head)

    "#]]
    .assert_eq(&said);
    assert_eq!(database.rows("select * from log order by 1"), "1\n3\n");
    assert_eq!(
        database.rows("select indisvalid from pg_index where indexrelid = 'i'::regclass"),
        "t\n"
    );
    let ledger =
        "select revision, outcome, last_statement, statements from castoff.history order by id";
    expect![[r#"
        aaaa11|done|1|1
        bbbb22|failed|2|4
        bbbb22|failed|2|4
        bbbb22|done|4|4
    "#]]
    .assert_eq(&database.rows(ledger));
}

#[test]
fn an_autocommit_section_may_be_corrected_behind_the_statements_that_are_done() {
    let database = Server::shared().database();
    let section = |sql: &str| {
        Project::empty().migration(&Migration::new("aaaa11").options("autocommit").upgrade(sql))
    };
    let broken = section(
        "create table log (step integer);\ninsert into log values (1);\ninsert into logg values (2);",
    );
    run(&broken, Some(&database), "upgrade").status(16);
    let edited = section(
        "create table log (step bigint);\ninsert into log values (1);\ninsert into log values (2);",
    );
    let corrected = section(
        "create table log (step integer); -- as it was\ninsert into log values (1);\ninsert into log values (2);\ninsert into log values (3);",
    );
    let said = [&edited, &corrected, &corrected]
        .map(|project| transcript(project, Some(&database), &["upgrade"]))
        .concat();
    expect![[r#"
        $ castoff upgrade
        status 16
        --- stderr
        error[edited-half-way]: revision aaaa11 was edited after 2 of its statements ran
          --> migrations/202601010001_aaaa11_make_aaaa11.sql
          help: undo the edit of the first 2 statements, which ran already; those behind them may be corrected

        $ castoff upgrade
        status 0
        --- stderr
        castoff: resuming aaaa11 after statement 2
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at aaaa11

    "#]].assert_eq(&said);
    assert_eq!(database.rows("select * from log order by 1"), "1\n2\n3\n");
}

#[test]
fn an_edit_after_the_migration_was_applied_is_shown() {
    let database = Server::shared().database();
    let sql = "create table a (\n    id integer\n);";
    run(&second(sql), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let edits = [
        "create table a (\n    id bigint\n);",
        "create table a (\n    id integer\n);\ncreate table b ();",
        "select 1;\ncreate table a (\n    id integer\n);",
    ];
    let said = edits.map(|edit| transcript(&second(edit), Some(&database), &["upgrade"]));
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision bbbb22 was edited after it was applied to this database
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:7
           7 |     id bigint
          was:     id integer
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair bbbb22`

        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision bbbb22 was edited after it was applied to this database
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:9
           9 | create table b ();
          was: (nothing)
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair bbbb22`

        $ castoff upgrade
        status 14
        --- stderr
        error[checksum-mismatch]: revision bbbb22 was edited after it was applied to this database
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6
           6 | select 1;
          was: create table a (
          help: undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair bbbb22`

    "#]]
    .assert_eq(&said.concat());
    assert_eq!(database.contents(), before);
}

#[test]
fn an_edit_of_comments_and_line_ends_is_no_edit() {
    let database = Server::shared().database();
    let sql = "create table a (\n    id integer\n);";
    run(&second(sql), Some(&database), "upgrade").status(0);
    let edits = [
        "-- why\ncreate table a (\n    id integer /* what */\n);".to_owned(),
        sql.replace('\n', "\r\n"),
        "CREATE  TABLE a (id integer);".to_owned(),
    ];
    let said = edits.map(|edit| transcript(&second(&edit), Some(&database), &["upgrade"]));
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn other_parents_than_those_it_was_applied_with_are_refused() {
    let database = Server::shared().database();
    run(
        &Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22"),
        Some(&database),
        "upgrade",
    )
    .status(0);
    let before = database.contents();
    let project = Project::with("bbbb22<- aaaa11<bbbb22 cccc33<aaaa11");
    let said = transcript(&project, Some(&database), &["upgrade", "plan", "downgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[parents-mismatch]: revision bbbb22 no longer follows what it followed when it was applied
          --> migrations/202601010001_bbbb22_make_bbbb22.sql
          was: aaaa11
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair bbbb22`

        $ castoff plan
        status 14
        --- stderr
        error[parents-mismatch]: revision bbbb22 no longer follows what it followed when it was applied
          --> migrations/202601010001_bbbb22_make_bbbb22.sql
          was: aaaa11
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair bbbb22`

        $ castoff downgrade
        status 14
        --- stderr
        error[parents-mismatch]: revision bbbb22 no longer follows what it followed when it was applied
          --> migrations/202601010001_bbbb22_make_bbbb22.sql
          was: aaaa11
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair bbbb22`

    "#]].assert_eq(&said);
    let inserted = Project::with("aaaa11<- abab12<aaaa11 bbbb22<abab12 cccc33<bbbb22");
    let said = transcript(&inserted, Some(&database), &["upgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[parents-mismatch]: revision bbbb22 no longer follows what it followed when it was applied
          --> migrations/202601010003_bbbb22_make_bbbb22.sql
          was: aaaa11
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair bbbb22`

    "#]].assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn what_cannot_be_taken_back_is_refused_before_anything_is() {
    let database = Server::shared().database();
    let file =
        "-- Drop names\n-- revision: bbbb22\n-- down_revision: aaaa11\n\n-- upgrade\nselect 1;\n\n";
    let project = |end: &str| {
        Project::with("aaaa11<-")
            .file(
                "migrations/202602010000_bbbb22_drop_names.sql",
                format!("{file}{end}"),
            )
            .migration(&Migration::new("cccc33").after("bbbb22"))
    };
    let irreversible = project("-- downgrade irreversible: the names are gone\n");
    run(&irreversible, Some(&database), "upgrade").status(0);
    let before = database.contents();
    let missing = project("");
    let said = transcript(&irreversible, Some(&database), &["downgrade base"])
        + &transcript(&missing, Some(&database), &["downgrade base"]);
    expect![[r#"
        $ castoff downgrade base
        status 14
        --- stderr
        error[irreversible]: revision `bbbb22` cannot be taken back: the names are gone
          --> migrations/202602010000_bbbb22_drop_names.sql:8
           8 | -- downgrade irreversible: the names are gone
          help: write a new migration with `castoff revision`, or restore a backup

        $ castoff downgrade base
        status 14
        --- stderr
        error[missing-downgrade]: revision `bbbb22` has no downgrade section
          --> migrations/202602010000_bbbb22_drop_names.sql
          help: add `-- downgrade` or `-- downgrade irreversible: <reason>` to `migrations/202602010000_bbbb22_drop_names.sql`

    "#]].assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn a_failed_downgrade_leaves_the_revision_applied() {
    let database = Server::shared().database();
    let project = Project::empty().migration(
        &Migration::new("aaaa11")
            .upgrade("create table a ();")
            .downgrade("drop table a;\ndrop table b;"),
    );
    run(&project, Some(&database), "upgrade").status(0);
    let before = database.contents();
    let said = transcript(&project, Some(&database), &["downgrade", "current"]);
    expect![[r#"
        $ castoff downgrade
        status 15
        --- stderr
        error[apply-failed]: downgrade of revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:9 (statement 2 of 2)
           9 | drop table b;
          caused by: 42P01 table "b" does not exist
          help: correct the downgrade section and run it again; the database is unchanged

        $ castoff current
        status 0
        --- stdout
        aaaa11 (head)

    "#]]
    .assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn an_index_that_failed_is_built_again_even_where_it_is_not_missing_by_name() {
    let database = Server::shared().database();
    let project =
        Project::with("aaaa11<-").migration(&Migration::new("bbbb22").after("aaaa11").upgrade(
            "create unique index concurrently if not exists \"An index\" on public.t_aaaa11 (id);",
        ));
    run(&project, Some(&database), "upgrade +1").status(0);
    database.sql("insert into t_aaaa11 values (5), (5)");
    run(&project, Some(&database), "upgrade").status(16);
    database.sql("truncate t_aaaa11");
    let said = transcript(&project, Some(&database), &["upgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: dropped the invalid index public."An index" that an earlier start left
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]]
    .assert_eq(&said);
    let valid = "select indisvalid from pg_index where indexrelid = '\"An index\"'::regclass";
    assert_eq!(database.rows(valid), "t\n");
}

#[test]
fn a_half_done_section_is_forgotten_once_its_revision_was_stamped() {
    let database = Server::shared().database();
    let project = |last: &str| {
        Project::empty().migration(
            &Migration::new("aaaa11")
                .options("autocommit")
                .upgrade(&format!("create table log (step integer);\n{last};"))
                .downgrade("drop table log;"),
        )
    };
    run(&project("select nope"), Some(&database), "upgrade").status(16);
    let project = project("select 1");
    let lines = ["stamp aaaa11", "downgrade base", "upgrade"];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff stamp aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff downgrade base
        status 0
        --- stderr
        castoff: reverted aaaa11 Make aaaa11 ([time])
        castoff: database is at base

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11

    "#]]
    .assert_eq(&said);
    assert_eq!(database.rows("select count(*) from log"), "0\n");
}
