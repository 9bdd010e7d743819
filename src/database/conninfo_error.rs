//! Why what the user gave does not say where the database is.
//!
//! No variant holds a password, nor a piece of text that could be a part of one.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::database::malformed::Malformed;
use crate::place::Place;

/// A connection that cannot be described. Every one is a mistake in the configuration.
#[derive(Debug, Error)]
pub enum ConninfoError {
    /// Nothing says where the database is.
    #[error("no database is named")]
    Missing,
    /// The text cannot be read.
    #[error("`{origin}` is not understood: {malformed}")]
    Malformed {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// No such parameter.
    #[error("`{name}` in `{origin}` is not a connection parameter")]
    Unknown {
        /// Where it was given.
        origin: String,
        /// Its name.
        name: String,
        /// The one that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// A parameter of another tool.
    #[error("`{name}` in `{origin}` is a parameter of {owner}, not of PostgreSQL")]
    Foreign {
        /// Where it was given.
        origin: String,
        /// Its name.
        name: String,
        /// Whose it is.
        owner: &'static str,
    },
    /// A parameter, or a value, that libpq knows and castoff cannot honour.
    #[error("`{name}` in `{origin}` is not supported: {why}")]
    Unsupported {
        /// Where it was given.
        origin: String,
        /// Its name, or `name=value`.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A value that the parameter cannot have.
    #[error("`{value}` in `{origin}` is not a value of `{name}` ({expected})")]
    Value {
        /// Where it was given.
        origin: String,
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Lists of hosts, addresses and ports that do not go together.
    #[error("`{origin}` gives {given} values of `{name}` for {hosts} hosts")]
    Counts {
        /// Where it was given.
        origin: String,
        /// The shorter or longer list.
        name: &'static str,
        /// Its length.
        given: usize,
        /// The number of hosts.
        hosts: usize,
    },
    /// `sslrootcert=system` with a mode that would not check the name.
    #[error("`sslmode={mode}` is too weak for `sslrootcert=system`")]
    WeakMode {
        /// The mode.
        mode: String,
    },
    /// `sslnegotiation=direct` with a mode that allows a connection without TLS.
    #[error("`sslmode={mode}` is too weak for `sslnegotiation=direct`")]
    WeakDirect {
        /// The mode.
        mode: String,
    },
    /// No user is given and the operating system knows no name either.
    #[error("no database user is named, and this process has no user name")]
    NoUser,
    /// The service is defined nowhere.
    #[error("the service `{service}` is not defined")]
    ServiceUnknown {
        /// Its name.
        service: String,
        /// The files that were read.
        files: Vec<PathBuf>,
    },
    /// A file that was named, or is there, cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// For the place of the error.
        place: Box<Place>,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A line of a service file is not `name=value`.
    #[error("`{}` has a line without `=`", place.path)]
    ServiceSyntax {
        /// The line.
        place: Place,
    },
    /// A service that refers to another.
    #[error("`{}` names another service in a service", place.path)]
    ServiceNested {
        /// The line.
        place: Place,
    },
    /// A service kept in LDAP.
    #[error("`{}` asks an LDAP server for the service", place.path)]
    ServiceLdap {
        /// The line.
        place: Place,
    },
    /// A password file that others can read.
    #[error("the password file `{}` can be read by others (mode {mode:04o})", place.path)]
    PassfileMode {
        /// The file.
        place: Place,
        /// Its permissions.
        mode: u32,
    },
}

impl ConninfoError {
    /// The name of the error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "database-missing",
            Self::Malformed { .. } => "database-url-malformed",
            Self::Unknown { .. } => "connection-parameter-unknown",
            Self::Foreign { .. } => "connection-parameter-foreign",
            Self::Unsupported { .. } => "connection-parameter-unsupported",
            Self::Value { .. } => "connection-parameter-value",
            Self::Counts { .. } => "connection-hosts-mismatch",
            Self::WeakMode { .. } | Self::WeakDirect { .. } => "sslmode-too-weak",
            Self::NoUser => "database-user-missing",
            Self::ServiceUnknown { .. } => "service-unknown",
            Self::Unreadable { .. } => "connection-file-unreadable",
            Self::ServiceSyntax { .. } => "service-file-syntax",
            Self::ServiceNested { .. } => "service-file-nested",
            Self::ServiceLdap { .. } => "service-file-ldap",
            Self::PassfileMode { .. } => "passfile-permissions",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Missing => {
                "set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`".into()
            }
            Self::Malformed { malformed, .. } => malformed.help(),
            Self::Unknown {
                nearest: Some(nearest),
                ..
            } => {
                format!("write `{nearest}`, or remove the parameter")
            }
            Self::Foreign { .. } | Self::Unknown { .. } | Self::Unsupported { .. } => {
                "remove it, or give castoff a URL of its own in `CASTOFF_DATABASE_URL`".into()
            }
            Self::Value { name, .. } => format!("correct the value of `{name}`"),
            Self::Counts { name, .. } => format!("give one `{name}` for each host"),
            Self::WeakMode { .. } => "write `sslmode=verify-full`, or remove `sslmode`".into(),
            Self::WeakDirect { .. } => {
                "write `sslmode=require` or stronger, or remove `sslnegotiation`".into()
            }
            Self::NoUser => "name the user in `DATABASE_URL`, or set `PGUSER`".into(),
            Self::ServiceUnknown { service, files } if files.is_empty() => format!(
                "define `[{service}]` in `~/.pg_service.conf`, or name the file in `PGSERVICEFILE`"
            ),
            Self::ServiceUnknown { service, files } => {
                let files: Vec<_> = files
                    .iter()
                    .map(|file| format!("`{}`", file.display()))
                    .collect();
                format!("define `[{service}]` in {}", files.join(" or "))
            }
            Self::Unreadable { path, .. } => {
                format!("check that `{}` exists and is readable", path.display())
            }
            Self::ServiceSyntax { place } => format!("write `name=value` in `{}`", place.path),
            Self::ServiceNested { place } | Self::ServiceLdap { place } => {
                format!("write the parameters themselves in `{}`", place.path)
            }
            Self::PassfileMode { place, .. } => format!("run `chmod 0600 {}`", place.path),
        }
    }

    /// The file to blame.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unreadable { place, .. } => Some(place),
            Self::ServiceSyntax { place }
            | Self::ServiceNested { place }
            | Self::ServiceLdap { place }
            | Self::PassfileMode { place, .. } => Some(place),
            Self::Missing
            | Self::Malformed { .. }
            | Self::Unknown { .. }
            | Self::Foreign { .. }
            | Self::Unsupported { .. }
            | Self::Value { .. }
            | Self::Counts { .. }
            | Self::WeakMode { .. }
            | Self::WeakDirect { .. }
            | Self::NoUser
            | Self::ServiceUnknown { .. } => None,
        }
    }
}
