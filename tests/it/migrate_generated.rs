//! `castoff migrate`: from the declared schema to a migration that is proved before it is written.

use expect_test::{Expect, expect};
use nix::sys::signal::Signal;

use super::support::castoff::Finished;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::supervisor::binaries;
use super::support::transcript::{prepare, run};
use super::support::{DEADLINE, until};

/// A project with one migration and a declared schema.
pub(super) fn project(migration: &str, declared: &str) -> Project {
    Project::empty()
        .migration(&Migration::new("aaaa11").upgrade(migration))
        .file("schema/schema.sql", declared)
}

/// The names of the migration files behind the date, in order.
pub(super) fn files(project: &Project) -> Vec<String> {
    let entries = project.path("migrations").read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The sections of the file of a revision.
pub(super) fn sections(project: &Project, id: &str) -> String {
    let files = files(project);
    let is_it = |name: &&String| name.contains(&format!("_{id}_"));
    let name = files
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("{files:?}"));
    let text = std::fs::read_to_string(project.path(&format!("migrations/{name}"))).unwrap();
    let (_, sections) = text.split_once("\n\n").unwrap();
    sections.to_owned()
}

/// Runs castoff to its end, and looks that its scratch databases are gone.
fn run_and_look(project: &Project, database: &Database<'_>, line: &str) -> Finished {
    let running = prepare(project, Some(database), line).spawn();
    let pid = running.pid();
    let finished = running.wait(DEADLINE);
    let left = format!(
        "select datname from pg_database where datname like 'castoff\\_scratch\\_{pid}\\_%'"
    );
    assert_eq!(database.rows(&left), "", "{finished}");
    finished
}

/// What `castoff migrate` writes; it can be applied to a real database and taken back, and then
/// there is nothing more to do.
#[track_caller]
fn check(project: &Project, options: &str, expected: &Expect) {
    let database = Server::shared().database();
    let line = format!("migrate -m 'To be' --rev-id bbbb22 {options}");
    run_and_look(project, &database, &line).status(0);
    expected.assert_eq(&sections(project, "bbbb22"));
    for line in ["upgrade", "downgrade aaaa11", "upgrade", "check"] {
        run(project, Some(&database), line).status(0);
    }
}

#[test]
fn a_first_schema_is_written_in_the_order_in_which_it_can_be_made() {
    // Declared from behind: the view first, the key before the table it leads to.
    let project = Project::empty()
        .file("migrations/.keep", "")
        .file(
            "schema/views.sql",
            "create view paid as select total(7::bigint) from invoice;\n",
        )
        .file(
            "schema/a/tables.sql",
            "create table invoice (id bigint primary key, customer bigint not null references customer);\n\
             create table customer (id bigint primary key, name text);\n",
        )
        .file(
            "schema/z.sql",
            "create function total(bigint) returns bigint language sql as 'select $1 + count(*) from invoice';\n",
        );
    let database = Server::shared().database();
    let finished = run_and_look(&project, &database, "migrate -m First --rev-id bbbb22");
    finished.status(0);
    expect![[r#"
        -- upgrade
        set local check_function_bodies = off;
        CREATE OR REPLACE FUNCTION public.total(bigint)
         RETURNS bigint
         LANGUAGE sql
        AS $function$select $1 + count(*) from invoice$function$;
        create table public.customer (
            id bigint not null,
            name text
        );
        create table public.invoice (
            id bigint not null,
            customer bigint not null
        );
        alter table public.customer add constraint customer_pkey PRIMARY KEY (id);
        alter table public.invoice add constraint invoice_customer_fkey FOREIGN KEY (customer) REFERENCES public.customer(id);
        alter table public.invoice add constraint invoice_pkey PRIMARY KEY (id);
        create view public.paid as
         SELECT public.total((7)::bigint) AS total
           FROM public.invoice;

        -- downgrade
        -- Loses what was written into what the upgrade made.

        set local check_function_bodies = off;
        drop view public.paid;
        alter table public.invoice drop constraint invoice_customer_fkey;

        -- loses: the table and its rows
        drop table public.customer;

        -- loses: the table and its rows
        drop table public.invoice;
        drop function public.total(bigint);
    "#]].assert_eq(&sections(&project, "bbbb22"));
    for line in ["upgrade", "check", "downgrade base", "upgrade", "check"] {
        run(&project, Some(&database), line).status(0);
    }
}

#[test]
fn what_differs_is_altered_and_the_way_back_is_written_too() {
    let project = project(
        "create table \"user\" (id bigint primary key);",
        "create table \"user\" (id bigint primary key, avatar text);\n\
         create index on \"user\" (avatar);\n",
    );
    check(
        &project,
        "",
        &expect![[r#"
            -- upgrade autocommit
            -- locks public."user" (share update exclusive); reads all of it
            CREATE INDEX CONCURRENTLY user_avatar_idx ON public."user" USING btree (avatar);

            -- downgrade autocommit
            drop index concurrently public.user_avatar_idx;
        "#]],
    );
}

#[test]
fn a_value_of_an_enum_is_committed_before_it_is_used() {
    let project = project(
        "create type mood as enum ('sad');\ncreate table t (m mood default 'sad');",
        "create table t (m mood default 'happy');\ncreate type mood as enum ('sad', 'happy');\n",
    );
    check(
        &project,
        "",
        &expect![[r#"
            -- upgrade
            -- locks public.t (access exclusive)
            alter table public.t alter column m set default 'happy'::public.mood;

            -- downgrade
            -- locks public.t (access exclusive)
            alter table public.t alter column m set default 'sad'::public.mood;
        "#]],
    );
    let names = files(&project);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names
            .iter()
            .any(|name| name.ends_with("_to_be_values_of_enums.sql")),
        "{names:?}"
    );
}

#[test]
fn what_loses_data_needs_a_word() {
    let project = project(
        "create table t (a integer, b integer);",
        "create table t (a integer);\n",
    );
    let database = Server::shared().database();
    let refused = run_and_look(&project, &database, "migrate -m Less");
    refused.check(&expect![[r#"
        status 14
        --- stderr
        error[would-lose-data]: the migration would lose data: alter table public.t drop column b (the column and its values)
          help: if it is meant, run it again with --allow-destructive
    "#]]);
    assert_eq!(files(&project).len(), 1);
    check(
        &project,
        "--allow-destructive",
        &expect![[r#"
            -- upgrade destructive
            -- loses: the column and its values
            -- locks public.t (access exclusive)
            alter table public.t drop column b;

            -- downgrade
            -- Restores the structure: what the upgrade lost does not come back.

            -- locks public.t (access exclusive)
            alter table public.t add column b integer;
        "#]],
    );
}

#[test]
fn nothing_to_do_is_said_and_nothing_written() {
    let project = project(
        "create table t (a integer);",
        "create table t (a integer);\n",
    );
    let database = Server::shared().database();
    run_and_look(&project, &database, "revision --autogenerate -m Same").check(&expect![[r#"
        status 0
        --- stderr
        castoff: no changes: the declared schema is what the head makes
    "#]]);
    assert_eq!(files(&project).len(), 1);
}

#[test]
fn a_migration_that_does_not_lead_to_the_declared_schema_is_not_written() {
    // A trigger of the database's own changes what the migration makes.
    let trigger = "create function touch() returns event_trigger language plpgsql as $$\n\
        begin\n  alter table invoice add column if not exists touched timestamptz;\nend $$;\n\
        create event trigger touch on ddl_command_end when tag in ('CREATE TABLE')\n\
        execute function touch();";
    let declared = format!("create table invoice (id bigint);\n{trigger}\n");
    let project = project(trigger, &declared);
    let database = Server::shared().database();
    run_and_look(&project, &database, "migrate -m Invoices").check(&expect![[r#"
        status 1
        --- stderr
        error[not-proved]: the generated upgrade does not lead to the declared schema: nothing was written
          still different: alter table public.invoice drop column touched
          help: write the migration by hand with `castoff revision`, beginning with what `castoff check` prints, and report the difference
    "#]]);
    assert_eq!(files(&project).len(), 1);
}

#[test]
fn what_cannot_be_made_is_named_with_its_place() {
    let project = project(
        "create table t ();",
        "create view v as\n  select * from missing;\ncreate view w as select * from v;\n\
         create table t ();\n",
    );
    let database = Server::shared().database();
    run_and_look(&project, &database, "migrate -m V").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-unloadable]: 2 of the declared schema's statements cannot be run
          --> schema/schema.sql:2:17
           1 | create view v as
           2 |   select * from missing;
          caused by: 42P01 relation "missing" does not exist
          also: schema/schema.sql:3:32: 42P01 relation "v" does not exist
          help: correct the declared schema
    "#]]);
    let project = project.file(
        "schema/schema.sql",
        "create table t ();\ninsert into t default values;\n",
    );
    run_and_look(&project, &database, "migrate -m V").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-declares-nothing]: the declared schema says `insert`, which declares nothing
          --> schema/schema.sql:2
           2 | insert into t default values;
          help: leave it out: a declaration says what there is to be; rows are the work of a migration
    "#]]);
    let project = project.file("schema/schema.sql", "create table t (;\n");
    run_and_look(&project, &database, "migrate -m V").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-unloadable]: 1 of the declared schema's statements cannot be run
          --> schema/schema.sql:1:17
           1 | create table t (;
          caused by: 42601 syntax error at or near ";"
          help: correct the declared schema
    "#]]);
    let project = project.file("schema/schema.sql", "create table t (a text default 'x);\n");
    run_and_look(&project, &database, "migrate -m V").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-unreadable]: the declared schema cannot be read: string is never closed
          --> schema/schema.sql:1
           1 | create table t (a text default 'x);
          help: close it with `'`; a quote inside the string is written twice
    "#]]);
    std::fs::remove_file(project.path("schema/schema.sql")).unwrap();
    run_and_look(&project, &database, "migrate -m V").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-not-declared]: no schema is declared: `schema` has no `*.sql` files
          help: write the schema as `create` statements into ./schema, or name it with --schema or --schema-command
    "#]]);
}

#[test]
fn scratch_databases_go_when_castoff_is_told_to_stop() {
    let project = project("select pg_sleep(600);", "create table t ();\n");
    let database = Server::shared().database();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let running = prepare(&project, Some(&database), "migrate -m T").spawn();
        let name = format!("castoff\\_scratch\\_{}\\_%", running.pid());
        let sleeps = format!(
            "select 1 from pg_stat_activity where datname like '{name}' and query like '%pg_sleep%' and state = 'active'"
        );
        until("the migration sleeps", DEADLINE, || {
            (database.rows(&sleeps) == "1\n").then_some(())
        });
        running.signal(signal);
        running.wait(DEADLINE).status(128 + signal as i32);
        let left = format!("select datname from pg_database where datname like '{name}'");
        assert_eq!(database.rows(&left), "");
    }
}

#[test]
fn what_a_killed_castoff_left_is_swept_by_the_next() {
    let project = project("select pg_sleep(600);", "create table t ();\n");
    let database = Server::shared().database();
    let running = prepare(&project, Some(&database), "migrate -m T").spawn();
    let name = format!("castoff\\_scratch\\_{}\\_%", running.pid());
    let left = format!("select datname from pg_database where datname like '{name}'");
    let sleeps = format!(
        "select pid from pg_stat_activity where datname like '{name}' and query like '%pg_sleep%' and state = 'active'"
    );
    let backend = until("the migration sleeps", DEADLINE, || {
        let pid = database.rows(&sleeps);
        (!pid.is_empty()).then_some(pid)
    });
    running.signal(Signal::SIGKILL);
    drop(running.wait(DEADLINE));
    database.rows(&format!("select pg_terminate_backend({})", backend.trim()));
    until("nobody is connected", DEADLINE, || {
        database.rows(&sleeps).is_empty().then_some(())
    });
    assert_ne!(database.rows(&left), "");
    let project = self::project("create table t ();", "create table t ();\n");
    run(&project, Some(&database), "check").status(0);
    assert_eq!(database.rows(&left), "");
}

#[test]
fn without_a_server_a_private_one_is_started_and_ended() {
    let project = project("create table t ();", "create table t (a integer);\n");
    let path = std::env::join_paths([binaries()]).unwrap();
    let temporary = project.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    std::fs::set_permissions(
        &temporary,
        std::os::unix::fs::PermissionsExt::from_mode(0o1777),
    )
    .unwrap();
    std::fs::set_permissions(
        project.directory(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let finished = prepare(&project, None, "migrate -m A --rev-id bbbb22")
        .env("PATH", &path)
        .env("TMPDIR", &temporary)
        .output();
    finished.status(0);
    let told = "castoff: comparing schemas on a private server\ncastoff: wrote revision bbbb22\n";
    assert_eq!(finished.stderr, told);
    assert!(sections(&project, "bbbb22").contains("add column a integer"));
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
    // Also for a role that may not create databases; its server's roles are there.
    let database = Server::shared().database();
    let role = format!("plain_{}", database.name());
    database.sql(&format!(
        "set password_encryption = 'scram-sha-256'; create role {role} login password 'x'"
    ));
    let url = database
        .url()
        .replace("tester:Kp7x-hush-Qz4", &format!("{role}:x"));
    let project = project.file(
        "schema/schema.sql",
        format!("create table t (a integer);\ngrant select on t to {role};\n"),
    );
    let line = format!("DATABASE_URL={url} check");
    let finished = prepare(&project, None, &line)
        .env("PATH", &path)
        .env("TMPDIR", &temporary)
        .output();
    database.sql(&format!("drop role {role}"));
    finished.status(1);
    assert_eq!(
        finished.stdout,
        format!("grant select on table public.t to {role};\n")
    );
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
}

#[test]
fn a_command_may_print_the_schema() {
    let project =
        project("create table t ();", "").file("models.sql", "create table t (a integer);\n");
    let database = Server::shared().database();
    let migrate = |command: &str| {
        let line = format!("migrate -m A --rev-id bbbb22 --schema-command '{command}'");
        run_and_look(&project, &database, &line)
    };
    migrate("false").check(&expect![[r#"
        status 17
        --- stderr
        error[schema-command-failed]: `false` failed: it ended with status 1
          help: correct --schema-command (CASTOFF_SCHEMA_COMMAND), so that it prints DDL and ends with status 0
    "#]]);
    migrate("cat models.sql").status(0);
    assert!(sections(&project, "bbbb22").contains("add column a integer"));
}

#[test]
fn a_statement_that_the_server_refuses_is_shown_and_not_written() {
    // The head has a row, and the declared column may not be empty.
    let project = project(
        "create table t (a integer);\ninsert into t values (1);",
        "create table t (a integer, b integer not null);\n",
    );
    let database = Server::shared().database();
    run_and_look(&project, &database, "migrate -m B").check(&expect![[r#"
        status 1
        --- stderr
        error[not-runnable]: a generated statement is refused: nothing was written
          caused by: P0001 public.t has rows, and there is no value for its new column b
          postgres hint: add b with a default, or without not null, and fill it first
          postgres context: PL/pgSQL function inline_code_block line 2 at RAISE
          statement: do $$ begin if exists (select from public.t) then
                raise exception 'public.t has rows, and there is no value for its new column b'
                    using hint = 'add b with a default, or without not null, and fill it first'; end if; end $$
          help: write the migration by hand with `castoff revision`, beginning with what `castoff check` prints, and report the difference
    "#]]);
    assert_eq!(files(&project).len(), 1);
}

#[test]
fn the_head_is_built_with_its_deferred_batches_and_without_hooks() {
    let batches = Migration::new("bbbb22").after("aaaa11").upgrade(
        "-- batch table=t key=id size=50 pause=0 deferred\n\
             update t set n = 1 where id > :low and id <= :high;",
    );
    let strict = Migration::new("cccc33")
        .after("bbbb22")
        .header("requires_backfill: bbbb22")
        .upgrade("alter table t alter column n set not null;");
    let project = project(
        "create table t (id bigint primary key, n integer);\n\
         insert into t select i from generate_series(1, 100) i;",
        "create table t (id bigint primary key, n integer not null);\n",
    )
    .migration(&batches)
    .migration(&strict)
    .file("migrations/before.sql", "select 1 / 0;\n");
    let database = Server::shared().database();
    run_and_look(&project, &database, "--before=false check").check(&expect![[r#"
        status 0
        --- stderr
        castoff: no changes: the declared schema is what the head makes
    "#]]);
}
