//! Recording files as they are now, after they were edited or put in another order: what differs
//! from the ledger, and which rows the ledger then has.

use std::collections::{BTreeMap, BTreeSet};

use super::checksum::{Checksum, Lineage};
use super::history::History;
use super::id::RevisionId;
use super::order;
use super::script::Script;
use super::standing;

/// What the ledger has of one applied revision, as far as it proves a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The parents and what else must be applied before.
    pub needs: Vec<RevisionId>,
    /// The sum of the file's bytes, hexadecimal.
    pub raw: String,
    /// The sum of what the upgrade does; nothing when the ledger has no sum there.
    pub canonical: Option<Checksum>,
    /// Why images without the revision must not start, if they must not.
    pub breaking: Option<String>,
}

/// What each recorded revision stands on.
pub fn ancestry(
    recorded: &BTreeMap<RevisionId, Recorded>,
) -> BTreeMap<RevisionId, Vec<RevisionId>> {
    let pairs = recorded.iter();
    pairs
        .map(|(id, record)| (id.clone(), record.needs.clone()))
        .collect()
}

/// How a file differs from what was recorded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// Not by a byte.
    None,
    /// In what does not count: comments, layout, message, the way back.
    Cosmetic,
    /// In what its upgrade does.
    Edited,
    /// In what it follows or depends on.
    Reordered,
}

impl Drift {
    /// Compares a file with its record.
    pub fn of(script: &Script, recorded: &Recorded) -> Self {
        // Before others were squashed into it, this was its file.
        let was = script.was().filter(|_| script.is_squashed());
        if was.is_some_and(|was| {
            recorded.canonical == Some(was.canonical) && set(&was.needs) == set(&recorded.needs)
        }) {
            return Self::None;
        }
        if recorded.canonical != Some(script.checksums.canonical) {
            Self::Edited
        } else if set(script.down_revisions.iter().chain(&script.depends_on))
            != set(&recorded.needs)
        {
            Self::Reordered
        } else if recorded.raw != script.checksums.raw.to_string() {
            Self::Cosmetic
        } else {
            Self::None
        }
    }

    /// What people read.
    pub fn told(self) -> &'static str {
        match self {
            Self::None => "as recorded",
            Self::Cosmetic => "cosmetic edit since it was applied",
            Self::Edited => "edited since it was applied",
            Self::Reordered => "follows other revisions than when it was applied",
        }
    }

    /// What programs read.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "same",
            Self::Cosmetic => "cosmetic",
            Self::Edited => "edited",
            Self::Reordered => "reordered",
        }
    }
}

/// How the ledger changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mend {
    /// The files that are recorded again, with what differed.
    pub mended: Vec<(RevisionId, Drift)>,
    /// The rows to delete.
    pub leaves: Vec<RevisionId>,
    /// The rows to insert.
    pub enters: Vec<(RevisionId, Lineage)>,
    /// The rows that stay and get another lineage.
    pub stays: Vec<(RevisionId, Lineage)>,
}

/// Why a file cannot be recorded as it is now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MendError {
    /// Nothing is recorded of it that could be wrong.
    #[error("revision `{id}` is not applied")]
    NotApplied {
        /// The revision.
        id: RevisionId,
    },
    /// The record is right.
    #[error("revision `{id}` is as it was recorded")]
    Same {
        /// The revision.
        id: RevisionId,
    },
    /// It is applied, no file makes it, and the ledger does not say what it is.
    #[error("the database has `{id}`, which neither a file nor the ledger describes")]
    Unknown {
        /// The revision.
        id: RevisionId,
    },
    /// What was never run would count as applied.
    #[error("revision `{id}` now stands on `{missing}`, which is not applied")]
    Unapplied {
        /// The revision.
        id: RevisionId,
        /// What it stands on.
        missing: RevisionId,
    },
    /// New order and old order contradict each other.
    #[error(
        "with only some of them recorded again, revisions follow each other in a circle: {}",
        list(ring)
    )]
    Circle {
        /// Those revisions.
        ring: Vec<RevisionId>,
    },
}

impl MendError {
    /// The name of the kind of error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotApplied { .. } => "repair-not-applied",
            Self::Same { .. } => "nothing-to-repair",
            Self::Unknown { .. } => "unknown-revision",
            Self::Unapplied { .. } => "repair-unapplied",
            Self::Circle { .. } => "repair-circle",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotApplied { .. } => {
                "edit its file as you like: nothing is recorded of it before `castoff upgrade`"
                    .into()
            }
            Self::Same { .. } => "see `castoff history -v -i` for what differs".into(),
            Self::Unknown { .. } => "repair with the image that has that revision".into(),
            Self::Unapplied { missing, .. } => {
                format!("put `{missing}` behind the head, where `castoff upgrade` applies it")
            }
            Self::Circle { ring } => format!("name them all: `castoff repair {}`", words(ring)),
        }
    }
}

/// How each applied file differs from what was recorded of it. `current` are the ledger's rows.
pub fn drifts(
    history: &History,
    current: &[RevisionId],
    recorded: &BTreeMap<RevisionId, Recorded>,
) -> BTreeMap<RevisionId, Drift> {
    let ancestry = ancestry(recorded);
    drifts_of(history, &standing::applied(current, &ancestry), recorded)
}

/// Records the named files as they are; with `None`, every applied file that differs. `current` are
/// the ledger's rows.
pub fn mend(
    history: &History,
    current: &[RevisionId],
    recorded: &BTreeMap<RevisionId, Recorded>,
    named: Option<&[RevisionId]>,
) -> Result<Mend, MendError> {
    let ancestry = ancestry(recorded);
    let applied = standing::applied(current, &ancestry);
    let mended = mended(history, &applied, recorded, named)?;
    let mut truth = BTreeMap::new();
    for &id in &applied {
        let is_mended = mended.iter().any(|(other, _)| other == id);
        let entry = from_now_on(id, history, recorded, is_mended)?;
        if let Some(missing) = entry.1.iter().find(|needed| !applied.contains(needed)) {
            return Err(MendError::Unapplied {
                id: id.clone(),
                missing: missing.clone(),
            });
        }
        truth.insert(id, entry);
    }
    let lineages = lineages(history, &truth)?;
    let needed: BTreeSet<&RevisionId> = truth.values().flat_map(|(_, needs)| needs).collect();
    let rows: BTreeSet<&RevisionId> = applied
        .iter()
        .copied()
        .filter(|id| !needed.contains(id))
        .collect();
    let with_lineage = |id: &&RevisionId| Some(((*id).clone(), *lineages.get(id)?));
    let is_row = |id: &&RevisionId| current.contains(id);
    Ok(Mend {
        mended,
        leaves: current
            .iter()
            .filter(|id| !rows.contains(id))
            .cloned()
            .collect(),
        enters: rows
            .iter()
            .copied()
            .filter(|id| !is_row(id))
            .filter_map(|id| with_lineage(&id))
            .collect(),
        stays: rows
            .iter()
            .copied()
            .filter(is_row)
            .filter_map(|id| with_lineage(&id))
            .collect(),
    })
}

/// What an applied revision is from now on: what its file says if that is recorded again, else
/// what was recorded.
fn from_now_on(
    id: &RevisionId,
    history: &History,
    recorded: &BTreeMap<RevisionId, Recorded>,
    is_mended: bool,
) -> Result<(Checksum, BTreeSet<RevisionId>), MendError> {
    let record = recorded.get(id);
    let script = history.get(id).filter(|_| is_mended || record.is_none());
    match (script, record) {
        (Some(script), _) => Ok((
            script.checksums.canonical,
            set(script.down_revisions.iter().chain(&script.depends_on)),
        )),
        // Whatever stands in for a damaged sum, the next start finds that it is not the file's.
        (None, Some(record)) => Ok((
            record.canonical.unwrap_or(Checksum([0; 32])),
            set(&record.needs),
        )),
        (None, None) => Err(MendError::Unknown { id: id.clone() }),
    }
}

/// The files to record again.
fn mended(
    history: &History,
    applied: &BTreeSet<&RevisionId>,
    recorded: &BTreeMap<RevisionId, Recorded>,
    named: Option<&[RevisionId]>,
) -> Result<Vec<(RevisionId, Drift)>, MendError> {
    let drifts = drifts_of(history, applied, recorded);
    let Some(named) = named else {
        let differs = |(_, drift): &(RevisionId, Drift)| *drift != Drift::None;
        return Ok(drifts.into_iter().filter(differs).collect());
    };
    let named: BTreeSet<&RevisionId> = named.iter().collect();
    let one = |id: &RevisionId| match drifts.get(id) {
        None => Err(MendError::NotApplied { id: id.clone() }),
        Some(Drift::None) => Err(MendError::Same { id: id.clone() }),
        Some(drift) => Ok((id.clone(), *drift)),
    };
    named.into_iter().map(one).collect()
}

fn drifts_of(
    history: &History,
    applied: &BTreeSet<&RevisionId>,
    recorded: &BTreeMap<RevisionId, Recorded>,
) -> BTreeMap<RevisionId, Drift> {
    let drift = |id: &RevisionId| {
        let drift = Drift::of(history.get(id)?, recorded.get(id)?);
        Some((id.clone(), drift))
    };
    applied.iter().filter_map(|id| drift(id)).collect()
}

/// The lineage of every applied revision.
fn lineages<'r>(
    history: &History,
    truth: &BTreeMap<&'r RevisionId, (Checksum, BTreeSet<RevisionId>)>,
) -> Result<BTreeMap<&'r RevisionId, Lineage>, MendError> {
    let ids: Vec<&RevisionId> = truth.keys().copied().collect();
    let at = |id: &RevisionId| ids.binary_search(&id).ok();
    let needs: Vec<Vec<usize>> = truth
        .values()
        .map(|(_, needs)| needs.iter().filter_map(at).collect())
        .collect();
    let order = order::oldest_first(&needs).map_err(|ring| MendError::Circle {
        ring: ring.iter().map(|&index| ids[index].clone()).collect(),
    })?;
    let mut lineages: BTreeMap<&RevisionId, Lineage> = BTreeMap::new();
    for index in order {
        let id = ids[index];
        if let Some((canonical, needs)) = truth.get(id) {
            let parents: Vec<&Lineage> = needs.iter().filter_map(|id| lineages.get(id)).collect();
            let squashed = history
                .get(id)
                .filter(|script| script.checksums.canonical == *canonical)
                .and_then(|script| script.lineage_before(|id| lineages.get(id).copied()));
            let lineage = squashed.unwrap_or_else(|| Lineage::of(id, canonical, &parents));
            lineages.insert(id, lineage);
        }
    }
    Ok(lineages)
}

fn set<'i>(ids: impl IntoIterator<Item = &'i RevisionId>) -> BTreeSet<RevisionId> {
    ids.into_iter().cloned().collect()
}

fn words(ids: &[RevisionId]) -> String {
    let ids: Vec<&str> = ids.iter().map(RevisionId::as_str).collect();
    ids.join(" ")
}

fn list(ids: &[RevisionId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, ids, shown};

    /// The records of a sketch. Each `*` behind an id means that another text was recorded of it.
    fn recorded(sketch: &str) -> BTreeMap<RevisionId, Recorded> {
        let edited: Vec<&str> = sketch
            .split_whitespace()
            .filter(|word| word.ends_with('*'))
            .map(|word| word.split_once('<').unwrap().0)
            .collect();
        let history = history(&sketch.replace('*', ""));
        let record = |script: &Script| {
            let is_edited = edited.contains(&script.id.as_str());
            let canonical = if is_edited {
                Checksum::of(b"another text")
            } else {
                script.checksums.canonical
            };
            Recorded {
                needs: set(script.down_revisions.iter().chain(&script.depends_on))
                    .into_iter()
                    .collect(),
                raw: script.checksums.raw.to_string(),
                canonical: Some(canonical),
                breaking: None,
            }
        };
        history
            .iter()
            .map(|script| (script.id.clone(), record(script)))
            .collect()
    }

    fn check(files: &str, ledger: &str, current: &str, named: &str, expected: &str) {
        let history = history(files);
        let chosen = ids(named);
        let named = Some(chosen.as_slice()).filter(|_| named != "all");
        let found = match mend(&history, &ids(current), &recorded(ledger), named) {
            Ok(mend) => {
                let mended = mend.mended.iter();
                let words = mended.map(|(id, drift)| format!("{id}:{}", drift.word()));
                let fits = |(id, lineage): &(RevisionId, Lineage)| {
                    let is_files = history.lineage(id) == Some(lineage);
                    format!("{id}{}", if is_files { "" } else { "?" })
                };
                format!(
                    "{} -{} +{} ={}",
                    words.collect::<Vec<_>>().join(","),
                    shown(&mend.leaves),
                    mend.enters.iter().map(fits).collect::<Vec<_>>().join(","),
                    mend.stays.iter().map(fits).collect::<Vec<_>>().join(","),
                )
            }
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{files} / {ledger}: {named:?}");
    }

    #[test]
    fn an_edit_changes_the_lineage_of_the_rows_above_it() {
        let (files, ledger) = ("a<- b<a c<b", "a<-* b<a c<b");
        check(files, ledger, "c", "a", "a:edited - + =c");
        check(files, ledger, "c", "all", "a:edited - + =c");
        check(
            files,
            ledger,
            "c",
            "b",
            "error: revision `b` is as it was recorded",
        );
        check(files, files, "c", "all", " - + =c");
        // The other edit is still one: the row is not yet what the files say.
        check(files, "a<-* b<a* c<b", "c", "a", "a:edited - + =c?");
        check(
            files,
            "a<-* b<a* c<b",
            "c",
            "a b",
            "a:edited,b:edited - + =c",
        );
    }

    #[test]
    fn another_order_may_move_the_rows() {
        let ledger = "a<- b<a c<b";
        check(
            "a<- c<a b<c",
            ledger,
            "c",
            "b c",
            "b:reordered,c:reordered -c +b =",
        );
        check("a<- b<a c<a", ledger, "c", "c", "c:reordered - +b =c");
        check(
            "a<- b<a c<b",
            "a<- b<a c<a",
            "b c",
            "c",
            "c:reordered -b + =c",
        );
        check("a<- b<a c<b~a", ledger, "c", "c", "c:reordered - + =c");
        check(
            "a<- c<a b<c",
            ledger,
            "c",
            "b",
            "error: with only some of them recorded again, revisions follow each other in a \
             circle: `b`, `c`",
        );
    }

    #[test]
    fn what_never_ran_does_not_become_applied() {
        check(
            "a<- n<a b<n",
            "a<- b<a",
            "b",
            "b",
            "error: revision `b` now stands on `n`, which is not applied",
        );
        check(
            "a<- b<a",
            "a<-",
            "a",
            "b",
            "error: revision `b` is not applied",
        );
        // Taken back since: the record is there, the revision is not.
        check(
            "a<- b<a",
            "a<- b<a*",
            "a",
            "b",
            "error: revision `b` is not applied",
        );
    }

    #[test]
    fn a_newer_database_can_be_repaired_below() {
        check("a<- b<a", "a<-* b<a n<b", "n", "a", "a:edited - + =n?");
        check(
            "a<- b<a",
            "a<- b<a",
            "n",
            "a",
            "error: revision `a` is not applied",
        );
    }
}
