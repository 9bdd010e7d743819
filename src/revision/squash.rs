//! Taking several revisions into the last of them: which they are, whether that can be done, and
//! what the new file says of them.
//!
//! Says what has to become of the files, and changes nothing. What the upgrade is then is not known
//! here: it is the difference of two schemas.

use super::history::History;
use super::id::RevisionId;
use super::locate;
use super::plan_error::PlanError;
use super::script::replaced::{REPLACES, Replaced, SQUASHED};
use super::script::{Downgrade, Script};
use super::squash_error::SquashError;
use super::target::{Bound, Range, Target};
use super::walk::Edges;
use crate::place::Place;
use crate::sql::classify::{first_word, sets_session};
use crate::sql::guard;

/// What becomes of statements whose effect a comparison of schemas does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// There must be none.
    Refuse,
    /// They run behind the others, in their order.
    Keep,
    /// They are left out.
    Drop,
}

/// Several revisions that become one.
#[derive(Clone, Debug)]
pub struct Squash<'h> {
    /// All of them, oldest first.
    pub scripts: Vec<&'h Script>,
    /// The last, whose id stays.
    pub last: &'h Script,
    /// All that is below, oldest first.
    pub below: Vec<&'h Script>,
    /// What the new revision follows.
    pub down_revisions: Vec<RevisionId>,
    /// What else has to come before it.
    pub depends_on: Vec<RevisionId>,
    /// The statements to keep, with their semicolons.
    pub kept: String,
}

/// Finds what a range means and looks whether it can be one revision. Both ends are in it; without
/// a start it begins with the first revisions, without an end it ends at the head.
pub fn squash<'h>(
    history: &'h History,
    range: &Range,
    data: Data,
) -> Result<Squash<'h>, SquashError> {
    let last = match end(history, range.end.as_ref())? {
        Some(last) => last,
        None => one(history, &Target::head())?,
    };
    let first = end(history, range.start.as_ref())?;
    let before_last = history.mark_ancestors(&[last], Edges::All);
    let mut inside = history.mark_ancestors(&[last], Edges::Parents);
    if let Some(first) = first {
        let id = |index: usize| history.script(index).id.clone();
        if !inside[first] {
            return Err(SquashError::NotBelow {
                first: id(first),
                last: id(last),
            });
        }
        let above = history.mark_descendants(&[first], Edges::Parents);
        inside
            .iter_mut()
            .zip(above)
            .for_each(|(mark, above)| *mark &= above);
    }
    let indices: Vec<usize> = (0..inside.len()).filter(|&index| inside[index]).collect();
    if indices.len() < 2 {
        let id = history.script(last).id.clone();
        return Err(SquashError::Alone { id });
    }
    refuse_ways_in_and_out(history, &inside, first, last)?;
    let scripts: Vec<&Script> = indices.iter().map(|&index| history.script(index)).collect();
    let below = (0..inside.len()).filter(|&index| before_last[index] && !inside[index]);
    let outside = |ids: &[RevisionId]| -> Vec<RevisionId> {
        let is_outside = |id: &&RevisionId| history.position(id).is_none_or(|at| !inside[at]);
        ids.iter().filter(is_outside).cloned().collect()
    };
    let start = scripts.first().filter(|_| first.is_some());
    Ok(Squash {
        kept: statements(&scripts, data)?,
        last: history.script(last),
        below: below.map(|index| history.script(index)).collect(),
        down_revisions: start.map_or(Vec::new(), |start| outside(&start.down_revisions)),
        depends_on: unique(
            scripts
                .iter()
                .flat_map(|script| outside(&script.depends_on)),
        ),
        scripts,
    })
}

fn end(history: &History, bound: Option<&Bound>) -> Result<Option<usize>, SquashError> {
    match bound {
        None => Ok(None),
        Some(Bound::At(target)) if target.to_string() == "base" => Ok(None),
        Some(Bound::At(target)) => one(history, target).map(Some),
        Some(Bound::Current) => Err(SquashError::NoRevision {
            text: "current".into(),
        }),
    }
}

fn one(history: &History, target: &Target) -> Result<usize, SquashError> {
    match *locate::places(history, target)?.as_slice() {
        [only] => Ok(only),
        [] => Err(SquashError::NoRevision {
            text: target.to_string(),
        }),
        ref several => Err(PlanError::SeveralHeads {
            target: target.to_string(),
            heads: history.owned_ids(several),
        }
        .into()),
    }
}

/// Others may lead into the first and follow the last. What is between is nobody else's.
fn refuse_ways_in_and_out(
    history: &History,
    inside: &[bool],
    first: Option<usize>,
    last: usize,
) -> Result<(), SquashError> {
    let id = |index: usize| history.script(index).id.clone();
    for index in (0..inside.len()).filter(|&index| inside[index]) {
        let enters = history.parents_at(index).iter().find(|&&at| !inside[at]);
        if let Some(&parent) = enters.filter(|_| first != Some(index)) {
            return Err(SquashError::Enters {
                id: id(index),
                parent: id(parent),
            });
        }
        let leaves = history.needed_by_at(index).iter().find(|&&at| !inside[at]);
        if let Some(&child) = leaves.filter(|_| index != last) {
            return Err(SquashError::Leaves {
                id: id(index),
                child: id(child),
            });
        }
        // It would have to come before and after what is squashed.
        let needed = history.needs_at(index).iter().filter(|&&at| !inside[at]);
        for &needed in needed {
            let before = history.mark_ancestors(&[needed], Edges::All);
            if let Some(within) = (0..inside.len()).find(|&at| before[at] && inside[at]) {
                return Err(SquashError::Enters {
                    id: id(within),
                    parent: id(needed),
                });
            }
        }
        let script = history.script(index);
        if !script.placeholders.is_empty() {
            return Err(SquashError::Placeholders {
                id: script.id.clone(),
            });
        }
    }
    let required = history
        .iter()
        .filter(|script| history.position(&script.id).is_some_and(|at| !inside[at]));
    for script in required {
        let is_inside = |id: &&RevisionId| history.position(id).is_some_and(|at| inside[at]);
        if let Some(needs) = script.requires_backfill.iter().find(is_inside) {
            return Err(SquashError::Leaves {
                id: needs.clone(),
                child: script.id.clone(),
            });
        }
    }
    Ok(())
}

/// The statements that change rows or may do so, as they are to be kept.
fn statements(scripts: &[&Script], data: Data) -> Result<String, SquashError> {
    let (mut kept, mut places) = (String::new(), Vec::new());
    for script in scripts {
        let section = &script.upgrade;
        for statement in &section.statements {
            let text = &script.text[statement.span.clone()];
            let sets = sets_session(text);
            if !sets && !is_data(text) {
                continue;
            }
            if !sets {
                let (start, end) = (statement.span.start, statement.span.end);
                places.push(Place::of(&script.path, &script.text, start, end));
                if data == Data::Keep && section.options.batch.is_some() {
                    return Err(SquashError::Batch {
                        id: script.id.clone(),
                    });
                }
            }
            kept.push_str(text);
            kept.push_str(";\n");
            if let Some(rows) = &statement.copy_data {
                kept.push_str(script.text[rows.clone()].trim_start_matches(['\r', '\n']));
                kept.push_str(if kept.ends_with('\n') {
                    "\\.\n"
                } else {
                    "\n\\.\n"
                });
            }
        }
    }
    match data {
        Data::Refuse if !places.is_empty() => Err(SquashError::Data { places }),
        Data::Keep if !places.is_empty() => Ok(kept),
        Data::Refuse | Data::Keep | Data::Drop => Ok(String::new()),
    }
}

/// Whether a statement may do what nobody sees who looks at the schema alone. A guard that castoff
/// wrote itself changes nothing, and is written again where it is still needed.
fn is_data(text: &str) -> bool {
    !guard::is_guard(text)
        && !matches!(
            first_word(text).as_ref(),
            "alter"
                | "analyze"
                | "cluster"
                | "comment"
                | "create"
                | "drop"
                | "grant"
                | "import"
                | "lock"
                | "reassign"
                | "refresh"
                | "reindex"
                | "reset"
                | "revoke"
                | "security"
                | "set"
                | "show"
                | "vacuum"
        )
}

fn unique<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut unique = Vec::new();
    for one in all {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    unique
}

impl Squash<'_> {
    /// Why there is no way back, if there is none: what somebody decided of one holds for all.
    pub fn irreversible(&self) -> Option<String> {
        let reasons = self
            .scripts
            .iter()
            .filter_map(|script| match &script.downgrade {
                Downgrade::Irreversible { reason } => Some(reason.as_str()),
                Downgrade::Script(_) | Downgrade::Missing => None,
            });
        let reasons = unique(reasons);
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// The labels of all.
    pub fn branch_labels(&self) -> Vec<String> {
        unique(
            self.scripts
                .iter()
                .flat_map(|script| script.branch_labels.clone()),
        )
    }

    /// The message where nobody has another.
    pub fn message(&self) -> String {
        let first = self.scripts.first().map_or("", |script| script.id.as_str());
        format!("Squash {first} to {}", self.last.id)
    }

    /// The header lines, but for those that every file has.
    pub fn header(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let breaking = self
            .scripts
            .iter()
            .filter_map(|script| script.breaking.as_deref());
        let breaking = unique(breaking);
        if !breaking.is_empty() {
            lines.push(format!("breaking: {}", breaking.join("; ")));
        }
        let is_inside = |id: &RevisionId| self.scripts.iter().any(|script| script.id == *id);
        let required = self
            .scripts
            .iter()
            .flat_map(|script| &script.requires_backfill);
        let required = unique(required.filter(|id| !is_inside(id)).map(RevisionId::as_str));
        if !required.is_empty() {
            lines.push(format!("requires_backfill: {}", required.join(", ")));
        }
        let replaced = self.scripts.iter().flat_map(|script| Replaced::of(script));
        lines.extend(replaced.map(|replaced| replaced.line()));
        debug_assert!(lines.iter().any(|line| line.starts_with(REPLACES)));
        lines
    }

    /// The header line that seals the file.
    pub fn seal(script: &Script) -> String {
        format!("{SQUASHED}: {}", script.checksums.canonical)
    }
}

/// Leaves out the files of revisions that another file has taken in: whoever squashed was stopped
/// before these were removed.
pub fn without_replaced(mut scripts: Vec<Script>) -> Vec<Script> {
    let taken: Vec<RevisionId> = scripts
        .iter()
        .filter(|script| script.was().is_some())
        .flat_map(|script| {
            let others = script.replaces.iter().filter(|one| one.id != script.id);
            others.map(|one| one.id.clone())
        })
        .collect();
    if !taken.is_empty() {
        scripts.retain(|script| !taken.contains(&script.id));
    }
    scripts
}

/// The file that has taken a revision in.
pub fn taken_into<'h>(history: &'h History, id: &RevisionId) -> Option<&'h Script> {
    history.iter().find(|script| {
        script.id != *id && script.replaces.iter().any(|replaced| replaced.id == *id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, shown};

    fn check(graph: &str, range: &str, expected: &str) {
        let history = history(graph);
        let range: Range = range.parse().unwrap();
        let told = match squash(&history, &range, Data::Refuse) {
            Ok(squash) => format!(
                "{} follows [{}] depends on [{}] above [{}]",
                shown(squash.scripts.iter().map(|script| &script.id)),
                shown(&squash.down_revisions),
                shown(&squash.depends_on),
                shown(squash.below.iter().map(|script| &script.id)),
            ),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(told, expected, "{graph} {range}");
    }

    #[test]
    fn a_range_has_both_ends() {
        let line = "a<- b<a c<b d<c";
        check(line, "b:c", "b,c follows [a] depends on [] above [a]");
        check(line, ":", "a,b,c,d follows [] depends on [] above []");
        check(line, "base:b", "a,b follows [] depends on [] above []");
        check(line, "c:", "c,d follows [b] depends on [] above [a,b]");
        check(line, "b:b", "error: there is only `b` in the range");
        check(line, "c:b", "error: `c` is not below `b`");
        check(line, "current:b", "error: `current` is not a revision");
    }

    #[test]
    fn forks_and_merges_may_be_inside_and_nothing_leads_out() {
        let fork = "a<- b<a c<a d<b,c e<d";
        check(fork, "a:d", "a,b,c,d follows [] depends on [] above []");
        check(
            fork,
            "b:d",
            "error: `d` follows `c`, which is not in the range",
        );
        check(
            "a<- b<a c<b d<b",
            "a:c",
            "error: `d` stands on `b`, which is inside the range",
        );
        check(
            "a<- b<a c<b x<-~b",
            "a:c",
            "error: `x` stands on `b`, which is inside the range",
        );
        check(
            "a<- x<- b<a~x c<b",
            "b:c",
            "b,c follows [a] depends on [x] above [a,x]",
        );
        check(
            "a<- b<a x<-~b c<b~x",
            "a:c",
            "error: `x` stands on `b`, which is inside the range",
        );
        check(
            "a<- b<a c<b x<-~c",
            "a:c",
            "a,b,c follows [] depends on [] above []",
        );
    }

    #[test]
    fn statements_that_may_change_rows_are_told_by_their_first_word() {
        for (text, expected) in [
            ("insert into t values (1)", true),
            ("with x as (select 1) delete from t", true),
            ("select setval('s', 5)", true),
            ("do $$ begin end $$", true),
            (
                "do $$ begin if exists (select from t) then\n    raise exception 't''s'\n        using hint = 'b'; end if; end $$",
                false,
            ),
            (
                "do $$ begin if exists (select from t) then\n    raise exception 'a'\n        using hint = 'b'; end if; delete from t; end $$",
                true,
            ),
            ("create table t ()", false),
            ("comment on table t is 'x'", false),
        ] {
            assert_eq!(is_data(text), expected, "{text}");
        }
    }
}
