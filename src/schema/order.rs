//! In which order the changes are made: each thing after what it needs, and what goes before what
//! it needed. The edges are the server's own, from `pg_depend` of both sides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::difference::{Change, Difference};
use super::model::{Id, Kind};
use super::render::{self, Sides};
use super::statement::Statement;

/// One step of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Drop,
    Alter,
    Create,
}

type Node = (Step, Id);

/// Changes that need each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these changes wait for each other: {}", shown(.0))]
pub struct Cycle(pub Vec<Id>);

fn shown(ids: &[Id]) -> String {
    let one = |id: &Id| format!("{} {}", id.kind.name(), id.names.join("."));
    ids.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// All statements, in an order in which they can run.
pub fn statements(sides: &Sides<'_>, difference: &Difference) -> Result<Vec<Statement>, Cycle> {
    let graph = Graph::of(sides, difference);
    let order = graph.sort()?;
    let place: BTreeMap<&Node, usize> = order
        .iter()
        .enumerate()
        .map(|(at, node)| (node, at))
        .collect();
    let mut statements = Vec::new();
    for node in &order {
        let (step, id) = node;
        match step {
            Step::Drop if graph.taken_along(sides, node, &place).is_some() => {}
            Step::Drop => statements.extend(render::drop(sides, id)),
            Step::Create => statements.extend(render::create(sides, id)),
            Step::Alter => {
                if let Some(Change::Alter(altering)) = difference.changes.get(id) {
                    statements.extend(altering.iter().cloned());
                }
            }
        }
    }
    Ok(statements)
}

struct Graph {
    /// What has to come behind each.
    behind: BTreeMap<Node, BTreeSet<Node>>,
    /// How much has to come before each.
    before: BTreeMap<Node, usize>,
}

impl Graph {
    fn of(sides: &Sides<'_>, difference: &Difference) -> Self {
        let mut graph = Self {
            behind: BTreeMap::new(),
            before: BTreeMap::new(),
        };
        for (id, change) in &difference.changes {
            let steps: &[Step] = match change {
                Change::Create => &[Step::Create],
                Change::Drop => &[Step::Drop],
                Change::Alter(_) => &[Step::Alter],
                Change::Replace => &[Step::Drop, Step::Create],
            };
            for step in steps {
                graph.before.entry((*step, id.clone())).or_default();
            }
        }
        let nodes: Vec<Node> = graph.before.keys().cloned().collect();
        for node in &nodes {
            let (step, id) = node;
            if *step == Step::Drop {
                for user in sides.old.needed_by(id) {
                    graph.add((Step::Drop, user.clone()), node.clone());
                    // What no longer needs it has to be told first.
                    let still_needs = sides.new.needs(user).any(|needed| needed == id);
                    if !still_needs {
                        graph.add((Step::Alter, user.clone()), node.clone());
                    }
                }
                graph.add(node.clone(), (Step::Create, id.clone()));
            } else {
                for needed in sides.new.needs(id) {
                    graph.add((Step::Create, needed.clone()), node.clone());
                    graph.add((Step::Alter, needed.clone()), node.clone());
                }
            }
            if *step == Step::Alter {
                for user in sides.old.needed_by(id) {
                    graph.add((Step::Drop, user.clone()), node.clone());
                }
            }
        }
        for (altered, meanwhile) in &difference.between {
            let altered = (Step::Alter, altered.clone());
            graph.add((Step::Drop, meanwhile.clone()), altered.clone());
            graph.add(altered, (Step::Create, meanwhile.clone()));
        }
        graph.add_names(&nodes);
        graph
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

    /// A name is free once what had it is gone: relations and types share theirs in a schema.
    fn add_names(&mut self, nodes: &[Node]) {
        let mut dropped: BTreeMap<(Box<str>, Box<str>), Vec<Node>> = BTreeMap::new();
        for node in nodes.iter().filter(|(step, _)| *step == Step::Drop) {
            if let Some(name) = relation_name(&node.1) {
                dropped.entry(name).or_default().push(node.clone());
            }
        }
        for node in nodes.iter().filter(|(step, _)| *step == Step::Create) {
            let name = relation_name(&node.1);
            for gone in name
                .and_then(|name| dropped.get(&name))
                .into_iter()
                .flatten()
            {
                self.add(gone.clone(), node.clone());
            }
        }
    }

    fn sort(&self) -> Result<Vec<Node>, Cycle> {
        let mut before = self.before.clone();
        let mut ready: BinaryHeap<Reverse<Node>> = before
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(node, _)| Reverse(node.clone()))
            .collect();
        let mut order = Vec::new();
        while let Some(Reverse(node)) = ready.pop() {
            for next in self.behind.get(&node).into_iter().flatten() {
                if let Some(count) = before.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(next.clone()));
                    }
                }
            }
            order.push(node);
        }
        if order.len() == before.len() {
            return Ok(order);
        }
        let stuck = before.into_iter().filter(|(_, count)| *count > 0);
        Err(Cycle(stuck.map(|((_, id), _)| id).collect()))
    }

    /// Where something goes that nothing need drop by name: with a table or column that takes it
    /// along, where nothing needs it gone earlier.
    fn taken_along(
        &self,
        sides: &Sides<'_>,
        node: &Node,
        place: &BTreeMap<&Node, usize>,
    ) -> Option<usize> {
        let holders = sides
            .old
            .needs(&node.1)
            .filter(|holder| takes_along(holder, &node.1));
        holders
            .filter_map(|holder| {
                let holder = (Step::Drop, holder.clone());
                let own = *place.get(&holder)?;
                Some(self.taken_along(sides, &holder, place).unwrap_or(own))
            })
            .find(|holder| {
                let behind = self.behind.get(node).into_iter().flatten();
                behind.filter_map(|next| place.get(next)).all(|next| {
                    // What goes in the same stroke is not in the way.
                    next >= holder || self.goes_at(sides, next, *holder, place)
                })
            })
    }

    /// Whether what stands at a place goes with the holder at another.
    fn goes_at(
        &self,
        sides: &Sides<'_>,
        at: &usize,
        holder: usize,
        place: &BTreeMap<&Node, usize>,
    ) -> bool {
        let node = place
            .iter()
            .find(|(_, other)| *other == at)
            .map(|(node, _)| *node);
        node.is_some_and(|node| {
            node.0 == Step::Drop && self.taken_along(sides, node, place) == Some(holder)
        })
    }
}

/// Whether something goes with its holder without being named.
fn takes_along(holder: &Id, id: &Id) -> bool {
    let is_part = matches!(
        id.kind,
        Kind::Column
            | Kind::Default
            | Kind::Constraint
            | Kind::DomainConstraint
            | Kind::Index
            | Kind::Rule
            | Kind::Trigger
            | Kind::Policy
            | Kind::Sequence
            | Kind::Statistics
    );
    // A foreign key needs two tables, and is a part of one.
    let is_its_own = id.names.len() < 3 || holder.names.get(..2) == id.names.get(..2);
    is_part
        && is_its_own
        && matches!(
            holder.kind,
            Kind::Table
                | Kind::ForeignTable
                | Kind::Column
                | Kind::View
                | Kind::MaterializedView
                | Kind::Domain
        )
}

/// The name that an object takes in its schema, among relations and types.
fn relation_name(id: &Id) -> Option<(Box<str>, Box<str>)> {
    match id.kind {
        Kind::Table
        | Kind::ForeignTable
        | Kind::View
        | Kind::MaterializedView
        | Kind::Index
        | Kind::Sequence
        | Kind::Enum
        | Kind::Domain
        | Kind::Composite
        | Kind::Range => Some((id.names[0].clone(), id.names[1].clone())),
        // Its index has its name.
        Kind::Constraint => Some((id.names[0].clone(), id.names[2].clone())),
        _ => None,
    }
}
