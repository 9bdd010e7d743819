//! Which steps run outside the transaction of the others, and behind it.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Change, Difference};
use super::model::{Id, Kind};
use super::order::{Node, Step};
use super::render::{Sides, online};
use super::statement::{Runs, Statement};

/// The statements of steps that do not run with the others.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Each statement is a transaction of its own.
    pub alone: BTreeMap<Node, Vec<Statement>>,
    /// They could be, and have to be in the transaction of the others all the same.
    pub together: BTreeMap<Node, Vec<Statement>>,
}

impl Later {
    /// The statements of a step.
    pub(super) fn of(&self, node: &Node) -> impl Iterator<Item = &Statement> {
        let found = self.alone.get(node).or_else(|| self.together.get(node));
        found.into_iter().flatten()
    }
}

/// All steps that could.
pub(super) fn find(sides: &Sides<'_>, difference: &Difference) -> Later {
    let mut later = Later::default();
    if !sides.online {
        return later;
    }
    for (id, change) in &difference.changes {
        let (step, statements) = match change {
            Change::Create if id.kind == Kind::Inheritance => {
                (Step::Create, online::join(sides, id))
            }
            Change::Create => (Step::Create, online::create(sides, difference, id)),
            Change::Drop => (Step::Drop, online::drop(sides, difference, id)),
            Change::Alter(statements) => (Step::Settle, behind_the_others(statements)),
            // It goes with the parent's, of which it no longer is a part.
            Change::Replace if online::becomes_its_own(sides, id) => {
                (Step::Create, online::create(sides, difference, id))
            }
            Change::Replace => {
                let statements = online::bring_back(sides, id);
                (
                    Step::Settle,
                    statements.and_then(|all| behind_the_others(&all)),
                )
            }
            Change::Rebuild | Change::Leave => continue,
        };
        if let Some(statements) = statements {
            later.alone.insert((step, id.clone()), statements);
        }
    }
    later
}

/// Those that run in the transaction.
pub(super) fn in_the_transaction(statements: &[Statement]) -> impl Iterator<Item = &Statement> {
    let is_alone = |statement: &&Statement| statement.runs == Runs::Alone;
    statements
        .iter()
        .take_while(move |statement| !is_alone(statement))
}

/// From the first that is a transaction of its own.
fn behind_the_others(statements: &[Statement]) -> Option<Vec<Statement>> {
    let first = in_the_transaction(statements).count();
    let rest = statements.get(first..)?.to_vec();
    (!rest.is_empty()).then_some(rest)
}

/// Takes back what would tear a transaction apart. Where something goes and comes back, nobody may
/// see that it is away; so no step before its coming back runs outside the transaction. And to drop
/// something alone is not worth it where others wait for that.
pub(super) fn take_back(
    later: &mut Later,
    difference: &Difference,
    behind: &BTreeMap<Node, BTreeSet<Node>>,
) {
    let comes_back = |(step, id): &Node| {
        matches!(
            (step, difference.changes.get(id)),
            (
                Step::Create | Step::Move,
                Some(Change::Replace | Change::Rebuild)
            )
        )
    };
    loop {
        let is_torn = |(node, statements): &(&Node, &Vec<Statement>)| {
            let others = reached(node, behind, later);
            match node.0 {
                Step::Drop => !others.is_empty(),
                Step::Settle if statements.iter().any(is_concurrent) => false,
                _ => others.into_iter().any(comes_back),
            }
        };
        let torn: Vec<Node> = later
            .alone
            .iter()
            .filter(is_torn)
            .map(|(node, _)| node.clone())
            .collect();
        if torn.is_empty() {
            return;
        }
        for node in torn {
            let statements = later.alone.remove(&node);
            if let (Step::Settle, Some(mut statements)) = (node.0, statements) {
                for statement in &mut statements {
                    statement.runs = Runs::Together;
                }
                later.together.insert(node, statements);
            }
        }
    }
}

fn is_concurrent(statement: &Statement) -> bool {
    statement
        .sql
        .to_ascii_lowercase()
        .contains(" concurrently ")
}

/// What waits for a step, directly or not, in the transaction.
fn reached<'b>(
    node: &Node,
    behind: &'b BTreeMap<Node, BTreeSet<Node>>,
    later: &Later,
) -> BTreeSet<&'b Node> {
    let mut reached = BTreeSet::new();
    let mut todo: Vec<&Node> = behind.get(node).into_iter().flatten().collect();
    while let Some(next) = todo.pop() {
        if !later.alone.contains_key(next) && reached.insert(next) {
            todo.extend(behind.get(next).into_iter().flatten());
        }
    }
    reached
}

/// Whether a step waits until a column has its `not null`.
pub(super) fn needs_not_null(sides: &Sides<'_>, id: &Id) -> bool {
    let is = |name: &str| sides.new.get(id).is_some_and(|new| new.has(name));
    let is_key = || sides.new.get(id).and_then(|new| new.get("type")) == Some("p");
    match id.kind {
        Kind::Inheritance => true,
        Kind::Constraint => is_key() || is("replica identity"),
        Kind::Index => is("replica identity"),
        _ => false,
    }
}
