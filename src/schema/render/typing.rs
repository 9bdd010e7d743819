//! Tables of a composite type: joining it and leaving it.

use super::table::{alter_table, columns};
use super::{Sides, cast, remake};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;

/// The type that a table is of.
fn of<'s>(schema: &'s Schema, id: &Id) -> Option<&'s Id> {
    let table = id.table(Kind::Table);
    schema.get(&table).filter(|table| table.has("of type"))?;
    let mut needs = schema.needs(&table);
    needs.find(|needed| needed.kind == Kind::Composite)
}

/// Whether the table of a column is of one type all the time: the column changes with the type's
/// attribute.
pub(super) fn changes_with_it(sides: &Sides<'_>, id: &Id) -> bool {
    let (old, new) = (of(sides.old, id), of(sides.new, id));
    old.is_some_and(|kind| new == Some(kind) && !remake::is_remade(sides, kind))
}

/// Whether a table cannot become one of its type: its columns would stand in another order.
pub(super) fn needs_another_table(sides: &Sides<'_>, table: &Id) -> bool {
    if of(sides.new, table).is_none() || changes_with_it(sides, table) {
        return false;
    }
    let (old, new) = (columns(sides.old, table), columns(sides.new, table));
    let kept = old.iter().filter(|(id, _)| sides.new.get(id).is_some());
    let added = new.iter().filter(|(id, _)| sides.old.get(id).is_none());
    let order = kept.chain(added).map(|(id, _)| id);
    !order.eq(new.iter().map(|(id, _)| id))
}

/// Whether an attribute of a type gets another type to which values do not go by themselves, and a
/// table is of the type: the statement that changes both cannot say how.
pub(super) fn wants_a_cast(
    sides: &Sides<'_>,
    kind: &Id,
    mut attributes: impl Iterator<Item = (String, String)>,
) -> bool {
    let is_of_it = |table: &Id| table.kind == Kind::Table && of(sides.old, table) == Some(kind);
    attributes.any(|(from, to)| !cast::is_assigned(&from, &to))
        && sides.old.needed_by(kind).any(is_of_it)
}

pub(super) fn begin(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if sides.is_of_a_new_table(id) {
        return Vec::new();
    }
    let kind = attributes.get("type").unwrap_or_default();
    vec![alter_table(sides, id, &format!("of {kind}"))]
}

pub(super) fn end(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    vec![alter_table(sides, id, "not of")]
}
