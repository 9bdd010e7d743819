//! Indexes, keys and unique constraints of partitioned tables: one of the parent, and one of each
//! partition that is attached to it.
//!
//! The parent's is made for the parent only, and is invalid at first. Those of the partitions are
//! built `concurrently`, one by one, and attached; with the last one the parent's is valid (notes of
//! `CREATE INDEX` in PostgreSQL's manual, and "Partition Maintenance").

use std::collections::BTreeSet;

use super::{constraint, index, partition};
use crate::schema::model::{Id, Kind, Schema};
use crate::schema::render::Sides;
use crate::schema::statement::Statement;

/// What the partitions of the next level have of an index or constraint.
pub(super) fn children(schema: &Schema, id: &Id) -> Vec<Id> {
    let is_child = |child: &&Id| {
        child.kind == id.kind
            && schema
                .get(child)
                .is_some_and(|child| child.has("inherited"))
    };
    schema.needed_by(id).filter(is_child).cloned().collect()
}

/// It, and what all partitions have of it.
pub(super) fn family(schema: &Schema, id: &Id) -> BTreeSet<Id> {
    let mut family = BTreeSet::from([id.clone()]);
    let mut todo = vec![id.clone()];
    while let Some(id) = todo.pop() {
        for child in children(schema, &id) {
            if family.insert(child.clone()) {
                todo.push(child);
            }
        }
    }
    family
}

/// What an index or constraint of a partition is a part of, at the top.
pub(super) fn root(schema: &Schema, id: &Id) -> Option<Id> {
    let mut at = id.clone();
    // A tree is never as deep: a circle would not be one.
    for _ in 0..64 {
        if !schema.get(&at)?.has("inherited") {
            return Some(at);
        }
        let is_above = |above: &&Id| above.kind == at.kind && children(schema, above).contains(&at);
        let above = schema.needs(&at).find(is_above)?.clone();
        at = above;
    }
    None
}

fn table(schema: &Schema, id: &Id) -> Option<Id> {
    super::relation(schema, id)
}

fn is_partitioned(schema: &Schema, table: &Id) -> bool {
    schema
        .get(table)
        .is_some_and(|table| table.has("partition by"))
}

/// Whether one of a partitioned table is made part by part: it has partitions, each of them has its
/// own of it, and none of these is in the way.
pub(super) fn is_made_by_parts(sides: &Sides<'_>, root: &Id) -> bool {
    let is_of_partitioned =
        table(sides.new, root).is_some_and(|table| is_partitioned(sides.new, &table));
    let is_key = sides
        .new
        .get(root)
        .is_some_and(|new| root.kind == Kind::Index || matches!(new.get("type"), Some("p" | "u")));
    let is_there = |part: &Id| match (sides.old.get(part), sides.new.get(part)) {
        (Some(old), Some(new)) => old.get("definition") == new.get("definition"),
        _ => true,
    };
    is_of_partitioned
        && is_key
        && is_complete(sides, root)
        && sides.new.get(root).is_some_and(|new| !new.has("invalid"))
        && family(sides.new, root)
            .iter()
            .filter(|part| *part != root)
            .all(is_there)
}

/// Whether a changed one of a partitioned table can be built anew beside the old one: the partitions
/// are the same before and after.
pub(super) fn may_swap(sides: &Sides<'_>, root: &Id) -> bool {
    let (old, new) = (family(sides.old, root), family(sides.new, root));
    let tables = |schema: &Schema, family: &BTreeSet<Id>| -> BTreeSet<Option<Id>> {
        family.iter().map(|part| table(schema, part)).collect()
    };
    old == new
        && tables(sides.old, &old) == tables(sides.new, &new)
        && is_complete(sides, root)
        && [sides.old, sides.new]
            .iter()
            .all(|schema| schema.get(root).is_some_and(|root| !root.has("invalid")))
}

/// Whether there are partitions, and each of them, and each of theirs, has its own; foreign tables
/// have none.
fn is_complete(sides: &Sides<'_>, root: &Id) -> bool {
    let mut has_partitions = false;
    let complete = family(sides.new, root).iter().all(|part| {
        let Some(table) = table(sides.new, part) else {
            return false;
        };
        if !is_partitioned(sides.new, &table) {
            return index::is_known(sides, part) || part.kind == Kind::Constraint;
        }
        let partitions = partition::partitions(sides.new, &table).count();
        has_partitions |= partitions > 0;
        partitions == children(sides.new, part).len()
    });
    complete && has_partitions
}

/// Builds one with all its parts, each by the name that `name` gives it. Where `is_there` says that
/// a part is, it is only attached.
pub(super) fn build(
    sides: &Sides<'_>,
    id: &Id,
    name: &dyn Fn(&Id) -> String,
    is_there: &dyn Fn(&Id) -> bool,
) -> Option<Vec<Statement>> {
    let table = table(sides.new, id)?;
    let attributes = sides.new.get(id)?;
    let own = name(id);
    if !is_partitioned(sides.new, &table) {
        return match id.kind {
            _ if is_there(id) => Some(Vec::new()),
            Kind::Index => Some(vec![index::build(sides, id, attributes, &own)?]),
            _ => constraint::build_key(sides, id, attributes, &own),
        };
    }
    let mut statements = Vec::new();
    if !is_there(id) {
        statements.push(match id.kind {
            Kind::Index => Statement::new(index::named(sides, id, attributes, &own)?),
            _ => Statement::new(format!(
                "alter table only {} add constraint {} {}",
                sides.qualified(&table),
                sides.name(&own),
                attributes.get("definition").unwrap_or_default()
            )),
        });
    }
    let home = sides.name(id.name(0));
    for child in children(sides.new, id) {
        statements.extend(build(sides, &child, name, is_there)?);
        statements.push(Statement::new(format!(
            "alter index {home}.{} attach partition {}.{}",
            sides.name(&own),
            sides.name(child.name(0)),
            sides.name(&name(&child))
        )));
    }
    Some(statements)
}
