//! What has to change between two schemas, and what has to make way for it.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Id, Kind, Schema};
use super::render::{self, Alteration, Sides, online, remake};
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
    /// Only the old schema has it; another kind of type takes its name and its values, and then it
    /// goes.
    Leave,
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
    let mut swaps: Vec<&Id> = Vec::new();
    let mut successors: Vec<(Id, Id)> = Vec::new();
    for (id, old) in &sides.old.objects {
        let Some(new) = sides.new.get(id) else {
            if online::becomes_a_constraint(sides, id) {
                continue;
            }
            if let Some(successor) = remake::successor(sides, id) {
                difference.changes.insert(id.clone(), Change::Leave);
                makes_way.push((id.clone(), remake::IN_THE_WAY));
                successors.push((id.clone(), successor));
                continue;
            }
            difference.changes.insert(id.clone(), Change::Drop);
            gone.push(id.clone());
            continue;
        };
        if old == new && !remake::is_remade(sides, id) && !sides.is_rebuilt(id) {
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
            Alteration::Remake(kinds) => {
                difference.changes.insert(id.clone(), Change::Rebuild);
                makes_way.push((id.clone(), kinds));
            }
            Alteration::Rebuild => {
                difference.changes.insert(id.clone(), Change::Rebuild);
                gone.push(id.clone());
            }
            Alteration::Replace if online::may_swap(sides, id) => swaps.push(id),
            Alteration::Replace if online::is_swapped_with_its_root(sides, id) => {}
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
        // A partition whose parent is made anew is by itself while its columns change.
        for column in sides
            .old
            .needed_by(&id)
            .filter(|user| user.kind == Kind::Column)
        {
            let table = column.table(Kind::Table);
            for (join, _) in sides.old.parts(&table, Kind::Inheritance) {
                difference.between.insert((id.clone(), join.clone()));
            }
        }
    }
    for (id, successor) in successors {
        for user in in_the_way(sides, &id, remake::IN_THE_WAY) {
            difference.between.insert((successor.clone(), user));
        }
    }
    // Whatever needs something that goes cannot stay either, however far away.
    while let Some(id) = gone.pop() {
        if id.kind == Kind::Domain && sides.new.get(&id).is_some() {
            // Only its default goes.
            continue;
        }
        for user in sides.old.needed_by(&id) {
            if follows(sides, &id, user) {
                difference.replace(sides, user, &mut gone);
            }
        }
        // The index of a partitioned table takes the keys of partitions along that are under it.
        for key in sides.old.needs(&id).filter(|_| id.kind == Kind::Index) {
            if sides.old.is_key(key) {
                difference.replace(sides, key, &mut gone);
            }
        }
    }
    // What need not go for another's sake is swapped.
    for id in swaps {
        let swap = || Change::Alter(online::swap(sides, id));
        difference.changes.entry(id.clone()).or_insert_with(swap);
    }
    difference
}

/// What uses an object that is altered, or a column that changes with it.
fn in_the_way(sides: &Sides<'_>, id: &Id, kinds: &[Kind]) -> BTreeSet<Id> {
    let old = sides.old;
    // The server makes the others again by itself when a column changes.
    let is_kept = |user: &Id| {
        let constraint = old.get(user).filter(|_| id.kind == Kind::Column);
        user.kind == Kind::Constraint
            && constraint.is_some_and(|constraint| constraint.get("type") != Some("f"))
    };
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
            if is_kept(user) {
                continue;
            }
            if kinds.contains(&user.kind) || (user.kind == Kind::Column && is_generated) {
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
        // It moves to another.
        Kind::Extension if gone.kind == Kind::Schema => false,
        // Columns come and go while partitions stay attached.
        Kind::Inheritance | Kind::Typing => {
            matches!(gone.kind, Kind::Table | Kind::ForeignTable)
        }
        Kind::ForeignTable => gone.kind == Kind::Server,
        Kind::Table
        | Kind::Schema
        | Kind::Sequence
        | Kind::Enum
        | Kind::Composite
        | Kind::Range => false,
        // Not the domain, but its default, as far as that needs what goes.
        Kind::Domain => {
            let has_default =
                |schema: &Schema| schema.get(user).is_some_and(|one| one.has("default"));
            has_default(sides.old)
                && matches!(
                    gone.kind,
                    Kind::Function | Kind::Aggregate | Kind::Operator | Kind::Cast | Kind::Sequence
                )
        }
        Kind::Column => {
            // One that is no longer generated keeps its values, and is told first.
            let is_generated = |schema: &Schema| {
                let column = schema.get(user);
                column.is_some_and(|column| column.has("generated"))
            };
            (is_generated(sides.old) && is_generated(sides.new))
                || gone == &user.table(Kind::Table)
                || gone == &user.table(Kind::ForeignTable)
        }
        _ => true,
    }
}

impl Difference {
    fn replace(&mut self, sides: &Sides<'_>, id: &Id, gone: &mut Vec<Id>) {
        let is_in_both = sides.old.get(id).is_some() && sides.new.get(id).is_some();
        let goes_already = matches!(
            self.changes.get(id),
            Some(Change::Replace | Change::Drop | Change::Rebuild | Change::Leave)
        );
        if is_in_both && !goes_already {
            self.changes.insert(id.clone(), Change::Replace);
            gone.push(id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Attributes;

    /// `c` a collation, `a` a table, `a.x` a column of its, `i` an index and `v` a view.
    fn id(word: &str) -> Id {
        match word.split_once('.') {
            Some((table, column)) => Id::new(Kind::Column, &["s", table, column]),
            None if word.starts_with('c') => Id::new(Kind::Collation, &["s", word]),
            None if word.starts_with('i') => Id::new(Kind::Index, &["s", word]),
            None if word.starts_with('v') => Id::new(Kind::View, &["s", word]),
            None => Id::new(Kind::Table, &["s", word]),
        }
    }

    /// `c=1` has the locale 1, `a.x=text` the type text; `v->a.x` needs it.
    fn schema(text: &str) -> Schema {
        let mut schema = Schema::default();
        for word in text.split_whitespace() {
            if let Some((who, whom)) = word.split_once("->") {
                schema.add_need(&id(who), &id(whom));
                continue;
            }
            let (word, value) = word.split_once('=').unwrap_or((word, ""));
            let id = id(word);
            let mut attributes = Attributes::default();
            let name = if id.kind == Kind::Column {
                "type"
            } else {
                "locale"
            };
            attributes.set(name, value);
            schema.objects.insert(id, attributes);
        }
        schema
    }

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let (old, new) = (schema(old), schema(new));
        let sides = Sides {
            old: &old,
            new: &new,
            keywords: &BTreeSet::new(),
            major: 15,
            online: false,
        };
        let found: Vec<String> = compare(&sides)
            .changes
            .iter()
            .map(|(id, change)| {
                let mark = match change {
                    Change::Create => '+',
                    Change::Drop => '-',
                    Change::Alter(_) => '~',
                    Change::Replace => '!',
                    Change::Rebuild | Change::Leave => '*',
                };
                format!("{mark}{}", id.names[1..].join("."))
            })
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn what_is_on_one_side_only_is_made_or_dropped() {
        check("a b c=1", "b c=1", "-a");
        check("b", "a b", "+a");
        check("a a.x=text a.x->a", "a a.x=text a.x->a", "");
    }

    #[test]
    fn what_is_made_again_takes_along_who_needs_it_but_no_table() {
        check(
            "c=1 a a.x=text a.x->a a.x->c i=1 i->c i->a.x v=1 v->i",
            "c=2 a a.x=text a.x->a a.x->c i=1 i->c i->a.x v=1 v->i",
            "!c !v !i",
        );
        // What goes for good is not made again.
        check("c=1 i=1 i->c v=1 v->i", "c=2", "!c -v -i");
    }

    #[test]
    fn a_view_makes_way_while_a_column_of_its_gets_another_type() {
        let with = |kind: &str| format!("a a.x={kind} a.x->a v=1 v->a.x v2=1 v2->v i=1 i->a.x");
        check(&with("integer"), &with("bigint"), "~a.x !v !v2");
    }
}
