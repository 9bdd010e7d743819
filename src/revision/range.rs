//! What a [`Range`] means: which revisions it shows, and which script it prints.

use std::num::NonZeroI32;

use super::history::History;
use super::id::RevisionId;
use super::locate::{self, Excess};
use super::plan::{self, Plan};
use super::plan_error::PlanError;
use super::script::Script;
use super::target::{Anchor, Bound, Range, Target};
use super::walk::Edges;

/// A plan made without a database, as `--sql` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offline<'h> {
    /// The rows that the ledger must have before.
    pub from: Vec<RevisionId>,
    /// The steps.
    pub plan: Plan<'h>,
}

/// The plan of `upgrade a:b --sql`. Nothing before the colon means an empty database, nothing
/// after it the head.
pub fn upgrade<'h>(history: &'h History, range: &Range) -> Result<Offline<'h>, PlanError> {
    let from = match &range.start {
        Some(bound) => offline(history, bound)?,
        None => Vec::new(),
    };
    let target = fixed(range.end.as_ref())?
        .cloned()
        .unwrap_or_else(Target::head);
    let plan = plan::upgrade(history, &from, &target)?;
    Ok(Offline { from, plan })
}

/// The plan of `downgrade a:b --sql`. Nothing before the colon means the head, nothing after it
/// the base.
pub fn downgrade<'h>(history: &'h History, range: &Range) -> Result<Offline<'h>, PlanError> {
    let head = Bound::At(Target::head());
    let from = offline(history, range.start.as_ref().unwrap_or(&head))?;
    let base = Target {
        branch: None,
        anchor: Anchor::Base,
        steps: None,
    };
    let target = fixed(range.end.as_ref())?.cloned().unwrap_or(base);
    let plan = plan::downgrade(history, &from, &target)?;
    Ok(Offline { from, plan })
}

/// The revisions of `history -r a:b`, newest first, both ends included.
pub fn between<'h>(
    history: &'h History,
    range: &Range,
    current: &[RevisionId],
) -> Result<Vec<&'h Script>, PlanError> {
    let (start, end) = (range.start.as_ref(), range.end.as_ref());
    let counts = |bound: Option<&Bound>| matches!(bound, Some(Bound::At(at)) if at.is_relative());
    let (from, mut to);
    if counts(end) {
        from = side(history, start, current)?.unwrap_or_default();
        to = beyond(history, &from, end)?;
    } else {
        let heads = || {
            history
                .effective_heads()
                .into_iter()
                .cloned()
                .collect::<Vec<_>>()
        };
        to = match side(history, end, current)? {
            Some(to) => to,
            None => locate::rows(history, &heads())?,
        };
        from = match start {
            Some(Bound::At(target)) if target.is_relative() => before(history, &to, target)?,
            Some(_) | None => side(history, start, current)?.unwrap_or_default(),
        };
    }
    if let Some(Bound::At(target)) = start {
        to = locate::on_branch(&to, locate::branch(history, target)?.as_deref());
    }
    let mut shown = history.mark_ancestors(&to, Edges::All);
    if from.iter().any(|&index| !shown[index]) {
        let name = |bound: Option<&Bound>| bound.map_or("heads".into(), ToString::to_string);
        return Err(PlanError::NotAbove {
            start: name(start),
            end: name(end),
        });
    }
    if !from.is_empty() {
        let above = history.mark_descendants(&from, Edges::Parents);
        shown
            .iter_mut()
            .zip(above)
            .for_each(|(mark, above)| *mark &= above);
    }
    let newest_first = (0..shown.len()).rev().filter(|&index| shown[index]);
    Ok(newest_first.map(|index| history.script(index)).collect())
}

/// The revisions that one side of a range means, if anything is written there.
fn side(
    history: &History,
    bound: Option<&Bound>,
    current: &[RevisionId],
) -> Result<Option<Vec<usize>>, PlanError> {
    match bound {
        None => Ok(None),
        Some(Bound::Current) => locate::rows(history, current).map(Some),
        Some(Bound::At(target)) => locate::places(history, target).map(Some),
    }
}

/// The end of a range that counts from its start; it stops at the last revision there is.
fn beyond(history: &History, from: &[usize], end: Option<&Bound>) -> Result<Vec<usize>, PlanError> {
    let Some(Bound::At(target)) = end else {
        return Ok(Vec::new());
    };
    if target.steps.map_or(0, NonZeroI32::get) < 0 {
        return Err(PlanError::WrongDirection {
            target: target.to_string(),
        });
    }
    if from.len() > 1 {
        let rows = history.owned_ids(from);
        return Err(PlanError::AmbiguousStart {
            target: target.to_string(),
            rows,
        });
    }
    let branch = locate::branch(history, target)?;
    let start = from.first().copied();
    let reached = locate::climb(history, target, branch.as_deref(), start, Excess::Stop)?;
    Ok(reached.into_iter().collect())
}

/// The start of a range that counts back from its end; it stops at the base.
fn before(history: &History, to: &[usize], target: &Target) -> Result<Vec<usize>, PlanError> {
    if target.steps.map_or(0, NonZeroI32::get) > 0 {
        return Err(PlanError::WrongDirection {
            target: target.to_string(),
        });
    }
    let branch = locate::branch(history, target)?;
    let starts = locate::on_branch(to, branch.as_deref());
    let mut from = Vec::new();
    for start in starts {
        from.extend(locate::sink(history, target, Some(start), Excess::Stop)?.1);
    }
    Ok(from)
}

/// The rows that `--sql` starts from.
fn offline(history: &History, bound: &Bound) -> Result<Vec<RevisionId>, PlanError> {
    match fixed(Some(bound))? {
        Some(target) => Ok(history.owned_ids(&locate::places(history, target)?)),
        None => Ok(Vec::new()),
    }
}

/// Without a database, `current` means nothing.
fn fixed(bound: Option<&Bound>) -> Result<Option<&Target>, PlanError> {
    match bound {
        None => Ok(None),
        Some(Bound::At(target)) => Ok(Some(target)),
        Some(Bound::Current) => Err(PlanError::NoCurrent {
            target: Bound::Current.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, ids, shown};

    fn check(graph: &str, range: &str, current: &str, expected: &str) {
        let history = history(graph);
        let found = match between(&history, &range.parse().unwrap(), &ids(current)) {
            Ok(scripts) => shown(scripts.into_iter().map(|script| &script.id)),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{graph}: {range}");
    }

    fn check_offline(command: &str, graph: &str, expected: &str) {
        let history = history(graph);
        let (verb, range) = command.split_once(' ').unwrap();
        let range = range.parse().unwrap();
        let made = match verb {
            "upgrade" => upgrade(&history, &range),
            _ => downgrade(&history, &range),
        };
        let found = match made {
            Ok(Offline { from, plan }) => {
                let steps = plan.steps.iter().map(|step| &step.script.id);
                format!("from {}: {}", shown(&from), shown(steps))
            }
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{graph}: {command}");
    }

    const ROW: &str = "a<- b<a c<b d<c";
    const FORK: &str = "a<- b<a@left c<a@right d<c";

    #[test]
    fn a_range_is_shown_newest_first_with_both_ends() {
        check(ROW, "b:c", "", "c,b");
        check(ROW, ":b", "", "b,a");
        check(ROW, "c:", "", "d,c");
        check(ROW, ":", "", "d,c,b,a");
        check(ROW, "b:current", "c", "c,b");
        check(ROW, "current:", "c", "d,c");
    }

    #[test]
    fn a_side_may_count_from_the_other_and_stops_at_the_end() {
        check(ROW, "-1:c", "", "c,b");
        check(ROW, "-1:current", "b", "b,a");
        check(ROW, "-9:", "", "d,c,b,a");
        check(ROW, "b:+1", "", "c,b");
        check(ROW, "b:+9", "", "d,c,b");
        check(ROW, "b:-1", "", "error: `-1` leads the other way");
        check(ROW, "+1:b", "", "error: `+1` leads the other way");
    }

    #[test]
    fn only_what_stands_on_the_start_is_shown() {
        check(FORK, "c:", "", "d,c");
        check(
            FORK,
            "d:left@head",
            "",
            "error: `left@head` does not stand on `d`",
        );
        check(FORK, "a:right@head", "", "d,c,a");
        check(FORK, "right@base:heads", "", "d,c,a");
        check(ROW, "c:b", "", "error: `b` does not stand on `c`");
    }

    #[test]
    fn a_script_is_planned_without_a_database() {
        check_offline("upgrade a:c", ROW, "from a: b,c");
        check_offline("upgrade :", ROW, "from : a,b,c,d");
        check_offline("upgrade b:", ROW, "from b: c,d");
        check_offline("upgrade b:+1", ROW, "from b: c");
        check_offline("downgrade c:a", ROW, "from c: c,b");
        check_offline("downgrade :c", ROW, "from d: d");
        check_offline("downgrade b:", ROW, "from b: b,a");
        check_offline(
            "downgrade a:b",
            "a<- b<a",
            "error: revision `b` is not applied, so nothing can be taken back to it",
        );
        let nowhere =
            "error: `current` counts from where the database is, which has no meaning here";
        check_offline("upgrade current:", ROW, nowhere);
    }
}
