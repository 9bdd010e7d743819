//! Tables that are made anew with their rows: ordinary ones that become partitioned, and back.

use super::inheritance::{is_partition, says};
use super::table::{self, columns};
use super::{Sides, carry, cast, chosen, probes, remake};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

/// The sequences that columns of the table own, before and after.
fn sequences(sides: &Sides<'_>, id: &Id) -> Vec<(Id, Option<String>)> {
    let mut found = Vec::new();
    for (column, _) in sides.old.parts(id, Kind::Column) {
        for user in sides.old.needed_by(column) {
            let (old, new) = (sides.old.get(user), sides.new.get(user));
            if let (Kind::Sequence, Some(_), Some(new)) = (user.kind, old, new) {
                found.push((user.clone(), new.get("owned by").map(str::to_owned)));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The old table gets another name. Its sequences must not go with it.
pub(super) fn set_aside(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let stays = |(column, old): &(&Id, &Attributes)| {
        let new = sides.new.get(column);
        new.is_some_and(|new| new.get("type") == old.get("type"))
    };
    let mut statements: Vec<Statement> = columns(sides.old, id)
        .into_iter()
        .filter(stays)
        .filter_map(|(column, old)| carry::guard(sides, column, old.get("type")?))
        .collect();
    statements.extend(sequences(sides, id).iter().map(|(sequence, _)| {
        let sequence = sides.qualified(sequence);
        Statement::new(format!("alter sequence {sequence} owned by none"))
    }));
    statements.push(Statement::new(format!(
        "alter table {} rename to {}",
        sides.qualified(id),
        sides.own(&sides.aside(id))
    )));
    let before = sides.qualified(&sides.aside(id));
    // Whoever moves the rows is to see them all, also where policies are the owner's too.
    if sides
        .old
        .get(id)
        .is_some_and(|table| table.has("force row security"))
    {
        statements.push(Statement::new(format!(
            "alter table {before} no force row level security"
        )));
    }
    // The new table's identity columns are to have sequences of these names.
    for (column, attributes) in columns(sides.old, id) {
        // A partition's is its parent's (since 17).
        if attributes.has("identity") && !(sides.major >= 17 && is_partition(sides.old, id)) {
            let own = sides.own(column);
            statements.push(Statement::new(format!(
                "alter table {before} alter column {own} drop identity"
            )));
        }
    }
    if sides.major >= 18 {
        // The new table's constraints are to have these names.
        for (number, (column, attributes)) in columns(sides.old, id).into_iter().enumerate() {
            // Those of its parent are renamed with the parent's.
            let is_moved = is_moved_by_its_parent(sides, id) && says(sides.old, column, "not null");
            if attributes.has("not null") && !is_moved {
                let usual = super::not_null::usual_name(column);
                let name = attributes.get("not null name").unwrap_or(&usual);
                let to = format!("{name}_before");
                // Two long names may begin alike.
                let to = if to.len() > chosen::LONGEST {
                    chosen::name(name, Some(&number.to_string()), "before")
                } else {
                    to
                };
                let (from, to) = (sides.name(name), sides.name(&to));
                statements.push(Statement::new(format!(
                    "alter table {before} rename constraint {from} to {to}"
                )));
            }
        }
    }
    statements
}

/// Whether a partition that is to go is one of a table that is made anew: then it goes behind its
/// rows, and not before.
pub(super) fn goes_with_its_parent(sides: &Sides<'_>, id: &Id) -> bool {
    if sides.new.get(id).is_some() {
        return false;
    }
    let mut parents = sides
        .old
        .parts(id, Kind::Inheritance)
        .map(|(join, _)| Id::new(Kind::Table, &[join.name(2), join.name(3)]));
    parents.any(|parent| sides.is_rebuilt(&parent) || goes_with_its_parent(sides, &parent))
}

/// Whether a partition and its parent are made anew together: the parent's rows are the partition's.
pub(in crate::schema) fn moves_with(sides: &Sides<'_>, id: &Id, parent: &Id) -> bool {
    let join = [id.name(0), id.name(1), parent.name(0), parent.name(1)];
    let join = Id::new(Kind::Inheritance, &join);
    let is_in_both = sides.old.get(&join).is_some() && sides.new.get(&join).is_some();
    is_in_both && sides.is_rebuilt(id) && sides.is_rebuilt(parent)
}

/// The table with whose rows an old table goes: itself, or one above it.
pub(in crate::schema) fn goes_with(sides: &Sides<'_>, id: &Id) -> Option<Id> {
    let mut parents = sides
        .old
        .parts(id, Kind::Inheritance)
        .map(|(join, _)| Id::new(Kind::Table, &[join.name(2), join.name(3)]));
    let is_gone = sides.new.get(id).is_none();
    let above = parents.find_map(|parent| {
        let goes = is_gone || moves_with(sides, id, &parent);
        goes.then(|| goes_with(sides, &parent)).flatten()
    });
    above.or_else(|| sides.is_rebuilt(id).then(|| id.clone()))
}

/// Whether the rows of an old table go with those of one above it.
fn is_moved_by_its_parent(sides: &Sides<'_>, table: &Id) -> bool {
    goes_with(sides, table).is_some_and(|above| above != *table)
}

/// Whether a part that is one of the table above goes with that, to which its table belongs to the
/// end.
pub(super) fn goes_with_that_of_its_parent(sides: &Sides<'_>, part: &Id, table: &Id) -> bool {
    let is_inherited = |part: &Attributes| part.has("inherited");
    (part.kind == Kind::Inheritance || sides.old.get(part).is_some_and(is_inherited))
        && is_moved_by_its_parent(sides, table)
}

/// The rows of the old table, and its end.
pub(super) fn move_rows(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let is_moved_by_its_parent = is_moved_by_its_parent(sides, id);
    let mut names = Vec::new();
    let mut values = Vec::new();
    let (mut lost, mut cut) = (Vec::new(), Vec::new());
    let mut is_identity = false;
    for (column, old) in columns(sides.old, id) {
        let own = sides.own(column);
        let Some(new) = sides.new.get(column) else {
            lost.push(own);
            continue;
        };
        if new.has("generated") {
            continue;
        }
        is_identity |= new.has("identity");
        if let (Some(old), Some(new)) = (old.get("type"), new.get("type")) {
            let (old, new) = (sides.base_of(sides.old, old), sides.base_of(sides.new, new));
            cut.extend(cast::loses(old, new).map(|what| format!("{what} of {own}")));
        }
        values.push(match (old.get("type"), new.get("type")) {
            (Some(old), Some(new)) if old == new && remake::is_of_one(sides, column) => {
                carry::value(sides, &own, new)
            }
            // An insert assigns; a cast by name would cut what is too long.
            (Some(old), Some(new)) if old != new && !cast::is_assigned(old, new) => {
                cast::convert(sides, &own, old, new)
            }
            _ => own.clone(),
        });
        names.push(own);
    }
    let (table, before) = (sides.qualified(id), sides.qualified(&sides.aside(id)));
    let overriding = if is_identity {
        " overriding system value"
    } else {
        ""
    };
    let mut statements = Vec::new();
    if !names.is_empty() && !is_moved_by_its_parent {
        statements.push(
            Statement::new(format!(
                "insert into {table} ({}){overriding} select {} from {before}",
                names.join(", "),
                values.join(", ")
            ))
            .probing(probes::without_partition(sides, id)),
        );
    }
    // Before that it would take no rows, as its policies come behind them.
    if let Some(new) = sides.new.get(id) {
        statements.extend(table::enable_row_security(sides, id, new));
    }
    let is_identity = |(_, new): &(&Id, &Attributes)| new.has("identity");
    for (column, _) in columns(sides.new, id).into_iter().filter(is_identity) {
        statements.push(super::column::after_the_highest(sides, column));
    }
    for (sequence, owner) in sequences(sides, id) {
        if let Some(owner) = owner {
            let sequence = sides.qualified(&sequence);
            statements.push(Statement::new(format!(
                "alter sequence {sequence} owned by {owner}"
            )));
        }
    }
    if is_moved_by_its_parent {
        return statements;
    }
    if !lost.is_empty() {
        cut.insert(0, format!("the columns {}", lost.join(", ")));
    }
    statements.push(Statement {
        loses: (!cut.is_empty()).then(|| cut.join(", ")),
        ..Statement::new(format!("drop table {before}"))
    });
    statements
}
