//! Starting with nothing, and starting with a database.

use expect_test::expect;

use super::support::castoff::Finished;
use super::support::database::Database;
use super::support::dump::dump;
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
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`

        $ castoff upgrade
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

        $ castoff revision -m x
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`

        $ castoff bundle -o x
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`

    "#]].assert_eq(&said);
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

fn structure(database: &Database<'_>) -> Option<Vec<String>> {
    let text = dump(database, ["--schema-only", "--no-owner"])?;
    // Newer ones write a random word, to keep psql from running what a server may slip in.
    let lines = text.lines().filter(|line| !line.contains("restrict "));
    Some(lines.map(str::to_owned).collect())
}

/// The id in the name of the baseline's file.
fn baseline(init: &Finished) -> String {
    let mut lines = init.stdout.lines();
    let path = lines.find(|line| line.starts_with("migrations/")).unwrap();
    let id = path.split('_').nth(1).unwrap().to_owned();
    let told = format!("now run `castoff stamp {id}` on that database");
    assert!(init.stderr.contains(&told), "{init}");
    id
}

#[test]
fn a_baseline_makes_the_same_database_again() {
    let server = Server::shared();
    let old = server.database();
    old.sql(OBJECTS);
    let before = structure(&old);
    let project = Project::empty();
    // Nothing of PostgreSQL's own programs is needed.
    let with = |line: &str| {
        prepare(&project, Some(&old), line)
            .env("PATH", "/none")
            .output()
    };
    let init = with("init --from-database --schema schema");
    init.status(0);
    let id = baseline(&init);
    with("check").status(0);
    with(&format!("stamp {id}")).status(0);
    with("upgrade").status(0);
    assert_eq!(with(&format!("diff head {}", old.url())).stdout, "");
    let new = server.database();
    run(&project, Some(&new), "upgrade").status(0);
    if let Some(before) = before {
        assert_eq!(structure(&old).unwrap(), before);
        assert_eq!(structure(&new).unwrap(), before);
    }
    assert_eq!(new.rows("select count(*) from person"), "0\n");
    for file in [
        "tables/person.sql",
        "views/happy.sql",
        "types.sql",
        "schemas.sql",
    ] {
        assert!(project.path(&format!("schema/{file}")).is_file(), "{file}");
    }
    let person = std::fs::read_to_string(project.path("schema/tables/person.sql")).unwrap();
    assert!(person.contains("CREATE INDEX person_lower_idx"), "{person}");
}

#[test]
fn a_baseline_says_what_others_may_and_not_whose_it_is() {
    let server = Server::shared();
    let old = server.database();
    let (owner, web) = (
        format!("{}_owner", old.name()),
        format!("{}_web", old.name()),
    );
    old.sql(&format!(
        "create role {owner}; create role {web}; create table a (id integer); alter table a owner to {owner}; grant select on a to {web};
         create view v as select id from a;
         alter default privileges grant select on tables to {web};
         create table alembic_version (version_num text primary key)"
    ));
    let project = Project::empty();
    run(
        &project,
        Some(&old),
        "init --from-database --schema all.sql",
    )
    .status(0);
    run(&project, Some(&old), "check").status(0);
    let text = std::fs::read_to_string(project.path("all.sql")).unwrap();
    assert!(
        text.contains(&format!("grant select on table public.a to {web};")),
        "{text}"
    );
    // What is granted in advance is no right to what is there already.
    assert!(!text.contains("on table public.v"), "{text}");
    assert!(text.contains("alter default privileges"), "{text}");
    for absent in [owner.as_str(), "alembic", "owner to"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    let new = server.database();
    run(&project, Some(&new), "upgrade").status(0);
    let may = format!("select has_table_privilege('{web}', 'a', 'select')");
    assert_eq!(new.rows(&may), "t\n");

    let bare = Project::empty();
    let line = "init --from-database --schema all.sql --without privileges";
    run(&bare, Some(&old), line).status(0);
    let text = std::fs::read_to_string(bare.path("all.sql")).unwrap();
    assert!(!text.contains(web.as_str()), "{text}");
}

#[test]
fn nothing_is_written_over() {
    let database = Server::shared().database();
    let project = Project::empty()
        .file("schema/mine.sql", "create table mine ();")
        .file("mine.sql", "");
    let lines = [
        "init --from-database --schema schema",
        "init --from-database --schema mine.sql",
        "init --from-database --schema postgres://u:secret@h/d",
        "init --schema other",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff init --from-database --schema schema
        status 2
        --- stderr
        error[exists]: `schema` is there already
          help: choose another name, or remove it

        $ castoff init --from-database --schema mine.sql
        status 2
        --- stderr
        error[exists]: `mine.sql` is there already
          help: choose another name, or remove it

        $ castoff init --from-database --schema postgres://u:secret@h/d
        status 10
        --- stderr
        error[config-value]: --schema: `postgres…` is not a path here: that is where the declaration is written
          help: set --schema to a path here: that is where the declaration is written

        $ castoff init --schema other
        status 2
        --- stderr
        error: the following required arguments were not provided:
          --from-database

        Usage: castoff init --from-database --schema <PATH>

        For more information, try '--help'.

    "#]].assert_eq(&said);
    assert!(!project.path("migrations").exists());
    assert!(!project.path("castoff.toml").exists());
}
