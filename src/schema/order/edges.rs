//! What has to come before what: the edges of the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Node, Step};
use crate::schema::difference::{Change, Difference};
use crate::schema::holder::relation_name;
use crate::schema::later::{self, Later};
use crate::schema::model::{Id, Kind, Schema};
use crate::schema::render::{Sides, arrival, online, range, rebuild, remake, types};
use crate::schema::statement::Statement;

/// The steps and their edges.
pub(super) struct Graph {
    /// What does not run with the others.
    pub later: Later,
    /// What has to come behind each.
    pub behind: BTreeMap<Node, BTreeSet<Node>>,
    /// How much has to come before each.
    pub before: BTreeMap<Node, usize>,
}

impl Graph {
    pub(super) fn of(sides: &Sides<'_>, difference: &Difference) -> Self {
        let mut graph = Self {
            behind: BTreeMap::new(),
            before: BTreeMap::new(),
            later: later::find(sides, difference),
        };
        for (id, change) in &difference.changes {
            let steps: &[Step] = match change {
                Change::Create => &[Step::Create],
                Change::Drop => &[Step::Drop],
                // Nothing of it runs with the others.
                Change::Alter(statements) if is_settled(statements) => &[],
                Change::Alter(_) => &[Step::Alter],
                Change::Replace => &[Step::Drop, Step::Create],
                Change::Leave => &[Step::Drop, Step::Move],
                Change::Rebuild => &[Step::Drop, Step::Create, Step::Move],
            };
            for step in steps {
                graph.before.entry((*step, id.clone())).or_default();
            }
        }
        for node in graph.later.alone.keys() {
            graph.before.entry(node.clone()).or_default();
        }
        let nodes: Vec<Node> = graph.before.keys().cloned().collect();
        for node in &nodes {
            let (step, id) = node;
            if *step == Step::Drop {
                graph.add_drop(sides, difference, node);
            } else {
                graph.add_default(sides, node);
                let of_parts = if graph.later.alone.contains_key(node) {
                    online::needs_of_parts(sides, id)
                } else {
                    BTreeSet::new()
                };
                for needed in sides.new.needs(id).chain(&of_parts) {
                    if needed.kind == Kind::Column && arrival::comes_for_its_column(sides, id) {
                        continue;
                    }
                    if *step == Step::Alter && !matters_to_an_alteration(sides, id, needed) {
                        continue;
                    }
                    // What the parent gets later, its partitions get with it.
                    let comes_along = id.kind == Kind::Inheritance
                        && matches!(needed.kind, Kind::Index | Kind::Constraint)
                        && needed.names.get(..2) != id.names.get(..2)
                        && !is_index_of_child(sides, needed, id);
                    if comes_along {
                        continue;
                    }
                    graph.add((Step::Create, needed.clone()), node.clone());
                    graph.add((Step::Alter, needed.clone()), node.clone());
                    if needed.kind != Kind::Column || later::needs_not_null(sides, id) {
                        graph.add((Step::Settle, needed.clone()), node.clone());
                    }
                }
            }
            if *step == Step::Settle {
                graph.add((Step::Alter, id.clone()), node.clone());
                graph.add((Step::Create, id.clone()), node.clone());
            }
            // What changes of a schema does not show in what is in it.
            if matches!(step, Step::Alter | Step::Settle) && id.kind != Kind::Schema {
                for user in sides.old.needed_by(id) {
                    graph.add((Step::Drop, user.clone()), node.clone());
                    // A column that is no longer made of this one.
                    let is_column = id.kind == Kind::Column && user.kind == Kind::Column;
                    if is_column && !sides.new.needs(user).any(|needed| needed == id) {
                        graph.add((Step::Alter, user.clone()), node.clone());
                    }
                }
            }
        }
        for (altered, meanwhile) in &difference.between {
            let altered = (Step::Alter, altered.clone());
            graph.add((Step::Drop, meanwhile.clone()), altered.clone());
            graph.add(altered.clone(), (Step::Create, meanwhile.clone()));
            let gone = (Step::Drop, altered.1.clone());
            graph.add((Step::Drop, meanwhile.clone()), gone);
            graph.add((Step::Create, altered.1), (Step::Create, meanwhile.clone()));
        }
        graph.add_names(sides, &nodes);
        for (step, id) in &nodes {
            if *step == Step::Move && id.kind == Kind::Table {
                graph.add_move(sides, id, &nodes);
                graph.add_end_of_parent(sides, id);
            } else if *step == Step::Move {
                graph.add_end(sides, id);
            } else if *step == Step::Create && matches!(id.kind, Kind::Table | Kind::ForeignTable) {
                graph.add_columns(sides, id);
            } else if *step == Step::Create && types::comes_with_its_checks(sides, id) {
                graph.add_checks(sides, id);
            }
        }
        later::take_back(&mut graph.later, difference, &graph.behind);
        graph
    }

    /// What goes: behind those that have it, and before what comes under its name.
    fn add_drop(&mut self, sides: &Sides<'_>, difference: &Difference, node: &Node) {
        let (_, id) = node;
        for user in sides.old.needed_by(id) {
            if id.kind == Kind::Inheritance {
                // What a partition has from its parent can go when it is its own.
                self.add(node.clone(), (Step::Drop, user.clone()));
                continue;
            }
            self.add((Step::Drop, user.clone()), node.clone());
            // What no longer needs it has to be told first.
            let still_needs = sides.new.needs(user).any(|needed| needed == id);
            // One that is only set aside goes at the end.
            let change = difference.changes.get(id);
            let is_set_aside = matches!(change, Some(Change::Leave | Change::Rebuild))
                && !matches!(id.kind, Kind::Table | Kind::ForeignTable);
            if !still_needs && !is_set_aside && matters_to_an_alteration(sides, user, id) {
                self.add((Step::Alter, user.clone()), node.clone());
                if matches!(difference.changes.get(user), Some(Change::Alter(_))) {
                    self.add((Step::Settle, user.clone()), node.clone());
                }
            }
        }
        self.add(node.clone(), (Step::Create, id.clone()));
        if difference.changes.get(id) == Some(&Change::Drop) && !is_part(id) {
            // What is made again has it until its values are moved. All else that has it can go first.
            for user in sides.old.needed_by(id) {
                self.add((Step::Move, user.clone()), node.clone());
                let column = sides.old.get(user).filter(|_| user.kind == Kind::Column);
                if column.is_some_and(|column| !column.has("generated")) {
                    self.add((Step::Move, user.table(Kind::Table)), node.clone());
                }
            }
        }
        if id.kind == Kind::Column {
            let typing = id.table(Kind::Table).names;
            let kind = Kind::Typing;
            self.add(
                node.clone(),
                (
                    Step::Create,
                    Id {
                        kind,
                        names: typing,
                    },
                ),
            );
        }
        if id.kind == Kind::Constraint {
            // One of the same name comes with the joining.
            for (join, _) in sides.new.parts(&id.table(Kind::Table), Kind::Inheritance) {
                self.add(node.clone(), (Step::Create, join.clone()));
            }
        }
        let holds_columns = matches!(id.kind, Kind::Inheritance | Kind::Typing);
        if holds_columns && !sides.is_of_a_new_table(id) {
            // A partition takes no column of its own, and no table loses its parent's.
            for (column, _) in sides.new.parts(&id.table(Kind::Table), Kind::Column) {
                self.add(node.clone(), (Step::Create, column.clone()));
            }
        }
    }

    /// Notes that `first` comes before `second`, where both happen.
    fn add(&mut self, first: Node, second: Node) {
        if first == second || !self.before.contains_key(&first) {
            return;
        }
        let Some(before) = self.before.get_mut(&second) else {
            return;
        };
        if self.behind.entry(first).or_default().insert(second) {
            *before += 1;
        }
    }

    /// An old type goes when nothing has it any longer.
    fn add_end(&mut self, sides: &Sides<'_>, id: &Id) {
        let end = (Step::Move, id.clone());
        let mut successors = remake::successor(sides, id).into_iter();
        let successor = successors.next().unwrap_or_else(|| id.clone());
        self.add((Step::Create, successor), end.clone());
        for user in sides.old.needed_by(id) {
            let table = user.table(Kind::Table);
            let steps = [Step::Drop, Step::Alter, Step::Create, Step::Move];
            for step in steps {
                self.add((step, user.clone()), end.clone());
            }
            self.add((Step::Move, table), end.clone());
        }
    }

    /// A table is made with its columns, and so behind what these need.
    fn add_columns(&mut self, sides: &Sides<'_>, table: &Id) {
        for (column, _) in sides.new.parts(table, Kind::Column) {
            for needed in sides
                .new
                .needs(column)
                .filter(|needed| needed.kind != Kind::Column)
            {
                for step in [Step::Create, Step::Alter] {
                    self.add((step, needed.clone()), (Step::Create, table.clone()));
                }
            }
        }
    }

    /// A domain that is made with its checks comes behind what these need.
    fn add_checks(&mut self, sides: &Sides<'_>, domain: &Id) {
        for (check, _) in sides.new.parts(domain, Kind::DomainConstraint) {
            for needed in sides.new.needs(check) {
                for step in [Step::Create, Step::Alter] {
                    self.add((step, needed.clone()), (Step::Create, domain.clone()));
                }
            }
        }
    }

    /// A column that is added with its default comes behind what that needs.
    fn add_default(&mut self, sides: &Sides<'_>, node: &Node) {
        let Some((default, _)) = arrival::default_of(sides, &node.1) else {
            return;
        };
        for needed in sides.new.needs(&default) {
            self.add((Step::Create, needed.clone()), node.clone());
            // A sequence that was there learns whose it is when the column is there.
            if !sides.new.needs(needed).any(|column| *column == node.1) {
                self.add((Step::Alter, needed.clone()), node.clone());
            }
        }
    }

    /// What goes with its parent's rows ends behind those.
    fn add_end_of_parent(&mut self, sides: &Sides<'_>, id: &Id) {
        for (join, _) in sides.old.parts(id, Kind::Inheritance) {
            let parent = Id::new(Kind::Table, &[join.name(2), join.name(3)]);
            if rebuild::moves_with(sides, id, &parent) {
                self.add((Step::Move, parent), (Step::Move, id.clone()));
            }
        }
    }

    /// The rows move when the new table and its partitions are there, and before anything watches.
    fn add_move(&mut self, sides: &Sides<'_>, id: &Id, nodes: &[Node]) {
        let moving = (Step::Move, id.clone());
        let family = |schema: &Schema| {
            let mut family = BTreeSet::from([id.clone()]);
            let mut todo = vec![id.clone()];
            while let Some(parent) = todo.pop() {
                for join in schema.needed_by(&parent) {
                    let child = Id::new(Kind::Table, &[join.name(0), join.name(1)]);
                    let is_child = join.kind == Kind::Inheritance && child != parent;
                    if is_child && family.insert(child.clone()) {
                        todo.push(child);
                    }
                }
            }
            family
        };
        let (old, new) = (family(sides.old), family(sides.new));
        for node in nodes {
            let (step, other) = node;
            let table = other.table(Kind::Table);
            match (step, other.kind) {
                // It joins behind its rows, as it may have an index of its own that is one of the
                // parent's then.
                (_, Kind::Inheritance) if table == *id => {}
                (
                    Step::Create | Step::Alter,
                    Kind::Table | Kind::Column | Kind::Inheritance | Kind::Default,
                ) if new.contains(&table) => self.add(node.clone(), moving.clone()),
                // It belongs to a column whether there are rows or not.
                (Step::Create, Kind::Sequence) => {}
                // The table takes it along when it joins, which its rows may wait for.
                (Step::Create, Kind::Index) if self.is_for_joining(sides, other) => {}
                (Step::Create, _) => {
                    let mut needs = sides.new.needs(other);
                    if needs.any(|needed| new.contains(&needed.table(Kind::Table))) {
                        self.add(moving.clone(), node.clone());
                    }
                }
                // The old partitions go with the old table, which goes behind its rows.
                (Step::Drop, Kind::Table) if old.contains(other) && other != id => {
                    let gone = (Step::Drop, id.clone());
                    if self
                        .behind
                        .get_mut(node)
                        .is_some_and(|behind| behind.remove(&gone))
                        && let Some(before) = self.before.get_mut(&gone)
                    {
                        *before -= 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether an index has to be there when its table joins another.
    fn is_for_joining(&self, sides: &Sides<'_>, index: &Id) -> bool {
        let mut users = sides.new.needed_by(index);
        users.any(|join| {
            join.kind == Kind::Inheritance
                && is_index_of_child(sides, index, join)
                && self.before.contains_key(&(Step::Create, join.clone()))
        })
    }

    /// A name is free once what had it is gone: relations and types share theirs in a schema.
    fn add_names(&mut self, sides: &Sides<'_>, nodes: &[Node]) {
        let mut dropped: BTreeMap<(Rc<str>, Rc<str>), Vec<Node>> = BTreeMap::new();
        let names = |schema: &Schema, id: &Id| {
            let many = schema.get(id).and_then(range::name_of_many);
            relation_name(id).into_iter().chain(many)
        };
        for node in nodes.iter().filter(|(step, _)| *step == Step::Drop) {
            for name in names(sides.old, &node.1) {
                dropped.entry(name).or_default().push(node.clone());
            }
        }
        for node in nodes.iter().filter(|(step, _)| *step == Step::Create) {
            for name in names(sides.new, &node.1) {
                for gone in dropped.get(&name).into_iter().flatten() {
                    self.add(gone.clone(), node.clone());
                }
            }
        }
    }
}

/// Whether what an object needs, or needed, has to do with how it is altered.
fn matters_to_an_alteration(sides: &Sides<'_>, id: &Id, needed: &Id) -> bool {
    let is_table = |id: &Id| matches!(id.kind, Kind::Table | Kind::ForeignTable);
    if is_table(id) {
        // Of what type it is and whose partition, others say; a column says its type.
        return matches!(needed.kind, Kind::AccessMethod | Kind::Schema);
    }
    if id.kind == Kind::Column && needed.kind == Kind::Column {
        // A column is as the one above it is before its table joins that one's.
        let is_join = |join: &Id| join.names.get(2..) == needed.names.get(..2);
        let mut joins = sides.new.parts(id, Kind::Inheritance);
        let join = joins.find(|(join, _)| is_join(join));
        return join.is_none_or(|(join, _)| {
            sides.old.get(join).is_some() && !sides.is_rebuilt(&needed.table(Kind::Table))
        });
    }
    true
}

/// Whether something is a part of a table, which goes before that is set aside, or with it.
fn is_part(id: &Id) -> bool {
    matches!(
        id.kind,
        Kind::Column
            | Kind::IdentitySequence
            | Kind::Default
            | Kind::Constraint
            | Kind::Index
            | Kind::Inheritance
            | Kind::Typing
            | Kind::Statistics
            | Kind::Rule
            | Kind::Trigger
            | Kind::Policy
            | Kind::PublicationTable
    )
}

/// Whether an index is one of the table that joins.
fn is_index_of_child(sides: &Sides<'_>, index: &Id, join: &Id) -> bool {
    let table = sides.new.get(index).and_then(|index| index.get("table"));
    index.kind == Kind::Index && index.name(0) == join.name(0) && table == Some(join.name(1))
}

/// Whether all that is done to something is done outside the transaction.
fn is_settled(statements: &[Statement]) -> bool {
    !statements.is_empty() && later::in_the_transaction(statements).count() == 0
}
