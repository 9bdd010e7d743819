//! What a generated migration says of its statements: what each loses, locks, reads and rewrites, and
//! which rows would make it fail. Exactly: a line more is as wrong as a line less.

use expect_test::{Expect, expect};

use super::migrate_generated::{files, project};
use super::support::castoff::Finished;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

/// Writes the migration from one schema to another.
fn migrate(database: &Database<'_>, old: &str, new: &str) -> (Project, Finished) {
    let project = project(old, new);
    let line = "migrate -m 'To be' --rev-id bbbb22 --allow-destructive --online off";
    let finished = run(&project, Some(database), line);
    finished.status(0);
    (project, finished)
}

/// The upgrade of the last file, without the lines that only begin it.
fn upgrade(project: &Project) -> String {
    let name = files(project).pop().unwrap();
    let text = std::fs::read_to_string(project.path(&format!("migrations/{name}"))).unwrap();
    let (_, sections) = text.split_once("\n-- upgrade").unwrap();
    let (upgrade, _) = sections.split_once("\n-- downgrade").unwrap();
    upgrade
        .trim_start_matches(" destructive\n")
        .trim_start()
        .to_owned()
}

#[track_caller]
fn check(old: &str, new: &str, expected: &Expect) {
    let database = Server::shared().database();
    let (project, _) = migrate(&database, old, new);
    expected.assert_eq(&upgrade(&project));
}

#[test]
fn new_tables_are_nobodys_business() {
    check(
        "create table other (id int primary key);",
        "create table other (id int primary key);
         create table t (id int primary key, o int references other, check (id > 0));
         create index on t (o);
         create view v as select 1 as one;",
        &expect![[r#"
            create table public.t (
                id integer not null,
                o integer
            );
            alter table public.t add constraint t_id_check CHECK ((id > 0));

            -- locks public.other (share row exclusive)
            alter table public.t add constraint t_o_fkey FOREIGN KEY (o) REFERENCES public.other(id);
            alter table public.t add constraint t_pkey PRIMARY KEY (id);
            create view public.v as
             SELECT 1 AS one;
            CREATE INDEX t_o_idx ON public.t USING btree (o);
        "#]],
    );
}

#[test]
fn columns() {
    check(
        "create table t (a int, b int, c text, gone text);",
        "create table t (a int not null, b bigint, c text default 'x', d int default 5, e int not null, f float8 default random());",
        &expect![[r#"
            -- loses: the column and its values
            -- locks public.t (access exclusive)
            alter table public.t drop column gone;

            -- locks public.t (access exclusive); reads all of it
            -- probe: select exists (select from public.t where a is null) -- rows of public.t have no value in a
            alter table public.t alter column a set not null;

            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column b type bigint;

            -- locks public.t (access exclusive)
            alter table public.t add column d integer default 5;

            -- probe: select exists (select from public.t) -- public.t has rows, and there is no value for its new column e
            do $$ begin if exists (select from public.t) then
                raise exception 'public.t has rows, and there is no value for its new column e'
                    using hint = 'add e with a default, or without not null, and fill it first'; end if; end $$;

            -- locks public.t (access exclusive); reads all of it
            alter table public.t add column e integer not null;

            -- locks public.t (access exclusive); rewrites it
            alter table public.t add column f double precision default random();

            -- locks public.t (access exclusive)
            alter table public.t alter column c set default 'x'::text;
        "#]],
    );
}

#[test]
fn constraints_and_indexes() {
    check(
        "create table r (id int primary key); create table t (a int, b int, c text, r int, s int4range);",
        "create table r (id int primary key);
         create table t (a int check (a > 0), b int primary key, c text unique, r int references r, s int4range, exclude using gist (s with &&));
         create unique index on t (lower(c), a desc) where b > 0;
         create index on t (r);",
        &expect![[r#"
            -- locks public.t (access exclusive); reads all of it
            -- probe: select exists (select from public.t where b is null) -- rows of public.t have no value in b
            alter table public.t alter column b set not null;

            -- locks public.t (access exclusive); reads all of it
            -- probe: select exists (select from public.t where not ((a > 0))) -- rows of public.t do not pass t_a_check
            alter table public.t add constraint t_a_check CHECK ((a > 0));

            -- locks public.t (access exclusive); reads all of it
            -- probe: select exists (select from public.t where c is not null group by c having count(*) > 1) -- rows of public.t have the same c
            alter table public.t add constraint t_c_key UNIQUE (c);

            -- locks public.t (access exclusive); reads all of it
            -- probe: select exists (select from public.t group by b having count(*) > 1) or exists (select from public.t where b is null) -- rows of public.t have the same b, or none
            alter table public.t add constraint t_pkey PRIMARY KEY (b);

            -- locks public.t (share row exclusive); reads all of it
            -- locks public.r (share row exclusive)
            -- probe: select exists (select from public.t a where a.r is not null and not exists (select from public.r b where b.id = a.r)) -- rows of public.t lead to no row of public.r
            alter table public.t add constraint t_r_fkey FOREIGN KEY (r) REFERENCES public.r(id);

            -- locks public.t (access exclusive); reads all of it
            -- no probe: rows of public.t may exclude each other
            alter table public.t add constraint t_s_excl EXCLUDE USING gist (s WITH &&);

            -- locks public.t (share); reads all of it
            -- probe: select exists (select from public.t where ((b > 0)) and lower(c) is not null and a is not null group by lower(c), a having count(*) > 1) -- rows of public.t have the same lower(c), a
            CREATE UNIQUE INDEX t_lower_a_idx ON public.t USING btree (lower(c), a DESC) WHERE (b > 0);

            -- locks public.t (share); reads all of it
            CREATE INDEX t_r_idx ON public.t USING btree (r);
        "#]],
    );
}

#[test]
fn types_that_lose_and_types_that_may_fail() {
    check(
        "create table t (a numeric(10, 4), b timestamptz, c varchar(9), d varchar(9), e bigint, f text, g text[], h int, i timestamp);",
        "create table t (a numeric(10, 2), b date, c varchar(5), d text, e int, f numeric, g varchar(5)[], h boolean, i timestamp(0));",
        &expect![[r#"
            -- loses: digits that the new type does not have
            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column a type numeric(10,2);

            -- loses: the times of day
            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column b type date;

            -- locks public.t (access exclusive); rewrites it
            -- probe: select exists (select from public.t where char_length(rtrim(c::text)) > 5) -- values of c in public.t are none of character varying(5)
            alter table public.t alter column c type character varying(5);

            -- locks public.t (access exclusive)
            alter table public.t alter column d type text;

            -- locks public.t (access exclusive); rewrites it
            -- probe: select exists (select from public.t where e not between -2147483648 and 2147483647) -- values of e in public.t are none of integer
            alter table public.t alter column e type integer;

            -- locks public.t (access exclusive); rewrites it
            -- probe: select exists (select from public.t where trim(f::text) !~* '^([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|nan)$') -- values of f in public.t are none of numeric
            alter table public.t alter column f type numeric using f::numeric;

            -- locks public.t (access exclusive); rewrites it
            -- no probe: values of g in public.t may be none of character varying(5)[]
            alter table public.t alter column g type character varying(5)[];

            -- loses: numbers other than 0 and 1
            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column h type boolean using h::boolean;

            -- loses: fractions of seconds
            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column i type timestamp(0) without time zone;
        "#]],
    );
}

#[test]
fn values_of_enums_and_checks_of_domains() {
    check(
        "create type mood as enum ('sad', 'ok'); create domain age as int; create table t (m mood, a age, ms mood[], w text);",
        "create type mood as enum ('ok'); create domain age as int not null check (value > 0); create table t (m mood, a age, ms mood[], w mood);",
        &expect![[r#"
            -- probe: select exists (select from public.t where m::text in ('sad')) -- m of public.t has values that public.mood loses: sad
            do $$ begin if exists (select from public.t where m::text in ('sad')) then
                raise exception 'm of public.t has values that public.mood loses: sad'
                    using hint = 'give these rows another m first'; end if; end $$;

            -- probe: select exists (select from public.t where ms::text[] && array['sad']::text[]) -- ms of public.t has values that public.mood loses: sad
            do $$ begin if exists (select from public.t where ms::text[] && array['sad']::text[]) then
                raise exception 'ms of public.t has values that public.mood loses: sad'
                    using hint = 'give these rows another ms first'; end if; end $$;
            alter type public.mood rename to mood_before;

            -- locks public.t (share); reads all of it
            -- probe: select exists (select from public.t where a is null) -- values of a in public.t are none of public.age
            alter domain public.age set not null;
            create type public.mood as enum ('ok');

            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column m type public.mood using m::text::public.mood;

            -- locks public.t (access exclusive); rewrites it
            alter table public.t alter column ms type public.mood[] using ms::text[]::public.mood[];

            -- locks public.t (access exclusive); rewrites it
            -- probe: select exists (select from public.t where w::text not in ('ok')) -- values of w in public.t are none of public.mood
            alter table public.t alter column w type public.mood using w::text::public.mood;

            -- locks public.t (share); reads all of it
            -- probe: select exists (select from public.t where not ((a > 0))) -- values of a in public.t are none of public.age
            alter domain public.age add constraint age_check CHECK ((VALUE > 0));
            drop type public.mood_before;
        "#]],
    );
}

#[test]
fn partitions() {
    check(
        "create table p (id int, at int) partition by range (at);
         create table p1 partition of p for values from (0) to (10);
         create table rest partition of p default;
         create table joins (id int, at int);
         create table h (id int) partition by hash (id);
         create table h0 partition of h for values with (modulus 2, remainder 0);
         create table h1 (id int);
         create table plain (id int);",
        "create table p (id bigint, at int, n int) partition by range (at);
         create table p1 partition of p for values from (0) to (10);
         create table rest partition of p default;
         create table joins partition of p for values from (20) to (30);
         create table made partition of p for values from (30) to (maxvalue);
         create table h (id int) partition by hash (id);
         create table h0 partition of h for values with (modulus 2, remainder 0);
         create table h1 partition of h for values with (modulus 2, remainder 1);
         create table plain (id int) partition by list (id);
         create table plain1 partition of plain for values in (1, null);",
        &expect![[r#"
            -- locks public.plain (access exclusive)
            alter table public.plain rename to plain_before;

            -- locks public.joins (access exclusive); rewrites it
            alter table public.joins alter column id type bigint;

            -- locks public.p and 2 children (access exclusive); rewrites them
            alter table public.p alter column id type bigint;
            create table public.plain (
                id integer
            ) partition by LIST (id);

            -- locks public.p and 2 children (access exclusive)
            alter table public.p add column n integer;

            -- locks public.p and a child (access exclusive); reads all of them
            -- probe: select exists (select from public.rest where at >= 30) -- rows of public.rest belong into public.made
            create table public.made partition of public.p FOR VALUES FROM (30) TO (MAXVALUE);

            -- locks public.joins (access exclusive)
            alter table public.joins add column n integer;
            create table public.plain1 partition of public.plain FOR VALUES IN (1, NULL);

            -- locks public.h1 (access exclusive); reads all of it
            -- locks public.h (share update exclusive)
            -- probe: select exists (select from public.h1 where (satisfies_hash_partition('public.h'::regclass, 2, 1, id)) is not true) -- rows of public.h1 belong to no partition with its bound
            alter table public.h attach partition public.h1 FOR VALUES WITH (modulus 2, remainder 1);

            -- locks public.joins (access exclusive); reads all of it
            -- locks public.rest (access exclusive); reads all of it
            -- locks public.p (share update exclusive)
            -- probe: select exists (select from public.joins where (at >= 20 and at < 30) is not true) -- rows of public.joins belong to no partition with its bound
            -- probe: select exists (select from public.rest where at >= 20 and at < 30) -- rows of public.rest belong into public.joins
            alter table public.p attach partition public.joins FOR VALUES FROM (20) TO (30);

            -- reads all of public.plain
            -- probe: select exists (select from public.plain where ((id in (1) or id is null)) is not true) -- rows of public.plain belong into none of its new partitions
            insert into public.plain (id) select id from public.plain_before;
            drop table public.plain_before;
        "#]],
    );
}

#[test]
fn what_keeps_others_waiting_is_told() {
    let database = Server::shared().database();
    let (_, finished) = migrate(
        &database,
        "create table t (a int, b int); create table u (a int);",
        "create table t (a bigint, b int check (b > 0)); create table u (a int, b int);",
    );
    let told = "others wait while the upgrade goes through all rows: it locks public.t (access \
        exclusive) and rewrites it; it locks public.t (access exclusive) and reads all of it";
    assert!(finished.stderr.contains(told), "{finished}");
}

/// What `castoff plan` finds on a database with rows, and what an upgrade then does.
#[track_caller]
fn check_plan(old: &str, rows: &str, new: &str, expected: &Expect) {
    let database = Server::shared().database();
    let (project, _) = migrate(&database, old, new);
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    database.sql(rows);
    let before = database.contents();
    let plan = run(&project, Some(&database), "plan");
    plan.status(0);
    database.assert_unchanged(&before);
    let said: Vec<&str> = plan
        .stdout
        .lines()
        .filter(|line| line.starts_with("--   ") && !line.contains("migrations/"))
        .collect();
    let failed = run(&project, Some(&database), "upgrade --allow-destructive");
    let error: Vec<&str> = failed
        .stderr
        .lines()
        .filter(|line| line.contains("caused by") || line.contains("postgres hint"))
        .collect();
    let lines: Vec<&str> = said.into_iter().chain(error).collect();
    let text = if lines.is_empty() {
        "nothing".to_owned()
    } else {
        lines.join("\n") + "\n"
    };
    expected.assert_eq(&text);
}

#[test]
fn rows_that_stand_in_the_way_are_found_before_anything_runs() {
    check_plan(
        "create table t (a int, b text, c int);",
        "insert into t values (1, 'x', 5), (1, null, -3);",
        "create table t (a int primary key, b text not null, c int check (c > 0));",
        &expect![[r#"
            --   would fail in line 11: rows of public.t have no value in b
            --   would fail in line 15: rows of public.t do not pass t_c_check
            --   would fail in line 19: rows of public.t have the same a, or none
              caused by: 23502 column "b" of relation "t" contains null values
        "#]],
    );
    check_plan(
        "create type mood as enum ('sad', 'ok'); create table t (m mood, n text);",
        "insert into t values ('sad', '4x');",
        "create type mood as enum ('ok'); create table t (m mood, n int, o int not null);",
        &expect![[r#"
            --   would fail in line 6: m of public.t has values that public.mood loses: sad
            --   would fail in line 13: values of n in public.t are none of integer
            --   would fail in line 20: public.t has rows, and there is no value for its new column o
              caused by: P0001 m of public.t has values that public.mood loses: sad
              postgres hint: give these rows another m first
        "#]],
    );
}

#[test]
fn rows_that_fit_are_not_spoken_of() {
    check_plan(
        "create table r (id int primary key); create table t (a int, b text, c int, r int);",
        "insert into r values (7); insert into t values (1, 'x', 5, 7), (2, 'y', null, null);",
        "create table r (id int primary key); create table t (a int primary key, b varchar(1) not null unique, c smallint check (c > 0), r int references r);",
        &expect!["nothing"],
    );
}
