//! The script that `--sql` prints: what castoff would do, for psql, leaving the same ledger.
//!
//! Pure. The script stops at the first error, refuses to run beside a castoff or on a database that
//! is elsewhere, and commits each migration together with its record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::apply::ApplyError;
use super::batch::job::canonical;
use super::batch_error::BatchError;
use super::transaction::LEAVE_ROLE;
use super::{placeholder, section};
use crate::database::batch::{Which, registration};
use crate::database::ledger::in_schema;
use crate::database::record::{Move, Operator, Outcome, Record, When, array, literal};
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::{Direction, Step};
use crate::revision::range::Offline;
use crate::revision::script::placeholder::used;
use crate::revision::script::{Mode, Script, Section};
use crate::revision::stamp::Stamp;
use crate::revision::walk::Edges;
use crate::sql::ident::Ident;

/// Prints the steps of a plan.
pub fn script(
    history: &History,
    offline: &Offline<'_>,
    schema: &Ident,
    operator: &Operator,
    role: Option<&Ident>,
) -> String {
    let mut text = preamble(schema, role, &offline.from, &foreign_guard(schema));
    for step in &offline.plan.steps {
        push_step(&mut text, history, step, schema, operator, role);
    }
    text.push_str(&epilogue(schema));
    text
}

/// Refuses steps that run in batches: a loop in a script would have neither the progress in the
/// ledger nor the care for others. What is deferred is left to `castoff backfill` in any case.
pub fn refuse_batches(offline: &Offline<'_>) -> Result<(), ApplyError> {
    for step in &offline.plan.steps {
        let (_, section) = section::of_step(step);
        let batch = section.and_then(|section| section.options.batch.as_ref());
        let is_here = batch.is_some_and(|batch| !batch.deferred);
        let requires =
            step.direction == Direction::Upgrade && !step.script.requires_backfill.is_empty();
        if is_here || requires {
            return Err(BatchError::Offline {
                revision: step.script.id.clone(),
                place: Box::new(Place::file(&step.script.path)),
            }
            .into());
        }
    }
    Ok(())
}

/// Prints what `stamp` would record.
pub fn stamp(
    history: &History,
    from: &[RevisionId],
    stamp: &Stamp,
    schema: &Ident,
    operator: &Operator,
    role: Option<&Ident>,
) -> String {
    // A stamp is what a database with tables and no ledger needs.
    let mut text = preamble(schema, role, from, "");
    text.push_str("begin;\n");
    text.push_str(&Move::of(history, &stamp.leaves, &stamp.enters).statements(schema));
    // A revision that is entered is recorded; those below it, where nothing is known of them.
    let mut scripts = BTreeMap::new();
    for id in &stamp.enters {
        for script in history.ancestors(id, Edges::All) {
            scripts.entry(&script.id).or_insert((script, When::Unknown));
        }
    }
    for script in stamp.enters.iter().filter_map(|id| history.get(id)) {
        scripts.insert(&script.id, (script, When::Always));
    }
    for (script, when) in scripts.values() {
        push_record(&mut text, &Record::stamp(script), *when, schema, operator);
    }
    if scripts.is_empty() {
        push_record(&mut text, &Record::base(), When::Always, schema, operator);
    }
    text.push_str("commit;\n");
    text.push_str(&epilogue(schema));
    text
}

/// Takes the lock, creates the ledger where it is missing, and checks where the database is.
fn preamble(schema: &Ident, role: Option<&Ident>, from: &[RevisionId], guard: &str) -> String {
    let ledger = in_schema(include_str!("../database/sql/ledger.sql"), schema);
    let template = include_str!("../database/sql/offline.sql");
    let mut from: Vec<&str> = from.iter().map(RevisionId::as_str).collect();
    from.sort_unstable();
    let role = role.map_or_else(String::new, |role| format!("set role {role};\n"));
    in_schema(template, schema)
        .replace("{role}", &role)
        .replace("{revision_table}", &literal(&format!("{schema}.revision")))
        .replace("{schema_quoted}", &literal(&schema.to_string()))
        .replace("{schema_name}", &literal(schema.as_str()))
        .replace("{from}", &array(&from))
        .replace("{guard}", guard)
        .replace("{ledger}", &indented(&ledger))
}

/// Refuses a database with tables and no ledger, as castoff does.
fn foreign_guard(schema: &Ident) -> String {
    include_str!("../database/sql/offline_guard.sql")
        .replace("{schema_name}", &literal(schema.as_str()))
        .lines()
        .skip(1)
        .fold(String::new(), |text, line| {
            format!("{text}        {line}\n")
        })
}

/// What psql needs to come back to the role: it has none of its own from the login.
fn leave_role(role: Option<&Ident>) -> String {
    let set = role.map_or_else(String::new, |role| format!(" set role {role};"));
    format!("{LEAVE_ROLE}{set}")
}

fn epilogue(schema: &Ident) -> String {
    let name = literal(schema.as_str());
    format!("\nselect pg_catalog.pg_advisory_unlock(1667330932, pg_catalog.hashtext({name}));\n")
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut indented, line| {
        if !line.is_empty() {
            indented.push_str("        ");
        }
        indented.push_str(line);
        indented.push('\n');
        indented
    })
}

fn push_step(
    text: &mut String,
    history: &History,
    step: &Step<'_>,
    schema: &Ident,
    operator: &Operator,
    role: Option<&Ident>,
) {
    let script = step.script;
    let leave = leave_role(role);
    let (movement, section) = section::of_step(step);
    let is_autocommit = section.is_some_and(|section| section.options.mode == Mode::Autocommit);
    let deferred = section.and_then(|section| Some((section, section.options.batch.as_ref()?)));
    let (verb, id, message) = (movement.as_str(), &script.id, &script.message);
    let rows = Move::of(history, &step.leaves, &step.enters).statements(schema);
    // Writing to a String cannot fail.
    write!(text, "\n-- {verb} {id} {message}\n{leave} reset all;\n").ok();
    for name in section.map_or_else(Vec::new, |section| placeholders(script, section)) {
        writeln!(text, "-- Needs: psql --set={name}=VALUE").ok();
    }
    if is_autocommit {
        push_section(text, script, section, "set");
        writeln!(text, "{leave}\nbegin;").ok();
        text.push_str(&rows);
    } else if let Some((section, batch)) = deferred {
        text.push_str("begin;\n");
        text.push_str(&rows);
        let sum = canonical(script, section);
        let which = Which::of(script, movement);
        let registration = registration(schema, which, batch, &sum);
        writeln!(text, "{registration};").ok();
    } else {
        text.push_str("begin;\n");
        text.push_str(&rows);
        push_section(text, script, section, "set local");
        writeln!(text, "{leave}").ok();
    }
    let statements = match deferred {
        Some(_) => 0,
        None => section.map_or(0, |section| section.statements.len()),
    };
    push_record(
        text,
        &Record::of(script, movement, Outcome::Done, statements),
        When::Always,
        schema,
        operator,
    );
    text.push_str("commit;\n");
}

/// The variables that psql puts in.
fn placeholders<'s>(script: &'s Script, section: &Section) -> Vec<&'s str> {
    let used = used(&script.text, &section.statements, &script.placeholders);
    used.into_iter().map(|one| one.name.as_str()).collect()
}

fn push_section(text: &mut String, script: &Script, section: Option<&Section>, set: &str) {
    let Some(section) = section else { return };
    text.push_str(&section::timeouts(&section.options, set));
    let rendered = placeholder::render_for_psql(script, section);
    let (source, statements) = match &rendered {
        Some(rendered) => (&rendered.text, &rendered.statements),
        None => (&script.text, &section.statements),
    };
    for statement in statements {
        text.push_str(source.get(statement.span.clone()).unwrap_or_default());
        let Some(data) = &statement.copy_data else {
            // On a line of its own: the statement may end in a comment.
            text.push_str("\n;\n");
            continue;
        };
        text.push_str(";\n");
        text.push_str(source.get(data.clone()).unwrap_or_default());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str("\\.\n");
    }
}

/// The same statement that castoff sends.
fn push_record(
    text: &mut String,
    record: &Record<'_>,
    when: When,
    schema: &Ident,
    operator: &Operator,
) {
    text.push_str(&record.statement(schema, operator, when));
    text.push_str(";\n");
}
