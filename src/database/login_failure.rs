//! What a failed login with tokio-postgres means.
//!
//! Its error type keeps its kind to itself, so the sources are looked at: the server's refusal,
//! our own [`HandshakeError`], an error of the operating system, or one of a few fixed sentences.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use tokio_postgres::error::DbError;

use crate::database::connect_error::{AskedRole, ConnectError, Refusal};
use crate::database::encryption::HandshakeError;
use crate::database::greeting::UnwantedAnswer;
use crate::database::sqlstate;
use crate::database::tls_options::SslMode;

/// What was attempted.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// As whom.
    pub user: String,
    /// To which database.
    pub database: String,
    /// The host, or the file of the socket.
    pub place: AttemptedPlace,
    /// How it insisted on TLS.
    pub mode: SslMode,
    /// The role that the session was to take.
    pub role: Option<String>,
}

/// Where a login was attempted.
#[derive(Clone, Debug)]
pub enum AttemptedPlace {
    /// A host name.
    Host(String),
    /// The file of a unix socket.
    Socket(PathBuf),
}

/// Names the cause.
pub fn explain(error: tokio_postgres::Error, attempted: &Attempted) -> ConnectError {
    if error.is_closed() {
        return ConnectError::Closed;
    }
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal, attempted);
    }
    let kind = error.to_string();
    if let Some(source) = error.source() {
        match source.to_string().as_str() {
            "password missing" => {
                return ConnectError::NoPassword {
                    user: attempted.user.clone(),
                };
            }
            "server did not use channel binding" => return ConnectError::NoChannelBinding,
            _ => {}
        }
    }
    match kind.as_str() {
        "unexpected message from server" | "error parsing response from server" => {
            return ConnectError::NotPostgres;
        }
        "authentication error" => {
            let source = error.into_source().unwrap_or_else(|| kind.into());
            return ConnectError::UnsupportedAuthentication(source);
        }
        _ => {}
    }
    if !error
        .source()
        .is_some_and(|source| source.is::<io::Error>() || source.is::<HandshakeError>())
    {
        return ConnectError::Other(error);
    }
    let source = error.into_source().expect("a source was just there");
    match source.downcast::<HandshakeError>() {
        Ok(error) => handshake(*error, attempted),
        Err(source) => match source.downcast::<io::Error>() {
            Ok(error) => network(*error, attempted),
            Err(source) => ConnectError::UnsupportedAuthentication(source),
        },
    }
}

fn refused(error: &DbError, attempted: &Attempted) -> ConnectError {
    let refusal = Refusal {
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        hint: error.hint().map(str::to_owned),
    };
    let message = refusal.message.as_str();
    match refusal.code.as_str() {
        sqlstate::CANNOT_CONNECT_NOW | sqlstate::ADMIN_SHUTDOWN | sqlstate::CRASH_SHUTDOWN => {
            ConnectError::NotReady(refusal)
        }
        sqlstate::TOO_MANY_CONNECTIONS => ConnectError::TooManyConnections(refusal),
        sqlstate::INVALID_PASSWORD => ConnectError::WrongPassword {
            user: attempted.user.clone(),
        },
        sqlstate::INVALID_CATALOG_NAME => ConnectError::NoDatabase {
            database: attempted.database.clone(),
        },
        // The file's name stands in every translation of the message.
        sqlstate::INVALID_AUTHORIZATION if message.contains("pg_hba.conf") => {
            ConnectError::NoHbaEntry(refusal)
        }
        sqlstate::PROTOCOL_VIOLATION => refused_by_pooler(refusal, attempted),
        sqlstate::INSUFFICIENT_PRIVILEGE | sqlstate::INVALID_PARAMETER_VALUE => {
            // The name stands in every translation of the message.
            let named = |role: &&String| message.contains(&format!("\"{role}\""));
            match attempted.role.as_ref().filter(named) {
                Some(role) => ConnectError::Role {
                    asked: Box::new(AskedRole {
                        role: role.clone(),
                        user: attempted.user.clone(),
                    }),
                    refusal,
                },
                None => ConnectError::LoginRefused(refusal),
            }
        }
        _ => ConnectError::LoginRefused(refusal),
    }
}

/// Before 1.20 `PgBouncer` gives all that it says of a login the code of a violated protocol, also
/// the server's own words, so its sentences are looked at; they are not translated. The server
/// itself has no reason to use that code. What is not known here is taken to pass: a pooler says
/// much about servers that are not there yet, and the time for that is limited.
fn refused_by_pooler(refusal: Refusal, attempted: &Attempted) -> ConnectError {
    let message = refusal.message.as_str();
    let begins = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
    if begins(&["unsupported startup parameter"]) {
        ConnectError::StartupParameter(refusal)
    } else if begins(&[
        "SASL authentication failed",
        "password authentication failed",
        "no such user",
    ]) {
        ConnectError::WrongPassword {
            user: attempted.user.clone(),
        }
    } else if begins(&["no such database"])
        || begins(&["database \""]) && message.ends_with("does not exist")
    {
        ConnectError::NoDatabase {
            database: attempted.database.clone(),
        }
    } else if begins(&["SSL required", "login rejected", "not allowed"]) {
        ConnectError::LoginRefused(refusal)
    } else {
        ConnectError::NotReady(refusal)
    }
}

fn handshake(error: HandshakeError, attempted: &Attempted) -> ConnectError {
    match error {
        HandshakeError::Io(error) | HandshakeError::Tls(error) => network(error, attempted),
        HandshakeError::Refused => ConnectError::TlsRefused {
            mode: attempted.mode,
        },
        // A server that cannot start a process for us; the text follows without TLS, and is
        // therefore not to be trusted.
        HandshakeError::ServerError => ConnectError::Closed,
        HandshakeError::NotPostgres => ConnectError::NotPostgres,
        HandshakeError::File(error) => ConnectError::TlsFile(error),
    }
}

/// The operating system's error, or what rustls and our own stream wrapped into one.
pub fn network(error: io::Error, attempted: &Attempted) -> ConnectError {
    let inner = error.get_ref();
    if let Some(answer) = inner.and_then(|inner| inner.downcast_ref::<UnwantedAnswer>()) {
        return match *answer {
            UnwantedAnswer::NotPostgres => ConnectError::NotPostgres,
            UnwantedAnswer::Auth(method) => ConnectError::ExcludedAuthentication { method },
        };
    }
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match (tls, &attempted.place) {
            (rustls::Error::InvalidCertificate(_), AttemptedPlace::Host(host)) => {
                ConnectError::Certificate {
                    host: host.clone(),
                    source: tls.clone(),
                }
            }
            _ => ConnectError::Handshake(error),
        };
    }
    match (error.kind(), &attempted.place) {
        (io::ErrorKind::ConnectionRefused, _) => ConnectError::Refused,
        (io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable, _) => {
            ConnectError::NoRoute
        }
        (io::ErrorKind::NotFound, AttemptedPlace::Socket(path)) => {
            ConnectError::SocketMissing { path: path.clone() }
        }
        (io::ErrorKind::PermissionDenied, AttemptedPlace::Socket(path)) => {
            ConnectError::SocketPermission { path: path.clone() }
        }
        (
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
            _,
        ) => ConnectError::Closed,
        _ => ConnectError::Network(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: &str) {
        let attempted = Attempted {
            user: "web".to_owned(),
            database: "app".to_owned(),
            place: AttemptedPlace::Host("pooler".to_owned()),
            mode: SslMode::Prefer,
            role: None,
        };
        let refusal = Refusal {
            code: sqlstate::PROTOCOL_VIOLATION.to_owned(),
            message: message.to_owned(),
            detail: None,
            hint: None,
        };
        let error = refused_by_pooler(refusal, &attempted);
        assert_eq!(
            format!("{} {:?}", error.code(), error.retry()),
            expected,
            "{message}"
        );
    }

    #[test]
    fn tells_what_a_pooler_says_apart() {
        for (message, expected) in [
            (
                "unsupported startup parameter: options",
                "login-startup-parameter Never",
            ),
            (
                "unsupported startup parameter in options: work_mem",
                "login-startup-parameter Never",
            ),
            ("SASL authentication failed", "login-password-wrong Never"),
            (
                "password authentication failed for user \"web\"",
                "login-password-wrong Never",
            ),
            ("no such user: web", "login-password-wrong Never"),
            ("no such database: app", "login-database-missing Never"),
            (
                "database \"app\" does not exist",
                "login-database-missing Never",
            ),
            ("SSL required", "login-refused Never"),
            (
                "server login has been failing, try again later (server_login_retry)",
                "server-not-ready Later",
            ),
            (
                "pgbouncer cannot connect to server",
                "server-not-ready Later",
            ),
            (
                "no more connections allowed (max_client_conn)",
                "server-not-ready Later",
            ),
            (
                "the database system is starting up",
                "server-not-ready Later",
            ),
            ("query_wait_timeout", "server-not-ready Later"),
        ] {
            check(message, expected);
        }
    }
}
