//! What it means when the ledger has revisions that the files do not: an older image in front
//! of a newer database, or a database that belongs to other files.

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::id::RevisionId;
use super::walk::Edges;

/// How the ledger's rows stand to the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every row is a revision of the files.
    Known,
    /// The database has all revisions of the files and more, and the ledger says how the others
    /// follow: this is an older image.
    Ahead {
        /// The revisions that the files lack, sorted.
        unknown: Vec<RevisionId>,
    },
    /// Each has what the other lacks: neither is older.
    Diverged {
        /// The revisions that the files lack, sorted.
        unknown: Vec<RevisionId>,
        /// The heads of the files that the database does not have.
        unapplied: Vec<RevisionId>,
    },
    /// Nobody can say how the rows and the files belong together.
    Unknown {
        /// The revisions that the files lack, sorted.
        unknown: Vec<RevisionId>,
        /// Those of them whose parents the ledger does not know.
        unrecorded: Vec<RevisionId>,
        /// The heads of the files that the database does not have.
        unapplied: Vec<RevisionId>,
    },
}

/// Decides from the ledger's rows, and from the parents it recorded for each revision (with what
/// they depend on).
pub fn standing(
    history: &History,
    current: &[RevisionId],
    recorded: &BTreeMap<RevisionId, Vec<RevisionId>>,
) -> Standing {
    let mut todo: Vec<&RevisionId> = current.iter().collect();
    let (mut known, mut unknown, mut unrecorded) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    while let Some(id) = todo.pop() {
        if let Some(index) = history.position(id) {
            known.push(index);
        } else if unknown.insert(id) {
            match recorded.get(id) {
                Some(parents) => todo.extend(parents),
                None => {
                    unrecorded.insert(id);
                }
            }
        }
    }
    // Files without a revision in common are those of another application.
    let is_related = !known.is_empty();
    if unknown.is_empty() {
        return Standing::Known;
    }
    let applied = history.mark_ancestors(&known, Edges::All);
    let is_applied = |id: &&RevisionId| history.position(id).is_some_and(|index| applied[index]);
    let mut unapplied = history.effective_heads();
    unapplied.retain(|id| !is_applied(id));
    let owned = |ids: BTreeSet<&RevisionId>| ids.into_iter().cloned().collect();
    if unrecorded.is_empty() && unapplied.is_empty() {
        return Standing::Ahead {
            unknown: owned(unknown),
        };
    }
    if unrecorded.is_empty() && is_related {
        return Standing::Diverged {
            unknown: owned(unknown),
            unapplied: unapplied.into_iter().cloned().collect(),
        };
    }
    Standing::Unknown {
        unknown: owned(unknown),
        unrecorded: owned(unrecorded),
        unapplied: unapplied.into_iter().cloned().collect(),
    }
}

/// All that the rows stand on by the ledger's own words, with themselves: what is applied.
/// Revisions without a record are among them, and lead no further.
pub fn applied<'r>(
    current: &'r [RevisionId],
    recorded: &'r BTreeMap<RevisionId, Vec<RevisionId>>,
) -> BTreeSet<&'r RevisionId> {
    let mut todo: Vec<&RevisionId> = current.iter().collect();
    let mut found = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if found.insert(id) {
            todo.extend(recorded.get(id).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, ids, shown};

    fn check(files: &str, current: &str, recorded: &str, expected: &str) {
        let recorded = recorded.split_whitespace().map(|text| {
            let (id, parents) = text.split_once('<').unwrap();
            (
                RevisionId::new(id).unwrap(),
                ids(&parents.replace([',', '-'], " ")),
            )
        });
        let found = match standing(&history(files), &ids(current), &recorded.collect()) {
            Standing::Known => "known".to_owned(),
            Standing::Ahead { unknown } => format!("ahead by {}", shown(&unknown)),
            Standing::Diverged { unknown, unapplied } => {
                format!("diverged by {} from {}", shown(&unknown), shown(&unapplied))
            }
            Standing::Unknown {
                unknown,
                unrecorded,
                unapplied,
            } => format!(
                "unknown [{}], unrecorded [{}], unapplied [{}]",
                shown(&unknown),
                shown(&unrecorded),
                shown(&unapplied)
            ),
        };
        assert_eq!(found, expected, "{files}: {current}");
    }

    #[test]
    fn rows_of_the_files_are_known_even_when_behind() {
        check("b<a a<-", "b", "", "known");
        check("b<a a<-", "a", "", "known");
        check("b<a a<-", "", "", "known");
    }

    #[test]
    fn an_older_image_finds_all_its_heads_below_the_rows() {
        check("b<a a<-", "c", "c<b", "ahead by c");
        check("b<a a<-", "d", "d<c c<b b<a a<-", "ahead by c,d");
        check("b<a c<a a<-", "d", "d<b,c", "ahead by d");
        check("b<a x<- a<-", "b y", "y<x", "ahead by y");
        check("a<-", "a x", "x<-", "ahead by x");
        check("", "a", "a<-", "ahead by a");
    }

    #[test]
    fn what_nobody_recorded_is_not_trusted() {
        check(
            "b<a a<-",
            "c",
            "",
            "unknown [c], unrecorded [c], unapplied [b]",
        );
        check(
            "b<a a<-",
            "d",
            "d<b,c",
            "unknown [c,d], unrecorded [c], unapplied []",
        );
    }

    #[test]
    fn a_head_that_the_database_lacks_makes_two_ways_of_one() {
        check("b<a a<-", "c", "c<a", "diverged by c from b");
        check("b<a c<a a<-", "d", "d<b", "diverged by d from c");
        // One branch is ahead and another behind, related or not.
        check("b<a y<x x<- a<-", "c x", "c<b", "diverged by c from y");
        check("b<a x<-~b a<-", "c", "c<b", "diverged by c from x");
    }

    #[test]
    fn files_without_a_revision_in_common_are_of_another_application() {
        check(
            "b<a a<-",
            "y",
            "y<x x<-",
            "unknown [x,y], unrecorded [], unapplied [b]",
        );
    }

    #[test]
    fn dependencies_count_as_ancestry() {
        // `z` depends on `c`, which stands on the files' head; one row stands for both.
        check("b<a x<- a<-", "z", "z<x,c c<b", "ahead by c,z");
        check("b<a x<-~b a<-", "z", "z<x", "ahead by z");
    }

    #[test]
    fn what_is_applied_is_told_by_the_ledger_alone() {
        let recorded: BTreeMap<_, _> = [("d", "b c"), ("c", "a"), ("b", "a"), ("e", "d")]
            .map(|(id, parents)| (RevisionId::new(id).unwrap(), ids(parents)))
            .into();
        assert_eq!(shown(applied(&ids("d"), &recorded)), "a,b,c,d");
        assert_eq!(shown(applied(&ids("x"), &recorded)), "x");
    }

    #[test]
    fn a_ledger_that_goes_in_circles_still_gets_an_answer() {
        check(
            "a<-",
            "c",
            "c<d d<c",
            "unknown [c,d], unrecorded [], unapplied [a]",
        );
    }
}
