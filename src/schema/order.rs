//! In which order the changes are made: each thing after what it needs, and what goes before what
//! it needed. The edges are the server's own, from `pg_depend` of both sides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

use super::difference::{Change, Difference};
use super::holder::{relation_name, takes_along};
use super::later::{self, Later};
use super::model::{Id, Kind, Schema};
use super::render::{self, Sides, arrival, inheritance, online, remake};
use super::statement::Statement;

/// One step of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Drop,
    Alter,
    Create,
    /// The rows of a table that was made anew.
    Move,
    /// What takes long of an object that is there, behind the rest.
    Settle,
}

pub(super) type Node = (Step, Id);

/// Among steps that could be next: event triggers are not there while anything else changes, and
/// what is said about things to come is said last, so that it is not about these.
type Turn = (u8, Step, u8);

fn turn((step, id): &Node) -> Turn {
    let kind = id.kind as u8;
    match (id.kind, step) {
        (Kind::DefaultPrivileges, _) | (Kind::EventTrigger, Step::Alter | Step::Create) => {
            (2, *step, kind)
        }
        (Kind::EventTrigger, _) => (0, *step, kind),
        // What comes late goes early.
        (_, Step::Drop) => (1, *step, u8::MAX - kind),
        _ => (1, *step, kind),
    }
}

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
    if is_any_function_made(difference) {
        // What a body in a string needs, nobody knows: it may come behind.
        statements.push(Statement::new("set check_function_bodies = off"));
    }
    for node in &order {
        let (step, id) = node;
        match step {
            Step::Drop if graph.taken_along(sides, node, &place, &order).is_some() => {}
            Step::Settle => statements.extend(graph.later.of(node).cloned()),
            _ if graph.later.alone.contains_key(node) => {
                statements.extend(graph.later.of(node).cloned());
            }
            Step::Drop => statements.extend(render::drop(sides, id)),
            Step::Create => match returning(sides, difference, id) {
                Some(returning) => {
                    statements.extend(later::in_the_transaction(&returning).cloned());
                }
                None => statements.extend(render::create(sides, id)),
            },
            Step::Move => statements.extend(render::move_rows(sides, id)),
            Step::Alter => {
                if let Some(Change::Alter(altering)) = difference.changes.get(id) {
                    statements.extend(later::in_the_transaction(altering).cloned());
                }
            }
        }
    }
    Ok(statements)
}

/// Whether an index is one of the table that joins.
fn is_index_of_child(sides: &Sides<'_>, index: &Id, join: &Id) -> bool {
    let table = sides.new.get(index).and_then(|index| index.get("table"));
    index.kind == Kind::Index && index.name(0) == join.name(0) && table == Some(join.name(1))
}

fn is_any_function_made(difference: &Difference) -> bool {
    let mut changes = difference.changes.iter();
    changes.any(|(id, change)| id.kind == Kind::Function && *change != Change::Drop)
}

/// How something comes back that had to go for a while, where that is not the usual way.
fn returning(sides: &Sides<'_>, difference: &Difference, id: &Id) -> Option<Vec<Statement>> {
    let is_replaced = difference.changes.get(id) == Some(&Change::Replace);
    is_replaced.then(|| online::bring_back(sides, id)).flatten()
}

/// Whether all that is done to something is done outside the transaction.
fn is_settled(statements: &[Statement]) -> bool {
    !statements.is_empty() && later::in_the_transaction(statements).count() == 0
}

struct Graph {
    /// What does not run with the others.
    later: Later,
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
            if matches!(step, Step::Alter | Step::Settle) {
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
        graph.add_names(&nodes);
        for (step, id) in &nodes {
            if *step == Step::Move && id.kind == Kind::Table {
                graph.add_move(sides, id, &nodes);
            } else if *step == Step::Move {
                graph.add_end(sides, id);
            } else if *step == Step::Create && matches!(id.kind, Kind::Table | Kind::ForeignTable) {
                graph.add_columns(sides, id);
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
            if !still_needs {
                self.add((Step::Alter, user.clone()), node.clone());
                if matches!(difference.changes.get(user), Some(Change::Alter(_))) {
                    self.add((Step::Settle, user.clone()), node.clone());
                }
            }
        }
        self.add(node.clone(), (Step::Create, id.clone()));
        if difference.changes.get(id) == Some(&Change::Drop) {
            // What is made again has it until its values are moved.
            for user in sides.old.needed_by(id) {
                self.add((Step::Move, user.clone()), node.clone());
                self.add((Step::Move, user.table(Kind::Table)), node.clone());
            }
        }
        if id.kind == Kind::Inheritance {
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
                (
                    Step::Create | Step::Alter,
                    Kind::Table | Kind::Column | Kind::Inheritance | Kind::Default,
                ) if new.contains(&table) => self.add(node.clone(), moving.clone()),
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

    /// A name is free once what had it is gone: relations and types share theirs in a schema.
    fn add_names(&mut self, nodes: &[Node]) {
        let mut dropped: BTreeMap<(Rc<str>, Rc<str>), Vec<Node>> = BTreeMap::new();
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

    /// Among steps that could be next: in one transaction, alone, or when all else is done.
    fn part(&self, node: &Node) -> usize {
        match (node.1.kind, node.0) {
            _ if self.later.alone.contains_key(node) => 1,
            (Kind::EventTrigger, Step::Alter | Step::Create) => 2,
            _ => 0,
        }
    }

    /// Outside a transaction what comes is there before anything goes.
    fn turn(&self, node: &Node) -> Turn {
        let (first, step, kind) = turn(node);
        let is_late = node.0 == Step::Drop && self.later.alone.contains_key(node);
        (if is_late { first + 1 } else { first }, step, kind)
    }

    fn sort(&self) -> Result<Vec<Node>, Cycle> {
        let mut before = self.before.clone();
        let mut ready: [BinaryHeap<Reverse<(Turn, Node)>>; 3] = Default::default();
        let mut at = 0;
        for (node, _) in before.iter().filter(|(_, count)| **count == 0) {
            ready[self.part(node)].push(Reverse((self.turn(node), node.clone())));
        }
        let mut order = Vec::new();
        // As much as can be of one part, before the next.
        while let Some(part) = [at, 0, 1, 2]
            .into_iter()
            .find(|part| !ready[*part].is_empty())
        {
            at = part;
            let Some(Reverse((_, node))) = ready[part].pop() else {
                break;
            };
            for next in self.behind.get(&node).into_iter().flatten() {
                if let Some(count) = before.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        ready[self.part(next)].push(Reverse((self.turn(next), next.clone())));
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
        order: &[Node],
    ) -> Option<usize> {
        if inheritance::leaves_first(sides, &node.1) {
            return None;
        }
        let holders = sides
            .old
            .needs(&node.1)
            .filter(|holder| takes_along(holder, &node.1));
        holders
            .filter_map(|holder| {
                let holder = (Step::Drop, holder.clone());
                let own = *place.get(&holder)?;
                Some(
                    self.taken_along(sides, &holder, place, order)
                        .unwrap_or(own),
                )
            })
            .find(|holder| {
                let behind = self.behind.get(node).into_iter().flatten();
                behind.filter_map(|next| place.get(next)).all(|next| {
                    // What goes in the same stroke is not in the way.
                    next >= holder || self.goes_at(sides, *next, *holder, place, order)
                })
            })
    }

    /// Whether what stands at a place goes with the holder at another.
    fn goes_at(
        &self,
        sides: &Sides<'_>,
        at: usize,
        holder: usize,
        place: &BTreeMap<&Node, usize>,
        order: &[Node],
    ) -> bool {
        order.get(at).is_some_and(|node| {
            node.0 == Step::Drop && self.taken_along(sides, node, place, order) == Some(holder)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::difference;
    use crate::schema::model::Attributes;

    fn id(name: &str) -> Id {
        Id::new(Kind::View, &["s", name])
    }

    /// Views: `a b>a` are two, of which the second needs the first.
    fn schema(text: &str) -> Schema {
        let mut schema = Schema::default();
        let mut attributes = Attributes::default();
        attributes.set("definition", " select 1;");
        for word in text.split_whitespace() {
            let mut names = word.split('>');
            let who = id(names.next().unwrap());
            for whom in names {
                schema.add_need(&who, &id(whom));
            }
            schema.objects.insert(who, attributes.clone());
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
        let found = match statements(&sides, &difference::compare(&sides)) {
            Ok(statements) => {
                let sql = statements.iter().map(|statement| statement.sql.as_str());
                let words = sql.map(|sql| {
                    let mut words = sql.split_whitespace();
                    let verb = words.next().unwrap();
                    let name = words.nth(1).unwrap_or_default();
                    format!("{verb} {}", name.trim_start_matches("s."))
                });
                words.collect::<Vec<_>>().join(", ")
            }
            Err(cycle) => cycle.to_string(),
        };
        assert_eq!(found, expected, "{old:?} {new:?}");
    }

    #[test]
    fn each_comes_behind_what_it_needs_and_goes_before_it() {
        check("", "a>c b c>b", "create b, create c, create a");
        check("a>c b c>b", "", "drop a, drop c, drop b");
        check("b>a a", "a>b b", "");
        check("x>y y", "a>b b", "drop x, drop y, create b, create a");
    }

    #[test]
    fn what_needs_each_other_is_named() {
        check(
            "",
            "a>b b>a c",
            "these changes wait for each other: view s.a, view s.b",
        );
    }
}
