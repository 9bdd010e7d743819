//! Why the server cannot be given the user or the secrets that it should have.

use std::io;
use std::path::PathBuf;

use castoff_process::credentials::{Refused, Step};

use crate::config::privileges::Name;

/// What a variable may be with its name, `=` and the NUL behind it: `MAX_ARG_STRLEN` of execve(2).
pub const LONGEST_VARIABLE: usize = 128 * 1024;

/// Why the server cannot be given the user or the secrets that it should have. All are found before
/// anything is done to the database.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// A user by name, and no entry of that name.
    #[error("there is no user `{name}` in /etc/passwd")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// A group by name, and no entry of that name.
    #[error("there is no group `{name}` in /etc/group")]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// One of the two files is there and cannot be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// castoff may not become that user.
    #[error("the server cannot run as user {user}: {}", doing(*step))]
    Refused {
        /// The user's number.
        user: u32,
        /// Where it stopped.
        step: Step,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// castoff became that user, and could become root again.
    #[error("the server cannot run as user {user}: it could become root again")]
    WayBack {
        /// The user's number.
        user: u32,
    },
    /// The system does not know `PR_SET_NO_NEW_PRIVS`.
    #[error("the server cannot be kept from gaining privileges")]
    NoNewPrivs(#[source] io::Error),
    /// A variable and its `_FILE` twin are both set.
    #[error("`{name}` and `{name}_FILE` are both set")]
    Twice {
        /// The variable.
        name: String,
    },
    /// A secret file cannot be read.
    #[error("`{}` (named by `{name}_FILE`) cannot be read", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// The variable that would get it.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A secret file has something that no variable can have.
    #[error("`{}` (named by `{name}_FILE`) cannot be a variable: {reason}", path.display())]
    NoVariable {
        /// The file.
        path: PathBuf,
        /// The variable that would get it.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

fn doing(step: Step) -> &'static str {
    match step {
        Step::Groups => "castoff may not change its supplementary groups",
        Step::Group => "castoff may not change its group",
        Step::User => "castoff may not become that user",
        Step::Capabilities => "capabilities cannot be given away",
        Step::WayBack => "there is a way back",
        Step::Execute => "it may not execute it",
    }
}

impl PrivilegeError {
    pub(super) fn unknown_user(name: &Name) -> Self {
        Self::UnknownUser {
            name: match name {
                Name::Text(name) => name.clone(),
                Name::Number(number) => number.to_string(),
            },
        }
    }

    pub(super) fn refused(user: u32, refused: Refused) -> Self {
        let Refused { step, source } = refused;
        if step == Step::WayBack {
            // It succeeded, so the system says nothing.
            Self::WayBack { user }
        } else {
            Self::Refused { user, step, source }
        }
    }

    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownUser { .. } | Self::UnknownGroup { .. } => "user-unknown",
            Self::Unreadable { .. } | Self::Secret { .. } => "config-unreadable",
            Self::Refused { .. } | Self::WayBack { .. } | Self::NoNewPrivs(_) => "user-refused",
            Self::Twice { .. } => "config-twice",
            Self::NoVariable { .. } => "secret-invalid",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownUser { .. } | Self::UnknownGroup { .. } => {
                "write its number in --user (CASTOFF_USER), which needs no entry".into()
            }
            Self::Unreadable { path, .. } => format!("make `{path}` readable for castoff's user"),
            Self::Refused { source, .. } if source.raw_os_error() == Some(INVALID) => {
                "choose a user and a group that this container's user namespace maps, in --user (CASTOFF_USER)".into()
            }
            Self::Refused { .. } => {
                "start the container as root with the capabilities SETUID and SETGID, or as that user, or leave --user (CASTOFF_USER) out".into()
            }
            Self::WayBack { .. } => {
                "start the container as that user, without --user (CASTOFF_USER)".into()
            }
            Self::NoNewPrivs(_) => "leave --no-new-privs (CASTOFF_NO_NEW_PRIVS) out".into(),
            Self::Twice { name } => format!("unset one of `{name}` and `{name}_FILE`"),
            Self::Secret { name, .. } => {
                format!("check that `{name}_FILE` names a file that castoff's user may read")
            }
            Self::NoVariable { name, .. } => format!(
                "let the server read `{name}_FILE` itself: leave {name} out of --expand-secrets (CASTOFF_EXPAND_SECRETS)"
            ),
        }
    }
}

/// What the kernel says of an id that it has no place for.
const INVALID: i32 = nix::errno::Errno::EINVAL as i32;
