//! Changes of tables that are in use: nothing reads or writes the whole of a table while a lock
//! keeps others from reading or writing it.
//!
//! What takes long has statements that are transactions of their own ([`Runs::Alone`]): an index is
//! built `concurrently`, a constraint comes `not valid` and is validated behind that, and what takes
//! the place of something is there before that goes. The locks are those of the page "Explicit
//! Locking" and of the notes of `ALTER TABLE` and `CREATE INDEX` in PostgreSQL's manual.
//!
//! [`Runs::Alone`]: crate::schema::statement::Runs::Alone

mod column;
mod constraint;
mod index;
mod partition;
mod tree;

use std::collections::BTreeSet;

use super::{Sides, chosen, common, probes};
use crate::schema::difference::{Change, Difference};
use crate::schema::model::{Id, Kind, Schema};
use crate::schema::probe::Probe;
use crate::schema::statement::{Runs, Statement};

pub(super) use column::{is_told_by_parent, set_not_null};
pub use constraint::taken_over;
pub(super) use constraint::{take_over, validate};

/// Whether a table is there before and after, with its rows: somebody may be using it.
pub fn is_in_use(sides: &Sides<'_>, table: &Id) -> bool {
    let table = table.table(Kind::Table);
    sides.online
        && sides.old.objects.contains_key(&table)
        && sides.new.objects.contains_key(&table)
        && !sides.is_rebuilt(&table)
}

/// The same of a materialized view, which may be made anew.
fn stays(sides: &Sides<'_>, difference: &Difference, view: &Id) -> bool {
    let is_made = matches!(
        difference.changes.get(view),
        Some(Change::Create | Change::Replace | Change::Rebuild)
    );
    sides.online && sides.old.get(view).is_some() && sides.new.get(view).is_some() && !is_made
}

/// The relation that an index or another part belongs to, as the schema has it.
pub(super) fn relation(schema: &Schema, id: &Id) -> Option<Id> {
    let names = match id.kind {
        Kind::Index => [id.name(0), schema.get(id)?.get("table")?],
        _ => [id.name(0), id.name(1)],
    };
    let kinds = [Kind::Table, Kind::MaterializedView];
    let ids = kinds.map(|kind| Id::new(kind, &names));
    ids.into_iter().find(|id| schema.objects.contains_key(id))
}

/// How something new is made while its table is in use. `is_new` says of other objects whether they
/// are made in the same migration. Nothing, if the usual statements are the ones.
pub fn create(sides: &Sides<'_>, difference: &Difference, id: &Id) -> Option<Vec<Statement>> {
    let attributes = sides.new.get(id)?;
    let relation = relation(sides.new, id).filter(|_| sides.online)?;
    let is_used = match relation.kind {
        Kind::MaterializedView => stays(sides, difference, &relation),
        _ => is_in_use(sides, &relation),
    };
    let mut statements = match id.kind {
        Kind::Index | Kind::Constraint if attributes.has("inherited") => {
            let root = tree::root(sides.new, id)?;
            let is_new = difference.changes.get(&root) == Some(&Change::Create);
            if !is_new || !tree::is_made_by_parts(sides, &root) {
                return None;
            }
            Vec::new()
        }
        Kind::Index if is_used => index::create(sides, id, attributes)?,
        Kind::Constraint if is_used => constraint::create(sides, id, attributes)?,
        _ => return None,
    };
    statements.extend(common::after_create(sides, id, attributes));
    Some(alone(probing_first(statements, in_the_way(sides, id))))
}

/// The first of them says which rows stand in the way of them all.
pub(super) fn probing_first(
    mut steps: Vec<Statement>,
    probes: impl IntoIterator<Item = Probe>,
) -> Vec<Statement> {
    if let Some(first) = steps.first_mut() {
        first.probes.extend(probes);
    }
    steps
}

/// The rows that stand in the way of an index or a constraint, or of its new form.
fn in_the_way(sides: &Sides<'_>, id: &Id) -> Vec<Probe> {
    match (id.kind, sides.new.get(id)) {
        (Kind::Index, Some(new)) => probes::index(sides, id, new).into_iter().collect(),
        (Kind::Constraint, Some(new)) => probes::constraint(sides, id, new),
        _ => Vec::new(),
    }
}

/// Whether an index was one of a parent's, and is not any more.
pub fn becomes_its_own(sides: &Sides<'_>, id: &Id) -> bool {
    let is_part = |schema: &Schema| schema.get(id).is_some_and(|id| id.has("inherited"));
    id.kind == Kind::Index && is_part(sides.old) && !is_part(sides.new)
}

/// What has to be there before something is made by its parts: each part's own needs.
pub fn needs_of_parts(sides: &Sides<'_>, id: &Id) -> BTreeSet<Id> {
    let is_root = matches!(id.kind, Kind::Index | Kind::Constraint)
        && sides.new.get(id).is_some_and(|new| !new.has("inherited"));
    if !is_root {
        return BTreeSet::new();
    }
    let family = tree::family(sides.new, id);
    let needs = family.iter().flat_map(|part| sides.new.needs(part));
    needs
        .filter(|need| !family.contains(*need))
        .cloned()
        .collect()
}

/// How a constraint that had to go for a while comes back: at once, not valid, in the transaction in
/// which it went; it is validated behind that.
pub fn bring_back(sides: &Sides<'_>, id: &Id) -> Option<Vec<Statement>> {
    let attributes = sides.new.get(id)?;
    let is_used = id.kind == Kind::Constraint && is_in_use(sides, id);
    if !is_used || attributes.has("inherited") {
        return None;
    }
    let mut statements = constraint::in_two_steps(sides, id, attributes)?;
    let validate = statements.split_off(1);
    let mut first: Vec<Statement> = statements;
    for statement in &mut first {
        statement.runs = Runs::Together;
    }
    first.extend(common::after_create(sides, id, attributes));
    first.extend(validate);
    Some(probing_first(first, in_the_way(sides, id)))
}

/// How something goes while its table is in use. Nothing, if the usual statement is the one.
pub fn drop(sides: &Sides<'_>, difference: &Difference, id: &Id) -> Option<Vec<Statement>> {
    let attributes = sides.old.get(id)?;
    match id.kind {
        Kind::Index => {
            let relation = relation(sides.old, id)?;
            let stays = match relation.kind {
                Kind::MaterializedView => stays(sides, difference, &relation),
                _ => is_in_use(sides, &relation),
            };
            let is_alone = !attributes.has("partitioned") && !attributes.has("inherited");
            (stays && is_alone).then(|| vec![index::drop(&sides.qualified(id))])
        }
        Kind::Inheritance => partition::leave(sides, id),
        _ => None,
    }
}

/// How a partition joins whose rows are there already.
pub fn join(sides: &Sides<'_>, id: &Id) -> Option<Vec<Statement>> {
    partition::join(sides, id)
}

/// Whether something that becomes another one by the same name can be there beside the old one for
/// a moment, so that there never is none.
pub fn may_swap(sides: &Sides<'_>, id: &Id) -> bool {
    let (Some(old), Some(new)) = (sides.old.get(id), sides.new.get(id)) else {
        return false;
    };
    if !sides.online || old.has("inherited") || new.has("inherited") {
        return false;
    }
    if id.kind == Kind::Inheritance {
        return partition::may_swap(sides, id);
    }
    let family = tree::family(sides.old, id);
    let is_used = |user: &&Id| {
        let is_part = family.contains(*user) || user.kind == Kind::Inheritance;
        sides.new.get(user).is_some() && !is_part
    };
    if family
        .iter()
        .any(|part| sides.old.needed_by(part).any(|user| is_used(&user)))
    {
        return false;
    }
    let needs = sides.old.needs(id).chain(sides.new.needs(id));
    if needs
        .filter(|need| sides.new.get(need).is_some())
        .any(|need| is_retyped(sides, need))
    {
        return false;
    }
    match id.kind {
        Kind::Index => index::may_swap(sides, id, old, new),
        Kind::Constraint => constraint::may_swap(sides, id, old, new),
        _ => false,
    }
}

/// A column of another type takes its indexes along, where it can.
fn is_retyped(sides: &Sides<'_>, column: &Id) -> bool {
    let (Some(old), Some(new)) = (sides.old.get(column), sides.new.get(column)) else {
        return false;
    };
    let differing = old.differing(new);
    let decisive = ["type", "collation", "generated", "virtual"];
    column.kind == Kind::Column && decisive.iter().any(|name| differing.contains(name))
}

/// Whether all columns of an index stay as they are.
fn keeps_its_columns(sides: &Sides<'_>, index: &Id) -> bool {
    let mut needs = sides.old.needs(index);
    needs.all(|need| sides.new.get(need).is_some() && !is_retyped(sides, need))
}

/// Whether an index goes on as that of a constraint.
pub fn becomes_a_constraint(sides: &Sides<'_>, index: &Id) -> bool {
    let table = sides.old.get(index).and_then(|index| index.get("table"));
    index.kind == Kind::Index
        && table.is_some_and(|table| {
            let id = Id::new(Kind::Constraint, &[index.name(0), table, index.own_name()]);
            taken_over(sides, &id).is_some()
        })
}

/// Whether something changes with what it is a part of, which is swapped.
pub fn is_swapped_with_its_root(sides: &Sides<'_>, id: &Id) -> bool {
    let is_part = matches!(id.kind, Kind::Index | Kind::Constraint)
        && sides.new.get(id).is_some_and(|new| new.has("inherited"));
    is_part
        && tree::root(sides.new, id).is_some_and(|root| {
            let is_other = match (sides.old.get(&root), sides.new.get(&root)) {
                (Some(old), Some(new)) => old.differing(new).contains("definition"),
                _ => false,
            };
            is_other && may_swap(sides, &root)
        })
}

/// The statements that put one in the other's place.
pub fn swap(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let statements = match id.kind {
        Kind::Index => index::swap(sides, id),
        Kind::Inheritance => partition::swap(sides, id),
        _ => constraint::swap(sides, id),
    };
    alone(probing_first(statements, in_the_way(sides, id)))
}

fn alone(mut statements: Vec<Statement>) -> Vec<Statement> {
    for statement in &mut statements {
        statement.runs = Runs::Alone;
    }
    statements
}

/// A name like that of something, which nothing has: neither a relation of its schema nor a
/// constraint of its table, before or after.
pub(super) fn free_name(sides: &Sides<'_>, table: &Id, name: &str, behind: &str) -> String {
    let is_taken = |candidate: &str| {
        [sides.old, sides.new].iter().any(|schema| {
            let relations = [
                Kind::Table,
                Kind::ForeignTable,
                Kind::View,
                Kind::MaterializedView,
                Kind::Index,
                Kind::Sequence,
                Kind::Composite,
            ];
            let constraint = Id::new(Kind::Constraint, &[table.name(0), table.name(1), candidate]);
            schema.objects.contains_key(&constraint)
                || relations.iter().any(|kind| {
                    schema
                        .objects
                        .contains_key(&Id::new(*kind, &[table.name(0), candidate]))
                })
        })
    };
    let mut number = 0_u32;
    loop {
        let behind = match number {
            0 => format!("_{behind}"),
            number => format!("_{behind}{number}"),
        };
        let candidate = format!(
            "{}{behind}",
            chosen::clipped(name, chosen::LONGEST - behind.len())
        );
        if !is_taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Attributes;

    #[test]
    fn a_name_is_free_and_fits() {
        let mut old = Schema::default();
        for (kind, names) in [
            (Kind::Index, &["s", "i_new"][..]),
            (Kind::Constraint, &["s", "t", "i_new1"]),
        ] {
            old.objects
                .insert(Id::new(kind, names), Attributes::default());
        }
        let (new, keywords) = (Schema::default(), BTreeSet::new());
        let sides = Sides {
            old: &old,
            new: &new,
            keywords: &keywords,
            major: 15,
            online: true,
        };
        let table = Id::new(Kind::Table, &["s", "t"]);
        assert_eq!(free_name(&sides, &table, "i", "new"), "i_new2");
        assert_eq!(free_name(&sides, &table, "i", "old"), "i_old");
        let long = "ä".repeat(31);
        let name = free_name(&sides, &table, &long, "new");
        assert_eq!(name, format!("{}_new", "ä".repeat(29)));
        assert!(name.len() <= chosen::LONGEST);
    }
}
