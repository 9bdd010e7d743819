//! What is wrong around a section that is half done.

use crate::database::progress::HalfDone;
use crate::database::record::Movement;

/// Why nothing is done about, or beside, a section of which a part is in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HalfError {
    /// The way to the target does not lead through it.
    #[error("{}", half.told())]
    HalfDone {
        /// How far it is.
        half: HalfDone,
    },
    /// Batches go on as batches, or begin again.
    #[error("{}", half.told())]
    Batches {
        /// How far it is.
        half: HalfDone,
    },
    /// Nothing is half done at that statement.
    #[error("no section is half done at `{revision}:{statement}`")]
    NotHalfDone {
        /// The revision as it was given.
        revision: String,
        /// The statement as it was given.
        statement: usize,
        /// What is half done.
        halves: Vec<HalfDone>,
    },
    /// A statement on the command line.
    #[error("`{text}` is not a statement of a revision")]
    InvalidStatement {
        /// As it was given.
        text: String,
    },
}

impl HalfError {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HalfDone { .. } | Self::Batches { .. } => "half-done",
            Self::NotHalfDone { .. } => "not-half-done",
            Self::InvalidStatement { .. } => "invalid-statement",
        }
    }

    /// The exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::HalfDone { .. } | Self::Batches { .. } => 16,
            Self::NotHalfDone { .. } => 14,
            Self::InvalidStatement { .. } => 2,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::HalfDone { half } => match half.movement {
                Movement::Downgrade => format!(
                    "finish it with `castoff downgrade`, or restore what it took away and run `castoff resolve {} undone`",
                    at(half)
                ),
                Movement::Upgrade | Movement::Stamp | Movement::Repair => format!(
                    "finish it with `castoff upgrade {}`, or take back what it did and run `castoff resolve {} undone`",
                    half.revision,
                    at(half)
                ),
            },
            Self::Batches { half } => format!(
                "let the section run in batches as it began, or take back what they did and run `castoff resolve {} undone`",
                at(half)
            ),
            Self::NotHalfDone { halves, .. } if halves.is_empty() => {
                "run `castoff current`, which tells what is half done".into()
            }
            Self::NotHalfDone { .. } => "name one of the statements above".into(),
            Self::InvalidStatement { .. } => {
                "write it as `REV:N`, statements counted from 1".into()
            }
        }
    }

    /// The statements that could have been meant.
    pub fn notes(&self) -> Vec<(String, String)> {
        match self {
            Self::NotHalfDone { halves, .. } if !halves.is_empty() => {
                let names: Vec<String> = halves.iter().map(at).collect();
                vec![("half done".to_owned(), names.join(", "))]
            }
            Self::NotHalfDone { .. }
            | Self::HalfDone { .. }
            | Self::Batches { .. }
            | Self::InvalidStatement { .. } => Vec::new(),
        }
    }
}

/// The statement where a section stands, as `castoff resolve` takes it.
fn at(half: &HalfDone) -> String {
    format!("{}:{}", half.revision, half.statement())
}
