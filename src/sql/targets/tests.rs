//! Statements and the locks they take.

use super::*;

fn check(statement: &str, expected: &str) {
    let shown: Vec<String> = targets(statement)
        .iter()
        .map(|target| format!("{} {}", target.relation, target.mode.name()))
        .collect();
    assert_eq!(shown.join(", "), expected, "{statement}");
}

#[test]
fn knows_what_alter_table_takes() {
    let strong = "t AccessExclusiveLock";
    let weak = "t ShareUpdateExclusiveLock";
    for (actions, expected) in [
        ("add column a integer", strong),
        ("RENAME a TO b", strong),
        ("set (fillfactor = 70, parallel_workers = 2)", weak),
        ("alter column a set statistics 10", weak),
        ("alter a set (n_distinct = 5)", weak),
        ("alter column a set not null", strong),
        ("validate constraint c", weak),
        ("validate constraint c, add column a integer", strong),
        ("disable trigger all", "t ShareRowExclusiveLock"),
        (
            "add constraint c foreign key (a, b) references s.p (a, b) not valid",
            "t ShareRowExclusiveLock, s.p ShareRowExclusiveLock",
        ),
        (
            "add column a integer references p",
            "t AccessExclusiveLock, p ShareRowExclusiveLock",
        ),
        (
            "attach partition p default",
            "t ShareUpdateExclusiveLock, p AccessExclusiveLock",
        ),
        (
            "detach partition p",
            "t AccessExclusiveLock, p AccessExclusiveLock",
        ),
    ] {
        check(&format!("alter table t {actions}"), expected);
    }
    check(
        "ALTER TABLE IF EXISTS ONLY \"S x\".\"T\" -- why\n * add column a integer",
        "\"S x\".\"T\" AccessExclusiveLock",
    );
}

#[test]
fn knows_what_other_statements_take() {
    for (statement, expected) in [
        ("create unique index i on only s.t (a)", "s.t ShareLock"),
        ("create index on t using gin (a)", "t ShareLock"),
        (
            "create or replace trigger x before insert or update of a, b on t for each row execute function f()",
            "t ShareRowExclusiveLock",
        ),
        (
            "create table c (id integer references p, x integer, foreign key (x) references q (x))",
            "p ShareRowExclusiveLock, q ShareRowExclusiveLock",
        ),
        (
            "create table if not exists c partition of p for values in (1)",
            "p AccessExclusiveLock",
        ),
        ("create table c (id integer)", ""),
        ("create policy x on t using (true)", "t AccessExclusiveLock"),
        (
            "create rule r as on insert to t do instead nothing",
            "t AccessExclusiveLock",
        ),
        (
            "drop table if exists a, s.b cascade",
            "a AccessExclusiveLock, s.b AccessExclusiveLock",
        ),
        ("drop materialized view v", "v AccessExclusiveLock"),
        ("drop trigger x on t", "t AccessExclusiveLock"),
        ("drop index concurrently i", ""),
        (
            "truncate a, b",
            "a AccessExclusiveLock, b AccessExclusiveLock",
        ),
        ("truncate table only a", "a AccessExclusiveLock"),
        ("lock table a", "a AccessExclusiveLock"),
        (
            "lock a, b in share row exclusive mode nowait",
            "a ShareRowExclusiveLock, b ShareRowExclusiveLock",
        ),
        ("lock a in share mode", "a ShareLock"),
        (
            "refresh materialized view concurrently v",
            "v ExclusiveLock",
        ),
        ("reindex (verbose) table t", "t ShareLock"),
        ("reindex table concurrently t", ""),
        ("cluster t using i", "t AccessExclusiveLock"),
        (
            "comment on column s.t.a is 'x'",
            "s.t ShareUpdateExclusiveLock",
        ),
        ("comment on table t is null", "t ShareUpdateExclusiveLock"),
        ("comment on function f() is null", ""),
        ("alter index i rename to j", "i ShareUpdateExclusiveLock"),
        ("alter view v owner to r", "v AccessExclusiveLock"),
        ("alter type e add value 'x'", ""),
    ] {
        check(statement, expected);
    }
}

#[test]
fn what_it_does_not_know_has_no_targets() {
    for statement in [
        "",
        "select 1",
        "insert into t values (1)",
        "alter",
        "alter table",
        "alter table U&\"x\" add column a integer",
        "alter table d.s.t add column a integer",
        "drop table ''",
        "create index i",
        "lock",
        "do $$ begin drop table t; end $$",
        "truncate \"\"",
    ] {
        check(statement, "");
    }
}

#[test]
fn tells_a_mere_validation() {
    for (statement, expected) in [
        ("alter table t validate constraint c", true),
        (
            "alter table if exists only s.t validate constraint a, validate constraint b",
            true,
        ),
        ("alter table t validate constraint a, drop column b", false),
        ("alter table t add column a integer", false),
        ("alter table t", false),
        ("select 1", false),
    ] {
        assert_eq!(only_validates(statement), expected, "{statement}");
    }
}

#[test]
fn conflicts_are_mutual() {
    let all = L::AccessExclusive.conflicts();
    for one in all {
        for other in all {
            assert_eq!(
                one.conflicts().contains(other),
                other.conflicts().contains(one),
                "{one:?} {other:?}"
            );
        }
    }
    let counts: Vec<usize> = all.iter().map(|mode| mode.conflicts().len()).collect();
    assert_eq!(counts, [1, 2, 4, 5, 5, 6, 7, 8]);
}
