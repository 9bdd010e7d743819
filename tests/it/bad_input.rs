//! Files and values that cannot be what was meant: each has its error and its place, and the
//! database is left as it was.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

const NAME: &str = "migrations/202601010000_bbbb22_second.sql";
const HEADER: &str = "-- Second\n-- revision: bbbb22\n-- down_revision: aaaa11\n\n";

/// Each file beside a good one: `upgrade` refuses all, and the database stays empty.
#[track_caller]
fn check_files(files: &[&[u8]], expected: &Expect) {
    let database = Server::shared().database();
    let before = database.contents();
    let mut said = String::new();
    for file in files {
        let project = Project::with("aaaa11<-").file(NAME, file);
        let finished = run(&project, Some(&database), "upgrade");
        writeln!(said, "{finished}").unwrap();
        // Reading it is all that is needed to see it.
        assert_eq!(finished, run(&project, Some(&database), "history"));
    }
    expected.assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn a_file_that_is_no_migration_is_refused_at_its_place() {
    let with_header = |rest: &str| format!("{HEADER}{rest}").into_bytes();
    let files = [
        b"create table t ();\n".to_vec(),
        b"".to_vec(),
        b"-- revision: bbbb22\n".to_vec(),
        b"-- Second\n-- revision: b/2\n-- upgrade\n".to_vec(),
        b"-- Second\n-- revision: cccc33\n-- upgrade\n".to_vec(),
        b"-- Second\n-- revision: bbbb22\n-- down_revison: aaaa11\n-- upgrade\n".to_vec(),
        with_header("create table t ();\n-- upgrade\n"),
        with_header("-- upgrade lock_timeout=long\n"),
        with_header("-- upgrade atocommit\n"),
        with_header("-- Upgrade\nselect 1;\n"),
        with_header("-- upgrade\nselect 1;\n-- upgrade\n"),
        with_header("-- upgrade\n-- downgrade irreversible\n"),
    ];
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    check_files(
        &files,
        &expect![[r#"
        status 17
        --- stderr
        error[revision-key-missing]: the header has no `revision`
          --> migrations/202601010000_bbbb22_second.sql:1
           1 | create table t ();
          help: add a line `-- revision: <id>`, or make the file with `castoff revision`

        status 17
        --- stderr
        error[revision-key-missing]: the header has no `revision`
          --> migrations/202601010000_bbbb22_second.sql
          help: add a line `-- revision: <id>`, or make the file with `castoff revision`

        status 17
        --- stderr
        error[upgrade-section-missing]: the file has no `-- upgrade` section
          --> migrations/202601010000_bbbb22_second.sql
          help: add a line `-- upgrade` before the SQL

        status 17
        --- stderr
        error[invalid-revision-id]: header key `revision`: `b/2` is not a revision id (1 to 32 of a-z, 0-9, _)
          --> migrations/202601010000_bbbb22_second.sql:2
           2 | -- revision: b/2
          help: choose another id, or make the file with `castoff revision`

        status 17
        --- stderr
        error[file-name-mismatch]: the file name carries revision `bbbb22`, the header `cccc33`
          --> migrations/202601010000_bbbb22_second.sql
          help: name the file `<yyyymmddhhmm>_cccc33_<slug>.sql`, or correct the header

        status 17
        --- stderr
        error[unknown-header-key]: unknown header key `down_revison`
          --> migrations/202601010000_bbbb22_second.sql:3
           3 | -- down_revison: aaaa11
          help: write `down_revision:`

        status 17
        --- stderr
        error[sql-before-section]: SQL before the first section
          --> migrations/202601010000_bbbb22_second.sql:5
           5 | create table t ();
          help: write the line `-- upgrade` above it

        status 17
        --- stderr
        error[section-option-value]: `long` is not a value for `lock_timeout`
          --> migrations/202601010000_bbbb22_second.sql:5
           5 | -- upgrade lock_timeout=long
          help: write a number with a unit (us, ms, s, min, h, d), or 0 for none: `lock_timeout=2s`

        status 17
        --- stderr
        error[unknown-section-option]: unknown option `atocommit` after `-- upgrade`
          --> migrations/202601010000_bbbb22_second.sql:5
           5 | -- upgrade atocommit
          help: use `autocommit`, `repeatable`, `lock_timeout=…`, `statement_timeout=…`, `destructive`, or start a mere comment with another word than `upgrade`

        status 17
        --- stderr
        error[section-case]: `-- Upgrade` is no section line in this case
          --> migrations/202601010000_bbbb22_second.sql:5
           5 | -- Upgrade
          help: write `-- upgrade`, or the comment in other words

        status 17
        --- stderr
        error[duplicate-section]: a second `-- upgrade` section
          --> migrations/202601010000_bbbb22_second.sql:7
           7 | -- upgrade
          help: join the two sections, or write the comment in other words

        status 17
        --- stderr
        error[irreversible-without-reason]: `-- downgrade irreversible` gives no reason
          --> migrations/202601010000_bbbb22_second.sql:6
           6 | -- downgrade irreversible
          help: write `-- downgrade irreversible: <reason>`

    "#]],
    );
}

#[test]
fn sql_that_cannot_be_cut_into_statements_is_refused_at_its_place() {
    let up = |sql: &[u8]| [HEADER.as_bytes(), b"-- upgrade\nselect 1;\n", sql].concat();
    let files = [
        up(b"select 'a;\nselect 2;\n\n-- downgrade\n"),
        up(b"select \"a;\n"),
        up(b"do $x$ begin $y$ end;\n-- downgrade\n"),
        up(b"select 1 /* a /* b */;\n"),
        up(b"select (1;\n-- downgrade\n"),
        up(b"copy t from stdin;\n1\n2\n"),
        up(b"select 'caf\xe9';\n"),
        up(b"select 'a\0b';\n"),
        up(b"commit;\n"),
        up(b"\\connect other\n"),
        up(b"vacuum;\n"),
        up(b"create index concurrently i on t (a);\n"),
    ];
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    check_files(
        &files,
        &expect![[r#"
            status 17
            --- stderr
            error[unterminated]: string is never closed
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | select 'a;
              help: close it with `'`; a quote inside the string is written twice

            status 17
            --- stderr
            error[unterminated]: quoted name is never closed
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | select "a;
              help: close it with `"`; a quote inside the name is written twice

            status 17
            --- stderr
            error[unterminated]: dollar-quoted body is never closed
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | do $x$ begin $y$ end;
              help: close it with the same dollar tag, in the same case

            status 17
            --- stderr
            error[unterminated]: comment is never closed
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | select 1 /* a /* b */;
              help: close it with `*/`, once for each `/*`

            status 17
            --- stderr
            error[section-inside-statement]: section line inside an unfinished statement
              --> migrations/202601010000_bbbb22_second.sql:8
               8 | -- downgrade
              help: close the parenthesis or the body above it, or write the comment in other words

            status 17
            --- stderr
            error[copy-data-unterminated]: the data of `copy … from stdin` is never closed
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | copy t from stdin;
              help: end the data with a line `\.`

            status 17
            --- stderr
            error[not-utf8]: the file is not UTF-8
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | select 'caf�';
              help: save the file as UTF-8

            status 17
            --- stderr
            error[nul-byte]: NUL byte in the SQL
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | select 'a\u{0}b';
              help: save the file as UTF-8 and remove the NUL byte

            status 17
            --- stderr
            error[transaction-control]: `commit` in a migration
              --> migrations/202601010000_bbbb22_second.sql:7 (statement 2 of 2)
               7 | commit;
              help: remove it: castoff begins and ends the transaction; `autocommit` on the section line runs each statement on its own

            status 17
            --- stderr
            error[psql-command]: `\connect` is a command of psql, not SQL
              --> migrations/202601010000_bbbb22_second.sql:7
               7 | \connect other
              help: remove the line, or write what it does as SQL

            status 17
            --- stderr
            error[needs-autocommit]: `vacuum` cannot run in a transaction with other statements
              --> migrations/202601010000_bbbb22_second.sql:7 (statement 2 of 2)
               7 | vacuum;
              help: move it to a revision of its own, or write `autocommit` on the section line

            status 17
            --- stderr
            error[needs-autocommit]: `create index concurrently` cannot run in a transaction with other statements
              --> migrations/202601010000_bbbb22_second.sql:7 (statement 2 of 2)
               7 | create index concurrently i on t (a);
              help: move it to a revision of its own, or write `autocommit` on the section line

        "#]],
    );
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let database = Server::shared().database();
    let before = database.contents();
    let twice = Project::with("aaaa11<- bbbb22<aaaa11").file(NAME, format!("{HEADER}-- upgrade\n"));
    let labels = ["bbbb22", "cccc33"]
        .iter()
        .fold(Project::with("aaaa11<-"), |project, id| {
            project.migration(
                &Migration::new(id)
                    .after("aaaa11")
                    .header("branch_labels: same"),
            )
        });
    let depends = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .header("depends_on: nope"),
    );
    let projects = [
        twice,
        Project::with("aaaa11<- bbbb22<aaaa12"),
        Project::with("aaaa11<bbbb22 bbbb22<cccc33 cccc33<aaaa11"),
        Project::with("aaaa11<aaaa11"),
        labels,
        depends,
        Project::with("aaaa11<-").file("migrations/notes.sql", "select 1;"),
    ];
    let said = projects.map(|project| {
        let bundle = run(&project, None, "bundle -o app");
        let upgrade = transcript(&project, Some(&database), &["upgrade"]);
        assert_eq!(
            format!("$ castoff upgrade\n{bundle}\n"),
            upgrade,
            "bundle tells it already"
        );
        assert!(!project.path("app").exists());
        upgrade
    });
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[duplicate-revision]: revision `bbbb22` is made by two files: `migrations/202601010000_bbbb22_second.sql` and `migrations/202601010002_bbbb22_make_bbbb22.sql`
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:2
           2 | -- revision: bbbb22
          help: remove one of the files, or give `migrations/202601010002_bbbb22_make_bbbb22.sql` a new revision id

        $ castoff upgrade
        status 14
        --- stderr
        error[missing-parent]: revision `bbbb22` follows `aaaa12`, which does not exist
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:3
           3 | -- down_revision: aaaa12
          help: add the file of `aaaa12`, or correct `down_revision`

        $ castoff upgrade
        status 14
        --- stderr
        error[cycle]: revisions form a cycle: `aaaa11` needs `bbbb22` needs `cccc33` needs `aaaa11`
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:3
           3 | -- down_revision: bbbb22
          help: correct `down_revision` or `depends_on` in one of these files

        $ castoff upgrade
        status 14
        --- stderr
        error[self-reference]: revision `aaaa11` names itself as what must come before it
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:3
           3 | -- down_revision: aaaa11
          help: correct `down_revision` or `depends_on` in `migrations/202601010001_aaaa11_make_aaaa11.sql`

        $ castoff upgrade
        status 14
        --- stderr
        error[duplicate-label]: branch label `same` is given by both `bbbb22` and `cccc33`
          --> migrations/202601010003_cccc33_make_cccc33.sql:4
           4 | -- branch_labels: same
          help: choose another name for `branch_labels` in `migrations/202601010003_cccc33_make_cccc33.sql`

        $ castoff upgrade
        status 14
        --- stderr
        error[missing-dependency]: revision `bbbb22` depends on `nope`, which does not exist
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:4
           4 | -- depends_on: nope
          help: add the file of `nope`, or correct `depends_on`

        $ castoff upgrade
        status 17
        --- stderr
        error[revision-key-missing]: the header has no `revision`
          --> migrations/notes.sql:1
           1 | select 1;
          help: add a line `-- revision: <id>`, or make the file with `castoff revision`

    "#]].assert_eq(&said.concat());
    assert_eq!(database.contents(), before);
}

#[test]
fn what_other_systems_write_is_read() {
    let database = Server::shared().database();
    let text = format!(
        "{HEADER}-- upgrade\r\ncreate table crlf (\r\n  id integer\r\n);\r\n\r\n-- downgrade\r\ndrop table crlf;\r\n"
    );
    let text = text.replace('\n', "\r\n").replace("\r\r", "\r");
    let project = Project::with("aaaa11<-")
        .file(NAME, format!("\u{feff}{text}"))
        .file("migrations/README.md", "not SQL")
        .file("migrations/more/x.sql", "not looked at");
    let lines = ["upgrade", "downgrade", "upgrade", "history"];
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: applied bbbb22 Second ([time])
        castoff: database is at bbbb22

        $ castoff downgrade
        status 0
        --- stderr
        castoff: reverted bbbb22 Second ([time])
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied bbbb22 Second ([time])
        castoff: database is at bbbb22

        $ castoff history
        status 0
        --- stdout
        aaaa11 -> bbbb22 (head), Second
        <base> -> aaaa11, Make aaaa11

    "#]]
    .assert_eq(&transcript(&project, Some(&database), &lines));
}
