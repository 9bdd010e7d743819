//! Sequences of identity columns: the column makes and drops them, and they have a name, privileges
//! and a comment of their own.

use std::collections::BTreeSet;

use super::{Alteration, Sides, chosen};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;

/// The sequence of a column, as one schema has it.
fn of<'s>(schema: &'s Schema, column: &Id) -> Option<&'s Attributes> {
    schema.get(&Id {
        kind: Kind::IdentitySequence,
        names: column.names.clone(),
    })
}

fn qualified(sides: &Sides<'_>, id: &Id, name: &str) -> String {
    format!("{}.{}", sides.name(id.name(0)), sides.name(name))
}

/// What statements call a sequence: by its new name once it has one.
pub(super) fn sequence(sides: &Sides<'_>, id: &Id) -> String {
    let attributes = of(sides.new, id).or_else(|| of(sides.old, id));
    let name = attributes.and_then(|sequence| sequence.get("name"));
    qualified(sides, id, name.unwrap_or_default())
}

/// `sequence name …` for a column that is made, where the server would choose another name.
pub(super) fn named(sides: &Sides<'_>, column: &Id) -> Option<String> {
    let name = of(sides.new, column)?.get("name")?;
    let usual = chosen::name(column.name(1), Some(column.own_name()), "seq");
    (name != usual).then(|| format!("sequence name {}", qualified(sides, column, name)))
}

/// What cannot be said where the column is made.
pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let logged = format!("alter sequence {} set logged", sequence(sides, id));
    // All are, before 15.
    let is_said = attributes.has("logged") && sides.major >= 15;
    let logged = is_said.then(|| Statement::new(logged));
    logged.into_iter().collect()
}

pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let mut statements = Vec::new();
    if let (Some(before), Some(after)) = (old.get("name"), new.get("name"))
        && before != after
    {
        statements.push(Statement::new(format!(
            "alter sequence {} rename to {}",
            qualified(sides, id, before),
            sides.name(after)
        )));
    }
    if differing.contains("logged") && sides.major >= 15 {
        let how = if new.has("logged") {
            "logged"
        } else {
            "unlogged"
        };
        let is_unlogged = |schema: &Schema| {
            schema
                .get(&id.table(Kind::Table))
                .is_some_and(|table| table.has("unlogged"))
        };
        // A table that changes takes its sequence along.
        if new.has("logged") || is_unlogged(sides.new) {
            let sequence = sequence(sides, id);
            statements.push(Statement::new(format!(
                "alter sequence {sequence} set {how}"
            )));
        }
    }
    Alteration::InPlace(statements)
}
