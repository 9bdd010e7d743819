//! Why a revision cannot be moved behind another.

use super::history_error::list;
use super::id::RevisionId;
use super::plan_error::PlanError;

/// Nothing is moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebaseError {
    /// A name means nothing, or several revisions.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A target such as `base` that is no revision.
    #[error("`{text}` is not a revision")]
    NoRevision {
        /// The target as written.
        text: String,
    },
    /// There is one head or none, so nothing is beside it.
    #[error("there is nothing to rebase: there is at most one head")]
    OneHead,
    /// Neither of the two was named.
    #[error("which revision is to move? the heads are {}", list(heads))]
    NotTold {
        /// The heads.
        heads: Vec<RevisionId>,
    },
    /// Only one of the two was named, and there are several heads beside it.
    #[error("there are several heads beside `{id}`: {}", list(heads))]
    SeveralHeads {
        /// The revision that was named.
        id: RevisionId,
        /// The other heads.
        heads: Vec<RevisionId>,
        /// What was not named: `REV` or `--onto REV`.
        missing: &'static str,
    },
    /// It follows already.
    #[error("revision `{moved}` already stands on `{onto}`")]
    AlreadyThere {
        /// The revision to move.
        moved: RevisionId,
        /// What it was to follow.
        onto: RevisionId,
    },
    /// It would come before itself.
    #[error("{}", cycle_text(moved, onto))]
    Cycle {
        /// The revision to move.
        moved: RevisionId,
        /// What it was to follow.
        onto: RevisionId,
    },
    /// The way down from the revision parts before it reaches anything that both have.
    #[error("revision `{merge}` is a merge, and neither of its parents is below `{onto}`")]
    Merge {
        /// The merge.
        merge: RevisionId,
        /// What was to be followed.
        onto: RevisionId,
    },
    /// The two stand on nothing in common.
    #[error("`{moved}` and `{onto}` have no revision in common")]
    Unrelated {
        /// The revision to move.
        moved: RevisionId,
        /// The base it stands on, if that could move.
        base: Option<RevisionId>,
        /// What it was to follow.
        onto: RevisionId,
    },
}

impl RebaseError {
    /// The name of the kind of error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(error) => error.code(),
            Self::NoRevision { .. } => "not-a-revision",
            Self::OneHead | Self::AlreadyThere { .. } => "nothing-to-rebase",
            Self::NotTold { .. } | Self::SeveralHeads { .. } => "rebase-ambiguous",
            Self::Cycle { .. } => "rebase-cycle",
            Self::Merge { .. } => "rebase-merge",
            Self::Unrelated { .. } => "rebase-unrelated",
        }
    }

    /// The exit status: wrong usage, unless a name is wrong in the history.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Plan(_) => 14,
            Self::NoRevision { .. }
            | Self::OneHead
            | Self::NotTold { .. }
            | Self::SeveralHeads { .. }
            | Self::AlreadyThere { .. }
            | Self::Cycle { .. }
            | Self::Merge { .. }
            | Self::Unrelated { .. } => 2,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Plan(error) => error.help(),
            Self::NoRevision { .. } => "name a revision: see `castoff heads`".into(),
            Self::OneHead | Self::AlreadyThere { .. } => "see `castoff history --graph`".into(),
            Self::NotTold { .. } => {
                "name yours, the one that no database has yet: `castoff rebase REV`".into()
            }
            Self::SeveralHeads { missing, .. } => format!("name one of them as `{missing}`"),
            Self::Cycle { moved, .. } => {
                format!("name a head that does not stand on `{moved}`: see `castoff heads`")
            }
            Self::Merge { .. } => {
                "name the first revision of the line that is to move: see `castoff history --graph`"
                    .into()
            }
            Self::Unrelated { base: None, .. } => "join them with `castoff merge`".into(),
            Self::Unrelated {
                base: Some(base),
                onto,
                ..
            } => format!(
                "join them with `castoff merge`, or move all of it with `castoff rebase {base} --onto {onto}`"
            ),
        }
    }
}

fn cycle_text(moved: &RevisionId, onto: &RevisionId) -> String {
    if moved == onto {
        format!("revision `{moved}` cannot follow itself")
    } else {
        format!("revision `{moved}` cannot follow `{onto}`, which stands on it")
    }
}
