//! What the parameters say about TLS. Nothing is loaded here: [`crate::database::tls`] does that,
//! and only once a server has agreed to TLS.

use std::path::{Path, PathBuf};

use crate::database::conninfo_error::ConninfoError;
use crate::database::settings::Settings;
use crate::database::values;

/// `sslmode`, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server refuses the login without it.
    Allow,
    /// TLS if the server has it.
    Prefer,
    /// TLS, with whatever certificate.
    Require,
    /// TLS with a certificate of a known authority.
    VerifyCa,
    /// And with the server's name in it.
    VerifyFull,
}

impl SslMode {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// `sslnegotiation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// Ask the server first.
    Postgres,
    /// Start with TLS at once, as HTTPS does (PostgreSQL 17).
    Direct,
}

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Nobody asked: `~/.postgresql/root.crt` if there is one (`None` without a home).
    Default(Option<PathBuf>),
    /// `sslrootcert`.
    File(PathBuf),
    /// `sslrootcert=system`: the web's authorities.
    System,
}

/// A file that must be there because it was named, or that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnFile {
    /// Named by the user.
    Named(PathBuf),
    /// Under the home directory.
    Default(PathBuf),
    /// There is none to look for.
    None,
}

/// A version of TLS that rustls speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

/// Everything about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// `sslmode`.
    pub mode: SslMode,
    /// `sslnegotiation`.
    pub negotiation: Negotiation,
    /// `sslrootcert`.
    pub roots: Roots,
    /// `sslcert`.
    pub certificate: OwnFile,
    /// `sslkey`.
    pub key: OwnFile,
    /// `sslsni`: whether the server is told the name it is asked for.
    pub sni: bool,
    /// `ssl_min_protocol_version`.
    pub oldest: TlsVersion,
    /// `ssl_max_protocol_version`.
    pub newest: TlsVersion,
}

/// Reads the `ssl…` parameters.
pub fn resolve(settings: &Settings, home: Option<&Path>) -> Result<TlsOptions, ConninfoError> {
    let roots = match settings.value("sslrootcert") {
        Some("system") => Roots::System,
        Some(path) => Roots::File(PathBuf::from(path)),
        None => Roots::Default(home.map(|home| home.join(".postgresql/root.crt"))),
    };
    let mode = mode(settings, &roots)?;
    let negotiation = values::choice(
        settings,
        "sslnegotiation",
        &[
            ("postgres", Negotiation::Postgres),
            ("direct", Negotiation::Direct),
        ],
        "postgres, direct",
        Negotiation::Postgres,
    )?;
    if negotiation == Negotiation::Direct && mode < SslMode::Require {
        return Err(ConninfoError::WeakDirect {
            mode: mode.name().to_owned(),
        });
    }
    let own = |name: &str, file: &str| {
        if settings.value("sslcertmode") == Some("disable") {
            return OwnFile::None;
        }
        match (settings.value(name), home) {
            (Some(path), _) => OwnFile::Named(PathBuf::from(path)),
            (None, Some(home)) => OwnFile::Default(home.join(".postgresql").join(file)),
            (None, None) => OwnFile::None,
        }
    };
    let (oldest, newest) = versions(settings)?;
    Ok(TlsOptions {
        mode,
        negotiation,
        roots,
        certificate: own("sslcert", "postgresql.crt"),
        key: own("sslkey", "postgresql.key"),
        sni: values::flag(settings, "sslsni")?,
        oldest,
        newest,
    })
}

fn mode(settings: &Settings, roots: &Roots) -> Result<SslMode, ConninfoError> {
    let default = if *roots == Roots::System {
        SslMode::VerifyFull
    } else {
        SslMode::Prefer
    };
    let words = [
        SslMode::Disable,
        SslMode::Allow,
        SslMode::Prefer,
        SslMode::Require,
        SslMode::VerifyCa,
        SslMode::VerifyFull,
    ]
    .map(|mode| (mode.name(), mode));
    let expected = "disable, allow, prefer, require, verify-ca, verify-full";
    let mode = values::choice(settings, "sslmode", &words, expected, default)?;
    if *roots == Roots::System && mode != SslMode::VerifyFull {
        return Err(ConninfoError::WeakMode {
            mode: mode.name().to_owned(),
        });
    }
    Ok(mode)
}

fn versions(settings: &Settings) -> Result<(TlsVersion, TlsVersion), ConninfoError> {
    const MIN: &str = "ssl_min_protocol_version";
    const MAX: &str = "ssl_max_protocol_version";
    let modern = [("TLSv1.2", TlsVersion::V12), ("TLSv1.3", TlsVersion::V13)];
    // A lower bound below what rustls speaks changes nothing, so it is harmless.
    let old = [("TLSv1", TlsVersion::V12), ("TLSv1.1", TlsVersion::V12)];
    let all: Vec<_> = old.into_iter().chain(modern).collect();
    let oldest = values::choice(settings, MIN, &all, "TLSv1 to TLSv1.3", TlsVersion::V12)?;
    let newest = values::choice(settings, MAX, &modern, "TLSv1.2, TLSv1.3", TlsVersion::V13)?;
    if oldest > newest {
        let value = settings.value(MAX).unwrap_or_default();
        return Err(values::invalid(
            settings,
            MAX,
            value,
            "not below ssl_min_protocol_version",
        ));
    }
    Ok((oldest, newest))
}
