//! Joins scripts by what their headers name, and refuses headers that name what is not there.

use super::blame;
use super::history::History;
use super::history_error::HistoryError;
use super::id::RevisionId;
use super::script::Script;
use super::walk::Edges;

/// Words that are targets by themselves.
pub(super) const RESERVED: [&str; 4] = ["base", "current", "head", "heads"];

/// The neighbours of one script, as positions, without repetition.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    pub(super) parents: Vec<usize>,
    /// The parents and what the script depends on.
    pub(super) needs: Vec<usize>,
    pub(super) children: Vec<usize>,
    /// The children and what depends on the script.
    pub(super) needed_by: Vec<usize>,
}

/// Positions, sorted by revision id.
pub(super) fn sorted_by_id(scripts: &[Script]) -> Vec<usize> {
    let mut by_id: Vec<usize> = (0..scripts.len()).collect();
    by_id.sort_by_key(|&index| &scripts[index].id);
    by_id
}

/// Where a revision stands among the scripts.
pub(super) fn position(scripts: &[Script], by_id: &[usize], id: &RevisionId) -> Option<usize> {
    let at = by_id
        .binary_search_by_key(&id, |&index| &scripts[index].id)
        .ok()?;
    Some(by_id[at])
}

/// Refuses two files that make the same revision.
pub(super) fn refuse_duplicates(scripts: &[Script], by_id: &[usize]) -> Result<(), HistoryError> {
    let pairs = by_id
        .windows(2)
        .map(|pair| (&scripts[pair[0]], &scripts[pair[1]]));
    match pairs
        .into_iter()
        .find(|(first, second)| first.id == second.id)
    {
        Some((first, second)) => Err(HistoryError::DuplicateRevision {
            id: second.id.clone(),
            first: first.path.clone(),
            place: blame::header(second, "revision", second.id.as_str()).into(),
        }),
        None => Ok(()),
    }
}

/// Finds what each script follows and depends on.
pub(super) fn connect(scripts: &[Script], by_id: &[usize]) -> Result<Vec<Links>, HistoryError> {
    let mut links = Vec::with_capacity(scripts.len());
    for script in scripts {
        let id = &script.id;
        let mut link = Links::default();
        for parent in &script.down_revisions {
            let place = || blame::header(script, "down_revision", parent.as_str()).into();
            if parent == id {
                return Err(HistoryError::SelfReference {
                    id: id.clone(),
                    place: place(),
                });
            }
            let index = position(scripts, by_id, parent).ok_or_else(|| {
                let has_taken_in =
                    |other: &&Script| other.replaces.iter().any(|replaced| replaced.id == *parent);
                let into = scripts.iter().find(has_taken_in);
                let (id, parent) = (id.clone(), parent.clone());
                if let Some(into) = into {
                    return HistoryError::SquashedParent {
                        id,
                        parent,
                        into: into.id.clone(),
                        place: place(),
                    };
                }
                HistoryError::MissingParent {
                    id,
                    parent,
                    place: place(),
                }
            })?;
            if !link.parents.contains(&index) {
                link.parents.push(index);
            }
        }
        link.needs.clone_from(&link.parents);
        for dependency in &script.depends_on {
            let place = || blame::header(script, "depends_on", dependency.as_str()).into();
            if dependency == id {
                return Err(HistoryError::SelfReference {
                    id: id.clone(),
                    place: place(),
                });
            }
            let index = position(scripts, by_id, dependency).ok_or_else(|| {
                let (id, dependency) = (id.clone(), dependency.clone());
                HistoryError::MissingDependency {
                    id,
                    dependency,
                    place: place(),
                }
            })?;
            if !link.needs.contains(&index) {
                link.needs.push(index);
            }
        }
        links.push(link);
    }
    Ok(links)
}

/// Refuses to require batches that are not there: nobody would ever run them.
pub(super) fn refuse_missing_backfills(history: &History) -> Result<(), HistoryError> {
    let requiring = history
        .iter()
        .filter(|script| !script.requires_backfill.is_empty());
    for script in requiring {
        let before = history.ancestors(&script.id, Edges::All);
        for needs in &script.requires_backfill {
            let is_there = before
                .iter()
                .any(|one| one.id == *needs && one.upgrade.options.batch.is_some());
            if !is_there {
                return Err(HistoryError::NoBackfill {
                    id: script.id.clone(),
                    needs: needs.clone(),
                    place: blame::header(script, "requires_backfill", needs.as_str()).into(),
                });
            }
        }
    }
    Ok(())
}

/// Adds the way from each script to what needs it.
pub(super) fn turn_around(links: &mut [Links]) {
    for index in 0..links.len() {
        for parent in links[index].parents.clone() {
            links[parent].children.push(index);
        }
        for needed in links[index].needs.clone() {
            links[needed].needed_by.push(index);
        }
    }
}

/// The error for a ring of scripts, each of which needs the next.
pub(super) fn cycle(scripts: &[Script], ring: &[usize]) -> HistoryError {
    let script = &scripts[ring[0]];
    let next = &scripts[ring[1 % ring.len()]].id;
    let follows = script.down_revisions.contains(next);
    let key = if follows {
        "down_revision"
    } else {
        "depends_on"
    };
    HistoryError::Cycle {
        ring: ring
            .iter()
            .map(|&index| scripts[index].id.clone())
            .collect(),
        place: blame::header(script, key, next.as_str()).into(),
    }
}

/// The labels with the position of the script that gives them, sorted.
pub(super) fn sorted_labels(
    scripts: &[Script],
    by_id: &[usize],
) -> Result<Vec<(String, usize)>, HistoryError> {
    let mut labels: Vec<(String, usize)> = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        for label in &script.branch_labels {
            let id = RevisionId::new(label).ok();
            let is_id = id.is_some_and(|id| position(scripts, by_id, &id).is_some());
            if is_id || RESERVED.contains(&label.as_str()) {
                let (label, id) = (label.clone(), script.id.clone());
                let place = blame::header(script, "branch_labels", &label).into();
                return Err(HistoryError::LabelTaken { label, id, place });
            }
            labels.push((label.clone(), index));
        }
    }
    labels.sort();
    labels.dedup();
    let twice = labels.windows(2).find(|pair| pair[0].0 == pair[1].0);
    if let Some([(label, first), (_, second)]) = twice {
        let script = &scripts[*second];
        return Err(HistoryError::DuplicateLabel {
            label: label.clone(),
            first: scripts[*first].id.clone(),
            second: script.id.clone(),
            place: blame::header(script, "branch_labels", label).into(),
        });
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use crate::revision::history::History;
    use crate::revision::sketch::{scripts, shown};

    fn check(sketch: &str, expected: &str) {
        let found = match History::new(scripts(sketch)) {
            Ok(history) => shown(history.iter().map(|script| &script.id)).replace(',', " "),
            Err(error) => {
                let place = error
                    .place()
                    .map_or_else(String::new, |place| format!(" ({place})"));
                format!("error: {error}{place}")
            }
        };
        assert_eq!(found, expected, "{sketch}");
    }

    #[test]
    fn what_is_followed_comes_first_and_otherwise_the_paths_decide() {
        check("", "");
        check("b<a a<- c<b", "a b c");
        check("d<b,c c<a b<a a<-", "a c b d");
        check("x<- a<- b<a~x", "x a b");
        check("b<x~a x<- a<-", "x a b");
    }

    #[test]
    fn what_a_header_names_must_exist() {
        check(
            "b<a",
            "error: revision `b` follows `a`, which does not exist (migrations/000000_b.sql:3)",
        );
        check(
            "b<-~a",
            "error: revision `b` depends on `a`, which does not exist (migrations/000000_b.sql:4)",
        );
    }

    #[test]
    fn a_revision_is_made_once() {
        check(
            "a<- b<a a<b",
            "error: revision `a` is made by two files: `migrations/000000_a.sql` and \
             `migrations/000002_a.sql` (migrations/000002_a.sql:2)",
        );
    }

    #[test]
    fn nothing_comes_before_itself() {
        let itself = "names itself as what must come before it";
        check(
            "a<a",
            &format!("error: revision `a` {itself} (migrations/000000_a.sql:3)"),
        );
        check(
            "a<-~a",
            &format!("error: revision `a` {itself} (migrations/000000_a.sql:4)"),
        );
        check(
            "x<- a<x,c b<a c<b d<c",
            "error: revisions form a cycle: `a` needs `c` needs `b` needs `a` \
             (migrations/000001_a.sql:3)",
        );
        check(
            "a<-~b b<a",
            "error: revisions form a cycle: `a` needs `b` needs `a` (migrations/000000_a.sql:4)",
        );
    }

    #[test]
    fn a_label_means_one_branch() {
        check(
            "a<-@api b<a@api",
            "error: branch label `api` is given by both `a` and `b` (migrations/000001_b.sql:5)",
        );
        check(
            "a<- b<a@a",
            "error: branch label `a` already means something else as a target \
             (migrations/000001_b.sql:5)",
        );
        check(
            "a<-@head",
            "error: branch label `head` already means something else as a target \
             (migrations/000000_a.sql:5)",
        );
    }
}
