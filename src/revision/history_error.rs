//! What is wrong with the files taken together, or with a name that should be one of theirs.

use super::id::RevisionId;
use crate::place::Place;

/// The files do not form a history, or a name means nothing in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Two files make the same revision.
    #[error("revision `{id}` is made by two files: `{first}` and `{}`", place.path)]
    DuplicateRevision {
        /// The revision.
        id: RevisionId,
        /// The first file.
        first: String,
        /// Where the second file says so.
        place: Box<Place>,
    },
    /// A revision follows one that no file makes.
    #[error("revision `{id}` follows `{parent}`, which does not exist")]
    MissingParent {
        /// The revision.
        id: RevisionId,
        /// What it follows.
        parent: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// A revision follows one that was taken into another.
    #[error("revision `{id}` follows `{parent}`, which was squashed into `{into}`")]
    SquashedParent {
        /// The revision.
        id: RevisionId,
        /// What it follows.
        parent: RevisionId,
        /// What has taken that in.
        into: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// A revision depends on one that no file makes.
    #[error("revision `{id}` depends on `{dependency}`, which does not exist")]
    MissingDependency {
        /// The revision.
        id: RevisionId,
        /// What it depends on.
        dependency: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// A revision requires batches of one that has none, or that does not come before it.
    #[error(
        "revision `{id}` requires the backfill of `{needs}`, which is no revision in batches before it"
    )]
    NoBackfill {
        /// The revision.
        id: RevisionId,
        /// What it requires.
        needs: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// A revision follows or depends on itself.
    #[error("revision `{id}` names itself as what must come before it")]
    SelfReference {
        /// The revision.
        id: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// Each revision of a ring must come before the next.
    #[error("revisions form a cycle: {}", ring_text(ring))]
    Cycle {
        /// Each needs the next, and the last needs the first.
        ring: Vec<RevisionId>,
        /// Where the file of the first says so.
        place: Box<Place>,
    },
    /// Two files give the same name to a branch.
    #[error("branch label `{label}` is given by both `{first}` and `{second}`")]
    DuplicateLabel {
        /// The label.
        label: String,
        /// The first revision.
        first: RevisionId,
        /// The second revision.
        second: RevisionId,
        /// Where the file of the second says so.
        place: Box<Place>,
    },
    /// A branch has the name of a revision, or a word that is a target by itself.
    #[error("branch label `{label}` already means something else as a target")]
    LabelTaken {
        /// The label.
        label: String,
        /// The revision that gives it.
        id: RevisionId,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// No revision or label has this name.
    #[error("no revision or branch label is called `{text}`")]
    NotFound {
        /// What was asked for.
        text: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The beginning of an id is too short to stand for it.
    #[error("`{text}` is too short for the beginning of a revision id")]
    TooShort {
        /// What was asked for.
        text: String,
    },
    /// Several ids begin like this.
    #[error("`{text}` is the beginning of {} revision ids: {}", candidates.len(), list(candidates))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The ids, sorted.
        candidates: Vec<RevisionId>,
    },
}

impl HistoryError {
    /// The name of the kind of error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateRevision { .. } => "duplicate-revision",
            Self::MissingParent { .. } => "missing-parent",
            Self::SquashedParent { .. } => "squashed-parent",
            Self::MissingDependency { .. } => "missing-dependency",
            Self::NoBackfill { .. } => "required-backfill-missing",
            Self::SelfReference { .. } => "self-reference",
            Self::Cycle { .. } => "cycle",
            Self::DuplicateLabel { .. } => "duplicate-label",
            Self::LabelTaken { .. } => "label-taken",
            Self::NotFound { .. } => "no-such-revision",
            Self::TooShort { .. } => "prefix-too-short",
            Self::Ambiguous { .. } => "ambiguous-prefix",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::DuplicateRevision { place, .. } => {
                format!(
                    "remove one of the files, or give `{}` a new revision id",
                    place.path
                )
            }
            Self::MissingParent { parent, .. } => {
                format!("add the file of `{parent}`, or correct `down_revision`")
            }
            Self::SquashedParent { into, place, .. } => {
                format!("write `{into}` instead in `{}`", place.path)
            }
            Self::MissingDependency { dependency, .. } => {
                format!("add the file of `{dependency}`, or correct `depends_on`")
            }
            Self::NoBackfill { place, .. } => {
                format!("correct `requires_backfill` in `{}`", place.path)
            }
            Self::SelfReference { place, .. } => {
                format!(
                    "correct `down_revision` or `depends_on` in `{}`",
                    place.path
                )
            }
            Self::Cycle { .. } => {
                "correct `down_revision` or `depends_on` in one of these files".into()
            }
            Self::DuplicateLabel { place, .. } | Self::LabelTaken { place, .. } => {
                format!(
                    "choose another name for `branch_labels` in `{}`",
                    place.path
                )
            }
            Self::NotFound {
                nearest: Some(nearest),
                ..
            } => {
                format!("did you mean `{nearest}`? see `castoff history`")
            }
            Self::NotFound { nearest: None, .. } => "see `castoff history` for the ids".into(),
            Self::TooShort { .. } => "give at least 4 characters of the id".into(),
            Self::Ambiguous { .. } => "give more characters of the id".into(),
        }
    }

    /// The file to blame.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::DuplicateRevision { place, .. }
            | Self::MissingParent { place, .. }
            | Self::SquashedParent { place, .. }
            | Self::MissingDependency { place, .. }
            | Self::NoBackfill { place, .. }
            | Self::SelfReference { place, .. }
            | Self::Cycle { place, .. }
            | Self::DuplicateLabel { place, .. }
            | Self::LabelTaken { place, .. } => Some(place),
            Self::NotFound { .. } | Self::TooShort { .. } | Self::Ambiguous { .. } => None,
        }
    }
}

/// Names in backticks, as messages show them: `a`, `b` and so on.
pub(super) fn list(ids: &[RevisionId]) -> String {
    ids.iter()
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn ring_text(ring: &[RevisionId]) -> String {
    let closed = ring.iter().chain(ring.first());
    closed
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(" needs ")
}
