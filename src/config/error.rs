//! What can be wrong with what castoff was told, and where it stands.

use std::io;
use std::path::PathBuf;

use super::layer::KEYS;
use crate::place::Place;
use crate::status::page::UnknownPlaceholder;

/// Why castoff cannot tell what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `castoff.toml` has something that castoff does not understand.
    #[error("{reason}")]
    File {
        /// Where in the file.
        place: Box<Place>,
        /// The parser's own words.
        reason: String,
    },
    /// The user's holding page has a placeholder that stands for nothing.
    #[error("{unknown}")]
    Placeholder {
        /// Where in the page.
        place: Box<Place>,
        /// Which one.
        unknown: UnknownPlaceholder,
    },
    /// The configuration file or a secret file cannot be read.
    #[error("`{}` (named by {named_by}) cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The variable, flag or key that names it.
        named_by: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A variable and its `_FILE` twin are both set.
    #[error("`{name}` and `{name}_FILE` are both set")]
    Twice {
        /// The variable.
        name: String,
    },
    /// A value that its option cannot take.
    #[error("{origin}: `{value}` is not {wanted}")]
    Value {
        /// The flag, variable or key.
        origin: String,
        /// What was given.
        value: String,
        /// What the option takes.
        wanted: &'static str,
    },
    /// A variable of castoff's is not UTF-8.
    #[error("`{name}` is not valid UTF-8")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// The environment's values do not fit.
    #[error("{reason}")]
    Environment {
        /// The reader's own words.
        reason: String,
    },
}

impl ConfigError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "config-file",
            Self::Placeholder { .. } => "config-placeholder",
            Self::Unreadable { .. } => "config-unreadable",
            Self::Twice { .. } => "config-twice",
            Self::Value { .. } | Self::NotUtf8 { .. } | Self::Environment { .. } => "config-value",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::File { reason, .. } if reason.starts_with("unknown field") => {
                format!("the keys of castoff.toml are: {}", KEYS.join(", "))
            }
            Self::File { .. } => "write it as `key = \"value\"`, each key once".into(),
            Self::Placeholder { unknown, .. } => unknown.help(),
            Self::Unreadable { named_by, .. } => {
                format!("check that {named_by} names a file that this user may read")
            }
            Self::Twice { name } => format!("unset one of `{name}` and `{name}_FILE`"),
            Self::Value { origin, wanted, .. } => format!("set {origin} to {wanted}"),
            Self::NotUtf8 { name } => format!("set `{name}` to UTF-8 text"),
            Self::Environment { .. } => "correct the CASTOFF_* variables".into(),
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        if let Self::File { place, .. } | Self::Placeholder { place, .. } = self {
            Some(place)
        } else {
            None
        }
    }
}
