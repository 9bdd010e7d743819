//! Why there is no plan.

use super::history_error::{HistoryError, list};
use super::id::RevisionId;
use crate::place::Place;
use crate::sql::destructive::Loss;

/// The target cannot be reached from where the database is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A name in the target means nothing.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The ledger has revisions that no file makes.
    #[error("the database is at {}, which no migration file makes", list(ids))]
    UnknownRevisions {
        /// Those revisions.
        ids: Vec<RevisionId>,
    },
    /// One of the ledger's current revisions stands on another.
    #[error("the database is at `{upper}` and at `{lower}`, on which `{upper}` already stands")]
    Overlap {
        /// The one above.
        upper: RevisionId,
        /// The one below.
        lower: RevisionId,
    },
    /// The target means one revision, and there are several.
    #[error("`{target}` means several revisions: {}", list(heads))]
    SeveralHeads {
        /// The target as written.
        target: String,
        /// All it could mean.
        heads: Vec<RevisionId>,
    },
    /// The revision is on another branch.
    #[error("revision `{id}` is not on branch `{branch}`")]
    NotOnBranch {
        /// The revision.
        id: RevisionId,
        /// The label or revision that names the branch.
        branch: String,
    },
    /// A downgrade to a revision that the database does not have.
    #[error("revision `{id}` is not applied, so nothing can be taken back to it")]
    NotApplied {
        /// The revision.
        id: RevisionId,
    },
    /// There are fewer revisions that way.
    #[error("`{target}` leads beyond the {} revision: only {found} that way", end_name(*wanted))]
    RunsOut {
        /// The target as written.
        target: String,
        /// The steps asked for, negative when going back.
        wanted: i32,
        /// The steps there are.
        found: i32,
    },
    /// A step leads to several revisions.
    #[error("`{target}` is ambiguous: {} {}", fork_name(at.as_ref()), list(choices))]
    AmbiguousStep {
        /// The target as written.
        target: String,
        /// The revision that has several neighbours; nothing stands for the base.
        at: Option<RevisionId>,
        /// Those neighbours.
        choices: Vec<RevisionId>,
    },
    /// Steps from where the database is, and it is at several revisions.
    #[error("`{target}` is ambiguous: the database is at {}", list(rows))]
    AmbiguousStart {
        /// The target as written.
        target: String,
        /// Where the database is.
        rows: Vec<RevisionId>,
    },
    /// A step forward in a downgrade, or back in an upgrade.
    #[error("`{target}` leads the other way")]
    WrongDirection {
        /// The target as written.
        target: String,
    },
    /// A target that counts from the database's place, where that place is not known or counting
    /// from it would be a guess.
    #[error("`{target}` counts from where the database is, which has no meaning here")]
    NoCurrent {
        /// The target as written.
        target: String,
    },
    /// Two targets of `stamp`, one of which stands on the other.
    #[error("`{upper}` already stands on `{lower}`, so only one of them can be recorded")]
    OverlappingTargets {
        /// The one above.
        upper: RevisionId,
        /// The one below.
        lower: RevisionId,
    },
    /// The end of a range does not stand on its start.
    #[error("`{end}` does not stand on `{start}`")]
    NotAbove {
        /// The start as written.
        start: String,
        /// The end as written.
        end: String,
    },
    /// Somebody decided that there is no way back.
    #[error("revision `{id}` cannot be taken back: {reason}")]
    Irreversible {
        /// The revision.
        id: RevisionId,
        /// Why, as its file says.
        reason: String,
        /// Where its file says so.
        place: Box<Place>,
    },
    /// Statements that lose data, which nobody said are meant.
    #[error("revision `{id}` loses data: {loss}{}", and_more(*more))]
    Destructive {
        /// The first revision with one.
        id: RevisionId,
        /// What its first one does.
        loss: Loss,
        /// Where that one is.
        place: Box<Place>,
        /// How many more there are, in all revisions.
        more: usize,
        /// Where the others are and what they do, a line each.
        others: String,
    },
    /// The file does not say how to go back.
    #[error("revision `{id}` has no downgrade section")]
    MissingDowngrade {
        /// The revision.
        id: RevisionId,
        /// Its file.
        place: Box<Place>,
    },
}

impl PlanError {
    /// The name of the kind of error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::History(error) => error.code(),
            Self::UnknownRevisions { .. } => "unknown-revision",
            Self::Overlap { .. } => "overlap",
            Self::SeveralHeads { .. } => "several-heads",
            Self::NotOnBranch { .. } => "not-on-branch",
            Self::NotApplied { .. } => "not-applied",
            Self::RunsOut { .. } => "target-beyond-end",
            Self::AmbiguousStep { .. } | Self::AmbiguousStart { .. } => "ambiguous-target",
            Self::WrongDirection { .. } => "wrong-direction",
            Self::NoCurrent { .. } => "no-current",
            Self::OverlappingTargets { .. } => "overlapping-targets",
            Self::NotAbove { .. } => "not-above",
            Self::Irreversible { .. } => "irreversible",
            Self::MissingDowngrade { .. } => "missing-downgrade",
            Self::Destructive { .. } => "destructive",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::History(error) => error.help(),
            Self::UnknownRevisions { .. } => {
                "deploy the image that has these migrations, or correct the ledger with \
                 `castoff stamp --purge REV`"
                    .into()
            }
            Self::Overlap { upper, .. } => {
                format!("correct the ledger with `castoff stamp {upper}`")
            }
            Self::SeveralHeads { .. } => {
                "make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`".into()
            }
            Self::NotOnBranch { .. } => "see `castoff history -v` for the branches".into(),
            Self::NotApplied { .. } => {
                "see `castoff current` for what is applied, and `castoff upgrade` to go forward"
                    .into()
            }
            Self::RunsOut { wanted, .. } if *wanted < 0 => "say `base` to take back all".into(),
            Self::RunsOut { .. } => "say `head` to apply all".into(),
            Self::AmbiguousStep { .. } => "name the revision to reach instead of counting".into(),
            Self::AmbiguousStart { .. } => {
                "name the revision to reach, or say which branch: `LABEL@-1`".into()
            }
            Self::WrongDirection { .. } => {
                "go forward with `castoff upgrade` and back with `castoff downgrade`".into()
            }
            Self::NoCurrent { .. } => "name the revision: see `castoff history`".into(),
            Self::OverlappingTargets { upper, .. } => format!("run `castoff stamp {upper}`"),
            Self::NotAbove { .. } => "see `castoff history` for the order".into(),
            Self::Irreversible { .. } => {
                "write a new migration with `castoff revision`, or restore a backup".into()
            }
            Self::Destructive { .. } => {
                "if that is meant, write `-- upgrade destructive` in the file, or set --allow-destructive (CASTOFF_ALLOW_DESTRUCTIVE)"
                    .into()
            }
            Self::MissingDowngrade { place, .. } => format!(
                "add `-- downgrade` or `-- downgrade irreversible: <reason>` to `{}`",
                place.path
            ),
        }
    }

    /// The file to blame.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::History(error) => error.place(),
            Self::Irreversible { place, .. }
            | Self::Destructive { place, .. }
            | Self::MissingDowngrade { place, .. } => Some(place),
            Self::UnknownRevisions { .. }
            | Self::Overlap { .. }
            | Self::SeveralHeads { .. }
            | Self::NotOnBranch { .. }
            | Self::NotApplied { .. }
            | Self::RunsOut { .. }
            | Self::AmbiguousStep { .. }
            | Self::AmbiguousStart { .. }
            | Self::WrongDirection { .. }
            | Self::NoCurrent { .. }
            | Self::OverlappingTargets { .. }
            | Self::NotAbove { .. } => None,
        }
    }
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(", and {more} more"),
    }
}

fn end_name(wanted: i32) -> &'static str {
    if wanted < 0 { "first" } else { "last" }
}

fn fork_name(at: Option<&RevisionId>) -> String {
    at.map_or_else(
        || "there are several bases:".into(),
        |at| format!("next to `{at}` are"),
    )
}
