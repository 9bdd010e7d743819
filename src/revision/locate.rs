//! Finds the revisions that a [`Target`] means.

use super::history::History;
use super::id::RevisionId;
use super::plan_error::PlanError;
use super::script::Script;
use super::target::{Anchor, Target};
use super::walk::Edges;

/// What to do when there are fewer revisions than steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Say so.
    Refuse,
    /// Stop at the last one there is.
    Stop,
}

/// Where a downgrade goes: everything on the roots has to be taken back, and they with it.
pub(super) struct Descent {
    pub(super) roots: Vec<usize>,
    /// The revision to stay at; nothing stands for the base.
    pub(super) floor: Option<usize>,
}

impl History {
    /// The revisions that a target means by itself, wherever the database is. None stands for the
    /// base.
    pub fn revisions(&self, target: &Target) -> Result<Vec<&Script>, PlanError> {
        let places = places(self, target)?;
        Ok(places.into_iter().map(|index| self.script(index)).collect())
    }

    /// The ends of the applied branches when the ledger has these rows, in the order of the history:
    /// the rows, and those that have none because a revision of another branch depends on them.
    /// Rows that no file makes are left out.
    pub fn ends(&self, current: &[RevisionId]) -> Vec<&Script> {
        let rows: Vec<usize> = current.iter().filter_map(|id| self.position(id)).collect();
        let applied = self.mark_ancestors(&rows, Edges::All);
        let is_end = |&index: &usize| {
            applied[index] && !self.children_at(index).iter().any(|&child| applied[child])
        };
        let ends = (0..applied.len()).filter(is_end);
        ends.map(|index| self.script(index)).collect()
    }
}

/// Where the database is, as positions. The rows must be known, and none may stand on another.
pub(super) fn rows(history: &History, current: &[RevisionId]) -> Result<Vec<usize>, PlanError> {
    let unknown: Vec<RevisionId> = current
        .iter()
        .filter(|id| history.get(id).is_none())
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(PlanError::UnknownRevisions { ids: unknown });
    }
    let mut rows: Vec<usize> = current
        .iter()
        .filter_map(|id| history.position(id))
        .collect();
    rows.sort_unstable();
    rows.dedup();
    match overlap(history, &rows) {
        Some((upper, lower)) => Err(PlanError::Overlap { upper, lower }),
        None => Ok(rows),
    }
}

/// Two of these revisions of which the first stands on the second.
pub(super) fn overlap(history: &History, rows: &[usize]) -> Option<(RevisionId, RevisionId)> {
    let below = proper_ancestors(history, rows);
    let lower = *rows.iter().find(|&&row| below[row])?;
    let above = history.mark_descendants(&[lower], Edges::All);
    let upper = rows
        .iter()
        .copied()
        .find(|&row| row != lower && above[row])?;
    Some((
        history.script(upper).id.clone(),
        history.script(lower).id.clone(),
    ))
}

/// The revisions an upgrade has to reach. None means the base: nothing to reach.
pub(super) fn goals(
    history: &History,
    rows: &[usize],
    target: &Target,
) -> Result<Vec<usize>, PlanError> {
    let (Anchor::Current, Some(steps)) = (&target.anchor, target.steps) else {
        return places(history, target);
    };
    if steps.get() < 0 {
        return Err(PlanError::WrongDirection {
            target: target.to_string(),
        });
    }
    let branch = branch(history, target)?;
    let mut starts = on_branch(rows, branch.as_deref());
    if let Some(branch) = branch.as_deref().filter(|_| starts.is_empty()) {
        starts = tips(history, rows, branch);
    }
    let start = single_start(history, target, &starts)?;
    climb(history, target, branch.as_deref(), start, Excess::Refuse).map(Vec::from_iter)
}

/// What a downgrade has to take back.
pub(super) fn descent(
    history: &History,
    rows: &[usize],
    target: &Target,
) -> Result<Descent, PlanError> {
    let branch = branch(history, target)?;
    if target.is_relative() {
        return relative_descent(history, rows, target, branch.as_deref());
    }
    let places = places(history, target)?;
    if places.len() > 1 {
        return Err(several(history, target, &places));
    }
    let floor = places.first().copied();
    let roots = match floor {
        None => positions(history, &history.bases()),
        Some(floor) => history.children_at(floor).to_vec(),
    };
    Ok(Descent {
        roots: on_branch(&roots, branch.as_deref()),
        floor,
    })
}

/// The revisions that a target means by itself, wherever the database is.
pub(super) fn places(history: &History, target: &Target) -> Result<Vec<usize>, PlanError> {
    let branch = branch(history, target)?;
    let branch = branch.as_deref();
    let anchored = match &target.anchor {
        Anchor::Current => {
            return Err(PlanError::NoCurrent {
                target: target.to_string(),
            });
        }
        Anchor::Base => Vec::new(),
        Anchor::Head => {
            let heads = on_branch(&positions(history, &history.heads()), branch);
            if heads.len() > 1 {
                return Err(several(history, target, &heads));
            }
            heads
        }
        Anchor::Heads if branch.is_some() => {
            // One head of a branch may depend on another: reaching the upper one reaches both.
            let heads = on_branch(&positions(history, &history.heads()), branch);
            let below = proper_ancestors(history, &heads);
            heads.into_iter().filter(|&head| !below[head]).collect()
        }
        Anchor::Heads => positions(history, &history.effective_heads()),
        Anchor::Revision(name) => {
            let found = history.find(name, branch)?;
            if let (Some(marks), Some(branch)) = (branch, &target.branch)
                && !marks[found]
            {
                let id = history.script(found).id.clone();
                return Err(PlanError::NotOnBranch {
                    id,
                    branch: branch.clone(),
                });
            }
            vec![found]
        }
    };
    let Some(steps) = target.steps else {
        return Ok(anchored);
    };
    if anchored.len() > 1 {
        return Err(several(history, target, &anchored));
    }
    let start = anchored.first().copied();
    let end = if steps.get() > 0 {
        climb(history, target, branch, start, Excess::Refuse)?
    } else {
        sink(history, target, start, Excess::Refuse)?.1
    };
    Ok(end.into_iter().collect())
}

/// Counts forward from a revision, or from the base, staying on the branch.
pub(super) fn climb(
    history: &History,
    target: &Target,
    branch: Option<&[bool]>,
    start: Option<usize>,
    excess: Excess,
) -> Result<Option<usize>, PlanError> {
    let wanted = target.steps.map_or(0, std::num::NonZeroI32::get);
    let mut at = start;
    for found in 0..wanted {
        let next = match at {
            None => positions(history, &history.bases()),
            Some(at) => history.children_at(at).to_vec(),
        };
        match *on_branch(&next, branch).as_slice() {
            [only] => at = Some(only),
            [] if excess == Excess::Stop => break,
            [] => {
                return Err(PlanError::RunsOut {
                    target: target.to_string(),
                    wanted,
                    found,
                });
            }
            ref several => return Err(fork(history, target, at, several)),
        }
    }
    Ok(at)
}

/// Counts back from a revision. Returns the last one passed and where it ends, nothing
/// standing for the base.
pub(super) fn sink(
    history: &History,
    target: &Target,
    start: Option<usize>,
    excess: Excess,
) -> Result<(Option<usize>, Option<usize>), PlanError> {
    let wanted = target.steps.map_or(0, std::num::NonZeroI32::get);
    let (mut passed, mut at) = (None, start);
    for found in 0..wanted.saturating_abs() {
        let Some(here) = at else {
            if excess == Excess::Stop {
                break;
            }
            return Err(PlanError::RunsOut {
                target: target.to_string(),
                wanted,
                found,
            });
        };
        passed = at;
        at = match *history.parents_at(here) {
            [] => None,
            [only] => Some(only),
            ref several => return Err(fork(history, target, at, several)),
        };
    }
    Ok((passed, at))
}

/// The branch a target is limited to: all that comes before or after the revision that names it.
pub(super) fn branch(history: &History, target: &Target) -> Result<Option<Vec<bool>>, PlanError> {
    let Some(name) = &target.branch else {
        return Ok(None);
    };
    let start = history.find(name, None)?;
    Ok(Some(history.mark_branch(start, Edges::Parents)))
}

pub(super) fn on_branch(indices: &[usize], branch: Option<&[bool]>) -> Vec<usize> {
    let keep = |&index: &usize| branch.is_none_or(|branch| branch[index]);
    indices.iter().copied().filter(keep).collect()
}

fn relative_descent(
    history: &History,
    rows: &[usize],
    target: &Target,
    branch: Option<&[bool]>,
) -> Result<Descent, PlanError> {
    if target.steps.is_some_and(|steps| steps.get() > 0) {
        return Err(PlanError::WrongDirection {
            target: target.to_string(),
        });
    }
    let mut starts = on_branch(rows, branch);
    if let Some(branch) = branch.filter(|_| starts.is_empty()) {
        // What the branch depends on may have hidden its row: then its own end counts.
        let applied = history.mark_ancestors(rows, Edges::All);
        let ends = (0..applied.len()).filter(|&index| applied[index] && branch[index]);
        let is_end = |&index: &usize| !history.children_at(index).iter().any(|&at| applied[at]);
        starts = ends.filter(is_end).collect();
    }
    let start = single_start(history, target, &starts)?;
    let (root, floor) = sink(history, target, start, Excess::Refuse)?;
    Ok(Descent {
        roots: root.into_iter().collect(),
        floor,
    })
}

/// The applied revisions of a branch that no other applied one of the branch needs.
fn tips(history: &History, rows: &[usize], branch: &[bool]) -> Vec<usize> {
    let mut active = history.mark_ancestors(rows, Edges::All);
    active
        .iter_mut()
        .zip(branch)
        .for_each(|(mark, on)| *mark &= on);
    let is_tip = |&index: &usize| !history.needed_by_at(index).iter().any(|&at| active[at]);
    (0..active.len())
        .filter(|&index| active[index])
        .filter(is_tip)
        .collect()
}

fn single_start(
    history: &History,
    target: &Target,
    starts: &[usize],
) -> Result<Option<usize>, PlanError> {
    match *starts {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        ref several => Err(PlanError::AmbiguousStart {
            target: target.to_string(),
            rows: history.owned_ids(several),
        }),
    }
}

fn several(history: &History, target: &Target, heads: &[usize]) -> PlanError {
    PlanError::SeveralHeads {
        target: target.to_string(),
        heads: history.owned_ids(heads),
    }
}

fn fork(history: &History, target: &Target, at: Option<usize>, choices: &[usize]) -> PlanError {
    PlanError::AmbiguousStep {
        target: target.to_string(),
        at: at.map(|at| history.script(at).id.clone()),
        choices: history.owned_ids(choices),
    }
}

fn positions(history: &History, ids: &[&RevisionId]) -> Vec<usize> {
    ids.iter().filter_map(|id| history.position(id)).collect()
}

/// Marks what comes before the given revisions, but not these unless another stands on them.
fn proper_ancestors(history: &History, of: &[usize]) -> Vec<bool> {
    let before: Vec<usize> = of
        .iter()
        .flat_map(|&index| history.needs_at(index))
        .copied()
        .collect();
    history.mark_ancestors(&before, Edges::All)
}

#[cfg(test)]
mod tests {
    use crate::revision::sketch::{history, ids, shown};

    fn check(sketch: &str, current: &str, expected: &str) {
        let history = history(sketch);
        let ends = history.ends(&ids(current)).into_iter();
        assert_eq!(
            shown(ends.map(|script| &script.id)),
            expected,
            "{sketch}: {current}"
        );
    }

    #[test]
    fn a_branch_ends_where_no_applied_revision_follows() {
        check("a<- b<a c<a", "", "");
        check("a<- b<a c<a", "b c", "b,c");
        check("a<- b<a x<-~a", "x", "a,x");
        check("a<- b<a x<-~a", "b x", "b,x");
        check("a<- b<a x<-~b y<x", "y", "b,y");
        check("a<-", "a gone", "a");
    }
}
