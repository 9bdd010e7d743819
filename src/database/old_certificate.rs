//! Certificates of the kind that people make themselves.
//!
//! `openssl x509 -req`, as PostgreSQL's manual shows it ("Creating Certificates"), makes
//! certificates of X.509 version 1, with the server's name in the common name only. OpenSSL, and so libpq,
//! verifies them; webpki does not read them. So this does, within narrow bounds: only an
//! authority from the user's own root file, which must have signed the certificate directly.
//! Version 1 has no extensions, so none can be overlooked.

use rustls::RootCertStore;
use rustls::pki_types::{ServerName, SignatureVerificationAlgorithm, UnixTime};
use time::{Date, Month, Time, UtcDateTime};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// The object identifier 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What [`Certificate::verify`] finds wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotValidYet,
    /// No authority of the file has signed it.
    UnknownIssuer,
}

/// A certificate, as far as it matters here. Slices are DER.
pub struct Certificate<'a> {
    /// Its public key, as rustls takes it.
    pub public_key: &'a [u8],
    /// Whether it has no version field, and so no extensions.
    pub is_version_1: bool,
    signed: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: UtcDateTime,
    not_after: UtcDateTime,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` if it is not one.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(Reader(der).only(SEQUENCE)?);
        let (signed, body) = outer.element(SEQUENCE)?;
        let algorithm = outer.take(SEQUENCE)?;
        let signature = bits(outer.only(BIT_STRING)?)?;
        let mut body = Reader(body);
        let has_version = body.0.first() == Some(&VERSION);
        if has_version {
            body.take(VERSION)?;
        }
        body.take(INTEGER)?;
        let inner_algorithm = body.take(SEQUENCE)?;
        let issuer = body.take(SEQUENCE)?;
        let mut validity = Reader(body.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = body.take(SEQUENCE)?;
        let (public_key, _) = body.element(SEQUENCE)?;
        if inner_algorithm != algorithm {
            return None;
        }
        let is_version_1 = !has_version && body.0.is_empty();
        Some(Self {
            public_key,
            is_version_1,
            signed,
            algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
        })
    }

    /// Whether one of the authorities has signed it, and the time is right.
    pub fn verify(
        &self,
        roots: &RootCertStore,
        now: UnixTime,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<(), Flaw> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < self.not_before.unix_timestamp() {
            return Err(Flaw::NotValidYet);
        }
        if now > self.not_after.unix_timestamp() {
            return Err(Flaw::Expired);
        }
        let signed = roots.roots.iter().any(|root| {
            root.subject.as_ref() == self.issuer
                && root.name_constraints.is_none()
                && self.is_signed_with(root.subject_public_key_info.as_ref(), algorithms)
                    == Some(true)
        });
        if signed {
            Ok(())
        } else {
            Err(Flaw::UnknownIssuer)
        }
    }

    fn is_signed_with(
        &self,
        public_key: &[u8],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Option<bool> {
        let mut public_key = Reader(public_key);
        let key_algorithm = public_key.take(SEQUENCE)?;
        let key = bits(public_key.only(BIT_STRING)?)?;
        Some(algorithms.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
                && algorithm
                    .verify_signature(key, self.signed, self.signature)
                    .is_ok()
        }))
    }

    /// Whether the common name is the server's, or a wildcard for its first label.
    pub fn is_for(&self, name: &ServerName<'_>) -> bool {
        let wanted = name.to_str();
        let Some(common) = self.common_name() else {
            return false;
        };
        if common.eq_ignore_ascii_case(&wanted) {
            return true;
        }
        let ServerName::DnsName(_) = name else {
            return false;
        };
        match (common.strip_prefix("*."), wanted.split_once('.')) {
            // One label and no more, as in libpq.
            (Some(domain), Some((label, rest))) => {
                !domain.is_empty() && !label.is_empty() && domain.eq_ignore_ascii_case(rest)
            }
            _ => false,
        }
    }

    /// The common name, if there is exactly one and it is plain text.
    fn common_name(&self) -> Option<&'a str> {
        let mut found = None;
        let mut subject = Reader(self.subject);
        while !subject.0.is_empty() {
            let mut attributes = Reader(subject.take(SET)?);
            while !attributes.0.is_empty() {
                let mut attribute = Reader(attributes.take(SEQUENCE)?);
                if attribute.take(OBJECT_IDENTIFIER)? != COMMON_NAME {
                    continue;
                }
                let (tag, value) = attribute.any()?;
                if found.is_some() || ![UTF8_STRING, PRINTABLE_STRING, IA5_STRING].contains(&tag) {
                    return None;
                }
                // A NUL would hide what follows from C programs, and is never meant well.
                found = Some(
                    std::str::from_utf8(value)
                        .ok()
                        .filter(|text| !text.contains('\0'))?,
                );
            }
        }
        found
    }
}

/// The bits of a BIT STRING that fills whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content
        .split_first()
        .filter(|(unused, _)| **unused == 0)
        .map(|(_, bits)| bits)
}

/// Reads DER elements one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its tag and its content.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit))
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn take(&mut self, expected: u8) -> Option<&'a [u8]> {
        self.any()
            .filter(|(tag, _)| *tag == expected)
            .map(|(_, content)| content)
    }

    /// The next element with its header, and its content.
    fn element(&mut self, expected: u8) -> Option<(&'a [u8], &'a [u8])> {
        let before = self.0;
        let content = self.take(expected)?;
        Some((&before[..before.len() - self.0.len()], content))
    }

    /// The next element, if it is the last one.
    fn only(&mut self, expected: u8) -> Option<&'a [u8]> {
        let content = self.take(expected)?;
        self.0.is_empty().then_some(content)
    }

    fn time(&mut self) -> Option<UtcDateTime> {
        let (tag, content) = self.any()?;
        let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year: i32 = year.parse().ok()?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (year.parse().ok()?, rest)
            }
            _ => return None,
        };
        let two = |at: usize| rest.get(at..at + 2)?.parse::<u8>().ok();
        let date = Date::from_calendar_date(year, Month::try_from(two(0)?).ok()?, two(2)?).ok()?;
        let time = Time::from_hms(two(4)?, two(6)?, two(8)?).ok()?;
        (rest.len() == 10).then(|| UtcDateTime::new(date, time))
    }
}
