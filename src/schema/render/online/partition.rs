//! Partitions that join and leave while their rows are in use.
//!
//! A partition that joins is not looked at where a validated check says what its bound says; one that
//! leaves `concurrently` gets such a check, where it has none (`ALTER TABLE` in PostgreSQL's manual).

use super::{constraint, free_name, is_in_use};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::render::Sides;
use crate::schema::render::table::alter_table;
use crate::schema::statement::{Runs, Statement};

/// The attribute of a partition that says as an expression which rows are its.
const ROWS: &str = "rows";

/// What the rows of a partition have in common, as the server says it. The expression of a hash
/// partition has a number that is another in each database.
fn check_of(attributes: &Attributes) -> Option<&str> {
    let hashed = "satisfies_hash_partition(";
    attributes.get(ROWS).filter(|check| !check.contains(hashed))
}

fn parent(join: &Id) -> Id {
    Id::new(Kind::Table, &[join.name(2), join.name(3)])
}

fn default_partition<'s>(schema: &'s Schema, parent: &Id) -> Option<(&'s Id, &'s Attributes)> {
    let is_default = |join: &&Id| {
        join.kind == Kind::Inheritance
            && join.names[2..] == parent.names[..]
            && schema.get(join).and_then(|join| join.get("bound")) == Some("DEFAULT")
    };
    let join = schema.needed_by(parent).find(is_default)?;
    Some((join, schema.get(join)?))
}

/// A check that is there for a while: what brings it, and what takes it away.
fn check(sides: &Sides<'_>, table: &Id, expression: &str) -> [Vec<Statement>; 2] {
    let name = free_name(sides, table, table.name(1), "bound");
    let quoted = sides.name(&name);
    let alone = |action: &str| Statement {
        runs: Runs::Alone,
        ..alter_table(sides, table, action)
    };
    let bring = vec![
        alone(&format!(
            "add constraint {quoted} check ({expression}) not valid"
        )),
        constraint::validate(sides, table, &name),
    ];
    [bring, vec![alone(&format!("drop constraint {quoted}"))]]
}

pub(super) fn join(sides: &Sides<'_>, id: &Id) -> Option<Vec<Statement>> {
    let attributes = sides.new.get(id)?;
    let (table, parent) = (id.table(Kind::Table), parent(id));
    let bound = attributes.get("bound")?;
    if is_below_one_made_anew(sides, &parent) {
        return None;
    }
    let mut before = Vec::new();
    let mut behind = Vec::new();
    if is_in_use(sides, &table)
        && let Some(expression) = check_of(attributes)
    {
        let [bring, take] = check(sides, &table, expression);
        before.extend(bring);
        behind.extend(take);
    }
    // The rows of the default partition must not be the new one's.
    if let Some((default, attributes)) = default_partition(sides.new, &parent)
        && default != id
        && sides.old.get(default).is_some()
        && is_in_use(sides, default)
        && let Some(expression) = check_of(attributes)
    {
        let [bring, take] = check(sides, &default.table(Kind::Table), expression);
        before.extend(bring);
        behind.extend(take);
    }
    if before.is_empty() {
        return None;
    }
    let attach = format!("attach partition {} {bound}", sides.qualified(&table));
    before.push(alter_table(sides, &parent, &attach));
    before.extend(behind);
    Some(super::alone(before))
}

/// The rows of a table that is made anew move when all its partitions are there, in one transaction.
fn is_below_one_made_anew(sides: &Sides<'_>, table: &Id) -> bool {
    let mut joins = sides.new.parts(table, Kind::Inheritance);
    sides.is_rebuilt(table) || joins.any(|(join, _)| is_below_one_made_anew(sides, &parent(join)))
}

pub(super) fn leave(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Option<Vec<Statement>> {
    let (table, parent) = (id.table(Kind::Table), parent(id));
    let may = sides.major >= 14
        && is_in_use(sides, &table)
        && is_in_use(sides, &parent)
        && sides.new.get(id).is_none()
        && default_partition(sides.old, &parent).is_none();
    let expression = check_of(attributes).filter(|_| may)?;
    let [mut statements, take] = check(sides, &table, expression);
    let detach = format!("detach partition {} concurrently", sides.qualified(&table));
    statements.push(alter_table(sides, &parent, &detach));
    statements.extend(take);
    Some(super::alone(statements))
}
