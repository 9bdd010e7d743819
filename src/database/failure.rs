//! What went wrong in a conversation with the server, told apart by what can be done about it.

use std::fmt;

use tokio_postgres::error::{DbError, ErrorPosition, Severity};

/// Why a query did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server refused the statement; the connection is still good.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The connection is gone, and with it the transaction and the lock.
    #[error("{0}")]
    Lost(String),
    /// Client and server do not understand each other.
    #[error("{0}")]
    Protocol(String),
}

/// An error the server reported, with its own words unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE, five characters.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// DETAIL.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
    /// CONTEXT: where inside functions or a `copy` it happened.
    pub context: Option<String>,
    /// Character, counted from 1, in the text that was sent.
    pub position: Option<u32>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.sqlstate, self.message)
    }
}

impl Refusal {
    fn new(error: &DbError) -> Self {
        Self {
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            context: error.where_().map(str::to_owned),
            position: match error.position() {
                Some(ErrorPosition::Original(position)) => Some(*position),
                Some(ErrorPosition::Internal { .. }) | None => None,
            },
        }
    }

    /// What the server adds, named as it names it.
    pub fn notes(&self) -> Vec<(String, String)> {
        let notes = [
            ("postgres detail", &self.detail),
            ("postgres hint", &self.hint),
            ("postgres context", &self.context),
        ];
        let some = |(name, note): (&str, &Option<String>)| {
            note.clone().map(|note| (name.to_owned(), note))
        };
        notes.into_iter().filter_map(some).collect()
    }
}

impl Failure {
    /// The refusal, when the server refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self {
            Some(refusal)
        } else {
            None
        }
    }

    /// Whether the server refused with this SQLSTATE.
    pub fn is(&self, sqlstate: &str) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.sqlstate == sqlstate)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let fatal = [Some(Severity::Fatal), Some(Severity::Panic)];
            return if fatal.contains(&refusal.parsed_severity()) {
                Self::Lost(refusal.message().to_owned())
            } else {
                Self::Refused(Box::new(Refusal::new(refusal)))
            };
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let text = cause.to_string();
        if error.is_closed() || cause.is::<std::io::Error>() {
            Self::Lost(text)
        } else {
            Self::Protocol(text)
        }
    }
}
