//! What has to change between two schemas, and what has to make way for it.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Attributes, Id, Kind};
use super::render::{self, Alteration, Sides};
use super::statement::Statement;

/// What becomes of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the new schema has it.
    Create,
    /// Only the old schema has it.
    Drop,
    /// Both have it; these statements make the one of the other.
    Alter(Vec<Statement>),
    /// Both have it, and it is dropped and made again.
    Replace,
    /// Both have it, and it is made again with the rows of the old one.
    Rebuild,
}

/// All that changes.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// By object. What is not listed is the same in both.
    pub changes: BTreeMap<Id, Change>,
    /// Alterations, and what must not be there meanwhile.
    pub between: BTreeSet<(Id, Id)>,
}

/// Compares.
pub fn compare(sides: &Sides<'_>) -> Difference {
    let mut difference = Difference::default();
    let mut makes_way: Vec<(Id, &'static [Kind])> = Vec::new();
    let mut gone: Vec<Id> = Vec::new();
    for (id, old) in &sides.old.objects {
        let Some(new) = sides.new.get(id) else {
            difference.changes.insert(id.clone(), Change::Drop);
            gone.push(id.clone());
            continue;
        };
        if old == new {
            continue;
        }
        match render::alter(sides, id, old, new) {
            Alteration::InPlace(statements) => {
                if !statements.is_empty() {
                    difference
                        .changes
                        .insert(id.clone(), Change::Alter(statements));
                }
            }
            Alteration::Without(statements, kinds) => {
                difference
                    .changes
                    .insert(id.clone(), Change::Alter(statements));
                makes_way.push((id.clone(), kinds));
            }
            Alteration::Rebuild => {
                difference.changes.insert(id.clone(), Change::Rebuild);
                gone.push(id.clone());
            }
            Alteration::Replace => {
                difference.changes.insert(id.clone(), Change::Replace);
                gone.push(id.clone());
            }
        }
    }
    for id in sides.new.objects.keys() {
        if sides.old.get(id).is_none() {
            difference.changes.insert(id.clone(), Change::Create);
        }
    }
    for (id, kinds) in makes_way {
        for user in in_the_way(sides, &id, kinds) {
            difference.between.insert((id.clone(), user.clone()));
            difference.replace(sides, &user, &mut gone);
        }
    }
    // Whatever needs something that goes cannot stay either, however far away.
    while let Some(id) = gone.pop() {
        for user in sides.old.needed_by(&id) {
            if follows(sides, &id, user) {
                difference.replace(sides, user, &mut gone);
            }
        }
    }
    difference
}

/// What uses an object that is altered, or a column that changes with it.
fn in_the_way(sides: &Sides<'_>, id: &Id, kinds: &[Kind]) -> BTreeSet<Id> {
    let old = sides.old;
    let mut found = BTreeSet::new();
    let mut looked = BTreeSet::new();
    let mut todo = vec![id.clone()];
    while let Some(id) = todo.pop() {
        for user in old.needed_by(&id) {
            // One that is no longer generated keeps its values, and is told first.
            let is_generated = [old, sides.new].iter().all(|schema| {
                let column = schema.get(user);
                column.is_some_and(|column| column.has("generated"))
            });
            let is_part = user.kind == Kind::Column
                || matches!(user.kind, Kind::Composite | Kind::Domain | Kind::Range);
            if kinds.contains(&user.kind)
                || (user.kind == Kind::Column && id.kind == Kind::Column && is_generated)
            {
                found.insert(user.clone());
            } else if is_part && looked.insert(user.clone()) {
                // A column of the type, a column that a child has from it, or a type made of it.
                todo.push(user.clone());
            }
        }
    }
    found
}

/// Whether it is made again with what it needs. A table or an ordinary column is not: its rows stay.
fn follows(sides: &Sides<'_>, gone: &Id, user: &Id) -> bool {
    // What a partition has from its parent is its own while it is detached.
    if gone.kind == Kind::Inheritance {
        return false;
    }
    match user.kind {
        // Columns come and go while partitions stay attached.
        Kind::Inheritance => matches!(gone.kind, Kind::Table | Kind::ForeignTable),
        Kind::Table
        | Kind::ForeignTable
        | Kind::Schema
        | Kind::Sequence
        | Kind::Enum
        | Kind::Domain
        | Kind::Composite
        | Kind::Range => false,
        Kind::Column => {
            let is_generated = |column: &Attributes| column.has("generated");
            sides.old.get(user).is_some_and(is_generated)
                || (gone == &user.table(Kind::Table) && sides.is_rebuilt(gone))
        }
        _ => true,
    }
}

impl Difference {
    fn replace(&mut self, sides: &Sides<'_>, id: &Id, gone: &mut Vec<Id>) {
        let is_in_both = sides.old.get(id).is_some() && sides.new.get(id).is_some();
        let goes_already = matches!(
            self.changes.get(id),
            Some(Change::Replace | Change::Drop | Change::Rebuild)
        );
        if is_in_both && !goes_already {
            self.changes.insert(id.clone(), Change::Replace);
            gone.push(id.clone());
        }
    }
}
