//! What a failed login with tokio-postgres means.
//!
//! Its error type keeps its kind to itself, so the sources are looked at: the server's refusal,
//! our own [`HandshakeError`], an error of the operating system, or one of a few fixed sentences.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use tokio_postgres::error::DbError;

use crate::database::connect_error::{AskedRole, ConnectError, Refusal};
use crate::database::encryption::{HandshakeError, UnwantedAnswer};
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
        _ if message.starts_with("unsupported startup parameter") => {
            ConnectError::StartupParameter(refusal)
        }
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
