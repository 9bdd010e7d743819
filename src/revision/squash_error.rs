//! Why revisions cannot become one.

use super::id::RevisionId;
use super::plan_error::PlanError;
use crate::place::Place;

/// Nothing is squashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SquashError {
    /// A name means nothing, or several revisions.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An end that is no revision.
    #[error("`{text}` is not a revision")]
    NoRevision {
        /// The end as written.
        text: String,
    },
    /// The range goes the wrong way, or between branches.
    #[error("`{first}` is not below `{last}`")]
    NotBelow {
        /// The start.
        first: RevisionId,
        /// The end.
        last: RevisionId,
    },
    /// One revision is one already.
    #[error("there is only `{id}` in the range")]
    Alone {
        /// The revision.
        id: RevisionId,
    },
    /// A merge in the range has a parent that is not in it.
    #[error("`{id}` follows `{parent}`, which is not in the range")]
    Enters {
        /// The revision in the range.
        id: RevisionId,
        /// What it follows.
        parent: RevisionId,
    },
    /// Somebody outside stands on a revision that would be gone.
    #[error("`{child}` stands on `{id}`, which is inside the range")]
    Leaves {
        /// The revision in the range.
        id: RevisionId,
        /// Who stands on it.
        child: RevisionId,
    },
    /// What the values are is known when it runs, and not before.
    #[error("`{id}` has placeholders")]
    Placeholders {
        /// The revision.
        id: RevisionId,
    },
    /// A comparison of schemas does not see what these do.
    #[error("{} of the range may change rows, which a comparison of schemas does not see", counted(places.len()))]
    Data {
        /// Where they are.
        places: Vec<Place>,
    },
    /// A section in batches cannot run behind other statements.
    #[error("`{id}` changes rows in batches, which cannot be kept")]
    Batch {
        /// The revision.
        id: RevisionId,
    },
    /// The new file leaves other rows than the old ones.
    #[error(
        "the squashed upgrade does not leave the same rows in {}: nothing was written",
        list(relations)
    )]
    RowsDiffer {
        /// The tables and sequences.
        relations: Vec<String>,
    },
}

fn counted(count: usize) -> String {
    match count {
        1 => "a statement".into(),
        count => format!("{count} statements"),
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl SquashError {
    /// The name of the kind of error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(error) => error.code(),
            Self::NoRevision { .. } => "not-a-revision",
            Self::NotBelow { .. } | Self::Alone { .. } => "nothing-to-squash",
            Self::Enters { .. } | Self::Leaves { .. } => "squash-branch",
            Self::Placeholders { .. } => "squash-placeholders",
            Self::Data { .. } | Self::Batch { .. } => "squash-data",
            Self::RowsDiffer { .. } => "squash-rows",
        }
    }

    /// The exit status: wrong usage, unless it is about what the migrations do.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Plan(_)
            | Self::Enters { .. }
            | Self::Leaves { .. }
            | Self::Placeholders { .. }
            | Self::Data { .. }
            | Self::Batch { .. } => 14,
            Self::NoRevision { .. } | Self::NotBelow { .. } | Self::Alone { .. } => 2,
            Self::RowsDiffer { .. } => 1,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Plan(error) => error.help(),
            Self::NoRevision { .. } => "name a revision: see `castoff history`".into(),
            Self::NotBelow { first, last } => {
                format!("name the older one first, as in `castoff squash {last}:{first}`, and see `castoff history --graph`")
            }
            Self::Alone { .. } => "name the first and the last revision, as in `castoff squash 3f2a:9c41`".into(),
            Self::Enters { parent, .. } => {
                format!("begin below the fork, so that `{parent}` is in the range too, or behind the merge")
            }
            Self::Leaves { id, .. } => format!("end the range at `{id}`, or begin it behind"),
            Self::Placeholders { id } => format!("leave `{id}` out: end the range before it, or begin it behind"),
            Self::Data { .. } => {
                "keep them behind the other statements with `--data keep`, or leave them out with `--data drop`".into()
            }
            Self::Batch { id } => {
                format!("leave `{id}` out of the range, or leave what it does out with `--data drop`")
            }
            Self::RowsDiffer { .. } => {
                "end the range before the migration that changes those rows, or begin it behind; or leave rows out of it with `--data drop`".into()
            }
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Data { places } => places.first(),
            Self::Plan(error) => error.place(),
            Self::NoRevision { .. }
            | Self::NotBelow { .. }
            | Self::Alone { .. }
            | Self::Enters { .. }
            | Self::Leaves { .. }
            | Self::Placeholders { .. }
            | Self::Batch { .. }
            | Self::RowsDiffer { .. } => None,
        }
    }

    /// The statements beside the first.
    pub fn notes(&self) -> Vec<(String, String)> {
        let Self::Data { places } = self else {
            return Vec::new();
        };
        let others: Vec<String> = places.iter().skip(1).map(ToString::to_string).collect();
        if others.is_empty() {
            return Vec::new();
        }
        vec![("also".to_owned(), others.join("\n"))]
    }
}
