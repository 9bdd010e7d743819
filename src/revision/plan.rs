//! What has to run to reach a target, and what the ledger says after each step.
//!
//! The ledger keeps one row per current head: an applied revision that no other applied revision
//! follows or depends on. A step therefore deletes the rows it stands on and inserts its own;
//! going back, it deletes its own and inserts those that nothing applied stands on any more.

use std::collections::BTreeSet;

use super::blame;
use super::history::History;
use super::id::RevisionId;
use super::locate;
use super::plan_error::PlanError;
use super::script::{Downgrade, Script};
use super::target::Target;
use super::walk::Edges;

/// The steps to a target, in the order in which they run. None means there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'h> {
    /// The steps.
    pub steps: Vec<Step<'h>>,
}

/// One section of one script, and what it does to the ledger's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'h> {
    /// The script.
    pub script: &'h Script,
    /// Which of its sections runs.
    pub direction: Direction,
    /// The rows it deletes.
    pub leaves: Vec<RevisionId>,
    /// The rows it inserts.
    pub enters: Vec<RevisionId>,
}

/// Which section of a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The way forward.
    Upgrade,
    /// The way back.
    Downgrade,
}

impl Plan<'_> {
    /// The ledger's rows once all steps are done, sorted.
    pub fn heads_after(&self, current: &[RevisionId]) -> BTreeSet<RevisionId> {
        let mut rows = current.iter().cloned().collect();
        self.steps.iter().for_each(|step| step.record(&mut rows));
        rows
    }
}

impl Step<'_> {
    /// Does to the rows what the step does to the ledger.
    pub fn record(&self, rows: &mut BTreeSet<RevisionId>) {
        rows.retain(|row| !self.leaves.contains(row));
        rows.extend(self.enters.iter().cloned());
    }
}

/// What brings the database to the target and applies all that the target needs. Nothing to do
/// when it is there already or beyond.
pub fn upgrade<'h>(
    history: &'h History,
    current: &[RevisionId],
    target: &Target,
) -> Result<Plan<'h>, PlanError> {
    let rows = locate::rows(history, current)?;
    let goals = locate::goals(history, &rows, target)?;
    let applied = history.mark_ancestors(&rows, Edges::All);
    let needed = history.mark_ancestors(&goals, Edges::All);
    let mut rows: BTreeSet<usize> = rows.into_iter().collect();
    let mut steps = Vec::new();
    for index in (0..needed.len()).filter(|&index| needed[index] && !applied[index]) {
        let mut leaves = history.needs_at(index).to_vec();
        leaves.retain(|needed| rows.remove(needed));
        rows.insert(index);
        leaves.sort_unstable();
        steps.push(Step {
            script: history.script(index),
            direction: Direction::Upgrade,
            leaves: history.owned_ids(&leaves),
            enters: history.owned_ids(&[index]),
        });
    }
    Ok(Plan { steps })
}

/// What takes the database back to the target: all that follows it or depends on what follows
/// it, newest first. Refused as a whole if one of the scripts cannot be taken back.
pub fn downgrade<'h>(
    history: &'h History,
    current: &[RevisionId],
    target: &Target,
) -> Result<Plan<'h>, PlanError> {
    let rows = locate::rows(history, current)?;
    let descent = locate::descent(history, &rows, target)?;
    let applied = history.mark_ancestors(&rows, Edges::All);
    if let Some(floor) = descent.floor.filter(|&floor| !applied[floor]) {
        return Err(PlanError::NotApplied {
            id: history.script(floor).id.clone(),
        });
    }
    fall(history, applied, &descent.roots)
}

/// What takes these revisions back, with all that follows them or depends on them.
pub fn take_back<'h>(
    history: &'h History,
    current: &[RevisionId],
    ids: &[RevisionId],
) -> Result<Plan<'h>, PlanError> {
    let rows = locate::rows(history, current)?;
    let applied = history.mark_ancestors(&rows, Edges::All);
    let roots: Vec<usize> = ids.iter().filter_map(|id| history.position(id)).collect();
    fall(history, applied, &roots)
}

fn fall<'h>(
    history: &'h History,
    mut applied: Vec<bool>,
    roots: &[usize],
) -> Result<Plan<'h>, PlanError> {
    let falling = history.mark_descendants(roots, Edges::All);
    let mut steps = Vec::new();
    for index in (0..falling.len()).rev() {
        if !(falling[index] && applied[index]) {
            continue;
        }
        let script = history.script(index);
        refuse_one_way(script)?;
        applied[index] = false;
        let mut enters = history.needs_at(index).to_vec();
        enters.retain(|&needed| !history.needed_by_at(needed).iter().any(|&at| applied[at]));
        enters.sort_unstable();
        steps.push(Step {
            script,
            direction: Direction::Downgrade,
            leaves: history.owned_ids(&[index]),
            enters: history.owned_ids(&enters),
        });
    }
    Ok(Plan { steps })
}

fn refuse_one_way(script: &Script) -> Result<(), PlanError> {
    let id = script.id.clone();
    match &script.downgrade {
        Downgrade::Script(_) => Ok(()),
        Downgrade::Irreversible { reason } => {
            let (reason, place) = (reason.clone(), blame::downgrade(script).into());
            Err(PlanError::Irreversible { id, reason, place })
        }
        Downgrade::Missing => Err(PlanError::MissingDowngrade {
            id,
            place: blame::downgrade(script).into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, ids, shown};

    type Planner = for<'h> fn(&'h History, &[RevisionId], &Target) -> Result<Plan<'h>, PlanError>;

    fn told(planner: Planner, graph: &str, current: &str, target: &str) -> String {
        let history = history(graph);
        let plan = match planner(&history, &ids(current), &target.parse().unwrap()) {
            Ok(plan) => plan,
            Err(error) => return format!("error: {error}"),
        };
        let steps = plan.steps.iter().map(|step| {
            format!(
                "{}(-{} +{})",
                step.script.id,
                shown(&step.leaves),
                shown(&step.enters)
            )
        });
        let rows = format!("= {}", shown(&plan.heads_after(&ids(current))));
        steps
            .chain([rows])
            .collect::<Vec<_>>()
            .join(" ")
            .trim_end()
            .to_owned()
    }

    fn check(graph: &str, current: &str, target: &str, expected: &str) {
        assert_eq!(
            told(upgrade, graph, current, target),
            expected,
            "{graph}: {current} {target}"
        );
    }

    fn check_back(graph: &str, current: &str, target: &str, expected: &str) {
        let found = told(downgrade, graph, current, target);
        assert_eq!(found, expected, "{graph}: {current} {target}");
    }

    const ROW: &str = "b<a a<- c<b";
    const FORK: &str = "a<- b<a@left c<a@right d<c";
    const DIAMOND: &str = "a<- b<a c<a d<b,c";

    #[test]
    fn an_upgrade_replaces_one_row_by_the_next() {
        check(ROW, "", "head", "a(- +a) b(-a +b) c(-b +c) = c");
        check(ROW, "a", "b", "b(-a +b) = b");
        check(ROW, "a", "+1", "b(-a +b) = b");
        check(ROW, "", "a+1", "a(- +a) b(-a +b) = b");
        check(ROW, "", "head-2", "a(- +a) = a");
    }

    #[test]
    fn nothing_happens_at_the_target_or_beyond() {
        check(ROW, "c", "head", "= c");
        check(ROW, "c", "a", "= c");
        check(ROW, "c", "base", "= c");
        check("", "", "head", "=");
    }

    #[test]
    fn a_fork_adds_a_row_and_a_merge_removes_one() {
        check(
            DIAMOND,
            "",
            "head",
            "a(- +a) b(-a +b) c(- +c) d(-b,c +d) = d",
        );
        check(FORK, "a", "heads", "b(-a +b) c(- +c) d(-c +d) = b,d");
        check(FORK, "b", "right@head", "c(- +c) d(-c +d) = b,d");
        check(FORK, "a", "right@+1", "c(-a +c) = c");
        check(FORK, "b", "right@+2", "c(- +c) d(-c +d) = b,d");
    }

    #[test]
    fn what_a_revision_depends_on_comes_first_and_its_row_goes() {
        check("a<- x<-~a", "", "x", "a(- +a) x(-a +x) = x");
        check("a<- b<a x<-~a", "b", "x", "x(- +x) = b,x");
        check("a<- x<-~a b<a", "x", "b", "b(- +b) = b,x");
    }

    #[test]
    fn an_upgrade_does_not_guess() {
        check(
            FORK,
            "a",
            "head",
            "error: `head` means several revisions: `b`, `d`",
        );
        check(
            FORK,
            "a",
            "+1",
            "error: `+1` is ambiguous: next to `a` are `b`, `c`",
        );
        check(
            FORK,
            "b d",
            "+1",
            "error: `+1` is ambiguous: the database is at `b`, `d`",
        );
        check(
            "a<- x<-",
            "",
            "+1",
            "error: `+1` is ambiguous: there are several bases: `a`, `x`",
        );
        check(
            ROW,
            "b",
            "+2",
            "error: `+2` leads beyond the last revision: only 1 that way",
        );
        check(ROW, "b", "-1", "error: `-1` leads the other way");
        check(
            FORK,
            "a",
            "left@c",
            "error: revision `c` is not on branch `left`",
        );
    }

    #[test]
    fn rows_must_be_known_and_apart() {
        let unknown = "error: the database is at `zzz`, which no migration file makes";
        check(ROW, "a zzz", "head", unknown);
        check_back(ROW, "zzz", "base", unknown);
        let overlap = "error: the database is at `c` and at `a`, on which `c` already stands";
        check(ROW, "a c", "head", overlap);
        check_back(ROW, "a c", "base", overlap);
    }

    #[test]
    fn a_downgrade_brings_back_the_rows_below() {
        check_back(ROW, "c", "-1", "c(-c +b) = b");
        check_back(ROW, "c", "a", "c(-c +b) b(-b +a) = a");
        check_back(ROW, "c", "base", "c(-c +b) b(-b +a) a(-a +) =");
        check_back(ROW, "c", "c-2", "c(-c +b) b(-b +a) = a");
        check_back(ROW, "c", "-3", "c(-c +b) b(-b +a) a(-a +) =");
        check_back(ROW, "b", "b", "= b");
        check_back(ROW, "", "base", "=");
    }

    #[test]
    fn a_downgrade_parts_a_merge_and_joins_a_fork() {
        check_back(DIAMOND, "d", "b", "d(-d +b,c) = b,c");
        check_back(DIAMOND, "d", "a", "d(-d +b,c) c(-c +) b(-b +a) = a");
        check_back(FORK, "b d", "right@-1", "d(-d +c) = b,c");
        check_back(FORK, "b d", "right@a", "d(-d +c) c(-c +) = b");
        check_back(FORK, "b d", "a", "d(-d +c) c(-c +) b(-b +a) = a");
        check_back("a<-@one x<-@two", "a x", "two@base", "x(-x +) = a");
    }

    #[test]
    fn what_is_taken_back_by_name_falls_with_all_above_it() {
        let history = history("a<- b<a c<b x<- y<x z<y~b");
        let told = |current: &str, names: &str| {
            let plan = take_back(&history, &ids(current), &ids(names)).unwrap();
            let rows = plan.heads_after(&ids(current));
            format!(
                "{} = {}",
                shown(plan.steps.iter().map(|step| &step.script.id)),
                shown(&rows)
            )
        };
        assert_eq!(told("c z", "c z"), "z,c = b,y");
        assert_eq!(told("c z", "b"), "z,c,b = a,y");
        assert_eq!(told("c", "y"), " = c");
    }

    #[test]
    fn what_depends_on_a_revision_goes_before_it() {
        check_back("a<- b<a x<-~b", "x", "a", "x(-x +b) b(-b +a) = a");
        check_back("a<- b<a x<-~a", "b x", "a", "b(-b +) = x");
        check_back("a<- x<-~a", "x", "a", "= x");
        check_back("a<- x<-~a@two", "x", "two@base", "x(-x +a) = a");
    }

    #[test]
    fn a_downgrade_does_not_guess() {
        check_back(
            ROW,
            "a",
            "b",
            "error: revision `b` is not applied, so nothing can be taken back to it",
        );
        check_back(
            ROW,
            "a",
            "-2",
            "error: `-2` leads beyond the first revision: only 1 that way",
        );
        check_back(
            ROW,
            "",
            "-1",
            "error: `-1` leads beyond the first revision: only 0 that way",
        );
        check_back(ROW, "a", "+1", "error: `+1` leads the other way");
        check_back(
            FORK,
            "b d",
            "-1",
            "error: `-1` is ambiguous: the database is at `b`, `d`",
        );
        check_back(
            DIAMOND,
            "d",
            "-1",
            "error: `-1` is ambiguous: next to `d` are `b`, `c`",
        );
        check_back(
            FORK,
            "b",
            "heads",
            "error: `heads` means several revisions: `b`, `d`",
        );
    }

    #[test]
    fn a_downgrade_that_cannot_be_finished_is_not_begun() {
        let irreversible = "error: revision `b` cannot be taken back: the data is gone";
        check_back("a<- b<a! c<b", "c", "base", irreversible);
        check_back("a<- b<a! c<b", "c", "-1", "c(-c +b) = b");
        check_back(
            "a<- b<a? c<b",
            "c",
            "base",
            "error: revision `b` has no downgrade section",
        );
    }

    #[test]
    fn several_heads_are_met_with_the_command_that_joins_them() {
        let history = history(FORK);
        let error = upgrade(&history, &[], &Target::head()).unwrap_err();
        assert!(error.help().contains("`castoff merge`") && error.help().contains("`heads`"));
    }
}
