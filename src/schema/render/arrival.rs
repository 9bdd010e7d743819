//! Columns that come to a table with rows: with their default, so that the rows have it, and with
//! the sequence of a `serial`.

use super::table::{alter_table, word};
use super::{Sides, guard, inheritance};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::probe::Probe;
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// The default of a column.
fn default(column: &Id) -> Id {
    Id {
        kind: Kind::Default,
        names: column.names.clone(),
    }
}

/// The default that a column is added with: one that comes to a table which is there.
pub fn default_of<'s>(sides: &Sides<'s>, column: &Id) -> Option<(Id, &'s Attributes)> {
    let comes = column.kind == Kind::Column
        && sides.old.get(column).is_none()
        && !sides.is_of_a_new_table(column);
    let own = sides.new.get(column).filter(|_| comes)?;
    if own.has("inherited") && inheritance::stays(sides, column) {
        return None;
    }
    let default = default(column);
    let attributes = sides.new.get(&default)?;
    Some((default, attributes))
}

/// Whether a default came with its column, or with that of a parent.
pub(super) fn is_there(sides: &Sides<'_>, id: &Id) -> bool {
    let column = Id {
        kind: Kind::Column,
        names: id.names.clone(),
    };
    if default_of(sides, &column).is_some() {
        return true;
    }
    let own = sides.new.get(id).and_then(|own| own.get("expression"));
    sides.old.get(&column).is_none()
        && above(sides, &column)
            .iter()
            .filter_map(|parent| default_of(sides, parent))
            .any(|(_, attributes)| attributes.get("expression") == own)
}

/// The same column of the parents of its table that stay, however far above.
fn above(sides: &Sides<'_>, column: &Id) -> Vec<Id> {
    let mut found = Vec::new();
    let mut todo = vec![column.clone()];
    while let Some(column) = todo.pop() {
        let inherits = sides
            .new
            .get(&column)
            .is_some_and(|own| own.has("inherited"));
        if inherits && inheritance::stays(sides, &column) {
            for (join, _) in sides.new.parts(&column, Kind::Inheritance) {
                let parent = [join.name(2), join.name(3), column.own_name()];
                todo.push(Id::new(Kind::Column, &parent));
            }
        }
        found.push(column);
    }
    found.split_off(1)
}

/// Whether a sequence is made for a column that is added behind it, which then says so.
pub fn comes_for_its_column(sides: &Sides<'_>, sequence: &Id) -> bool {
    let mut needs = sides.new.needs(sequence);
    sequence.kind == Kind::Sequence
        && sides.old.get(sequence).is_none()
        && needs.any(|column| fills(sides, sequence, column))
}

/// Whether a column is added with a default that needs the sequence.
fn fills(sides: &Sides<'_>, sequence: &Id, column: &Id) -> bool {
    default_of(sides, column)
        .is_some_and(|(default, _)| sides.new.needs(&default).any(|needed| needed == sequence))
}

/// A sequence that comes to a column with values goes on behind them.
pub(super) fn count_on(sides: &Sides<'_>, default: &Id) -> Option<Statement> {
    let column = Id {
        kind: Kind::Column,
        names: default.names.clone(),
    };
    let kind = sides.old.get(&column)?.get("type")?;
    let is_counted = matches!(kind, "smallint" | "integer" | "bigint");
    let is_new = |needed: &&Id| needed.kind == Kind::Sequence && sides.old.get(needed).is_none();
    let sequence = sides.new.needs(default).find(is_new)?;
    let is_table = word(sides, &column) == "table";
    if !is_counted || !is_table || sides.is_of_a_new_table(&column) {
        return None;
    }
    let (table, own) = (sides.qualified(&column), sides.own(&column));
    Some(Statement::new(format!(
        "select pg_catalog.setval({}, max({own})) from {table} having max({own}) is not null",
        Literal(&sides.qualified(sequence))
    )))
}

/// What comes behind the column: its sequence belongs to it, and a child need not have the default.
pub(super) fn after(sides: &Sides<'_>, column: &Id) -> Vec<Statement> {
    let mut statements = Vec::new();
    if default_of(sides, column).is_none() {
        return statements;
    }
    for user in sides.new.needed_by(column) {
        let owner = sides.new.get(user).and_then(|new| new.get("owned by"));
        if let (true, Some(owner)) = (comes_for_its_column(sides, user), owner) {
            let sequence = sides.qualified(user);
            statements.push(Statement::new(format!(
                "alter sequence {sequence} owned by {owner}"
            )));
        }
        let is_heir = user.kind == Kind::Column
            && user.own_name() == column.own_name()
            && above(sides, user).contains(column);
        if is_heir && sides.new.get(&default(user)).is_none() {
            statements.push(Statement::new(format!(
                "alter table only {} alter column {} drop default",
                sides.qualified(user),
                sides.own(user)
            )));
        }
    }
    statements
}

/// A column that wants a value which nobody has.
pub(super) fn without_value(
    sides: &Sides<'_>,
    column: &Id,
    attributes: &Attributes,
) -> Option<Statement> {
    let domain = |name: &str| {
        let kind = attributes.get("type").unwrap_or_default();
        let mut domains = sides.new.of_kind(Kind::Domain);
        domains.any(|(id, domain)| sides.qualified(id) == kind && domain.has(name))
    };
    let wants = attributes.has("not null") || domain("not null");
    let has = attributes.has("generated")
        || attributes.has("identity")
        || domain("default")
        || sides.new.get(&default(column)).is_some();
    if !wants || has || word(sides, column) == "foreign table" {
        return None;
    }
    let (table, own) = (sides.qualified(column), sides.own(column));
    Some(guard::no_rows(
        &table,
        &format!("{table} has rows, and there is no value for its new column {own}"),
        &format!("add {own} with a default, or without not null, and fill it first"),
    ))
}

/// `add column … default …`.
pub(super) fn add(sides: &Sides<'_>, column: &Id, definition: &str) -> Statement {
    let default = default_of(sides, column).and_then(|(_, default)| default.get("expression"));
    let default = default.map(|expression| format!(" default {expression}"));
    let action = format!("add column {definition}{}", default.unwrap_or_default());
    let own = sides.new.get(column);
    let computed = own.filter(|own| own.has("not null") && word(sides, column) == "table");
    let computed = computed
        .and_then(|own| own.get("generated"))
        .map(|expression| {
            let (table, own) = (sides.qualified(column), sides.own(column));
            let says = format!("rows of {table} give no value to {own}");
            Probe::exists(&format!("{table} where ({expression}) is null"), says)
        });
    alter_table(sides, column, &action).probing(computed)
}
