//! Starting with nothing, and starting with a database.

use std::process::Command;

use expect_test::expect;

use super::support::clients::client;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::{prepare, run, transcript};

#[test]
fn init_makes_what_the_other_commands_need() {
    let database = Server::shared().database();
    let project = Project::empty();
    let init = run(&project, None, "init");
    init.status(0);
    let written: Vec<&str> = init.stdout.lines().collect();
    assert_eq!(written[0], "castoff.toml");
    assert!(written[1].starts_with("migrations/2"), "{init}");
    for path in written {
        assert!(project.path(path).is_file(), "{path}");
    }
    run(&project, Some(&database), "upgrade").status(0);
    let said = transcript(&project, None, &["init", "init --migrations other"]);
    assert!(said.contains("`migrations` is there already"), "{said}");
    assert!(project.path("other").is_dir());
    let lines = ["history", "upgrade", "revision -m x", "bundle -o x"];
    let said = transcript(&Project::empty(), None, &lines);
    expect![[r#"
        $ castoff history
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init`

        $ castoff upgrade
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

        $ castoff revision -m x
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init`

        $ castoff bundle -o x
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init`

    "#]].assert_eq(&said);
}

/// Nothing where the machine's `pg_dump` is older than the server.
fn dump(database: &Database<'_>) -> Option<String> {
    let output = Command::new(client("pg_dump"))
        .args(["--schema-only", "--no-owner", "--exclude-schema=castoff"])
        .arg(database.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("server version mismatch") {
        return None;
    }
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer ones write a random word, to keep psql from running what a server may slip in.
    let lines = text.lines().filter(|line| !line.contains("restrict "));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

const OBJECTS: &str = r#"
create schema "Odd ""name";
create type mood as enum ('sad', 'it''s ok', 'happy;');
create sequence "Odd ""name".numbers start 7;
create table person (
    id bigint generated always as identity primary key,
    name text not null default E'a\\b\n;-- no comment',
    mood mood not null default 'sad',
    number bigint default nextval('"Odd ""name".numbers'),
    check (name <> '$$')
);
comment on table person is 'People; -- upgrade
-- downgrade
';
create function double(n integer) returns integer language plpgsql as $body$
-- upgrade
begin
    return n * 2; -- 'a quote
end
$body$;
create function plain() returns text language sql as 'select ''$x$; \restrict''';
create view happy as select name from person where mood = 'happy;';
create index on person (lower(name)) where mood <> 'sad';
create table empty_one ();
create trigger t before update on person for each row execute function suppress_redundant_updates_trigger();
create table parts (id integer, at date) partition by range (at);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
insert into person (name) values ('kept out');
"#;

#[test]
fn a_baseline_makes_the_same_database_again() {
    let server = Server::shared();
    let old = server.database();
    old.sql(OBJECTS);
    let project = Project::empty();
    let path = client("pg_dump").parent().unwrap().display().to_string();
    let with_path = |line: &str| {
        prepare(&project, Some(&old), line)
            .env("PATH", &path)
            .output()
    };
    let init = with_path("init --from-database");
    let Some(before) = dump(&old) else {
        init.status(12);
        assert!(init.stderr.starts_with("error[dump-failed]"), "{init}");
        return;
    };
    init.status(0);
    let id = init
        .stdout
        .lines()
        .last()
        .unwrap()
        .split('_')
        .nth(1)
        .unwrap()
        .to_owned();
    assert!(
        init.stderr.contains(&format!("castoff stamp {id}")),
        "{init}"
    );
    with_path(&format!("stamp {id}")).status(0);
    with_path("upgrade").status(0);
    assert_eq!(dump(&old).unwrap(), before);
    let new = server.database();
    run(&project, Some(&new), "upgrade").status(0);
    assert_eq!(dump(&new).unwrap(), before);
}

#[test]
fn pg_dump_that_fails_is_quoted_and_nothing_is_written() {
    let database = Server::shared().database();
    let text = "#!/bin/sh\necho one >&2\necho two >&2\nexit 1\n";
    let project = Project::empty().file("bin/text", text);
    // Copied by another process: what this one wrote may be open in a fork, and is then busy.
    let copied = Command::new("install")
        .args(["-m755", "text", "pg_dump"])
        .current_dir(project.path("bin"))
        .status();
    assert!(copied.unwrap().success());
    let path = project.path("bin");
    let said = prepare(&project, Some(&database), "init --from-database")
        .env("PATH", path)
        .output();
    expect![[r#"
        status 12
        --- stderr
        error[dump-failed]: `pg_dump` failed: two
          help: correct what `pg_dump` complains of; it connects as DATABASE_URL says
    "#]]
    .assert_eq(&said.to_string());
    assert!(!project.path("migrations").exists());
}
