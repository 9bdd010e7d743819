//! What comments are about, by where they stand.

use super::*;

fn check(text: &str, expected: &str) {
    let words = |path: &Path| {
        let words: Vec<String> = path
            .words
            .iter()
            .filter_map(|word| word.readings().pop())
            .collect();
        words.join(".")
    };
    let found = match find("schema.sql", text) {
        Ok(wishes) => {
            let wishes = wishes.iter().map(|wish| {
                let what = wish.kinds.first().map_or("any", |what| what.name());
                let line = wish.place.as_ref().map_or(0, |place| place.line);
                format!("{line}: {what} {}={}", words(&wish.old), words(&wish.new))
            });
            wishes.collect::<Vec<_>>().join("; ")
        }
        Err(RenameError::Misplaced { why, place }) => format!("{}: {why}", place.line),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn above_or_behind_a_statement_it_is_about_what_is_made() {
    check("-- renamed from: t\ncreate table u ();", "1: table t=u");
    check("create table u (); -- renamed from: t", "1: table t=u");
    check(
        "create table u ( -- renamed from: t\n a int);",
        "1: table t=u",
    );
    check(
        "create table u\n-- renamed from: t\n(a int);",
        "2: table t=u",
    );
    check("--Renamed  From: t", "");
    check(
        "--RENAMED FROM: p.\"T\"\ncreate table q.u ();",
        "1: table p.T=q.u",
    );
    check(
        "create table a ();\n-- renamed from: t\n-- About it.\ncreate table if not exists u ();",
        "2: table t=u",
    );
    check(
        "-- renamed from: v\ncreate or replace view w as select 1;",
        "1: view v=w",
    );
    check(
        "-- renamed from: v\ncreate materialized view w as select 1;",
        "1: materialized view v=w",
    );
    check(
        "-- renamed from: i\ncreate unique index concurrently j on t (a);",
        "1: index i=j",
    );
    check(
        "-- renamed from: i\ncreate index on t (a);",
        "1: the statement makes nothing that has a name",
    );
    check(
        "-- renamed from: m\ncreate type n as enum ('a');",
        "1: enum m=n",
    );
    check(
        "-- renamed from: f\ncreate function g() returns int as $$ -- renamed from: x\n$$;",
        "1: function f=g",
    );
    check(
        "-- renamed from: a\ncreate constraint trigger b after insert on t;",
        "1: trigger t.a=t.b",
    );
    check(
        "-- renamed from: a\ncreate policy b on s.t using (true);",
        "1: policy s.t.a=s.t.b",
    );
    check(
        "-- renamed from: a\ncreate rule b as on insert to t do nothing;",
        "1: rule t.a=t.b",
    );
    check(
        "-- renamed from: a\nalter table only s.t add constraint b check (true);",
        "1: constraint s.t.a=s.t.b",
    );
    check(
        "-- renamed from: a\nalter table t add b int;",
        "1: column t.a=t.b",
    );
    check(
        "-- renamed from: a\ncreate text search configuration b (copy = simple);",
        "1: text search configuration a=b",
    );
    check("-- renamed from: a\ncreate schema b;", "1: schema a=b");
}

#[test]
fn at_an_element_it_is_about_that() {
    check(
        "create table t (\n  b int -- renamed from: a\n);",
        "2: column t.a=t.b",
    );
    check(
        "create table t (\n  b int, -- renamed from: a\n  c int\n);",
        "2: column t.a=t.b",
    );
    check(
        "create table t (\n  c int,\n  -- renamed from: a\n  b int\n);",
        "3: column t.a=t.b",
    );
    check(
        "create table s.t (\n  b numeric(4, 2) default f(1, 2), -- renamed from: \"A\"\n  c int\n);",
        "2: column s.t.A=s.t.b",
    );
    check(
        "create table t (\n  b numeric(4,\n  -- renamed from: a\n 2)\n);",
        "3: column t.a=t.b",
    );
    check(
        "create table t (\n  a int,\n  -- renamed from: c\n  constraint d check (a > 0)\n);",
        "3: constraint t.c=t.d",
    );
    check(
        "create type e as enum (\n 'x',\n 'so so' -- renamed from: 'so, so'\n);",
        "3: value e.so, so=e.so so",
    );
    check(
        "create type e as enum (\n -- renamed from: x\n 'y');",
        "2: value e.x=e.y",
    );
    check(
        "create type c as (\n b int -- renamed from: a\n);",
        "2: attribute c.a=c.b",
    );
}

#[test]
fn a_comment_about_nothing_is_refused() {
    check(
        "create table t (a int);\n-- renamed from: x\n",
        "2: no statement follows",
    );
    check(
        "-- renamed from: x\ngrant select on t to public;",
        "1: the statement makes nothing that has a name",
    );
    check(
        "-- renamed from:\ncreate table t ();",
        "1: the old name is missing",
    );
    check("-- renamed from: a b\ncreate table t ();", "1: table a b=t");
    check(
        "-- renamed from: a, b\ncreate table t ();",
        "1: behind the old name stands something else",
    );
    check(
        "create table t (\n a int\n -- renamed from: x\n);",
        "3: the list ends",
    );
    check(
        "create table t (\n primary key (a) -- renamed from: x\n);",
        "2: this has no name of its own",
    );
    check(
        "create table t (\n a int -- renamed from: t.x\n);",
        "2: the old name has no table or type before it",
    );
    check("select '-- renamed from: x'; -- it was renamed from: y", "");
}

#[test]
fn names_without_a_schema_are_of_the_search_path() {
    let found = find(
        "s",
        "set search_path to app, public;\n-- renamed from: t\ncreate table u ();",
    );
    assert_eq!(found.unwrap()[0].home.as_deref(), Some("app"));
    let found = find("s", "-- renamed from: t\ncreate table q.u ();");
    assert_eq!(found.unwrap()[0].home.as_deref(), Some("q"));
}
