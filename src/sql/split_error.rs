//! What can be wrong with a text that is to be cut into statements.

use crate::sql::lexer::{Opening, Unterminated};

/// Why a text cannot be cut into statements. Offsets are bytes in that text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The text ends inside a quote or a comment.
    #[error("{opening} is never closed")]
    Unterminated {
        /// What is not closed.
        opening: Opening,
        /// Where it opens.
        offset: usize,
    },
    /// PostgreSQL's text has no NUL, and its protocol ends a query there.
    #[error("NUL byte in the SQL")]
    Nul {
        /// Where it stands.
        offset: usize,
    },
    /// A backslash where SQL has none.
    #[error("`{command}` is a command of psql, not SQL")]
    PsqlCommand {
        /// The command with its backslash.
        command: String,
        /// Where it stands.
        offset: usize,
    },
    /// `:name`, `:'name'` or `:"name"` where SQL expects a value.
    #[error("`{variable}` is a variable of psql, not SQL")]
    PsqlVariable {
        /// The variable with its colon.
        variable: String,
        /// Where it stands.
        offset: usize,
    },
    /// No line `\.` follows.
    #[error("the data of `copy … from stdin` is never closed")]
    CopyData {
        /// Where the statement starts.
        offset: usize,
    },
    /// The data starts on the next line; what stands before it would be lost.
    #[error("text between `copy … from stdin;` and its data")]
    TextBeforeCopyData {
        /// Where the text starts.
        offset: usize,
    },
}

impl SplitError {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unterminated { .. } => "unterminated",
            Self::Nul { .. } => "nul-byte",
            Self::PsqlCommand { .. } => "psql-command",
            Self::PsqlVariable { .. } => "psql-variable",
            Self::CopyData { .. } => "copy-data-unterminated",
            Self::TextBeforeCopyData { .. } => "text-before-copy-data",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unterminated { opening, .. } => {
                let closing = match opening {
                    Opening::Comment => "`*/`, once for each `/*`",
                    Opening::Text => "`'`; a quote inside the string is written twice",
                    Opening::QuotedName => "`\"`; a quote inside the name is written twice",
                    Opening::Dollar => "the same dollar tag, in the same case",
                };
                format!("close it with {closing}")
            }
            Self::Nul { .. } => "save the file as UTF-8 and remove the NUL byte".into(),
            Self::PsqlCommand { .. } => "remove the line, or write what it does as SQL".into(),
            Self::PsqlVariable { .. } => "write the value itself into the file".into(),
            Self::CopyData { .. } => "end the data with a line `\\.`".into(),
            Self::TextBeforeCopyData { .. } => {
                "start the data on the line after `copy … from stdin;`".into()
            }
        }
    }

    /// The byte to blame.
    pub fn offset(&self) -> usize {
        match self {
            Self::Unterminated { offset, .. }
            | Self::Nul { offset }
            | Self::PsqlCommand { offset, .. }
            | Self::PsqlVariable { offset, .. }
            | Self::CopyData { offset }
            | Self::TextBeforeCopyData { offset } => *offset,
        }
    }
}

impl From<Unterminated> for SplitError {
    fn from(Unterminated { opening, offset }: Unterminated) -> Self {
        Self::Unterminated { opening, offset }
    }
}
