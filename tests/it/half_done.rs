//! Autocommit sections that are half done: what a person decides, what may be edited, and what may
//! not be done beside them.

use expect_test::expect;
use serde_json::{Value, json};

use super::support::interrupt::{End, check, ended_before_note, first, project, project_with};
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::{run, transcript};

#[test]
fn a_role_that_may_not_look_leaves_it_to_a_person() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = project("set role app;\ncreate index concurrently i on t (id);");
    first(&project, &database);
    // The definition of an index is found out on a temporary table.
    let name = database.name();
    database.sql(&format!(
        "create role app; grant create on schema public to app; alter table t owner to app; \
         revoke temporary on database {name} from public"
    ));
    ended_before_note(&project, &database, "upgrade", 2, End::Kill);
    check(
        &project,
        &database,
        &["upgrade", "resolve bbbb22:2 done", "upgrade"],
        &expect![[r#"
            $ castoff upgrade
            status 16
            --- stderr
            castoff: resuming bbbb22 after statement 1
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 2 of 2
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 2 of 2)
               7 | create index concurrently i on t (id);
              caused by: it began, and what became of it cannot be looked up: 42501 permission denied to create temporary tables in database "[database]"
              help: look whether it is done, then run `castoff resolve bbbb22:2 done` or `castoff resolve bbbb22:2 again`

            $ castoff resolve bbbb22:2 done
            status 0
            --- stderr
            castoff: recorded that 2 of 2 statements of bbbb22 are done

            $ castoff upgrade
            status 0
            --- stderr
            castoff: resuming bbbb22 after statement 2
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22

        "#]],
    );
}

/// A procedure that commits each of its rows, and fails at the third if `name` says so.
const ROWS: &str = "create procedure fill(name text) language plpgsql as $$ begin \
    for i in 1..3 loop \
        if i = 3 and name = 'bad' then raise 'no third row'; end if; \
        insert into t values (i, name); commit; \
    end loop; end $$";

#[test]
fn a_procedure_that_commits_is_for_a_person_to_judge() {
    let database = Server::shared().database();
    let project =
        project("insert into t values (0);\ncall fill('good');\ninsert into t values (4);");
    first(&project, &database);
    database.sql(ROWS);
    ended_before_note(&project, &database, "upgrade", 2, End::Kill);
    check(
        &project,
        &database,
        &[
            "upgrade",
            "upgrade",
            "resolve bbbb22 done",
            "resolve bbbb22:1 done",
            "resolve bbbb:2 done",
            "resolve bbbb22:2 done",
            "upgrade",
        ],
        &expect![[r#"
            $ castoff upgrade
            status 16
            --- stderr
            castoff: resuming bbbb22 after statement 1
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 2 of 3
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 2 of 3)
               7 | call fill('good');
              caused by: it began, and may have committed all or a part of its work
              help: look at what it changes, then run `castoff resolve bbbb22:2 done` or `castoff resolve bbbb22:2 again`; if it may always run again, write `repeatable` on the section line

            $ castoff upgrade
            status 16
            --- stderr
            castoff: resuming bbbb22 after statement 1
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 2 of 3
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 2 of 3)
               7 | call fill('good');
              caused by: it began, and may have committed all or a part of its work
              help: look at what it changes, then run `castoff resolve bbbb22:2 done` or `castoff resolve bbbb22:2 again`; if it may always run again, write `repeatable` on the section line

            $ castoff resolve bbbb22 done
            status 2
            --- stderr
            error[invalid-statement]: `bbbb22` is not a statement of a revision
              help: write it as `REV:N`, statements counted from 1

            $ castoff resolve bbbb22:1 done
            status 14
            --- stderr
            error[not-half-done]: no section is half done at `bbbb22:1`
              half done: bbbb22:2
              help: name one of the statements above

            $ castoff resolve bbbb:2 done
            status 0
            --- stderr
            castoff: recorded that 2 of 3 statements of bbbb22 are done: it goes on with statement 3

            $ castoff resolve bbbb22:2 done
            status 14
            --- stderr
            error[not-half-done]: no section is half done at `bbbb22:2`
              half done: bbbb22:3
              help: name one of the statements above

            $ castoff upgrade
            status 0
            --- stderr
            castoff: resuming bbbb22 after statement 2
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22

        "#]],
    );
    let rows = "select string_agg(id::text, ' ' order by id) from t";
    assert_eq!(database.rows(rows), "0 1 2 3 4\n");
    let ledger = "select outcome, last_statement, begun_statement from castoff.history \
        where revision = 'bbbb22' order by id";
    assert_eq!(
        database.rows(ledger),
        "running|1|2\nfailed|2|null\ndone|3|null\n"
    );
}

#[test]
fn a_procedure_that_failed_after_it_committed_is_for_a_person_to_judge() {
    let database = Server::shared().database();
    let section = |name: &str| project(&format!("call fill('{name}');\ninsert into t values (4);"));
    let project = section("bad");
    first(&project, &database);
    database.sql(ROWS);
    check(
        &project,
        &database,
        &["upgrade", "upgrade"],
        &expect![[r#"
            $ castoff upgrade
            status 16
            --- stderr
            error[apply-stopped]: revision bbbb22 stopped after 0 of 2 statements
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 2)
               6 | call fill('bad');
              caused by: P0001 no third row
              postgres context: PL/pgSQL function fill(text) line 1 at RAISE
              help: look at what it changes, then run `castoff resolve bbbb22:1 done` or `castoff resolve bbbb22:1 again`; if it may always run again, write `repeatable` on the section line

            $ castoff upgrade
            status 16
            --- stderr
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 1 of 2
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 2)
               6 | call fill('bad');
              caused by: it began, and may have committed all or a part of its work
              help: look at what it changes, then run `castoff resolve bbbb22:1 done` or `castoff resolve bbbb22:1 again`; if it may always run again, write `repeatable` on the section line

        "#]],
    );
    // It may not be edited before somebody says that nothing of it is left.
    run(&section("good"), Some(&database), "upgrade").status(16);
    database.sql("truncate t");
    check(
        &section("good"),
        &database,
        &["resolve bbbb22:1 again", "upgrade"],
        &expect![[r#"
            $ castoff resolve bbbb22:1 again
            status 0
            --- stderr
            castoff: recorded that 0 of 2 statements of bbbb22 are done: it goes on with statement 1

            $ castoff upgrade
            status 0
            --- stderr
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22

        "#]],
    );
    assert_eq!(database.rows("select count(*) from t"), "4\n");
}

#[test]
fn a_repeatable_section_runs_its_statement_again() {
    let database = Server::shared().database();
    let project = project_with(
        "autocommit repeatable",
        "do $$ begin commit; insert into t values (1); end $$;",
    );
    first(&project, &database);
    ended_before_note(&project, &database, "upgrade", 1, End::Kill);
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows("select count(*) from t"), "2\n");
}

#[test]
fn a_block_that_does_not_commit_is_done_if_and_only_if_it_is_noted() {
    for how in [End::Kill, End::Terminate] {
        let database = Server::shared().database();
        let project = project("do $$ begin insert into t values (1); end $$;\nvacuum t;");
        first(&project, &database);
        ended_before_note(&project, &database, "upgrade", 1, how);
        assert_eq!(database.rows("select count(*) from t"), "0\n");
        run(&project, Some(&database), "upgrade").status(0);
        assert_eq!(database.rows("select count(*) from t"), "1\n");
    }
}

#[test]
fn what_ran_or_began_is_not_edited_and_stays_in_autocommit() {
    let database = Server::shared().database();
    let begun = project("create index concurrently i on t (id);\ninsert into t values (1);");
    first(&begun, &database);
    ended_before_note(&begun, &database, "upgrade", 1, End::Kill);
    let edited = project("create index concurrently j on t (id);\ninsert into t values (1);");
    let inserted = project("analyze t;\ncreate index concurrently i on t (id);");
    let moved = project_with("", "create index i on t (id);\ninsert into t values (1);");
    let said = [&edited, &inserted, &moved]
        .map(|project| transcript(project, Some(&database), &["upgrade"]));
    expect![[r#"
        $ castoff upgrade
        status 16
        --- stderr
        error[edited-half-way]: revision bbbb22 was edited after 1 of its statements ran
          --> migrations/202601010002_bbbb22_make_bbbb22.sql
          help: undo the edit of the first statement, which ran already; those behind it may be corrected

        $ castoff upgrade
        status 16
        --- stderr
        error[edited-half-way]: revision bbbb22 was edited after 1 of its statements ran
          --> migrations/202601010002_bbbb22_make_bbbb22.sql
          help: undo the edit of the first statement, which ran already; those behind it may be corrected

        $ castoff upgrade
        status 16
        --- stderr
        error[edited-half-way]: revision bbbb22 was edited after 1 of its statements ran
          --> migrations/202601010002_bbbb22_make_bbbb22.sql
          help: write `autocommit` on the section line again: what ran cannot run again

    "#]].assert_eq(&said.concat());
    let corrected = project("create index concurrently i on t (id);\ninsert into t values (2);");
    run(&corrected, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows("select id from t"), "2\n");
    let text =
        "select upgrade_text like '%values (2)%' from castoff.history order by id desc limit 1";
    assert_eq!(database.rows(text), "t\n");
}

#[test]
fn nobody_goes_back_past_a_section_that_is_half_done() {
    let database = Server::shared().database();
    let broken = project("insert into t values (1);\nselect nope;");
    run(&broken, Some(&database), "upgrade").status(16);
    let shown = run(&broken, Some(&database), "current --format json");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let half_done = json!({ "direction": "upgrade", "done": 1, "statements": 2 });
    assert_eq!(shown[0]["revision"], "aaaa11");
    assert_eq!(shown[0]["half_done"], Value::Null);
    assert_eq!(shown[1]["revision"], "bbbb22");
    assert_eq!(shown[1]["is_current"], false);
    assert_eq!(shown[1]["half_done"], half_done);
    check(
        &broken,
        &database,
        &[
            "downgrade",
            "resolve bbbb22:2 undone",
            "downgrade",
            "current",
        ],
        &expect![[r#"
            $ castoff downgrade
            status 16
            --- stderr
            error[half-done]: revision bbbb22 is half done: 1 of 2 statements are done
              help: finish it with `castoff upgrade bbbb22`, or take back what it did and run `castoff resolve bbbb22:2 undone`

            $ castoff resolve bbbb22:2 undone
            status 0
            --- stderr
            castoff: recorded that 0 of 2 statements of bbbb22 are done: it goes on with statement 1

            $ castoff downgrade
            status 0
            --- stderr
            castoff: reverted aaaa11 Make aaaa11 ([time])
            castoff: database is at base

            $ castoff current
            status 0
            --- stderr
            castoff: nothing is applied: the database is at base

        "#]],
    );
}

#[test]
fn nobody_starts_on_a_revision_that_is_partly_gone() {
    let database = Server::shared().database();
    let file = |last: &str| {
        Project::empty().file(
            "migrations/202601010001_aaaa11_make_aaaa11.sql",
            format!(
                "-- Make aaaa11\n-- revision: aaaa11\n\n-- upgrade\ncreate table t ();\n\
                 create table u ();\n\n-- downgrade autocommit\ndrop table u;\n{last}\n"
            ),
        )
    };
    let broken = file("drop table nope;");
    run(&broken, Some(&database), "upgrade").status(0);
    check(
        &broken,
        &database,
        &[
            "downgrade",
            "run -- /bin/true",
            "plan",
            "current --format json",
        ],
        &expect![[r#"
            $ castoff downgrade
            status 16
            --- stderr
            error[apply-stopped]: downgrade of revision aaaa11 stopped after 1 of 2 statements
              --> migrations/202601010001_aaaa11_make_aaaa11.sql:10 (statement 2 of 2)
              10 | drop table nope;
              caused by: 42P01 table "nope" does not exist
              help: correct the cause or the statement and deploy again: the next start goes on after statement 1

            $ castoff run -- /bin/true
            status 16
            --- stderr
            error[half-done]: downgrade of revision aaaa11 is half done: 1 of 2 statements are done
              help: finish it with `castoff downgrade`, or restore what it took away and run `castoff resolve aaaa11:2 undone`

            $ castoff plan
            status 0
            --- stderr
            castoff: warning: downgrade of revision aaaa11 is half done: 1 of 2 statements are done
            castoff: nothing to do

            $ castoff current --format json
            status 0
            --- stdout
            [
              {
                "branch_labels": [],
                "breaking": null,
                "canonical_checksum": "b694571514a68ac06f419ac9323b4e3723d2190601f2c56044de93672fbac8f6",
                "children": [],
                "depends_on": [],
                "down_revisions": [],
                "half_done": {
                  "direction": "downgrade",
                  "done": 1,
                  "statements": 2
                },
                "is_branch_point": false,
                "is_current": true,
                "is_head": true,
                "is_merge": false,
                "is_reversible": true,
                "ledger": null,
                "message": "Make aaaa11",
                "path": "migrations/202601010001_aaaa11_make_aaaa11.sql",
                "raw_checksum": "351bdbfaa825fe7cd3667574b87a4bcde36ceb03937f96561939859a9b5d212a",
                "revision": "aaaa11"
              }
            ]
            --- stderr
            castoff: warning: downgrade of revision aaaa11 is half done: 1 of 2 statements are done

        "#]],
    );
    // Somebody makes it whole again, and a start asks its one question as before.
    database.sql("create table u ()");
    check(
        &broken,
        &database,
        &["resolve aaaa11:2 undone", "upgrade"],
        &expect![[r#"
            $ castoff resolve aaaa11:2 undone
            status 0
            --- stderr
            castoff: recorded that 0 of 2 statements of aaaa11 are done: it goes on with statement 1

            $ castoff upgrade
            status 0
            --- stderr
            castoff: database is at aaaa11

        "#]],
    );
    let lower = "select lineage = lower(lineage) from castoff.revision";
    assert_eq!(database.rows(lower), "t\n");
    run(&broken, Some(&database), "downgrade").status(16);
    check(
        &file("drop table t;"),
        &database,
        &["downgrade"],
        &expect![[r#"
            $ castoff downgrade
            status 0
            --- stderr
            castoff: resuming aaaa11 after statement 1
            castoff: reverted aaaa11 Make aaaa11 ([time])
            castoff: database is at base

        "#]],
    );
}

#[test]
fn a_section_goes_on_with_what_set_config_set() {
    let database = Server::shared().database();
    let section = |last: &str| {
        project(&format!(
            "create schema s;\nselect pg_catalog.set_config('search_path', 's', false);\n{last}"
        ))
    };
    run(&section("select nope;"), Some(&database), "upgrade").status(16);
    run(&section("create table v ();"), Some(&database), "upgrade").status(0);
    assert_eq!(
        database.rows("select to_regclass('s.v') is not null"),
        "t\n"
    );
}

#[test]
fn what_a_session_keeps_is_refused_in_an_autocommit_section() {
    let database = Server::shared().database();
    let project = project("create temp table x ();\nvacuum;");
    check(
        &project,
        &database,
        &["upgrade"],
        &expect![[r#"
        $ castoff upgrade
        status 17
        --- stderr
        error[kept-in-session]: `create temporary` in an autocommit section
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 2)
           6 | create temp table x ();
          help: use a table that stays, and drop it at the end: a start that goes on half way has another session

    "#]],
    );
}
