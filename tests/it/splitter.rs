//! The splitter against the server, on scripts made to mislead it, and on what dumps are made of.
//! PostgreSQL's own regression suite is in `corpus`.

use castoff::sql::split::split;
use castoff::sql::strings::escapes_after;

use super::support::dump::{assert_same_as_by_psql, dump};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::wire::{self, Verdict, Wire};

/// Scripts, the number of statements in them, and the first major whose grammar knows them all.
pub(super) const MISLEADING: &[(u32, usize, &str)] = &[
    (13, 0, " ;; -- x\n ; /* ; /* ; */ ; */ ;"),
    (13, 2, "select 1;;;select 2;;"),
    (13, 2, "\u{c}select\u{c}1;\rselect\r2\r;"),
    (13, 2, "select 1 -- one\r; select 2 --two\r\n;"),
    // Quotes.
    (13, 2, "select ';', 'it''s;', E'\\';', e'\\\\'; select 2"),
    (13, 2, "select E'a\\\n;b'; select E'\\x3b;\\'';"),
    (13, 2, "select '\\'; select '\\'';'"),
    (13, 2, "select 'a'\n'\\'; select E'a'\n'\\';b'"),
    (13, 2, "select E'a' -- ;'\n -- ;'\n '\\';b'; select 2"),
    (13, 2, "select E'a'\r'\\';b'; select 2"),
    (
        13,
        2,
        "select U&'\\003b;' , U&'!003b;' uescape '!'; select U&\"a;\\0062\" from (select 1 as \"a;b\") x",
    ),
    (13, 2, "select B'1', X'f', N'a;', b'0'; select 2"),
    (13, 2, "select 1 as \"a;\"\"b\"; select 2 as \"--\""),
    (13, 2, "select nation'x'; select text'x;'"),
    // Dollars.
    (13, 2, "select $$;$$, $a$;$$;$a$, $ä1$;$ä1$; select 2"),
    (13, 2, "select $a$ $a $b$; $a$; select 2"),
    (13, 2, "select 1 as a$b, 2 as a$$; select 3 as b$$"),
    (13, 2, "select 1 as ä$b$; select 3 as b$"),
    (13, 2, "prepare p(int) as select $1; select $$;$$"),
    (13, 2, "select $a$;$A$;$a$; select 2"),
    (
        13,
        2,
        "do $f$ begin execute $q$ select ';' $q$; end $f$; select 2",
    ),
    // Comments and operators.
    (13, 2, "select 1 +--;\n 2; select 1 */*;*/ 2"),
    (13, 2, "select 1 -/*;*/- 2; select @-1"),
    (13, 2, "select 1/* /* ; */ ' /**/ */; select 2"),
    (13, 2, "select 1 /*/ ; */; select 2 /***/"),
    (13, 2, "select '{}'::jsonb ?| '{a}', 1 <@--;\n 2; select 2"),
    (13, 2, "select 1--1;\n; select 2"),
    // Numbers.
    (
        13,
        2,
        "select 1.5e-3, .5, 1., 1.e5; select (array[1,2,3])[1:2]",
    ),
    (16, 2, "select 1_000, 0x1F, 0o7, 0b1; select 1_0.0_1e1_0"),
    // Names.
    (13, 2, "select 1 as größe, 2 as \u{1F600}; select 3 as _1$"),
    // Rules, and parentheses elsewhere.
    (
        13,
        2,
        "create rule r as on insert to t do instead (select 1; ; select (2); ); select 2",
    ),
    (
        13,
        2,
        "create rule r as on insert to t do also (insert into u values (';'); delete from u); select 2",
    ),
    (
        13,
        2,
        "create schema s create table t (a int) create view v as select 1 grant select on t to public; select 2",
    ),
    // Bodies.
    (
        14,
        2,
        "create function f() returns int begin atomic select 1; select 2; end; select 3",
    ),
    (
        14,
        2,
        "create or replace procedure p() begin atomic end; select 3",
    ),
    (
        14,
        2,
        "create procedure p() begin atomic insert into t values (1); ; update t set a = case when a then case b when 1 then 2 end else 3 end; end; select 3",
    ),
    (
        14,
        2,
        "create function f() returns int language sql begin atomic select 1 end; select 2 as end; select (case when true then 1 end) end; select x.end from x; end; select 4",
    ),
    (
        14,
        2,
        "create function f(begin int default (1), atomic int = 2) returns int begin /* ; */ atomic -- ;\n select begin atomic; end; select 5",
    ),
    (
        14,
        2,
        "create function f() returns int return case when true then 1 end; select 2",
    ),
    (
        13,
        3,
        "create function atomic() returns int as 'begin atomic;' language sql; create function s.begin() returns int as $$ select 1; $$ language sql; select 1",
    ),
    (
        13,
        2,
        "create table begin (atomic int, \"end\" int); select 1",
    ),
    (
        13,
        2,
        "create trigger t before insert on t execute function f('begin', 'atomic'); select 1",
    ),
    (
        13,
        3,
        "create aggregate a(int) (sfunc = f, stype = int); alter function f() cost 1; select 1",
    ),
    // `copy` without data.
    (13, 2, "copy t from 'stdin'; select 1"),
    (
        13,
        2,
        "copy t from program 'stdin' with (format csv); select 1",
    ),
    (13, 2, "copy (select a from stdin) to 'x'; select 1"),
    (
        13,
        2,
        "/* copy t from stdin; */ copy \"from\" from 'x'; select 1",
    ),
    // Strings as an old script sets them.
    (
        13,
        4,
        "set standard_conforming_strings = off; select 'a\\';b'; reset standard_conforming_strings; select '\\'",
    ),
    (
        13,
        2,
        "SET SESSION Standard_Conforming_Strings TO 'off'; select N'a\\';b', 'c'",
    ),
];

#[test]
fn misleading_scripts_fall_into_the_statements_that_the_server_sees() {
    let server = wire::trusting(&[]);
    let database = server.database();
    let major = server.session("postgres").rows("show server_version_num");
    let major = major.trim().parse::<u32>().unwrap() / 10_000;
    let mut wire = Wire::open(&database);
    for (since, count, text) in MISLEADING {
        let statements = split(text, 0..text.len()).unwrap();
        assert_eq!(statements.len(), *count, "{text}");
        if major < *since {
            continue;
        }
        let mut ask = |text: &str, escapes: bool| {
            let setting = if escapes { "off" } else { "on" };
            wire.query(&format!("set standard_conforming_strings = {setting}"), "");
            wire.verdicts([text]).remove(0)
        };
        let mut escapes = false;
        for (index, statement) in statements.iter().enumerate() {
            let piece = &text[statement.span.clone()];
            assert_eq!(ask(piece, escapes), Verdict::One, "{piece} of {text}");
            escapes = escapes_after(piece.as_bytes()).unwrap_or(escapes);
            if let Some(next) = statements.get(index + 1) {
                let pair = &text[statement.span.start..next.span.end];
                assert_eq!(ask(pair, escapes), Verdict::Several, "{pair}");
            }
        }
        if statements.is_empty() {
            assert_eq!(ask(text, false), Verdict::Nothing, "{text}");
        }
    }
}

/// What castoff refuses rather than guess, with the line.
const REFUSED: &[(usize, &str, &str)] = &[
    (2, "psql-command", "select 1;\n\\connect other\n"),
    (2, "psql-command", "select 1;\n\\i other.sql\n"),
    (1, "psql-command", "\\copy t from 'x'"),
    (3, "psql-command", "select 1\n\n\\gexec"),
    (1, "psql-command", "select 1\\; select 2;"),
    (2, "psql-command", "select 1;\n\\.\n"),
    (1, "psql-variable", "select :name"),
    (2, "psql-variable", "select *\nfrom :\"name\""),
    (2, "psql-variable", "insert into t values (1,\n:'name')"),
    (1, "psql-variable", "set x = :y"),
    (2, "copy-data-unterminated", "\ncopy t from stdin;\n1\n"),
    (
        1,
        "copy-data-unterminated",
        "copy t from stdout;\n1\n\\\\.\n",
    ),
    (
        1,
        "text-before-copy-data",
        "copy t from stdin; select 1;\n1\n\\.\n",
    ),
    (2, "unterminated", "select 1;\nselect 'a"),
    (2, "unterminated", "select 1;\nselect $a$ $A$"),
];

#[test]
fn what_only_psql_understands_is_refused_with_its_line() {
    for (line, code, text) in REFUSED {
        let error = split(text, 0..text.len()).unwrap_err();
        let found = text[..error.offset()].matches('\n').count() + 1;
        assert_eq!((error.code(), found), (*code, *line), "{text}");
    }
}

/// One of each kind of object whose text is hard to cut, with rows that look like SQL.
pub(super) const RICH: &str = r#"
create schema "we;ird";
create type mood as enum ('it''s', 'a;b', '\');
create domain small as text check (value <> ';');
create table "we;ird"."ta""ble;" (
    id integer generated always as identity primary key,
    "co;lumn" text default E'\\;''--',
    feeling mood default '\',
    data jsonb default '{"a": ";"}',
    span integer[] default '{1,2}'
);
insert into "we;ird"."ta""ble;" ("co;lumn", data)
    values (E'\\.', null), (E'a\nb\t\\.\n;', '{}'), ('/* -- $$ ''', '[";"]'), (null, 'null'), ('', '1');
create table plain (a text, b text);
insert into plain select E'\\.', repeat(';''"$$--/*', 10) from generate_series(1, 300);
create table log (a text);
create rule note as on insert to plain do also (
    insert into log values (new.a || ';');
    insert into log values (';')
);
create function body() returns trigger language plpgsql as $body$
begin
    -- it's; $$ /*
    execute $q$ select ';' $q$;
    return new;
end
$body$;
create trigger "tri;gger" before update on plain for each row
    when (new.a is distinct from ';') execute function body(';', '$$');
create view "vi;ew" as select case when a = ';' then 'x;' end as "end", a as "begin" from plain;
create materialized view seen as select count(*) as "number" from plain;
create policy "po;licy" on plain using (a <> ';');
comment on table plain is E'it''s; -- $$ \\.\ncopy plain from stdin;\n\\.\n';
"#;

pub(super) const RICH_SINCE_14: &str = r#"
create function answer(x integer) returns integer language sql
    begin atomic
        select case when x > 1 then case x when 2 then 3 end else 4 end as "end";
        select (select 1 as "begin") + x;
    end;
create procedure note(line text) language sql begin atomic
    insert into log values (line || ';');
    delete from log where a = 'end;';
end;
create function short(x integer) returns integer return case when x > 1 then 2 end;
"#;

#[test]
fn a_dump_applied_as_a_migration_makes_what_psql_makes_of_it() {
    let source = Server::shared().database();
    source.sql(RICH);
    let number = source.rows("show server_version_num");
    if number.trim() >= "140000" {
        source.sql(RICH_SINCE_14);
    }
    for options in [
        ["--format=plain"],
        ["--inserts"],
        ["--column-inserts"],
        ["--rows-per-insert=100"],
        ["--quote-all-identifiers"],
        ["--disable-dollar-quoting"],
    ] {
        let Some(text) = dump(&source, options) else {
            return;
        };
        assert_same_as_by_psql(source.server(), &text);
    }
    // As a database without the standard's strings is dumped.
    source.sql(&format!(
        "alter database {} set standard_conforming_strings = off",
        source.name()
    ));
    let text = dump(&source, ["--inserts"]).expect("there was a pg_dump");
    assert!(
        text.contains("SET standard_conforming_strings = off;"),
        "{text}"
    );
    assert_same_as_by_psql(source.server(), &text);
}

#[test]
fn copied_data_arrives_as_it_stands_in_either_kind_of_section() {
    let data = "copy t (a, b) from stdin with (format csv);\n\
                1,\"; ' $$\"\n2,\\N\n\\.\n\
                copy t from stdin; -- more\n3\t\\\\.\n4\t\\N\n\\.\n\
                insert into t values (5, ':x');\n";
    for options in ["", "autocommit"] {
        let database = Server::shared().database();
        let crlf = data.replace('\n', "\r\n");
        let project = Project::empty()
            .migration(&Migration::new("aaaa11").upgrade("create table t (a int, b text);"))
            .migration(
                &Migration::new("bbbb22")
                    .after("aaaa11")
                    .options(options)
                    .upgrade(data),
            )
            .migration(
                &Migration::new("cccc33")
                    .after("bbbb22")
                    .options(options)
                    .upgrade(&crlf),
            );
        project
            .castoff(["upgrade"])
            .database(&database)
            .output()
            .status(0);
        assert_eq!(
            database.rows("select distinct a, b from t order by 1"),
            "1|; ' $$\n2|\\N\n3|\\.\n4|null\n5|:x\n",
        );
        assert_eq!(database.rows("select count(*) from t"), "10\n");
    }
}

/// A database may turn off the standard's strings; a migration means the same there.
#[test]
fn a_database_that_sets_strings_otherwise_changes_nothing() {
    let database = Server::shared().database();
    let name = database.name();
    database.sql(&format!(
        "alter database {name} set standard_conforming_strings = off"
    ));
    let project = Project::empty().migration(&Migration::new("aaaa11").upgrade(
        "create table t (a text); insert into t values ('\\'); insert into t values (';');",
    ));
    project
        .castoff(["upgrade"])
        .database(&database)
        .output()
        .status(0);
    assert_eq!(database.rows("select a from t"), "\\\n;\n");
}

#[test]
fn deep_and_long_scripts_are_cut_as_any_other() {
    let deep = format!(
        "select 1 /*{}; {}*/; select 2",
        "/*".repeat(100_000),
        "*/".repeat(100_000)
    );
    let long = format!("select '{}'; select 2", ";".repeat(4_000_000));
    let nested = format!(
        "select {}1{}; select 2",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let many = "select 1;".repeat(200_000);
    for (text, count) in [(deep, 2), (long, 2), (nested, 2), (many, 200_000)] {
        assert_eq!(split(&text, 0..text.len()).unwrap().len(), count);
    }
}
