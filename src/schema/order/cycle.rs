//! Steps that wait for each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Node, Step};

/// Changes that need each other: each before the next, and the last before the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these changes wait for each other: {}", shown(.0))]
pub struct Cycle(pub(super) Vec<Node>);

fn shown(nodes: &[Node]) -> String {
    let one = |(step, id): &Node| {
        let verb = match step {
            Step::Drop => "drop",
            Step::Alter | Step::Settle => "alter",
            Step::Create => "create",
            Step::Move => "move",
        };
        format!("{verb} {} {}", id.kind.name(), id.names.join("."))
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A short cycle among steps of which each waits for another of them.
pub(super) fn find(behind: &BTreeMap<Node, BTreeSet<Node>>, stuck: &BTreeSet<&Node>) -> Vec<Node> {
    let next = |node: &Node| {
        let all = behind.get(node).into_iter().flatten();
        all.filter(|next| stuck.contains(next)).collect::<Vec<_>>()
    };
    // Against the direction there always is another one, and so one comes twice.
    let mut before: BTreeMap<&Node, &Node> = BTreeMap::new();
    for node in stuck {
        before.extend(next(node).into_iter().map(|next| (next, *node)));
    }
    let mut way: Vec<&Node> = before.keys().take(1).copied().collect();
    while let Some(node) = way.last().and_then(|last| before.get(last)) {
        if let Some(at) = way.iter().position(|earlier| earlier == node) {
            way.drain(..at);
            break;
        }
        way.push(node);
    }
    // There may be a shorter way back to one of them.
    let ways = way.iter().filter_map(|node| shortest(node, next));
    let shortest = ways.min_by_key(Vec::len).unwrap_or_default();
    shortest.into_iter().cloned().collect()
}

/// The shortest way from a step to itself.
fn shortest<'n>(start: &'n Node, next: impl Fn(&Node) -> Vec<&'n Node>) -> Option<Vec<&'n Node>> {
    let mut from: BTreeMap<&Node, &'n Node> = BTreeMap::new();
    let mut todo = VecDeque::from([start]);
    while let Some(node) = todo.pop_front() {
        for behind in next(node) {
            if behind == start {
                let mut way = vec![node];
                while let Some(earlier) = way.last().and_then(|last| from.get(last)) {
                    way.push(earlier);
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(behind) {
                from.insert(behind, node);
                todo.push_back(behind);
            }
        }
    }
    None
}
