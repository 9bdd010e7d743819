//! What has another name: said by an option, by a comment in the declared schema, or when asked.

use expect_test::expect;

use super::migrate_generated::{files, project};
use super::support::castoff::Status;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::terminal::{Terminal, screen};
use super::support::transcript::run;

/// The upgrade and the downgrade of the only generated file.
fn written(project: &Project) -> String {
    let names = files(project);
    assert_eq!(names.len(), 2, "{names:?}");
    let path = format!("migrations/{}", names[1]);
    let text = std::fs::read_to_string(project.path(&path)).unwrap();
    text.split_once("\n\n").unwrap().1.to_owned()
}

fn major(database: &Database<'_>) -> u32 {
    let version = database.rows("show server_version_num");
    version.trim().parse::<u32>().unwrap() / 10_000
}

/// Applies what was written to a database with rows, takes it back, and applies it again.
fn both_ways(project: &Project, database: &Database<'_>, rows: &str, [old, new]: [&str; 2]) {
    run(project, Some(database), "upgrade aaaa11").status(0);
    database.sql(rows);
    for (line, there) in [
        ("upgrade", new),
        ("downgrade aaaa11", old),
        ("upgrade", new),
    ] {
        run(project, Some(database), line).status(0);
        assert_eq!(database.rows(there), "kept\n", "{line}");
    }
    run(project, Some(database), "check").status(0);
}

#[test]
fn comments_rename_tables_columns_types_values_and_functions() {
    let project = project(
        "create type mood as enum ('sad', 'so so');\n\
         create table \"user\" (id bigserial primary key, full_name text not null unique, m mood default 'so so');\n\
         create index on \"user\" (full_name);\n\
         create view v as select id, m from \"user\";\n\
         create function f(m mood) returns integer language sql as 'select 1';",
        "-- renamed from: mood\n\
         create type temper as enum (\n    'sad',\n    'fine' -- renamed from: 'so so'\n);\n\
         -- Who may log in.\n-- Renamed From: user\n\
         create table account (\n\
             id bigserial primary key,\n\
             name varchar(99) not null unique, -- renamed from: full_name\n\
             m temper default 'fine'\n\
         );\n\
         create index on account (name);\n\
         create view v as select id, m from account;\n\
         create function g(m temper) returns integer language sql as 'select 1'; --renamed from: f\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "migrate -m Names").status(0);
    // Since 18 the constraints that say `not null` have names that follow.
    if major(&database) >= 18 {
        return;
    }
    expect![[r#"
        -- upgrade
        alter routine public.f(public.mood) rename to g;
        alter type public.mood rename value 'so so' to 'fine';
        alter table public."user" rename column full_name to name;
        alter type public.mood rename to temper;
        alter table public."user" rename to account;
        alter sequence public.user_id_seq rename to account_id_seq;
        alter table public.account rename constraint user_full_name_key to account_name_key;
        alter table public.account rename constraint user_pkey to account_pkey;
        alter index public.user_full_name_idx rename to account_name_idx;

        -- locks public.account (access exclusive); rewrites it
        -- probe: select exists (select from public.account where char_length(rtrim(name::text)) > 99) -- values of name in public.account are none of character varying(99)
        alter table public.account alter column name type character varying(99);

        -- downgrade
        -- locks public.account (access exclusive)
        alter table public.account alter column name type text;
        alter index public.account_name_idx rename to user_full_name_idx;
        alter table public.account rename constraint account_pkey to user_pkey;
        alter table public.account rename constraint account_name_key to user_full_name_key;
        alter sequence public.account_id_seq rename to user_id_seq;
        alter table public.account rename to "user";
        alter type public.temper rename to mood;
        alter table public."user" rename column name to full_name;
        alter type public.mood rename value 'fine' to 'so so';
        alter routine public.g(public.mood) rename to f;
    "#]]
    .assert_eq(&written(&project));
    both_ways(
        &project,
        &database,
        "insert into \"user\" (full_name) values ('kept')",
        [
            "select full_name from \"user\" where m = 'so so'",
            "select name from account where m = 'fine'",
        ],
    );
}

#[test]
fn options_rename_in_chains_and_circles_and_to_other_schemas() {
    let project = project(
        "create table a (n text);\ncreate table b (n text);\n\
         create table x (\"One\" text, two text);\ncreate table m (n text);",
        "create schema other;\ncreate table b (n text);\ncreate table c (n text);\n\
         create table x (\"One\" text, two text);\ncreate table other.m2 (n text);\n",
    );
    let database = Server::shared().database();
    let line = "migrate -m Names --rename a=b --rename b=c --rename 'x.\"One\"=two' \
        --rename 'x.two=\"One\"' --rename m=other.m2";
    run(&project, Some(&database), line).status(0);
    expect![[r#"
        -- upgrade
        create schema other;
        alter table public.x rename column "One" to castoff_renamed_1;
        alter table public.x rename column two to "One";
        alter table public.x rename column castoff_renamed_1 to two;
        alter table public.b rename to c;
        alter table public.a rename to b;
        alter table public.m rename to m2;
        alter table public.m2 set schema other;

        -- downgrade
        alter table other.m2 set schema public;
        alter table public.m2 rename to m;
        alter table public.b rename to a;
        alter table public.c rename to b;
        alter table public.x rename column two to castoff_renamed_1;
        alter table public.x rename column "One" to two;
        alter table public.x rename column castoff_renamed_1 to "One";
        drop schema other;
    "#]]
    .assert_eq(&written(&project));
    both_ways(
        &project,
        &database,
        "insert into x values ('kept', 'other'); insert into m values ('kept'); insert into a values ('kept')",
        [
            "select \"One\" from x join m on n = \"One\" join a using (n)",
            "select two from x join other.m2 on n = two join b using (n)",
        ],
    );
}

#[test]
fn every_kind_that_has_a_name_can_be_renamed_between_databases() {
    let server = Server::shared();
    let (old, new) = (server.database(), server.database());
    let schema = |names: [&str; 2]| {
        let text = "create schema s_OLD;\n\
            create type c_OLD as (a_OLD integer, b text);\n\
            create domain d_OLD as integer constraint dc_OLD check (value > 0);\n\
            create type r_OLD as range (subtype = integer);\n\
            create sequence q_OLD;\n\
            create table t (id integer primary key, g integer, constraint k_OLD check (g > 1));\n\
            create index i_OLD on t (g);\n\
            create statistics st_OLD on id, g from t;\n\
            create view v_OLD as select id as w_OLD from t;\n\
            create materialized view mv_OLD as select id from t;\n\
            create function tf() returns trigger language plpgsql as 'begin return new; end';\n\
            create trigger tr_OLD before insert on t for each row execute function tf();\n\
            create policy p_OLD on t using (true);\n\
            create rule ru_OLD as on delete to t do instead nothing;\n\
            create aggregate ag_OLD (integer) (sfunc = int4pl, stype = integer);\n\
            create procedure pr_OLD(integer) language sql as 'select 1';\n\
            create foreign data wrapper fw;\n\
            create server sv foreign data wrapper fw;\n\
            create foreign table ft_OLD (fc_OLD integer) server sv;\n\
            create publication pub_OLD for table t;\n";
        text.replace("OLD", names[0])
    };
    old.sql(&schema(["old", "new"]));
    new.sql(&schema(["new", "old"]));
    let renames = [
        "s_old=s_new",
        "c_old=c_new",
        "c_old.a_old=a_new",
        "domain d_old=d_new",
        "constraint d_new.dc_old=dc_new",
        "r_old=r_new",
        "q_old=q_new",
        "t.k_old=k_new",
        "i_old=i_new",
        "st_old=st_new",
        "v_old=v_new",
        "v_old.w_old=w_new",
        "mv_old=mv_new",
        "t.tr_old=tr_new",
        "t.p_old=p_new",
        "rule t.ru_old=ru_new",
        "ag_old=ag_new",
        "pr_old(integer)=pr_new",
        "foreign table ft_old=ft_new",
        "ft_new.fc_old=fc_new",
        "pub_old=pub_new",
    ];
    let project = Project::empty();
    let (from, to) = (old.url(), new.url());
    let castoff = project.castoff(["diff", &from, &to]).database(&old);
    let castoff = castoff.with(|command| {
        for rename in &renames {
            command.args(["--rename", rename]);
        }
    });
    let finished = castoff.output();
    finished.status(0);
    // Before 14 a range has no other type with a name of its own.
    if major(&old) < 14 {
        return;
    }
    expect![[r#"
        alter aggregate public.ag_old(integer) rename to ag_new;
        alter routine public.pr_old(integer) rename to pr_new;
        alter type public.c_old rename attribute a_old to a_new;
        alter domain public.d_old rename constraint dc_old to dc_new;
        alter table public.t rename constraint k_old to k_new;
        alter view public.v_old rename column w_old to w_new;
        alter trigger tr_old on public.t rename to tr_new;
        alter policy p_old on public.t rename to p_new;
        alter rule ru_old on public.t rename to ru_new;
        alter table public.ft_old rename column fc_old to fc_new;
        alter type public.c_old rename to c_new;
        alter domain public.d_old rename to d_new;
        alter type public.r_old rename to r_new;
        alter sequence public.q_old rename to q_new;
        alter index public.i_old rename to i_new;
        alter statistics public.st_old rename to st_new;
        alter view public.v_old rename to v_new;
        alter materialized view public.mv_old rename to mv_new;
        alter foreign table public.ft_old rename to ft_new;
        alter schema s_old rename to s_new;
        alter publication pub_old rename to pub_new;
        alter type public.r_old_multirange rename to r_new_multirange;
        alter function public.r_old_multirange() rename to r_new_multirange;
        alter function public.r_old_multirange(public.r_new) rename to r_new_multirange;
        alter function public.r_old_multirange(variadic public.r_new[]) rename to r_new_multirange;
    "#]]
    .assert_eq(&finished.stdout);
    let only_renames = |line: &str| line.contains(" rename ");
    let session = old.session();
    for statement in finished.stdout.split(";\n").filter(|one| !one.is_empty()) {
        session.sql(statement);
    }
    let rest = project
        .castoff(["diff", &from, &to])
        .database(&old)
        .output();
    assert!(!rest.stdout.lines().any(only_renames), "{rest}");
}

#[test]
fn a_name_that_nothing_has_is_refused() {
    let project = project(
        "create table t (a text);",
        "create table t (\n    a text,\n    b text -- renamed from: nope\n);\n",
    );
    let database = Server::shared().database();
    let told = |line: &str| {
        let finished = run(&project, Some(&database), line);
        assert_eq!(finished.stdout, "");
        format!("{}{}", finished.stderr, files(&project).len())
    };
    expect![[r"
        error[rename-unknown]: the comment `renamed from: nope` cannot be carried out: there is nothing with the old name in the schema as it is
          --> schema/schema.sql:3
           3 |     b text -- renamed from: nope
          help: correct the old name, or remove the comment
        1"]]
    .assert_eq(&told("migrate -m X"));
    let project = self::project("create table t (a text);", "create table t (a text);\n");
    let told = |line: &str| run(&project, Some(&database), line).stderr;
    expect![[r"
        error[rename-unknown]: `--rename t.b=c` cannot be carried out: there is nothing with the old name in the schema as it is
          help: correct --rename (CASTOFF_RENAME): both names as they are in the schemas, such as `public.t.old=new`
    "]]
    .assert_eq(&told("check --rename t.b=c"));
    expect![[r"
        error[rename-unknown]: `--rename t.a=c` cannot be carried out: there is nothing with the new name, of the same kind and in the same place, in the schema as it is to be
          help: correct --rename (CASTOFF_RENAME): both names as they are in the schemas, such as `public.t.old=new`
    "]]
    .assert_eq(&told("check --rename t.a=c"));
    expect![[r#"
        error[config-value]: `--rename`: `a` is not OLD=NEW, such as t.old=new
          help: set `--rename` to OLD=NEW, such as t.old=new
    "#]]
    .assert_eq(&told("check --rename a"));
    let project = project.file(
        "schema/schema.sql",
        "create table t (a text);\n-- renamed from: u\ngrant select on t to public;\n",
    );
    let told = run(&project, Some(&database), "check").stderr;
    expect![[r"
        error[rename-misplaced]: the comment `renamed from` says of nothing that it has another name: the statement makes nothing that has a name
          --> schema/schema.sql:2
           2 | -- renamed from: u
          help: write it in a line above what has the new name, or behind it in its line
    "]]
    .assert_eq(&told);
    let twice = self::project(
        "create schema o;\ncreate table t (a text);\ncreate table o.t (a text);",
        "create schema o;\ncreate table u (a text);\ncreate table o.u (a text);\n",
    );
    let told = run(&twice, Some(&database), "check --rename t=u").stderr;
    expect![[r"
        error[rename-ambiguous]: `--rename t=u` can be read in more than one way: table o.t, table public.t
          help: name the schema and the kind: --rename 'column public.t.old=new'
    "]]
    .assert_eq(&told);
}

#[test]
fn a_loss_that_may_be_a_rename_is_refused_with_the_option_to_say_so() {
    let project = project(
        "create table t (id integer, full_name text);\ncreate table \"Big\" (a text, b text);",
        "create table t (id integer, name text);\ncreate table small (a text, b text);\n",
    );
    let database = Server::shared().database();
    let finished = run(&project, Some(&database), "migrate -m X");
    finished.check(&expect![[r#"
        status 14
        --- stderr
        error[would-lose-data]: the migration would lose data: alter table public.t drop column full_name (the column and its values)
          also: drop table public."Big" (the table and its rows)
          perhaps renamed: --rename 'public."Big"=small'
            --rename public.t.full_name=name
          help: if something has another name now, say so with such an option; if the loss is meant, run it again with --allow-destructive
    "#]]);
    run(
        &project,
        Some(&database),
        "migrate -m X --rename public.\"Big\"=small --rename public.t.full_name=name",
    )
    .status(0);
    assert!(!written(&project).contains("drop"), "{}", written(&project));
}

#[test]
fn somebody_at_a_terminal_is_asked() {
    let project = project(
        "create table \"user\" (id integer, full_name text);",
        "create table account (id integer, name text);\n",
    );
    let database = Server::shared().database();
    let start = || {
        let castoff = project.castoff(["migrate", "-m", "X", "--rev-id", "bbbb22"]);
        Terminal::start_with_input(castoff.database(&database))
    };
    // No is the answer of whoever says nothing.
    let mut terminal = start();
    terminal.until_drawn(&["is table public.account the new name of public.user? [y/N]"]);
    terminal.type_keys("\n");
    terminal.until_drawn(&["write this migration all the same? [y/N]"]);
    terminal.type_keys("\n");
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(14), "{written}");
    assert_eq!(files(&project).len(), 1);

    let mut terminal = start();
    terminal.until_drawn(&["is table public.account the new name"]);
    terminal.type_keys("y\n");
    terminal
        .until_drawn(&["is column public.account.name the new name of public.account.full_name"]);
    terminal.type_keys("y\n");
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(0), "{written}");
    assert!(
        screen(&written)
            .iter()
            .any(|line| line.contains("wrote revision bbbb22"))
    );
    expect![[r#"
        -- upgrade
        alter table public."user" rename column full_name to name;
        alter table public."user" rename to account;

        -- downgrade
        alter table public.account rename to "user";
        alter table public."user" rename column name to full_name;
    "#]]
    .assert_eq(&self::written(&project));
}

#[test]
fn renames_come_in_a_migration_of_their_own_where_the_rest_cannot_run_with_them() {
    let project = project(
        "create type mood as enum ('sad');\ncreate table t (m mood);",
        "-- renamed from: mood\ncreate type temper as enum ('sad', 'happy');\n\
         create table t (m temper default 'happy');\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "migrate -m X").status(0);
    assert_eq!(files(&project).len(), 4, "{:?}", files(&project));
    for line in ["upgrade", "check", "downgrade aaaa11", "upgrade", "check"] {
        run(&project, Some(&database), line).status(0);
    }
}
