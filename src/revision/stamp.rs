//! Recording revisions without running them.

use std::collections::BTreeSet;

use super::history::History;
use super::id::RevisionId;
use super::locate;
use super::plan_error::PlanError;
use super::target::Target;
use super::walk::Edges;

/// How the ledger's rows change. Rows that stay are in neither list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The rows to delete.
    pub leaves: Vec<RevisionId>,
    /// The rows to insert.
    pub enters: Vec<RevisionId>,
}

/// Makes the targets current. Rows above or below a target give way to it; rows of other
/// branches stay, unless everything is purged. `base` removes all rows, `LABEL@base` those of
/// one branch.
///
/// Purging is the way out of a ledger with revisions that no file makes, so only then are they
/// accepted.
pub fn stamp(
    history: &History,
    current: &[RevisionId],
    targets: &[Target],
    purge: bool,
) -> Result<Stamp, PlanError> {
    let unknown: Vec<RevisionId> = current
        .iter()
        .filter(|id| history.get(id).is_none())
        .cloned()
        .collect();
    if !purge && !unknown.is_empty() {
        return Err(PlanError::UnknownRevisions { ids: unknown });
    }
    let known: BTreeSet<usize> = current
        .iter()
        .filter_map(|id| history.position(id))
        .collect();
    let mut kept = if purge {
        BTreeSet::new()
    } else {
        known.clone()
    };
    let mut chosen = BTreeSet::new();
    for target in targets {
        let places = locate::places(history, target)?;
        if places.is_empty() {
            give_way_to_base(history, target, &mut kept)?;
        }
        chosen.extend(places);
    }
    let chosen: Vec<usize> = chosen.into_iter().collect();
    if let Some((upper, lower)) = locate::overlap(history, &chosen) {
        return Err(PlanError::OverlappingTargets { upper, lower });
    }
    let below = history.mark_ancestors(&chosen, Edges::All);
    let above = history.mark_descendants(&chosen, Edges::All);
    kept.retain(|&row| !below[row] && !above[row]);
    kept.extend(&chosen);
    let left: Vec<usize> = known.difference(&kept).copied().collect();
    let entered: Vec<usize> = kept.difference(&known).copied().collect();
    let leaves = history
        .owned_ids(&left)
        .into_iter()
        .chain(unknown)
        .collect();
    Ok(Stamp {
        leaves,
        enters: history.owned_ids(&entered),
    })
}

fn give_way_to_base(
    history: &History,
    target: &Target,
    kept: &mut BTreeSet<usize>,
) -> Result<(), PlanError> {
    if target.steps.is_some() {
        // Nobody who counts steps means to empty the ledger.
        return Err(PlanError::NoCurrent {
            target: target.to_string(),
        });
    }
    let Some(name) = &target.branch else {
        kept.clear();
        return Ok(());
    };
    let branch = history.mark_branch(history.find(name, None)?, Edges::All);
    kept.retain(|&row| !branch[row]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, ids, shown};

    fn check(graph: &str, current: &str, targets: &str, expected: &str) {
        let history = history(graph);
        let (targets, purge) = match targets.strip_prefix("purge ") {
            Some(targets) => (targets, true),
            None => (targets, false),
        };
        let targets: Vec<Target> = targets
            .split(' ')
            .map(|text| text.parse().unwrap())
            .collect();
        let found = match stamp(&history, &ids(current), &targets, purge) {
            Ok(stamp) => format!("-{} +{}", shown(&stamp.leaves), shown(&stamp.enters)),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{graph}: {current} to {targets:?}");
    }

    #[test]
    fn rows_above_and_below_give_way() {
        check("b<a a<-", "", "b", "- +b");
        check("b<a a<-", "a", "head", "-a +b");
        check("b<a a<-", "b", "a", "-b +a");
        check("b<a a<-", "b", "b", "- +");
        check("b<a c<a a<- d<b,c", "b c", "d", "-b,c +d");
        check("b<a c<a a<- d<b,c", "b c", "a", "-b,c +a");
        check("b<a c<a a<- d<b,c", "d", "b c", "-d +b,c");
    }

    #[test]
    fn rows_of_other_branches_stay() {
        check("b<a c<a a<-", "b", "c", "- +c");
        check("b<a a<- y<x x<-", "b x", "y", "-x +y");
        check("b<a c<a a<-", "", "heads", "- +b,c");
        check(
            "b<a c<a a<-",
            "",
            "head",
            "error: `head` means several revisions: `b`, `c`",
        );
    }

    #[test]
    fn what_depends_on_a_revision_stands_on_it() {
        check("b<a a<- x<-~b", "x", "b", "-x +b");
        check("b<a a<- x<-~b", "b", "x", "-b +x");
        check("a<-@api b<a c<a~b", "", "api@heads", "- +c");
    }

    #[test]
    fn base_removes_rows_all_or_of_one_branch() {
        check("b<a a<-", "b", "base", "-b +");
        check("a<-@one x<-@two", "a x", "two@base", "-x +");
        check("a<-@one x<-@two", "a x", "base x", "-a +");
    }

    #[test]
    fn purging_accepts_what_no_file_makes() {
        check(
            "a<-",
            "gone",
            "a",
            "error: the database is at `gone`, which no migration file makes",
        );
        check("a<-", "gone", "purge a", "-gone +a");
        check("a<- b<a", "a gone", "purge a", "-gone +");
        check("a<- x<-", "a x", "purge base", "-a,x +");
    }

    #[test]
    fn mends_rows_that_stand_on_each_other() {
        check("b<a a<-", "a b", "b", "-a +");
        check("b<a a<-", "a b", "a", "-b +");
    }

    #[test]
    fn refuses_to_guess() {
        check(
            "b<a a<-",
            "",
            "a b",
            "error: `b` already stands on `a`, so only one of them can be recorded",
        );
        check(
            "b<a a<-",
            "b",
            "-1",
            "error: `-1` counts from where the database is, which has no meaning here",
        );
        check("b<a a<-", "b", "b-1", "-b +a");
        check(
            "b<a a<-",
            "b",
            "b-2",
            "error: `b-2` counts from where the database is, which has no meaning here",
        );
    }
}
