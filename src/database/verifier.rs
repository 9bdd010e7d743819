//! Whether to believe a server's certificate.
//!
//! Two answers to rustls' question: [`AnyCertificate`] for the modes that only encrypt, and
//! [`KnownAuthority`] for those that verify. rustls' own verifier always checks the name, which
//! `verify-ca` must not do.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::database::old_certificate::{Certificate, Flaw};

/// Whether the certificate must carry the server's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// `verify-full`.
    Required,
    /// `verify-ca`.
    Skipped,
}

/// Takes every certificate, as libpq does below `verify-ca`.
///
/// Signatures are not checked either: whoever can present any certificate can sign with its key,
/// and old self-made certificates (X.509 version 1) would fail for nothing.
#[derive(Debug)]
pub struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ED25519,
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ED448,
        ]
    }
}

/// Takes certificates that a known authority has signed.
#[derive(Debug)]
pub struct KnownAuthority {
    /// The authorities.
    pub roots: RootCertStore,
    /// The certificates of the user's own root file. OpenSSL, and so libpq, takes a server
    /// certificate that is itself in the file, even one marked as an authority, which is what
    /// `openssl req -x509` makes.
    pub listed: Vec<CertificateDer<'static>>,
    /// Whether the name counts.
    pub name: NameCheck,
    /// What ring can verify.
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for KnownAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = match ParsedCertificate::try_from(end_entity) {
            Ok(certificate) => certificate,
            Err(error) => return self.verify_old(end_entity, server_name, now, error),
        };
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )
        .or_else(|error| {
            let listed = self
                .listed
                .iter()
                .any(|one| one.as_ref() == end_entity.as_ref());
            if listed && !is_about_time(&error) {
                Ok(())
            } else {
                Err(error)
            }
        })?;
        match self.name {
            NameCheck::Required => {
                verify_server_name(&certificate, server_name)
                    .or_else(|error| self.check_common_name(end_entity, server_name, error))?;
            }
            NameCheck::Skipped => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match old_certificate(cert) {
            Some(old) => {
                let key = SubjectPublicKeyInfoDer::from(old.public_key);
                verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms)
            }
            None => verify_tls13_signature(message, cert, dss, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl KnownAuthority {
    /// A certificate that webpki cannot read, perhaps because it is of version 1.
    fn verify_old(
        &self,
        certificate: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        now: UnixTime,
        error: Error,
    ) -> Result<ServerCertVerified, Error> {
        let Some(old) = old_certificate(certificate).filter(|_| !self.listed.is_empty()) else {
            return Err(error);
        };
        old.verify(&self.roots, now, self.algorithms.all)
            .map_err(|flaw| match flaw {
                Flaw::Expired => CertificateError::Expired,
                Flaw::NotValidYet => CertificateError::NotValidYet,
                Flaw::UnknownIssuer => CertificateError::UnknownIssuer,
            })?;
        if self.name == NameCheck::Required && !old.is_for(server_name) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    /// Without any alternative name the common name counts, for authorities of the user's own.
    fn check_common_name(
        &self,
        certificate: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        error: Error,
    ) -> Result<(), Error> {
        let nameless = matches!(
            &error,
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })
                if presented.is_empty()
        );
        let parsed =
            Certificate::parse(certificate).filter(|_| nameless && !self.listed.is_empty());
        if parsed.is_some_and(|parsed| parsed.is_for(server_name)) {
            Ok(())
        } else {
            Err(error)
        }
    }
}

fn old_certificate<'a>(certificate: &'a CertificateDer<'_>) -> Option<Certificate<'a>> {
    Certificate::parse(certificate).filter(|certificate| certificate.is_version_1)
}

/// The dates are checked before anything else, so another error means that they are right.
fn is_about_time(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// When the certificates beside this file were made; they are good for ten years.
    const MADE: u64 = 1_795_404_077;
    const DAY: u64 = 24 * 60 * 60;

    const ROOT: &str = include_str!("verifier/root.pem");
    /// Another authority of the same name.
    const OTHER: &str = include_str!("verifier/other.pem");
    /// Version 1, for `db.example`.
    const V1: &str = include_str!("verifier/v1.pem");
    /// Common name `*.example`, no alternative name.
    const CN: &str = include_str!("verifier/cn.pem");
    /// Common name `db.example`, alternative name `other.example`.
    const SAN: &str = include_str!("verifier/san.pem");

    fn parse(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    fn verdict(root: &str, certificate: &CertificateDer<'_>, name: &str, at: u64) -> String {
        let listed = vec![parse(root)];
        let mut roots = RootCertStore::empty();
        roots.add(listed[0].clone()).unwrap();
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let verifier = KnownAuthority {
            roots,
            listed,
            name: NameCheck::Required,
            algorithms,
        };
        let server = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(at));
        match verifier.verify_server_cert(certificate, &[], &server, &[], now) {
            Ok(_) => "ok".to_owned(),
            Err(Error::InvalidCertificate(error)) => {
                let shown = format!("{error:?}");
                shown
                    .split([' ', '('])
                    .next()
                    .unwrap_or_default()
                    .replace("Context", "")
            }
            Err(error) => error.to_string(),
        }
    }

    fn check(root: &str, pem: &str, name: &str, at: u64, expected: &str) {
        assert_eq!(verdict(root, &parse(pem), name, at), expected, "{name}");
    }

    #[test]
    fn verifies_what_people_make_themselves() {
        let now = MADE + DAY;
        check(ROOT, V1, "db.example", now, "ok");
        check(ROOT, V1, "DB.example", now, "ok");
        check(ROOT, V1, "xdb.example", now, "NotValidForName");
        check(ROOT, V1, "10.0.0.1", now, "NotValidForName");
        check(OTHER, V1, "db.example", now, "UnknownIssuer");
        check(ROOT, V1, "db.example", MADE - DAY, "NotValidYet");
        check(ROOT, V1, "db.example", MADE + 3700 * DAY, "Expired");
        check(ROOT, CN, "db.example", now, "ok");
        check(ROOT, CN, "a.db.example", now, "NotValidForName");
        check(ROOT, CN, "example", now, "NotValidForName");
        check(OTHER, CN, "db.example", now, "BadSignature");
        check(ROOT, SAN, "other.example", now, "ok");
        check(ROOT, SAN, "db.example", now, "NotValidForName");
        check(ROOT, ROOT, "db.example", now, "NotValidForName");
        check(V1, V1, "db.example", now, "UnknownIssuer");
    }

    #[test]
    fn refuses_every_damaged_certificate() {
        let good = parse(V1).to_vec();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let shown = verdict(ROOT, &CertificateDer::from(bad), "db.example", MADE + DAY);
            assert_ne!(shown, "ok", "byte {at}");
        }
        for length in 0..good.len() {
            let short = CertificateDer::from(good[..length].to_vec());
            assert_ne!(verdict(ROOT, &short, "db.example", MADE + DAY), "ok");
        }
    }
}
