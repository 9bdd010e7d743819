//! From one schema to another and back, by kind of object. Three things must hold: the statements
//! run, castoff then sees no difference, and `pg_dump` prints the same but for the order of lines.

use super::support::database::Database;
use super::support::dump::dump;
use super::support::interrupt::is_at_least;
use super::support::project::Project;
use super::support::server::Server;

/// One pair of schemas.
pub(super) struct Case<'t> {
    pub(super) name: &'t str,
    /// Not everything can be taken back.
    is_one_way: bool,
    /// The server prints what it reads otherwise than it was, with the same meaning.
    is_printed_in_two_ways: bool,
    /// The first major version of the server that knows all of it.
    since: u32,
    pub(super) old: &'t str,
    pub(super) new: &'t str,
}

pub(super) fn cases(text: &str) -> Vec<Case<'_>> {
    let cases = text.split("-- case: ").skip(1);
    cases
        .map(|case| {
            let (name, rest) = case.split_once('\n').unwrap();
            let (head, rest) = rest.split_once("-- old\n").unwrap();
            let (old, new) = rest.split_once("-- new\n").unwrap();
            Case {
                name,
                is_one_way: head.contains("-- one way"),
                is_printed_in_two_ways: head.contains("-- printed in two ways"),
                since: since(head),
                old,
                new,
            }
        })
        .collect()
}

/// `-- since 15` on a line of its own; all versions without it.
fn since(head: &str) -> u32 {
    let mut lines = head.lines();
    let version = lines.find_map(|line| line.strip_prefix("-- since "));
    version.map_or(0, |version| version.parse().unwrap())
}

pub(super) fn diff(old: &Database<'_>, new: &Database<'_>) -> String {
    let project = Project::empty();
    let (old, new) = (old.url(), new.url());
    let finished = project.castoff(["diff", &old, &new]).output();
    finished.status(0);
    finished.stdout
}

/// The lines of a dump, without their order: columns come in another one.
fn lines(database: &Database<'_>) -> Option<Vec<String>> {
    let text = dump(database, ["--schema-only"])?;
    let lines = text.lines().filter(|line| !line.starts_with('\\'));
    let mut lines: Vec<String> = lines
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect();
    lines.sort();
    Some(lines)
}

/// Makes one database like another.
#[track_caller]
fn check_one_way(case: &Case<'_>, from: &Database<'_>, to: &Database<'_>) {
    let statements = diff(from, to);
    assert!(!statements.is_empty(), "{}: nothing to do", case.name);
    eprintln!("{}:\n{statements}", case.name);
    // One by one: a new value of an enum may be used when its transaction is over.
    let session = from.session();
    for statement in statements.split(";\n").filter(|one| !one.is_empty()) {
        session.sql(statement);
    }
    assert_eq!(diff(from, to), "", "{}: a second time", case.name);
    if !case.is_printed_in_two_ways {
        assert_eq!(lines(from), lines(to), "{}", case.name);
    }
}

/// There, and back from a database that nobody changed to one that nobody changed.
#[track_caller]
fn check_case(case: &Case<'_>) {
    let made = |statements| {
        let database = Server::shared().database();
        database.sql(statements);
        database
    };
    let new = made(case.new);
    check_one_way(case, &made(case.old), &new);
    if !case.is_one_way {
        check_one_way(case, &new, &made(case.old));
    }
}

#[track_caller]
pub(super) fn check(text: &str, count: usize) {
    let cases = cases(text);
    assert_eq!(cases.len(), count);
    let version = Server::shared()
        .session("postgres")
        .rows("show server_version_num");
    let major = version.trim().parse::<u32>().unwrap() / 10_000;
    for case in cases.iter().filter(|case| major >= case.since) {
        check_case(case);
    }
}

#[test]
fn tables_columns_and_constraints() {
    check(include_str!("diff/tables.sql"), 12);
}

#[test]
fn classes() {
    check(include_str!("diff/classes.sql"), 27);
}

#[test]
fn what_only_newer_servers_have() {
    if is_at_least(&Server::shared().database(), 18) {
        check(include_str!("diff/classes_18.sql"), 12);
    }
}

#[test]
fn types() {
    check(include_str!("diff/types.sql"), 6);
}

/// What the catalogs hold, column by column.
#[test]
fn what_was_not_seen() {
    let session = Server::shared().session("postgres");
    for role in ["audit_one", "audit_two"] {
        session.sql(&format!("create role {role}"));
    }
    check(include_str!("diff/audit.sql"), 37);
}

#[test]
fn everything_else() {
    check(include_str!("diff/others.sql"), 10);
}

#[test]
fn what_random_schemas_found() {
    check(include_str!("diff/found.sql"), 13);
}

#[test]
fn what_waits_for_each_other() {
    check(include_str!("diff/cycles.sql"), 16);
}

#[test]
fn names_and_texts() {
    check(include_str!("diff/names.sql"), 5);
}

#[test]
fn partitions_with_other_bounds() {
    check(include_str!("diff/bounds.sql"), 2);
}
