//! Why there is no connection, precisely enough for one log line and for the decision whether to
//! try again.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::database::sqlstate;
use crate::database::tls::TlsFileError;
use crate::database::tls_options::SslMode;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The database is perhaps on its way up.
    Later,
    /// It stays as it is until somebody changes something.
    Never,
}

/// A refusal in the server's own words.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{code} {message}")]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    /// The message, in the server's language.
    pub message: String,
    /// PostgreSQL's DETAIL.
    pub detail: Option<String>,
    /// PostgreSQL's HINT.
    pub hint: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// The network does not lead there.
    #[error("no route to host")]
    NoRoute,
    /// Nobody answered in time.
    #[error("no answer within {}", shown(*after))]
    NoAnswer {
        /// How long the attempt took.
        after: Duration,
    },
    /// The name has no address, yet.
    #[error("name does not resolve")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: Option<io::Error>,
    },
    /// There is no such socket, yet.
    #[error("socket does not exist: `{}`", path.display())]
    SocketMissing {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is not for us.
    #[error("permission denied on socket `{}`", path.display())]
    SocketPermission {
        /// The socket.
        path: PathBuf,
    },
    /// The connection ended before the login did.
    #[error("connection closed during login")]
    Closed,
    /// Another trouble of the network.
    #[error("connection failed")]
    Network(#[source] io::Error),
    /// Something else listens there.
    #[error("not a PostgreSQL server")]
    NotPostgres,
    /// The server is on its way up or down; the message is its own.
    #[error("{}", .0.message)]
    NotReady(Refusal),
    /// No slot is free.
    #[error("too many connections")]
    TooManyConnections(#[source] Refusal),
    /// The password is wrong, or the role has none.
    #[error("password authentication failed for user \"{user}\"")]
    WrongPassword {
        /// The user.
        user: String,
    },
    /// The server asks for a password, and none was given.
    #[error("no password for user \"{user}\"")]
    NoPassword {
        /// The user.
        user: String,
    },
    /// No such database.
    #[error("database \"{database}\" does not exist")]
    NoDatabase {
        /// The database.
        database: String,
    },
    /// `pg_hba.conf` does not let us in.
    #[error("no pg_hba.conf entry")]
    NoHbaEntry(#[source] Refusal),
    /// `PgBouncer` does not pass a startup parameter on.
    #[error("unsupported startup parameter")]
    StartupParameter(#[source] Refusal),
    /// The name of the database leads to the console of `PgBouncer`.
    #[error("\"{database}\" is the console of PgBouncer, not a database")]
    AdminConsole {
        /// That name.
        database: String,
    },
    /// The role of `--role` is not there, or not for this user.
    #[error("role \"{}\" cannot be taken", asked.role)]
    Role {
        /// Who asked for which role. In a box, so that the others stay small.
        asked: Box<AskedRole>,
        /// What the server said.
        #[source]
        refusal: Refusal,
    },
    /// Any other refusal, in the server's own words.
    #[error("{}", .0.message)]
    LoginRefused(Refusal),
    /// The server has no TLS.
    #[error("server does not support TLS, but sslmode={}", mode.name())]
    TlsRefused {
        /// The mode that insists.
        mode: SslMode,
    },
    /// The server's certificate.
    #[error("{}", certificate_message(source, host))]
    Certificate {
        /// The name that the certificate should carry.
        host: String,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// TLS failed in another way.
    #[error("TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// A certificate or key file of ours.
    #[error(transparent)]
    TlsFile(#[from] TlsFileError),
    /// The server wants a login that castoff cannot do.
    #[error("unsupported authentication")]
    UnsupportedAuthentication(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server wants a login that the user excluded.
    #[error("server asks for the login `{method}`, which `require_auth` excludes")]
    ExcludedAuthentication {
        /// The login, as `require_auth` names it.
        method: &'static str,
    },
    /// The login was not bound to the TLS session.
    #[error("server does not offer channel binding, but channel_binding=require")]
    NoChannelBinding,
    /// The server is of another kind.
    #[error("server is {found}, but target_session_attrs={wanted}")]
    Unsuitable {
        /// What `target_session_attrs` says.
        wanted: &'static str,
        /// What the server is.
        found: &'static str,
    },
    /// No host of several worked; each with its cause.
    #[error("{}", several(.0))]
    Several(Vec<(String, ConnectError)>),
    /// Something that has no name yet.
    #[error("login failed")]
    Other(#[source] tokio_postgres::Error),
}

/// A login that asked for a role.
#[derive(Debug)]
pub struct AskedRole {
    /// The role.
    pub role: String,
    /// Who logged in.
    pub user: String,
}

impl ConnectError {
    /// Whether trying again can help.
    ///
    /// Of several hosts one that may come back is enough: a failover looks like that. (A host
    /// that refuses for good ends the attempt at once, as in libpq, and is then the only cause.)
    pub fn retry(&self) -> Retry {
        let later = match self {
            Self::Refused
            | Self::NoRoute
            | Self::NoAnswer { .. }
            | Self::Unresolved { .. }
            | Self::SocketMissing { .. }
            | Self::Closed
            | Self::Network(_)
            | Self::NotReady(_)
            | Self::TooManyConnections(_)
            | Self::Unsuitable { .. } => true,
            Self::LoginRefused(refusal) => sqlstate::passes_with_time(&refusal.code),
            Self::Several(all) => all.iter().any(|(_, error)| error.retry() == Retry::Later),
            Self::SocketPermission { .. }
            | Self::NotPostgres
            | Self::WrongPassword { .. }
            | Self::NoPassword { .. }
            | Self::NoDatabase { .. }
            | Self::NoHbaEntry(_)
            | Self::StartupParameter(_)
            | Self::AdminConsole { .. }
            | Self::Role { .. }
            | Self::TlsRefused { .. }
            | Self::Certificate { .. }
            | Self::Handshake(_)
            | Self::TlsFile(_)
            | Self::UnsupportedAuthentication(_)
            | Self::ExcludedAuthentication { .. }
            | Self::NoChannelBinding
            | Self::Other(_) => false,
        };
        if later { Retry::Later } else { Retry::Never }
    }

    /// The name of the error, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "connection-refused",
            Self::NoRoute => "connection-no-route",
            Self::NoAnswer { .. } => "connection-timeout",
            Self::Unresolved { .. } => "connection-name",
            Self::SocketMissing { .. } => "connection-socket-missing",
            Self::SocketPermission { .. } => "connection-socket-permission",
            Self::Closed => "connection-closed",
            Self::Network(_) => "connection-failed",
            Self::NotPostgres => "connection-not-postgres",
            Self::NotReady(_) => "server-not-ready",
            Self::TooManyConnections(_) => "server-too-many-connections",
            Self::WrongPassword { .. } => "login-password-wrong",
            Self::NoPassword { .. } => "login-password-missing",
            Self::NoDatabase { .. } => "login-database-missing",
            Self::NoHbaEntry(_) => "login-no-hba-entry",
            Self::StartupParameter(_) => "login-startup-parameter",
            Self::AdminConsole { .. } => "login-admin-console",
            Self::Role { .. } => "login-role",
            Self::LoginRefused(_) => "login-refused",
            Self::TlsRefused { .. } => "tls-refused",
            Self::Certificate { .. } => "tls-certificate",
            Self::Handshake(_) => "tls-handshake",
            Self::TlsFile(_) => "tls-file",
            Self::UnsupportedAuthentication(_) => "login-method-unsupported",
            Self::ExcludedAuthentication { .. } => "login-method-excluded",
            Self::NoChannelBinding => "login-channel-binding",
            Self::Unsuitable { .. } => "server-unsuitable",
            Self::Several(_) => "connection-all-hosts",
            Self::Other(_) => "login-failed",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Refused
            | Self::NoRoute
            | Self::NoAnswer { .. }
            | Self::Closed
            | Self::Network(_)
            | Self::NotReady(_)
            | Self::Several(_) => {
                "check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)"
                    .into()
            }
            Self::Unresolved { .. } => {
                "check the host in `DATABASE_URL`, and that both containers share a network".into()
            }
            Self::SocketMissing { .. } => {
                "check the server's `unix_socket_directories` and the port in `DATABASE_URL`".into()
            }
            Self::SocketPermission { path } => {
                format!("give this user access to `{}`", path.display())
            }
            Self::NotPostgres => "check the host and port in `DATABASE_URL`".into(),
            Self::TooManyConnections(_) => "raise the server's `max_connections`".into(),
            Self::WrongPassword { .. } | Self::NoPassword { .. } => {
                "correct user and password in `DATABASE_URL`".into()
            }
            Self::NoDatabase { database } => {
                format!(
                    "create it with `create database \"{}\"`",
                    database.replace('"', "\"\"")
                )
            }
            Self::NoHbaEntry(_) => {
                "add a line for this client to the server's `pg_hba.conf`".into()
            }
            Self::StartupParameter(_) => {
                "give castoff the server's own address in `CASTOFF_DATABASE_URL`, or add the \
                 parameter to the pooler's `ignore_startup_parameters`"
                    .into()
            }
            Self::AdminConsole { .. } => "name the application's database in `DATABASE_URL`".into(),
            Self::Role { asked, refusal } => {
                let quoted = |name: &str| name.replace('"', "\"\"");
                let (role, user) = (quoted(&asked.role), quoted(&asked.user));
                if refusal.code == sqlstate::INSUFFICIENT_PRIVILEGE {
                    format!("grant it with `grant \"{role}\" to \"{user}\"`")
                } else {
                    format!(
                        "create it with `create role \"{role}\"`, or correct --role (CASTOFF_ROLE)"
                    )
                }
            }
            Self::LoginRefused(_) | Self::Other(_) => "look at the server's log".into(),
            Self::TlsRefused { .. } => {
                "switch the server's `ssl` on, or lower `sslmode` in `DATABASE_URL`".into()
            }
            Self::Certificate { .. } => {
                "name the authority's certificate in `sslrootcert`, or the certificate's host in \
                 `DATABASE_URL`"
                    .into()
            }
            Self::Handshake(_) => "check `sslmode`, `sslcert` and the server's TLS settings".into(),
            Self::TlsFile(error) => match error {
                TlsFileError::EncryptedKey { path } => {
                    format!("decrypt it with `openssl pkey -in {}`", path.display())
                }
                TlsFileError::KeyMode { path, .. } => {
                    format!("run `chmod 0600 {}`", path.display())
                }
                TlsFileError::KeyMissing { .. } => "name the private key in `sslkey`".into(),
                TlsFileError::Unreadable { path, .. }
                | TlsFileError::Pem { path, .. }
                | TlsFileError::NoCertificate { path }
                | TlsFileError::NoKey { path }
                | TlsFileError::Unusable { path, .. } => format!("check `{}`", path.display()),
            },
            Self::UnsupportedAuthentication(_) => {
                "use `scram-sha-256`, `md5`, `password` or `cert` in the server's `pg_hba.conf`"
                    .into()
            }
            Self::ExcludedAuthentication { .. } => {
                "change `require_auth`, or the server's `pg_hba.conf`".into()
            }
            Self::NoChannelBinding => {
                "use TLS and `scram-sha-256`, or lower `channel_binding`".into()
            }
            Self::Unsuitable { .. } => {
                "list the other hosts in `DATABASE_URL`, or change `target_session_attrs`".into()
            }
        }
    }

    /// The server's own words, with its DETAIL and HINT.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::NotReady(refusal)
        | Self::TooManyConnections(refusal)
        | Self::NoHbaEntry(refusal)
        | Self::StartupParameter(refusal)
        | Self::Role { refusal, .. }
        | Self::LoginRefused(refusal) = self
        {
            Some(refusal)
        } else {
            None
        }
    }

    /// Whether the same login may go better with, or without, TLS: the lines of `pg_hba.conf`
    /// differ in that.
    pub fn is_about_credentials(&self) -> bool {
        let refused = self
            .refusal()
            .is_some_and(|refusal| sqlstate::class(&refusal.code) == "28");
        refused || matches!(self, Self::WrongPassword { .. })
    }
}

fn shown(duration: Duration) -> String {
    if duration >= Duration::from_secs(1) {
        let tenths = (duration.as_millis() + 50) / 100;
        match tenths % 10 {
            0 => format!("{} s", tenths / 10),
            rest => format!("{}.{rest} s", tenths / 10),
        }
    } else {
        format!("{} ms", duration.as_millis())
    }
}

fn several(all: &[(String, ConnectError)]) -> String {
    let each: Vec<_> = all
        .iter()
        .map(|(host, error)| format!("{host}: {error}"))
        .collect();
    each.join("; ")
}

/// What is wrong with the certificate that `host` showed, in plain words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other problems share one message"
)]
pub fn certificate_message(error: &rustls::Error, host: &str) -> String {
    use rustls::CertificateError as E;
    let rustls::Error::InvalidCertificate(problem) = error else {
        return "the server's certificate cannot be verified".into();
    };
    match problem {
        E::Expired | E::ExpiredContext { .. } => "the server's certificate has expired".into(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".into()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for `{host}`")
        }
        E::UnknownIssuer => "the server's certificate is from an unknown authority".into(),
        _ => "the server's certificate cannot be verified".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_durations_as_people_write_them() {
        assert_eq!(shown(Duration::from_secs(5)), "5 s");
        assert_eq!(shown(Duration::from_millis(4999)), "5 s");
        assert_eq!(shown(Duration::from_millis(2500)), "2.5 s");
        assert_eq!(shown(Duration::from_millis(300)), "300 ms");
    }

    #[test]
    fn one_host_that_may_come_back_is_enough() {
        let never = || ConnectError::SocketPermission { path: "/s".into() };
        let both = ConnectError::Several(vec![
            ("a:1".to_owned(), ConnectError::Refused),
            ("b:2".to_owned(), never()),
        ]);
        assert_eq!(both.retry(), Retry::Later);
        assert_eq!(
            both.to_string(),
            "a:1: connection refused; b:2: permission denied on socket `/s`"
        );
        assert_eq!(
            ConnectError::Several(vec![("b".to_owned(), never())]).retry(),
            Retry::Never
        );
    }
}
