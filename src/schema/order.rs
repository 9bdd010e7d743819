//! In which order the changes are made: each thing after what it needs, and what goes before what
//! it needed. The edges are the server's own, from `pg_depend` of both sides.

mod cycle;
mod edges;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::difference::{Change, Difference};
use super::holder::takes_along;
use super::later;
use super::model::{Id, Kind};
use super::render::{self, Sides, inheritance, online, rebuild};
use super::statement::Statement;

pub use cycle::Cycle;
use edges::Graph;

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

fn is_any_function_made(difference: &Difference) -> bool {
    let mut changes = difference.changes.iter();
    changes.any(|(id, change)| id.kind == Kind::Function && *change != Change::Drop)
}

/// How something comes back that had to go for a while, where that is not the usual way.
fn returning(sides: &Sides<'_>, difference: &Difference, id: &Id) -> Option<Vec<Statement>> {
    let is_replaced = difference.changes.get(id) == Some(&Change::Replace);
    is_replaced.then(|| online::bring_back(sides, id)).flatten()
}

/// Whether something of a table that is made anew stays until the rows have moved.
fn is_kept_for_its_values(sides: &Sides<'_>, id: &Id) -> bool {
    let column = sides.old.get(id).filter(|_| id.kind == Kind::Column);
    column.is_some_and(|column| !column.has("generated"))
}

impl Graph {
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
        let stuck = before.iter().filter(|(_, count)| **count > 0);
        let stuck = stuck.map(|(node, _)| node).collect();
        Err(Cycle(cycle::find(&self.behind, &stuck)))
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
                let table = holder.table(Kind::Table);
                let end = rebuild::goes_with(sides, &table).map(|table| (Step::Move, table));
                if let Some(end) = end {
                    let end = *place.get(&end)?;
                    // The values of a column go to the new table.
                    return Some((end, is_kept_for_its_values(sides, &node.1)));
                }
                let holder = (Step::Drop, holder.clone());
                let own = *place.get(&holder)?;
                let end = self.taken_along(sides, &holder, place, order);
                Some((end.unwrap_or(own), false))
            })
            .find(|(holder, is_kept)| {
                let mut behind = self.behind.get(node).into_iter().flatten();
                *is_kept
                    || behind.all(|next| {
                        let is_set_aside = next.0 == Step::Drop
                            && rebuild::goes_with(sides, &next.1).is_some_and(|table| {
                                place.get(&(Step::Move, table)) == Some(holder)
                            });
                        // What goes in the same stroke is not in the way.
                        let goes_at = |at: usize| self.goes_at(sides, at, *holder, place, order);
                        let at = place.get(next);
                        is_set_aside || at.is_none_or(|at| at >= holder || goes_at(*at))
                    })
            })
            .map(|(holder, _)| holder)
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::difference;
    use crate::schema::model::{Attributes, Schema};

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
            "these changes wait for each other: create view s.a, create view s.b",
        );
    }
}
