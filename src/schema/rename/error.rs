//! Why something cannot be renamed as somebody said.

use crate::place::Place;

/// Why something cannot be renamed as somebody said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// The name is in no schema, or has been given away.
    #[error("{} cannot be carried out: {why}", shown(.wish, .place.is_some()))]
    Unknown {
        /// The old name, or the option's value.
        wish: String,
        /// What is missing, or in the way.
        why: String,
        /// The comment, if it was one.
        place: Option<Box<Place>>,
    },
    /// The words fit several things, or several states.
    #[error("{} can be read in more than one way: {}", shown(.wish, .place.is_some()), .choices.join(", "))]
    Ambiguous {
        /// The old name, or the option's value.
        wish: String,
        /// What it may mean.
        choices: Vec<String>,
        /// The comment, if it was one.
        place: Option<Box<Place>>,
    },
    /// The comment stands where nothing has a name.
    #[error("the comment `renamed from` says of nothing that it has another name: {why}")]
    Misplaced {
        /// What is there instead.
        why: &'static str,
        /// Where.
        place: Box<Place>,
    },
}

fn shown(wish: &str, is_comment: bool) -> String {
    if is_comment {
        format!("the comment `renamed from: {wish}`")
    } else {
        format!("`--rename {wish}`")
    }
}

impl RenameError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "rename-unknown",
            Self::Ambiguous { .. } => "rename-ambiguous",
            Self::Misplaced { .. } => "rename-misplaced",
        }
    }

    /// The exit status: that of files for comments, that of the configuration for options.
    pub fn exit_status(&self) -> u8 {
        match self.place() {
            Some(_) => 17,
            None => 10,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unknown { place: Some(_), .. } => {
                "correct the old name, or remove the comment".into()
            }
            Self::Unknown { .. } => {
                "correct --rename (CASTOFF_RENAME): both names as they are in the schemas, such as `public.t.old=new`".into()
            }
            Self::Ambiguous { .. } => {
                "name the schema and the kind: --rename 'column public.t.old=new'".into()
            }
            Self::Misplaced { .. } => {
                "write it in a line above what has the new name, or behind it in its line".into()
            }
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unknown { place, .. } | Self::Ambiguous { place, .. } => place.as_deref(),
            Self::Misplaced { place, .. } => Some(place),
        }
    }
}
