//! Rows live through a change of the schema: from one schema to another and back with rows in it,
//! and what a query gives then. Where rows stand in the way, it fails, and keeps them.

use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;

/// A change of a schema with rows in it.
#[derive(Debug)]
struct Case<'t> {
    name: &'t str,
    is_one_way: bool,
    old: &'t str,
    rows: &'t str,
    new: &'t str,
    query: &'t str,
    then: Then<'t>,
}

#[derive(Debug)]
enum Then<'t> {
    /// What the query gives after the way there, and after the way back.
    Gives(&'t str, &'t str),
    /// What the server says instead.
    Fails(&'t str),
}

fn case(text: &str) -> Case<'_> {
    let (name, rest) = text.split_once('\n').unwrap();
    let (head, rest) = rest.split_once("-- old\n").unwrap();
    let (old, rest) = rest.split_once("-- rows\n").unwrap();
    let (rows, rest) = rest.split_once("-- new\n").unwrap();
    let (new, rest) = rest.split_once("-- query\n").unwrap();
    let (query, then) = if let Some((query, gives)) = rest.split_once("-- gives\n") {
        let (there, back) = gives.split_once("-- back\n").unwrap_or((gives, gives));
        (query, Then::Gives(there.trim(), back.trim()))
    } else {
        let (query, fails) = rest.split_once("-- fails: ").unwrap();
        (query, Then::Fails(fails.trim()))
    };
    Case {
        name,
        is_one_way: head.contains("-- one way"),
        old,
        rows,
        new,
        query,
        then,
    }
}

/// The statements from one to the other, one by one: a new value of an enum may be used when its
/// transaction is over.
fn statements(from: &Database<'_>, to: &Database<'_>) -> Vec<String> {
    let project = Project::empty();
    let (from, to) = (from.url(), to.url());
    let finished = project.castoff(["diff", &from, &to]).output();
    finished.status(0);
    let statements = finished.stdout.split(";\n");
    let statements = statements.filter(|statement| !statement.is_empty());
    statements.map(str::to_owned).collect()
}

#[track_caller]
fn check(case: &Case<'_>) {
    let server = Server::shared();
    let (database, old, new) = (server.database(), server.database(), server.database());
    for made in [&database, &old] {
        made.sql(case.old);
    }
    new.sql(case.new);
    database.sql(case.rows);
    let there = statements(&database, &new);
    eprintln!("{}:\n{}", case.name, there.join(";\n"));
    let session = database.session();
    if let Then::Fails(says) = case.then {
        // All or nothing: the rows are as they were.
        let before = database.contents();
        let all = format!("begin; {}; commit", there.join(";\n"));
        let error = session.try_rows(&all).unwrap_err();
        let message = error.as_db_error().unwrap().message();
        assert!(message.contains(says), "{}: {message}", case.name);
        drop(session);
        database.assert_unchanged(&before);
        return;
    }
    let Then::Gives(gives, gives_back) = case.then else {
        panic!("{}: neither gives nor fails", case.name);
    };
    for statement in there {
        session.sql(&statement);
    }
    assert_eq!(session.rows(case.query).trim(), gives, "{}", case.name);
    if case.is_one_way {
        return;
    }
    for statement in statements(&database, &old) {
        eprintln!("{statement};");
        session.sql(&statement);
    }
    let after = session.rows(case.query);
    assert_eq!(after.trim(), gives_back, "{} and back", case.name);
}

#[track_caller]
fn check_all(text: &str, count: usize) {
    let cases: Vec<&str> = text.split("-- case: ").skip(1).collect();
    assert_eq!(cases.len(), count);
    for text in cases {
        check(&case(text));
    }
}

#[test]
fn rows_live_through_changes() {
    check_all(include_str!("diff/rows.sql"), 34);
}

#[test]
fn values_move_to_types_that_are_made_again() {
    check_all(include_str!("diff/values.sql"), 7);
}

/// Policies that are forced are the owner's too, and would hide rows from whoever moves them.
#[test]
fn forced_policies_hide_no_row_that_moves() {
    let server = Server::shared();
    let (database, new) = (server.database(), server.database());
    let policies =
        "alter table t enable row level security; alter table t force row level security;
        create policy own on t using (tenant = current_setting('app.tenant', true));";
    let role = format!("owner_{}", std::process::id());
    server
        .session("postgres")
        .sql(&format!("create role {role}"));
    let given = format!("grant all on schema public to {role}; alter table t owner to {role}");
    database.sql("create table t (id int, tenant text)");
    database.sql("insert into t values (1, 'a'), (2, 'b')");
    new.sql("create table t (id int, tenant text) partition by list (tenant)");
    new.sql("create table t_rest partition of t default");
    for side in [&database, &new] {
        side.sql(&format!("{policies} {given}"));
    }
    new.sql(&format!("alter table t_rest owner to {role}"));
    let there = statements(&database, &new);
    let session = database.session();
    session.sql(&format!("set role {role}"));
    for statement in there {
        session.sql(&statement);
    }
    session.sql("reset role");
    assert_eq!(session.rows("select * from t order by id"), "1|a\n2|b\n");
    assert_eq!(statements(&database, &new), [""; 0]);
}
