//! Indexes of tables in use: built and dropped `concurrently`. Neither keeps anybody from writing
//! (SHARE UPDATE EXCLUSIVE); both wait for transactions that are older.

use super::{free_name, is_in_use, relation, tree};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::render::relation::finish_index;
use crate::schema::render::{Sides, common};
use crate::schema::statement::Statement;

/// The definition with another name.
pub(super) fn named(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
    name: &str,
) -> Option<String> {
    let (words, rest) = parts(sides, id, attributes)?;
    Some(format!("{words} {}{rest}", sides.name(name)))
}

/// The statement that builds it by a name.
pub(super) fn build(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
    name: &str,
) -> Option<Statement> {
    let (words, rest) = parts(sides, id, attributes)?;
    let name = sides.name(name);
    Some(Statement::alone(format!(
        "{words} CONCURRENTLY {name}{rest}"
    )))
}

/// What stands before the name, and what behind it.
fn parts<'a>(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &'a Attributes,
) -> Option<(&'static str, &'a str)> {
    let definition = attributes.get("definition")?;
    ["CREATE UNIQUE INDEX", "CREATE INDEX"]
        .into_iter()
        .find_map(|words| {
            let rest = definition.strip_prefix(words)?.strip_prefix(' ')?;
            Some((words, rest.strip_prefix(&sides.own(id))?))
        })
}

/// Whether its definition is as the server writes it.
pub(super) fn is_known(sides: &Sides<'_>, id: &Id) -> bool {
    let attributes = sides.new.get(id);
    attributes.is_some_and(|attributes| parts(sides, id, attributes).is_some())
}

pub(super) fn create(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Option<Vec<Statement>> {
    if attributes.has("invalid") {
        return None;
    }
    if attributes.has("partitioned") {
        if !tree::is_made_by_parts(sides, id) {
            return None;
        }
        let is_there = |part: &Id| sides.old.get(part).is_some();
        let name = |part: &Id| part.own_name().to_owned();
        let mut statements = tree::build(sides, id, &name, &is_there)?;
        statements.extend(finish_index(sides, id, &Attributes::default(), attributes));
        return Some(statements);
    }
    let mut statements = vec![build(sides, id, attributes, id.own_name())?];
    statements.extend(finish_index(sides, id, &Attributes::default(), attributes));
    Some(statements)
}

/// An index on its way out keeps nobody from anything.
pub(super) fn drop(index: &str) -> Statement {
    Statement::alone(format!("drop index concurrently {index}"))
}

pub(super) fn may_swap(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> bool {
    let (Some(before), Some(after)) = (relation(sides.old, id), relation(sides.new, id)) else {
        return false;
    };
    let is_used = before.kind == Kind::MaterializedView || is_in_use(sides, &before);
    if before != after || !is_used || old.has("partitioned") != new.has("partitioned") {
        return false;
    }
    if new.has("partitioned") {
        tree::may_swap(sides, id)
    } else {
        !new.has("invalid") && is_known(sides, id)
    }
}

/// The new one is built, takes the name, and the old one goes.
pub(super) fn swap(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let (Some(table), Some(attributes)) = (relation(sides.new, id), sides.new.get(id)) else {
        return Vec::new();
    };
    let home = sides.name(id.name(0));
    let new_name = |part: &Id| {
        let table = relation(sides.new, part).unwrap_or_else(|| table.clone());
        free_name(sides, &table, part.own_name(), "new")
    };
    let rename = |from: &str, to: &str| {
        let (from, to) = (sides.name(from), sides.name(to));
        Statement::new(format!("alter index {home}.{from} rename to {to}"))
    };
    let own = id.own_name();
    let finish = || {
        let mut statements = finish_index(sides, id, &Attributes::default(), attributes);
        statements.extend(common::after_create(sides, id, attributes));
        statements
    };
    if attributes.has("partitioned") {
        let built = tree::build(sides, id, &new_name, &|_| false);
        let mut statements = built.unwrap_or_default();
        statements.push(Statement::new(format!(
            "drop index {home}.{}",
            sides.name(own)
        )));
        for part in tree::family(sides.new, id) {
            statements.push(rename(&new_name(&part), part.own_name()));
            if let Some(attributes) = sides.new.get(&part).filter(|_| part != *id) {
                statements.extend(common::after_create(sides, &part, attributes));
            }
        }
        statements.extend(finish());
        return statements;
    }
    let old_name = free_name(sides, &table, own, "old");
    let mut statements = Vec::from_iter(build(sides, id, attributes, &new_name(id)));
    statements.push(rename(own, &old_name));
    statements.push(rename(&new_name(id), own));
    statements.extend(finish());
    let old = format!("{home}.{}", sides.name(&old_name));
    statements.push(drop(&old));
    statements
}
