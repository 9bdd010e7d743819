//! Walks the history: what comes before a revision, what comes after it.

use super::history::History;
use super::id::RevisionId;
use super::script::Script;

/// Which connections to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// From a revision to those it follows.
    Parents,
    /// To those it depends on as well: what must be applied before.
    All,
}

impl History {
    /// What comes before this revision, newest first, without itself.
    pub fn ancestors(&self, id: &RevisionId, edges: Edges) -> Vec<&Script> {
        let Some(index) = self.position(id) else {
            return Vec::new();
        };
        let marks = self.mark_ancestors(&[index], edges);
        (0..index)
            .rev()
            .filter(|&at| marks[at])
            .map(|at| &self.scripts[at])
            .collect()
    }

    /// Marks the given positions and all that comes before them.
    pub(super) fn mark_ancestors(&self, of: &[usize], edges: Edges) -> Vec<bool> {
        let mut marks = self.marks(of);
        for index in (0..marks.len()).rev() {
            if marks[index] {
                let link = &self.links[index];
                let before = if edges == Edges::All {
                    &link.needs
                } else {
                    &link.parents
                };
                for &at in before {
                    marks[at] = true;
                }
            }
        }
        marks
    }

    /// Marks the given positions and all that comes after them.
    pub(super) fn mark_descendants(&self, of: &[usize], edges: Edges) -> Vec<bool> {
        let mut marks = self.marks(of);
        for index in 0..marks.len() {
            if marks[index] {
                let link = &self.links[index];
                let after = if edges == Edges::All {
                    &link.needed_by
                } else {
                    &link.children
                };
                for &at in after {
                    marks[at] = true;
                }
            }
        }
        marks
    }

    /// Marks all that comes before or after a position along parents: the branch it names.
    pub(super) fn mark_branch(&self, index: usize, edges: Edges) -> Vec<bool> {
        let mut marks = self.mark_ancestors(&[index], edges);
        for (mark, after) in marks.iter_mut().zip(self.mark_descendants(&[index], edges)) {
            *mark |= after;
        }
        marks
    }

    fn marks(&self, of: &[usize]) -> Vec<bool> {
        let mut marks = vec![false; self.scripts.len()];
        for &index in of {
            marks[index] = true;
        }
        marks
    }
}
