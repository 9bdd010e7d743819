//! rustls set up as the parameters say.
//!
//! [`client_config`] reads files and parses certificates, so it is called only once a server has
//! agreed to TLS. It verifies exactly what libpq verifies, with two exceptions: `verify-ca` and
//! `verify-full` without any root file use the web's authorities where libpq gives up, and
//! `prefer` and `allow` do not look for `~/.postgresql/root.crt`, since a failure would only
//! turn into a connection without TLS.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use thiserror::Error;

use crate::database::tls_options::{OwnFile, Roots, SslMode, TlsOptions, TlsVersion};
use crate::database::verifier::{AnyCertificate, KnownAuthority, NameCheck};

/// A certificate or key file that cannot be used.
#[derive(Debug, Error)]
pub enum TlsFileError {
    /// It cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not PEM.
    #[error("`{}` is not a PEM file", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// It holds no certificate.
    #[error("`{}` holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It holds no private key.
    #[error("`{}` holds no private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key needs a password.
    #[error("the private key `{}` is encrypted", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the key.
    #[error("the private key `{}` can be read by others (mode {mode:04o})", path.display())]
    KeyMode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A certificate without its key.
    #[error("the certificate `{}` has no private key", path.display())]
    KeyMissing {
        /// The certificate.
        path: PathBuf,
    },
    /// rustls refuses the certificate, or the key does not belong to it.
    #[error("`{}` cannot be used", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
}

impl TlsFileError {
    /// The file to blame.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Pem { path, .. }
            | Self::NoCertificate { path }
            | Self::NoKey { path }
            | Self::EncryptedKey { path }
            | Self::KeyMode { path, .. }
            | Self::KeyMissing { path }
            | Self::Unusable { path, .. } => path,
        }
    }
}

/// Whom to believe, once the files have been looked for.
enum Trust {
    Anybody,
    File(PathBuf),
    Web,
}

/// Reads the files and sets rustls up.
pub fn client_config(options: &TlsOptions) -> Result<ClientConfig, TlsFileError> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let name = match options.mode {
        SslMode::VerifyFull => NameCheck::Required,
        SslMode::Disable
        | SslMode::Allow
        | SslMode::Prefer
        | SslMode::Require
        | SslMode::VerifyCa => NameCheck::Skipped,
    };
    let verifier: Arc<dyn ServerCertVerifier> = match trust(options) {
        Trust::Anybody => Arc::new(AnyCertificate),
        Trust::File(path) => {
            let listed = certificates(&path)?;
            let mut roots = RootCertStore::empty();
            for certificate in &listed {
                roots
                    .add(certificate.clone())
                    .map_err(|source| TlsFileError::Unusable {
                        path: path.clone(),
                        source,
                    })?;
            }
            Arc::new(KnownAuthority {
                roots,
                listed,
                name,
                algorithms,
            })
        }
        Trust::Web => Arc::new(KnownAuthority {
            roots: web_roots(),
            listed: Vec::new(),
            name,
            algorithms,
        }),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(options))
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own_certificate(options)? {
        Some((path, chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|source| TlsFileError::Unusable { path, source })?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = options.sni;
    // PostgreSQL 17 asks for it when TLS starts without asking; older servers ignore it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// rustls set up for HTTPS, with the trust of `sslrootcert=system`, and rustls' own verifier: the web
/// has no certificates of version 1, and no names in the subject alone.
pub fn https_config() -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(web_roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn trust(options: &TlsOptions) -> Trust {
    let verifies = options.mode >= SslMode::VerifyCa;
    match &options.roots {
        Roots::File(path) => Trust::File(path.clone()),
        Roots::System => Trust::Web,
        Roots::Default(Some(path)) if options.mode >= SslMode::Require && path.exists() => {
            Trust::File(path.clone())
        }
        Roots::Default(_) if verifies => Trust::Web,
        Roots::Default(_) => Trust::Anybody,
    }
}

/// Mozilla's list, which is built in for images without any file, and the system's.
fn web_roots() -> RootCertStore {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    [
        (TlsVersion::V13, &rustls::version::TLS13),
        (TlsVersion::V12, &rustls::version::TLS12),
    ]
    .into_iter()
    .filter(|(version, _)| (options.oldest..=options.newest).contains(version))
    .map(|(_, version)| version)
    .collect()
}

type OwnCertificate = (
    PathBuf,
    Vec<CertificateDer<'static>>,
    PrivateKeyDer<'static>,
);

fn own_certificate(options: &TlsOptions) -> Result<Option<OwnCertificate>, TlsFileError> {
    let path = match &options.certificate {
        OwnFile::Named(path) => path,
        OwnFile::Default(path) if path.exists() => path,
        OwnFile::Default(_) | OwnFile::None => return Ok(None),
    };
    let chain = certificates(path)?;
    let key = match &options.key {
        OwnFile::Named(key) => key,
        OwnFile::Default(key) if key.exists() => key,
        OwnFile::Default(_) | OwnFile::None => {
            return Err(TlsFileError::KeyMissing { path: path.clone() });
        }
    };
    Ok(Some((path.clone(), chain, private_key(key)?)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let text = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|source| TlsFileError::Pem {
        path: path.to_owned(),
        source,
    })?;
    if all.is_empty() {
        return Err(TlsFileError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let unreadable = |source| TlsFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // libpq's rule: root may share its key with a group.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    let mode = metadata.mode() & 0o7777;
    if metadata.is_file() && mode & forbidden != 0 {
        return Err(TlsFileError::KeyMode {
            path: path.to_owned(),
            mode,
        });
    }
    let text = read(path)?;
    if text.windows(9).any(|window| window == b"ENCRYPTED") {
        return Err(TlsFileError::EncryptedKey {
            path: path.to_owned(),
        });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| {
        if matches!(source, pem::Error::NoItemsFound) {
            TlsFileError::NoKey {
                path: path.to_owned(),
            }
        } else {
            TlsFileError::Pem {
                path: path.to_owned(),
                source,
            }
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFileError> {
    fs::read(path).map_err(|source| TlsFileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::database::tls_options::Negotiation;

    const CERTIFICATE: &str = include_str!("verifier/cn.pem");
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n";

    fn check(certificate: Option<(&str, u32)>, key: Option<(&str, u32)>, expected: &str) {
        let name = format!(
            "castoff-tls-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, content: Option<(&str, u32)>| {
            let path = folder.join(name);
            if let Some((text, mode)) = content {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            path
        };
        let options = TlsOptions {
            mode: SslMode::Require,
            negotiation: Negotiation::Postgres,
            roots: Roots::Default(None),
            certificate: OwnFile::Named(file("own.crt", certificate)),
            key: OwnFile::Default(file("own.key", key)),
            sni: true,
            oldest: TlsVersion::V12,
            newest: TlsVersion::V13,
        };
        let shown = match client_config(&options) {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                assert!(error.path().starts_with(&folder));
                error
                    .to_string()
                    .replace(&folder.display().to_string(), "~")
            }
        };
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(shown, expected);
    }

    #[test]
    fn names_the_file_that_cannot_be_used() {
        let good = Some((CERTIFICATE, 0o644));
        check(None, None, "`~/own.crt` cannot be read");
        check(Some(("", 0o644)), None, "`~/own.crt` holds no certificate");
        check(
            Some(("-----BEGIN CERTIFICATE-----", 0o644)),
            None,
            "`~/own.crt` is not a PEM file",
        );
        check(good, None, "the certificate `~/own.crt` has no private key");
        check(good, Some(("", 0o600)), "`~/own.key` holds no private key");
        check(
            good,
            Some((ENCRYPTED, 0o600)),
            "the private key `~/own.key` is encrypted",
        );
        check(
            good,
            Some((ENCRYPTED, 0o644)),
            "the private key `~/own.key` can be read by others (mode 0644)",
        );
    }
}
