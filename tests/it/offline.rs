//! The scripts of `--sql`: run by the real psql, they leave what castoff itself leaves.

use std::process::{Command, Output};

use expect_test::expect;

use super::support::clients::client;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

fn psql(project: &Project, database: &Database<'_>, script: &str) -> Output {
    let path = project.path("script.sql");
    std::fs::write(&path, script).unwrap();
    Command::new(client("psql"))
        .env_clear()
        .args(["--no-psqlrc", "--quiet", "--file"])
        .arg(path)
        .arg(database.url())
        .output()
        .unwrap()
}

#[track_caller]
fn psql_succeeds(project: &Project, database: &Database<'_>, script: &str) {
    let output = psql(project, database, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nin:\n{script}");
}

/// Everything but times, hosts and numbers of rows.
fn ledger(database: &Database<'_>) -> String {
    database.rows(
        "select revision, lineage from castoff.revision order by 1; \
         select revision, direction, outcome, parents, depends_on, message, raw_checksum, \
             canonical_checksum, frame_text, upgrade_text, downgrade_text, breaking, reason, \
             statements, last_statement, \
             finished_at is not null, role, image, castoff \
         from castoff.history order by id",
    )
}

/// All objects, and the rows of all tables but the ledger's.
fn contents(database: &Database<'_>) -> String {
    let contents = database.contents();
    let lines = contents.lines().filter(|line| {
        !["rows castoff.", "comment ", "sequence castoff."]
            .iter()
            .any(|start| line.starts_with(start))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Shows the lines that differ, not the hundred that do not.
#[track_caller]
fn same(online: &str, offline: &str, direct: &str) {
    let only = |text: &str, other: &str| {
        let lines = text
            .lines()
            .filter(|line| !other.lines().any(|known| known == *line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        only(online, offline),
        only(offline, online),
        "behind `{direct}`"
    );
    assert_eq!(online, offline, "behind `{direct}`");
}

/// Does it with castoff in one database and with psql in another, and compares.
#[track_caller]
fn check(project: &Project, moves: &[(&str, &str)]) {
    let server = Server::shared();
    let (online, offline) = (server.database(), server.database());
    for (direct, script) in moves {
        run(project, Some(&online), direct).status(0);
        let script = run(project, None, script);
        script.status(0);
        psql_succeeds(project, &offline, &script.stdout);
        same(&contents(&online), &contents(&offline), direct);
        same(&ledger(&online), &ledger(&offline), direct);
        // castoff goes on where psql left.
        run(project, Some(&offline), "current").status(0);
    }
}

#[test]
fn a_script_does_what_castoff_does() {
    let project =
        Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33 eeee55<dddd44");
    check(
        &project,
        &[
            ("upgrade bbbb22", "upgrade bbbb22 --sql"),
            ("upgrade", "upgrade bbbb22:head --sql"),
            ("upgrade", "upgrade eeee55:head --sql"),
            ("downgrade", "downgrade eeee55:dddd44 --sql"),
            ("downgrade base", "downgrade dddd44:base --sql"),
            ("upgrade", "upgrade --sql"),
        ],
    );
    check(&project, &[("stamp dddd44", "stamp dddd44 --sql")]);
    check(
        &project,
        &[("stamp bbbb22 cccc33", "stamp bbbb22 cccc33 --sql")],
    );
    check(&project, &[("stamp head", "stamp head --sql")]);
    check(&project, &[("stamp base", "stamp base --sql")]);
}

#[test]
fn a_script_carries_every_text_unchanged() {
    let awkward = r#"create table "odd ""name" (a text default E'it''s \\ ; -- no', b text default $$a 'quote' $1 :a :'b' :"c"$$);
insert into "odd ""name" values ('back\slash', $x$dollar $$ body$x$), (':HOST', E'\t');
copy "odd ""name" from stdin;
a\tb	c\\d
\N	it's; $$ :x
	\\.x
\.
create function f() returns text language plpgsql as $f$
-- downgrade
begin
    return '\restrict'; /* nested /* comment */ */
end
$f$;
select 1 -- no semicolon behind a comment"#;
    let project = Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .message("It's \\ \"odd\"; -- $$ äöü")
                .options("lock_timeout=2s statement_timeout=1min")
                .upgrade(awkward)
                .downgrade("drop function f;\ndrop table \"odd \"\"name\""),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options("autocommit lock_timeout=5s")
                .upgrade("create index concurrently i on \"odd \"\"name\" (a);\ncreate table c ();")
                .downgrade("drop table c;\ndrop index i;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("set local search_path = '';\nselect set_config('search_path', '', false);\nset role pg_monitor;\n\\restrict abc\nselect 1;\n\\unrestrict abc")
                .downgrade(""),
        );
    check(
        &project,
        &[
            (
                "CASTOFF_IMAGE=web:1 upgrade",
                "CASTOFF_IMAGE=web:1 upgrade --sql",
            ),
            ("downgrade base", "downgrade head:base --sql"),
        ],
    );
}

#[test]
fn a_script_is_readable() {
    let project = Project::with("aaaa11<-");
    let said = transcript(&project, None, &["upgrade --sql"]);
    let said = said.replace(env!("CARGO_PKG_VERSION"), "[version]");
    expect![[r#"
        $ castoff upgrade --sql
        status 0
        --- stdout
        -- Written by castoff for psql. Run it as: psql --no-psqlrc --file=THIS DATABASE
        \set ON_ERROR_STOP on
        do $castoff$
        begin
            if not pg_catalog.pg_try_advisory_lock(1667330932, pg_catalog.hashtext('castoff')) then
                raise exception 'the migration lock is taken: a castoff is at work';
            end if;
            if pg_catalog.to_regclass('"castoff".revision') is null then
                if exists (
                    select
                    from pg_catalog.pg_class c
                    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where c.relkind in ('r', 'p', 'v', 'm', 'f')
                        and n.nspname not in ('pg_catalog', 'information_schema', 'castoff')
                        and n.nspname not like 'pg\_toast%'
                        and n.nspname not like 'pg\_temp\_%'
                        and not exists (
                            select
                            from pg_catalog.pg_depend d
                            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                and d.objid = c.oid
                                and d.deptype = 'e'
                        )
                ) then
                    raise exception 'the database has tables or views of its own, and no ledger'
                        using hint = 'record where it is with the script of "castoff stamp REV --sql"';
                end if;
                if pg_catalog.to_regnamespace('"castoff"') is null then
                    create schema "castoff";
                end if;
                -- Creates the ledger in its schema. Runs under the lock, after a look that it is not there.
                -- Constraints, defaults and toast tables of `revision` would be loaded by every start that asks it.
                create table "castoff".revision (
                    revision varchar(32) primary key,
                    lineage varchar(64) not null,
                    since timestamptz not null
                );
                comment on table "castoff".revision is 'castoff: one row for each current head';
                comment on column "castoff".revision.lineage is
                    'sha-256 over the revision, its script and the lineages of its parents';

                create table "castoff".history (
                    id bigint generated always as identity primary key,
                    revision text not null,
                    direction text not null check (direction in ('upgrade', 'downgrade', 'stamp', 'repair')),
                    outcome text not null check (outcome in ('running', 'done', 'failed')),
                    parents text[] not null,
                    depends_on text[] not null,
                    message text not null,
                    raw_checksum text not null,
                    canonical_checksum text not null,
                    frame_text text,
                    upgrade_text text,
                    downgrade_text text,
                    breaking text,
                    reason text,
                    statements integer not null,
                    last_statement integer not null,
                    begun_statement integer,
                    begun_at timestamptz,
                    started_at timestamptz not null,
                    finished_at timestamptz,
                    role text not null default session_user,
                    host text not null,
                    image text,
                    castoff text not null
                );
                comment on table "castoff".history is 'castoff: what was done to this database, append-only';
                comment on column "castoff".history.frame_text is
                    'the file without the SQL of its sections';
                comment on column "castoff".history.upgrade_text is
                    'the section as it was; null when longer than 1 MiB';
                comment on column "castoff".history.breaking is
                    'why images without this revision must not start; null when they may';
                comment on column "castoff".history.reason is 'why the revision was recorded again';
                comment on column "castoff".history.last_statement is
                    'how many statements are done; less than statements when an autocommit section stopped';
                comment on column "castoff".history.begun_statement is
                    'the statement that had begun outside a transaction when nothing more was heard of it';
                create index history_revision on "castoff".history (revision);

                create table "castoff".batch (
                    revision text not null,
                    direction text not null check (direction in ('upgrade', 'downgrade')),
                    status text not null
                        check (status in ('pending', 'running', 'paused', 'done', 'failed', 'aborted')),
                    deferred boolean not null,
                    canonical_checksum text not null,
                    relation text,
                    key text[],
                    last_key text[],
                    end_key text[],
                    size integer not null,
                    estimate bigint,
                    rows bigint not null default 0,
                    changed bigint not null default 0,
                    batches bigint not null default 0,
                    attempts integer not null default 0,
                    throttled_by text,
                    last_error text,
                    host text,
                    started_at timestamptz,
                    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
                    finished_at timestamptz,
                    primary key (revision, direction)
                );
                comment on table "castoff".batch is 'castoff: how far each section that runs in batches is';
                comment on column "castoff".batch.last_key is
                    'the key of the last row that is done; written in the transaction of its batch';
                comment on column "castoff".batch.end_key is
                    'the largest key there was at the start; rows behind it are not touched';
            end if;
            if array(select r.revision::text from "castoff".revision r order by r.revision collate "C") <> array[]::text[] then
                raise exception 'the database is not at the revision this script starts from'
                    using hint = 'compare "castoff current" with the range given to --sql';
            end if;
        end
        $castoff$;

        -- upgrade aaaa11 Make aaaa11
        reset session authorization; reset role; reset all;
        begin;
        insert into "castoff".revision (revision, lineage, since) values ('aaaa11', '6d058f6a2457b4312099a5449e49d42f4b6d75524f1443c05df79424e4e1bb42', pg_catalog.clock_timestamp());
        create table t_aaaa11 (id integer)
        ;
        reset session authorization; reset role;
        insert into "castoff".history (revision, direction, outcome, parents, depends_on, message, raw_checksum, canonical_checksum, frame_text, upgrade_text, downgrade_text, breaking, reason, statements, last_statement, host, image, castoff, started_at, finished_at)
        select 'aaaa11', 'upgrade', 'done', array[]::text[], array[]::text[], 'Make aaaa11', 'e97b1d1cd1f7f1035ef2b932af848aca75650726d613522a3fd257591bf569ef', 'd15c2a5ab3bc321a189aacc2acbe9d5634ef858cfb7d205623d5b6258bf19c26', '-- Make aaaa11
        -- revision: aaaa11

        -- upgrade
        -- downgrade
        ', 'create table t_aaaa11 (id integer);

        ', 'drop table t_aaaa11;
        ', null, null, 1, 1, '[host]', null, '[version]', pg_catalog.now(), pg_catalog.clock_timestamp()::timestamptz;
        commit;

        select pg_catalog.pg_advisory_unlock(1667330932, pg_catalog.hashtext('castoff'));

    "#]].assert_eq(&said);
    let lines = [
        "downgrade --sql",
        "downgrade -1 --sql",
        "downgrade aaaa11:base --sql",
        "upgrade +1 --sql",
        "upgrade nope:head --sql",
        "upgrade aaaa11: --sql",
        "stamp +1 --sql",
    ];
    let said = transcript(&project, None, &lines);
    let told = |line: &&str| {
        [
            "$ ",
            "status",
            "error",
            "  help",
            "-- upgrade ",
            "-- downgrade ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    let said: Vec<&str> = said.lines().filter(told).collect();
    expect![[r#"
        $ castoff downgrade --sql
        status 0
        -- downgrade aaaa11 Make aaaa11
        $ castoff downgrade -1 --sql
        status 0
        -- downgrade aaaa11 Make aaaa11
        $ castoff downgrade aaaa11:base --sql
        status 0
        -- downgrade aaaa11 Make aaaa11
        $ castoff upgrade +1 --sql
        status 0
        -- upgrade aaaa11 Make aaaa11
        $ castoff upgrade nope:head --sql
        status 14
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids
        $ castoff upgrade aaaa11: --sql
        status 0
        $ castoff stamp +1 --sql
        status 14
        error[no-current]: `+1` counts from where the database is, which has no meaning here
          help: name the revision: see `castoff history`"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn a_script_is_refused_where_it_does_not_fit() {
    let server = Server::shared();
    let project = Project::with("aaaa11<- bbbb22<aaaa11");
    let script = |line: &str| run(&project, None, line).stdout;
    let refused = |database: &Database<'_>, script: &str| {
        let before = database.contents();
        let output = psql(&project, database, script);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert_eq!(database.contents(), before);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = said.lines().filter(|line| !line.starts_with("CONTEXT"));
        let cut = |line: &str| {
            line.split_once(": ")
                .map_or(line.to_owned(), |(_, text)| text.to_owned())
        };
        lines.map(cut).collect::<Vec<_>>().join("\n")
    };
    let mut said = Vec::new();
    // Elsewhere: behind, ahead, and nowhere.
    let database = server.database();
    said.push(refused(&database, &script("upgrade aaaa11:head --sql")));
    run(&project, Some(&database), "upgrade").status(0);
    said.push(refused(&database, &script("upgrade --sql")));
    said.push(refused(&database, &script("upgrade aaaa11:head --sql")));
    said.push(refused(&database, &script("downgrade aaaa11:base --sql")));
    said.push(refused(&database, &script("stamp head --sql")));
    // Somebody else's.
    let database = server.database();
    database.sql("create table theirs ()");
    said.push(refused(&database, &script("upgrade --sql")));
    // Beside a castoff.
    let database = server.database();
    let holder = database.session();
    holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    said.push(refused(&database, &script("upgrade --sql")));
    expect![[r#"
        ERROR:  the database is not at the revision this script starts from
         compare "castoff current" with the range given to --sql
        ERROR:  the database is not at the revision this script starts from
         compare "castoff current" with the range given to --sql
        ERROR:  the database is not at the revision this script starts from
         compare "castoff current" with the range given to --sql
        ERROR:  the database is not at the revision this script starts from
         compare "castoff current" with the range given to --sql
        ERROR:  the database is not at the revision this script starts from
         compare "castoff current" with the range given to --sql
        ERROR:  the database has tables or views of its own, and no ledger
         record where it is with the script of "castoff stamp REV --sql"
        ERROR:  the migration lock is taken: a castoff is at work"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn a_script_that_fails_half_way_leaves_whole_migrations() {
    let server = Server::shared();
    let database = server.database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .upgrade("create table b ();\nselect nope;"),
    );
    let script = run(&project, None, "upgrade --sql").stdout;
    let output = psql(&project, &database, &script);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(run(&project, Some(&database), "current").stdout, "aaaa11\n");
    assert_eq!(database.rows("select to_regclass('b')"), "null\n");
}
