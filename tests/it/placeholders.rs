//! `${NAME}` in migrations: values from outside, quoted, never shown.

use std::process::Command;

use expect_test::expect;

use super::support::castoff::Castoff;
use super::support::clients::client;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{prepare, run, transcript};

/// A value that must be seen nowhere, with what SQL has to quote.
const SECRET: &str = "se'cr\\et \"x\"; drop";

/// A migration that keeps a value and makes a table whose name is one.
fn keeping() -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .header("placeholders: secret, name identifier")
                .upgrade(
                    "create table ${name} (value text, raw text default '${secret}');\n\
                     -- ${secret} and ${nobody} in a comment\n\
                     insert into ${name} (value) values (${secret}), ($$ ${secret} $$);\n\
                     copy ${name} (value) from stdin;\n${secret}\n\\.",
                )
                .downgrade("drop table ${name};"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("placeholders: name identifier")
                .options("autocommit")
                .upgrade("create index concurrently i on ${name} (value);\ncreate view v as select * from ${name};")
                .downgrade("drop view v;\ndrop index i;"),
        )
}

fn castoff<'p>(project: &'p Project, database: &Database<'_>, line: &str) -> Castoff<'p> {
    prepare(project, Some(database), line)
        .env("CASTOFF_PLACEHOLDER_secret", SECRET)
        .secret("se'cr")
        .secret("se''cr")
}

fn values(database: &Database<'_>) -> String {
    database.rows("select value, raw from \"My \"\"table\"\"\" order by value")
}

const VALUES: &str = concat!(
    " ${secret} |${secret}\n",
    "${secret}|${secret}\n",
    "se'cr\\et \"x\"; drop|${secret}\n"
);

#[test]
fn values_come_in_quoted_and_leave_no_trace() {
    let database = Server::shared().database();
    let project = keeping().file(
        "castoff.toml",
        "[placeholders]\nname = 'My \"table\"'\nsecret = 'the environment wins'\n",
    );
    castoff(&project, &database, "upgrade")
        .output()
        .check(&expect![[r#"
            status 0
            --- stderr
            castoff: applied aaaa11 Make aaaa11 ([time])
            castoff: applied bbbb22 Make bbbb22 ([time])
            castoff: database is at bbbb22
        "#]]);
    assert_eq!(values(&database), VALUES);
    // What is recorded is what the file says, and another value is no edit.
    let ledger = database.rows("select * from castoff.history");
    assert!(ledger.contains("values (${secret})"), "{ledger}");
    assert!(!ledger.contains("se'cr"), "{ledger}");
    let other = prepare(&project, Some(&database), "upgrade").output();
    assert_eq!(other.stderr, "castoff: up to date at bbbb22\n");
    for line in ["show aaaa11", "history -v", "downgrade base", "plan"] {
        castoff(&project, &database, line).output().status(0);
    }
    // A flag wins over both.
    let line = "upgrade --placeholder 'secret=a=b' --placeholder name=plain";
    castoff(&project, &database, line).output().status(0);
    assert_eq!(
        database.rows("select value from plain where value like '%=%'"),
        "a=b\n"
    );
}

#[test]
fn nothing_runs_until_each_has_a_fitting_value() {
    let database = Server::shared().database();
    let project = keeping();
    let before = database.contents();
    let long = format!(
        "upgrade --placeholder secret=x --placeholder name={}",
        "x".repeat(64)
    );
    let lines = [
        "upgrade",
        "upgrade --placeholder secret=x",
        "upgrade --placeholder secret=x --placeholder name=",
        &long,
        "upgrade --placeholder secret",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade
        status 10
        --- stderr
        error[placeholder-unset]: placeholder `name` has no value
          --> migrations/202601010001_aaaa11_make_aaaa11.sql
          help: set CASTOFF_PLACEHOLDER_name, or `name` below [placeholders] in castoff.toml

        $ castoff upgrade --placeholder secret=x
        status 10
        --- stderr
        error[placeholder-unset]: placeholder `name` has no value
          --> migrations/202601010001_aaaa11_make_aaaa11.sql
          help: set CASTOFF_PLACEHOLDER_name, or `name` below [placeholders] in castoff.toml

        $ castoff upgrade --placeholder secret=x --placeholder name=
        status 10
        --- stderr
        error[placeholder-value]: the value of placeholder `name` is not a name of 1 to 63 bytes without NUL
          --> migrations/202601010001_aaaa11_make_aaaa11.sql
          help: set CASTOFF_PLACEHOLDER_name to a name of 1 to 63 bytes without NUL

        $ castoff upgrade --placeholder secret=x --placeholder name=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        status 10
        --- stderr
        error[placeholder-value]: the value of placeholder `name` is not a name of 1 to 63 bytes without NUL
          --> migrations/202601010001_aaaa11_make_aaaa11.sql
          help: set CASTOFF_PLACEHOLDER_name to a name of 1 to 63 bytes without NUL

        $ castoff upgrade --placeholder secret
        status 10
        --- stderr
        error[config-value]: `--placeholder`: `…` is not NAME=VALUE
          help: set `--placeholder` to NAME=VALUE

    "#]].assert_eq(&said);
    database.assert_unchanged(&before);
    // Only what the sections that run need.
    castoff(&project, &database, "upgrade --placeholder name=t")
        .output()
        .status(0);
    run(
        &project,
        Some(&database),
        "downgrade base --placeholder name=t",
    )
    .status(0);
}

#[test]
fn a_mistake_is_shown_in_the_file_and_not_its_value() {
    let refused = |sql: &str| {
        let database = Server::shared().database();
        let project = Project::empty().migration(
            &Migration::new("aaaa11")
                .header("placeholders: secret, name identifier")
                .upgrade(sql),
        );
        let line = "upgrade --placeholder name=x";
        castoff(&project, &database, line).output().to_string()
    };
    let said = [
        "select 'ä', ${secret},\n    ${secret}, nope;",
        "select 1;\nselect ${secret}::integer;",
        "create table t (v text check (length(v) < 3));\ninsert into t values (${secret});",
        "select 1;\nselect * from ${name};",
        "select ${secret} ${secret};",
        "select 1;\nselect ${other};",
        "select E${secret};",
        "prepare transaction ${secret};",
    ]
    .map(refused)
    .join("\n");
    expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:6 (statement 1 of 1)
           6 | select 'ä', ${secret},
           7 |     ${secret}, nope;
          caused by: 42703 column "nope" does not exist
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:7 (statement 2 of 2)
           7 | select ${secret}::integer;
          caused by: 22P02 invalid input syntax for type integer: "${secret}"
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:7 (statement 2 of 2)
           7 | insert into t values (${secret});
          caused by: 23514 new row for relation "t" violates check constraint "t_v_check"
          postgres detail: Failing row contains (${secret}).
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:7 (statement 2 of 2)
           7 | select * from ${name};
          caused by: 42P01 relation "x" does not exist
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision aaaa11 failed and was rolled back
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:6 (statement 1 of 1)
           6 | select ${secret} ${secret};
          caused by: 42601 syntax error at or near "${secret}"
          help: correct the SQL and deploy again; the database is unchanged

        status 17
        --- stderr
        error[placeholder-unknown]: `${other}` is not a placeholder that the header declares
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:7
           7 | select ${other};
          help: declare it in the header with `-- placeholders: NAME`, and write `${NAME}` with nothing before it that is part of a word

        status 17
        --- stderr
        error[placeholder-unknown]: `${secret}` is not a placeholder that the header declares
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:6
           6 | select E${secret};
          help: declare it in the header with `-- placeholders: NAME`, and write `${NAME}` with nothing before it that is part of a word

        status 17
        --- stderr
        error[transaction-control]: `prepare transaction` in a migration
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:6 (statement 1 of 1)
           6 | prepare transaction ${secret};
          help: remove it: castoff begins and ends the transaction; `autocommit` on the section line runs each statement on its own
    "#]].assert_eq(&said);
}

#[test]
fn an_autocommit_section_goes_on_with_its_values() {
    let database = Server::shared().database();
    let project = |second: &str| {
        Project::empty().migration(
            &Migration::new("aaaa11")
                .header("placeholders: name identifier, value")
                .options("autocommit")
                .upgrade(&format!("create table ${{name}} (a text);\n{second}")),
        )
    };
    let line = "upgrade --placeholder name=t --placeholder value=v";
    let broken = project("insert into ${name} values (${value}, nope);");
    run(&broken, Some(&database), line).check(&expect![[r#"
        status 16
        --- stderr
        error[apply-stopped]: revision aaaa11 stopped after 1 of 2 statements
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:7 (statement 2 of 2)
           7 | insert into ${name} values (${value}, nope);
          caused by: 42703 column "nope" does not exist
          help: correct the cause or the statement and deploy again: the next start goes on after statement 1
    "#]]);
    let mended = project("insert into ${name} values (${value});");
    run(&mended, Some(&database), line).status(0);
    assert_eq!(database.rows("select a from t"), "v\n");
}

#[test]
fn psql_is_given_variables_and_no_values() {
    let database = Server::shared().database();
    let project = keeping();
    let script = castoff(&project, &database, "upgrade --sql").output();
    script.status(0);
    let lines = script.stdout.lines().filter(|line| {
        ["-- Needs", "create table  ", "insert into  ", "create view"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    expect![[r#"
        -- Needs: psql --set=name=VALUE
        -- Needs: psql --set=secret=VALUE
        create table  :"name"  (value text, raw text default '${secret}')
        insert into  :"name"  (value) values ( :'secret' ), ($$ ${secret} $$)
        -- Needs: psql --set=name=VALUE
        create view v as select * from  :"name" 
        create view v as select * from ${name};
    "#]]
    .assert_eq(&lines.fold(String::new(), |text, line| text + line + "\n"));
    let project = project.file("script.sql", &script.stdout);
    let psql = |settings: &[&str]| {
        Command::new(client("psql"))
            .env_clear()
            .args(["--no-psqlrc", "--quiet", "--file"])
            .arg(project.path("script.sql"))
            .args(settings)
            .arg(database.url())
            .output()
            .unwrap()
    };
    assert!(!psql(&["--set=name=t"]).status.success());
    database.until_unlocked();
    let secret = format!("--set=secret={SECRET}");
    let output = psql(&["--set=name=My \"table\"", &secret]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nin:\n{}", script.stdout);
    assert_eq!(values(&database), VALUES);
    run(&project, Some(&database), "current --check-heads").status(0);
}

#[test]
fn the_server_does_not_see_the_values() {
    let database = Server::shared().database();
    let project = keeping();
    let line = "run --placeholder name=t -- /bin/sh -c '/usr/bin/env > seen'";
    let finished = castoff(&project, &database, line).output();
    finished.status(0);
    assert!(!finished.stderr.contains("is not an option"), "{finished}");
    let seen = std::fs::read_to_string(project.path("seen")).unwrap();
    assert!(seen.contains("DATABASE_URL="), "{seen}");
    assert!(!seen.contains("PLACEHOLDER"), "{seen}");
}
