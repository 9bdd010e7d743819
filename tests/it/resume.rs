//! Autocommit sections whose last statement is of unknown outcome: castoff was killed, or its
//! connection was lost, where a statement and the note that it is done are two things.

use expect_test::{Expect, expect};
use nix::sys::signal::Signal;

use super::support::DEADLINE;
use super::support::castoff::{Finished, Running};
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};
use super::support::until;

/// `aaaa11` makes a table; `bbbb22` has this section, and `options` on its line.
fn project_with(options: &str, upgrade: &str) -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table t (id integer, name text);")
                .downgrade("drop table t;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options(options)
                .upgrade(upgrade)
                .downgrade("select 1;"),
        )
}

fn project(upgrade: &str) -> Project {
    project_with("autocommit", upgrade)
}

fn is_at_least(database: &Database<'_>, major: u32) -> bool {
    let version = database.rows("show server_version_num");
    version.trim().parse::<u32>().unwrap() >= major * 10_000
}

/// Ends a backend, and waits until it is gone.
fn terminate(database: &Database<'_>, pid: &str) {
    database.rows(&format!("select pg_terminate_backend({pid})"));
    let alive = format!("select count(*) from pg_stat_activity where pid = {pid}");
    until("the backend is gone", DEADLINE, || {
        (database.rows(&alive) == "0\n").then_some(())
    });
}

/// The backend in this database that waits for such a lock.
fn waiting(database: &Database<'_>, condition: &str) -> String {
    let sql = format!(
        "select a.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid \
         where not l.granted and a.datname = current_database() and {condition}"
    );
    until(&format!("somebody waits: {condition}"), DEADLINE, || {
        let pid = database.rows(&sql);
        (!pid.is_empty()).then(|| pid.trim().to_owned())
    })
}

/// How castoff meets its end.
#[derive(Clone, Copy)]
enum End {
    /// `kill -9`, and its backend with it.
    Kill,
    /// The server ends the session; castoff lives to tell.
    Terminate,
}

fn end(database: &Database<'_>, running: Running, pid: &str, end: End) -> Finished {
    if let End::Kill = end {
        running.signal(Signal::SIGKILL);
        let finished = running.wait(DEADLINE);
        terminate(database, pid);
        return finished;
    }
    terminate(database, pid);
    running.wait(DEADLINE)
}

/// Runs `line` to where statement `number` is done and its note is not, and ends castoff there.
fn ended_before_note(
    project: &Project,
    database: &Database<'_>,
    line: &str,
    number: usize,
    how: End,
) -> Finished {
    let gate = database.session();
    gate.sql("select pg_advisory_lock(7)");
    database.sql(&format!(
        "create function public.gate() returns trigger language plpgsql as \
         $$ begin perform pg_advisory_xact_lock(7); return new; end $$; \
         create trigger gate before update on castoff.history for each row \
         when (new.last_statement = {number} and old.last_statement < {number}) \
         execute function public.gate()"
    ));
    let running = project.castoff([line]).database(database).spawn();
    let pid = waiting(database, "l.locktype = 'advisory' and l.objid = 7");
    let finished = end(database, running, &pid, how);
    drop(gate);
    database.sql("drop function public.gate cascade");
    finished
}

/// Runs `upgrade` while another session keeps an old snapshot, for which every `concurrently`
/// waits in its middle, and ends castoff there.
fn ended_in_the_middle(
    project: &Project,
    database: &Database<'_>,
    reads: &str,
    how: End,
) -> Finished {
    let reader = database.session();
    reader.sql(&format!("begin isolation level repeatable read; {reads}"));
    let running = project.castoff(["upgrade"]).database(database).spawn();
    let pid = waiting(database, "l.locktype = 'virtualxid'");
    let finished = end(database, running, &pid, how);
    drop(reader);
    finished
}

fn first(project: &Project, database: &Database<'_>) {
    run(project, Some(database), "upgrade aaaa11").status(0);
}

#[track_caller]
fn check(project: &Project, database: &Database<'_>, lines: &[&str], expected: &Expect) {
    expected.assert_eq(&transcript(project, Some(database), lines));
}

#[test]
fn an_index_that_was_built_before_the_kill_is_not_built_again() {
    for (definition, name) in [
        ("i on t (id)", "i"),
        ("if not exists i on public.t (id)", "i"),
        (
            "\"I x\" on only public . t using btree (id desc, lower(t.name)) where id > 0",
            "\"I x\"",
        ),
        (
            "i on t (name text_pattern_ops) include (id) with (fillfactor = 70)",
            "i",
        ),
        ("on t (id)", "t_id_idx"),
    ] {
        for unique in ["", "unique "] {
            let database = Server::shared().database();
            let project = project(&format!(
                "create {unique}index concurrently {definition};\ninsert into t values (1);"
            ));
            first(&project, &database);
            ended_before_note(&project, &database, "upgrade", 1, End::Kill);
            let index = format!("select '{name}'::regclass::oid");
            let before = database.rows(&index);
            let finished = run(&project, Some(&database), "upgrade");
            finished.status(0);
            let said = format!("statement 1 of bbbb22 was done: index public.{name} is there");
            assert!(
                // `if not exists` leaves it to the server.
                finished.stderr.contains(&said) || definition.starts_with("if"),
                "{definition}: {finished}"
            );
            assert_eq!(database.rows(&index), before, "{definition}");
            assert_eq!(database.rows("select count(*) from t"), "1\n");
            let count = "select count(*) from pg_index where indrelid = 't'::regclass";
            assert_eq!(database.rows(count), "1\n", "{definition}");
        }
    }
}

#[test]
fn another_index_under_the_name_is_for_a_person_to_judge() {
    let database = Server::shared().database();
    let project = project("create index concurrently i on t (id);\ninsert into t values (1);");
    first(&project, &database);
    ended_before_note(&project, &database, "upgrade", 1, End::Kill);
    database.sql("drop index i; create index i on t (name)");
    check(
        &project,
        &database,
        &[
            "upgrade",
            "current --format json",
            "resolve bbbb22:1 done",
            "upgrade",
        ],
        &expect![[r#"
            $ castoff upgrade
            status 16
            --- stderr
            error[apply-in-doubt]: revision bbbb22 needs a decision on statement 1 of 2
              --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 2)
               6 | create index concurrently i on t (id);
              caused by: index public.i is there, and is not the one that the statement makes
              help: keep that index with `castoff resolve bbbb22:1 done`, or drop it and run `castoff resolve bbbb22:1 again`

            $ castoff current --format json
            status 0
            --- stdout
            [
              {
                "branch_labels": [],
                "canonical_checksum": "8a4a4c0ce9c420178923348aa21b3d322f7d6465637985e609649916ff23fcdc",
                "children": [
                  "bbbb22"
                ],
                "depends_on": [],
                "down_revisions": [],
                "is_branch_point": false,
                "is_current": true,
                "is_head": false,
                "is_merge": false,
                "is_reversible": true,
                "message": "Make aaaa11",
                "path": "migrations/202601010001_aaaa11_make_aaaa11.sql",
                "raw_checksum": "07bc65deb0795db670399b0eb3a3bcb10fec974b9c455633a9b6a76776317878",
                "revision": "aaaa11"
              },
              {
                "branch_labels": [],
                "canonical_checksum": "c3eb3c33086cd080bb7a4d6f66f548708f0580aae10a564446e8cdf480505180",
                "children": [],
                "depends_on": [],
                "down_revisions": [
                  "aaaa11"
                ],
                "half_done": {
                  "direction": "upgrade",
                  "done": 0,
                  "statements": 2
                },
                "is_branch_point": false,
                "is_current": false,
                "is_head": true,
                "is_merge": false,
                "is_reversible": true,
                "message": "Make bbbb22",
                "path": "migrations/202601010002_bbbb22_make_bbbb22.sql",
                "raw_checksum": "30e96ac42b54b294d0a74f8d01112af6fe3e64b44a565ec198d738d6cf8035fd",
                "revision": "bbbb22"
              }
            ]
            --- stderr
            castoff: warning: revision bbbb22 is half done: 0 of 2 statements

            $ castoff resolve bbbb22:1 done
            status 0
            --- stderr
            castoff: recorded that 1 of 2 statements of bbbb22 are done

            $ castoff upgrade
            status 0
            --- stderr
            castoff: resuming bbbb22 after statement 1
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22

        "#]],
    );
    assert_eq!(database.rows("select count(*) from t"), "1\n");
}

#[test]
fn a_build_that_was_interrupted_is_taken_away_and_begins_again() {
    for how in [End::Kill, End::Terminate] {
        for (name, left) in [("i", "i"), ("", "t_id_idx")] {
            let database = Server::shared().database();
            let project = project(&format!("create index concurrently {name} on t (id);"));
            first(&project, &database);
            let finished = ended_in_the_middle(&project, &database, "select 1", how);
            if let End::Terminate = how {
                let code =
                    "error[apply-interrupted]: revision bbbb22 was interrupted at statement 1 of 1";
                assert!(finished.stderr.contains(code), "{finished}");
                finished.status(16);
            }
            let indexes = "select relname, indisvalid from pg_index \
                join pg_class on oid = indexrelid where indrelid = 't'::regclass";
            assert_eq!(database.rows(indexes), format!("{left}|f\n"));
            let begun = "select begun_statement, begun_at is not null from castoff.history \
                order by id desc limit 1";
            assert_eq!(database.rows(begun), "1|t\n");
            let finished = run(&project, Some(&database), "upgrade");
            finished.status(0);
            let dropped = format!("dropped the invalid index public.{left} that an earlier");
            assert!(finished.stderr.contains(&dropped), "{finished}");
            assert_eq!(database.rows(indexes), format!("{left}|t\n"));
            assert_eq!(database.rows(begun), "null|f\n");
        }
    }
}

#[test]
fn an_index_that_somebody_else_builds_is_left_to_them() {
    let database = Server::shared().database();
    let build = "create index concurrently i on t (id)";
    let project = project(&format!("{build};"));
    first(&project, &database);
    ended_in_the_middle(&project, &database, "select 1", End::Kill);
    database.sql("drop index i");
    let reader = database.session();
    reader.sql("begin isolation level repeatable read; select 1");
    std::thread::scope(|scope| {
        let builder = scope.spawn(|| database.session().try_rows(build).is_ok());
        let pid = waiting(&database, "l.locktype = 'virtualxid'");
        let finished = run(&project, Some(&database), "upgrade");
        let said = format!("index public.i is being built by another session, pid {pid}");
        drop(reader);
        assert!(builder.join().unwrap());
        let said = said.replace(&pid, "[pid]");
        assert!(finished.stderr.contains(&said), "{finished}");
        finished.status(16);
    });
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(0);
    let said = "statement 1 of bbbb22 was done: index public.i is there";
    assert!(finished.stderr.contains(said), "{finished}");
}

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

#[test]
fn an_invalid_index_does_not_pass_for_one_that_is_there() {
    let database = Server::shared().database();
    let project = project("create unique index concurrently if not exists i on t (id);");
    first(&project, &database);
    // Left by somebody else, before castoff's time.
    database.sql("insert into t values (1), (1)");
    let failed = database.session();
    failed
        .try_rows("create unique index concurrently i on t (id)")
        .unwrap_err();
    database.sql("truncate t");
    check(
        &project,
        &database,
        &["upgrade"],
        &expect![[r#"
        $ castoff upgrade
        status 16
        --- stderr
        castoff: postgres: relation "i" already exists, skipping
        error[apply-in-doubt]: revision bbbb22 needs a decision on statement 1 of 1
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | create unique index concurrently if not exists i on t (id);
          caused by: index public.i is there, but invalid: no query can use it
          help: run `drop index concurrently public.i`, and deploy again

    "#]],
    );
    database.sql("drop index i");
    run(&project, Some(&database), "upgrade").status(0);
}

#[test]
fn an_index_that_was_dropped_before_the_kill_is_not_dropped_again() {
    let database = Server::shared().database();
    let project = project("drop index concurrently i;\ninsert into t values (1);");
    first(&project, &database);
    database.sql("create index i on t (id)");
    ended_before_note(&project, &database, "upgrade", 1, End::Kill);
    check(
        &project,
        &database,
        &["upgrade"],
        &expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: statement 1 of bbbb22 was done: index i is gone
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

    "#]],
    );
}

#[test]
fn what_a_reindex_left_is_taken_away_before_it_runs_again() {
    let database = Server::shared().database();
    let project = project("reindex table concurrently t;");
    first(&project, &database);
    database.sql("create index i on t (id)");
    ended_in_the_middle(&project, &database, "select 1", End::Kill);
    let indexes = "select relname, indisvalid from pg_index join pg_class on oid = indexrelid \
        where indrelid = 't'::regclass order by 1";
    assert_eq!(database.rows(indexes), "i|t\ni_ccnew|f\n");
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows(indexes), "i|t\n");
}

#[test]
fn a_partition_that_is_half_detached_is_detached() {
    let server = Server::shared();
    if !is_at_least(&server.database(), 14) {
        return;
    }
    let attached = "select count(*) from pg_inherits where inhparent = 'p'::regclass";
    let tables = "create table p (id integer) partition by range (id); \
        create table p1 partition of p for values from (0) to (10)";
    for is_done in [false, true] {
        let database = server.database();
        let project =
            project("alter table p detach partition p1 concurrently;\ninsert into t values (1);");
        first(&project, &database);
        database.sql(tables);
        let said = if is_done {
            ended_before_note(&project, &database, "upgrade", 1, End::Kill);
            assert_eq!(database.rows(attached), "0\n");
            "statement 1 of bbbb22 was done: p1 is detached"
        } else {
            ended_in_the_middle(&project, &database, "select * from p", End::Kill);
            assert_eq!(database.rows(attached), "1\n");
            "finishing what an earlier start began: alter table p detach partition p1 finalize"
        };
        let finished = run(&project, Some(&database), "upgrade");
        finished.status(0);
        assert!(finished.stderr.contains(said), "{finished}");
        assert_eq!(database.rows(attached), "0\n");
        assert_eq!(database.rows("select count(*) from t"), "1\n");
    }
}

#[test]
fn a_database_that_was_made_or_dropped_is_seen() {
    let database = Server::shared().database();
    let other = format!("{}_other", database.name());
    let project = project(&format!(
        "create database {other};\ndrop database {other};\nvacuum t;\ninsert into t values (1);"
    ));
    first(&project, &database);
    for number in [1, 2, 3] {
        ended_before_note(&project, &database, "upgrade", number, End::Kill);
    }
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(0);
    assert_eq!(database.rows("select count(*) from t"), "1\n");
    let left = format!("select count(*) from pg_database where datname = '{other}'");
    assert_eq!(database.rows(&left), "0\n");
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
            castoff: recorded that 2 of 3 statements of bbbb22 are done

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
            castoff: recorded that 0 of 2 statements of bbbb22 are done

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
            error[half-done]: revision bbbb22 is half done: 1 of 2 statements
              help: finish it with `castoff upgrade bbbb22`, or take back what it did and run `castoff resolve bbbb22:2 undone`

            $ castoff resolve bbbb22:2 undone
            status 0
            --- stderr
            castoff: recorded that 0 of 2 statements of bbbb22 are done

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
            error[half-done]: downgrade of revision aaaa11 is half done: 1 of 2 statements
              help: finish it with `castoff downgrade`, or restore what it took away and run `castoff resolve aaaa11:2 undone`

            $ castoff plan
            status 0
            --- stderr
            castoff: warning: downgrade of revision aaaa11 is half done: 1 of 2 statements
            castoff: nothing to do

            $ castoff current --format json
            status 0
            --- stdout
            [
              {
                "branch_labels": [],
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
                "message": "Make aaaa11",
                "path": "migrations/202601010001_aaaa11_make_aaaa11.sql",
                "raw_checksum": "351bdbfaa825fe7cd3667574b87a4bcde36ceb03937f96561939859a9b5d212a",
                "revision": "aaaa11"
              }
            ]
            --- stderr
            castoff: warning: downgrade of revision aaaa11 is half done: 1 of 2 statements

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
            castoff: recorded that 0 of 2 statements of aaaa11 are done

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
