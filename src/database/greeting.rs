//! What a server says while it lets somebody in, read along byte by byte.
//!
//! tokio-postgres keeps to itself which login the server asked for, and which process it
//! announced. Nothing is changed or held back here.

use std::sync::{Arc, OnceLock};

use thiserror::Error;

use crate::database::conninfo::AuthMethod;

/// A message's type and length.
const HEAD: usize = 5;

/// As much of a message as is looked at: its head, and the number that follows in the messages
/// that matter here.
const MOST: usize = HEAD + 4;

/// What the first answer of the server gives away.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UnwantedAnswer {
    /// It is not PostgreSQL's protocol.
    #[error("not a PostgreSQL server")]
    NotPostgres,
    /// The server asks for a login that `require_auth` excludes.
    #[error("the server asks for a login that `require_auth` excludes")]
    Auth(&'static str),
}

/// Reads the messages of a login until it is over.
pub struct Greeting {
    accepted: Arc<[AuthMethod]>,
    announced: Arc<OnceLock<i32>>,
    message: Vec<u8>,
    skip: usize,
    is_first: bool,
    over: bool,
}

impl Greeting {
    /// `accepted` is `require_auth`, empty for any login. `announced` takes the process id that
    /// the server gives for cancel requests.
    pub fn new(accepted: Arc<[AuthMethod]>, announced: Arc<OnceLock<i32>>) -> Self {
        Self {
            accepted,
            announced,
            message: Vec::with_capacity(MOST),
            skip: 0,
            is_first: true,
            over: false,
        }
    }

    /// Whether the server has said nothing yet.
    pub fn is_awaited(&self) -> bool {
        self.is_first && !self.over && self.message.is_empty()
    }

    /// Takes what was read next.
    pub fn see(&mut self, mut new: &[u8]) -> Result<(), UnwantedAnswer> {
        while !self.over && !new.is_empty() {
            let skipped = self.skip.min(new.len());
            self.skip -= skipped;
            new = &new[skipped..];
            let Some((byte, rest)) = new.split_first() else {
                break;
            };
            self.message.push(*byte);
            new = rest;
            self.look()?;
        }
        Ok(())
    }

    /// Looks at the message as far as it is there.
    fn look(&mut self) -> Result<(), UnwantedAnswer> {
        let kind = self.message[0];
        if self.is_first && !matches!(kind, b'R' | b'E') {
            return Err(UnwantedAnswer::NotPostgres);
        }
        // An error ends the login. So does `ReadyForQuery`.
        if matches!(kind, b'E' | b'Z') {
            self.over = true;
            return Ok(());
        }
        let Some(&[a, b, c, d]) = self.message.get(1..HEAD) else {
            return Ok(());
        };
        // The length counts itself, but not the type before it.
        let whole = 1 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX - 1);
        if self.message.len() < whole.min(MOST) {
            return Ok(());
        }
        if let Some(&[a, b, c, d]) = self.message.get(HEAD..MOST) {
            let number = i32::from_be_bytes([a, b, c, d]);
            if kind == b'R' && self.is_first {
                check_method(number, &self.accepted)?;
            }
            if kind == b'K' {
                // The first one counts: connections to the side share this place.
                self.announced.set(number).ok();
                self.over = true;
            }
        }
        self.skip = whole.saturating_sub(self.message.len());
        self.message.clear();
        self.is_first = false;
        Ok(())
    }
}

fn check_method(code: i32, accepted: &[AuthMethod]) -> Result<(), UnwantedAnswer> {
    let (method, name) = match code {
        0 => (AuthMethod::None, "none"),
        3 => (AuthMethod::Password, "password"),
        5 => (AuthMethod::Md5, "md5"),
        7 => (AuthMethod::Gss, "gss"),
        9 => (AuthMethod::Sspi, "sspi"),
        10 => (AuthMethod::Scram, "scram-sha-256"),
        // tokio-postgres refuses what nobody knows.
        _ => return Ok(()),
    };
    if accepted.is_empty() || accepted.contains(&method) {
        Ok(())
    } else {
        Err(UnwantedAnswer::Auth(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SASL: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
    const TRUST: &[u8] = b"R\0\0\0\x08\0\0\0\0";

    fn see(accepted: &[AuthMethod], pieces: &[&[u8]]) -> (Result<(), UnwantedAnswer>, Option<i32>) {
        let announced = Arc::new(OnceLock::new());
        let mut greeting = Greeting::new(accepted.into(), Arc::clone(&announced));
        let seen = pieces.iter().try_for_each(|piece| greeting.see(piece));
        (seen, announced.get().copied())
    }

    fn check(accepted: &[AuthMethod], pieces: &[&[u8]], expected: Result<(), UnwantedAnswer>) {
        assert_eq!(see(accepted, pieces).0, expected, "{pieces:?}");
    }

    #[test]
    fn reads_the_first_answer_along() {
        let scram = [AuthMethod::Scram];
        check(&[], &[SASL, b"anything"], Ok(()));
        check(&scram, &[SASL, b"anything"], Ok(()));
        check(&scram, &[&SASL[..3], &SASL[3..8], &SASL[8..]], Ok(()));
        check(&scram, &[TRUST], Err(UnwantedAnswer::Auth("none")));
        check(
            &scram,
            &[&TRUST[..8], &TRUST[8..]],
            Err(UnwantedAnswer::Auth("none")),
        );
        // What asks for nothing more than the accepted login ends with the same message.
        check(&scram, &[SASL, TRUST], Ok(()));
        check(&[AuthMethod::None], &[TRUST, SASL], Ok(()));
        check(
            &[AuthMethod::None],
            &[SASL],
            Err(UnwantedAnswer::Auth("scram-sha-256")),
        );
        check(&scram, &[b"E\0\0\0\x10SFATAL"], Ok(()));
        check(&[], &[b"HTTP/1.1 400"], Err(UnwantedAnswer::NotPostgres));
        check(&[], &[b"\x15\x03"], Err(UnwantedAnswer::NotPostgres));
        check(&[], &[b""], Ok(()));
        check(&[], &[b"R\0\0\0\0\0\0\0\0"], Ok(()));
        check(&[], &[b"R\xff\xff\xff\xff\0\0\0\0"], Ok(()));
    }

    #[test]
    fn finds_the_process_that_the_server_announces() {
        // An empty parameter's message is shorter than what is looked at.
        const PARAMETERS: &[u8] = b"S\0\0\0\x06\0\0S\0\0\0\x0da\0bbbbbb\0";
        const KEY: &[u8] = b"K\0\0\0\x0c\0\0\x30\x39abcd";
        const READY: &[u8] = b"Z\0\0\0\x05I";
        let login = [SASL, TRUST, PARAMETERS, KEY, READY].concat();
        assert_eq!(see(&[], &[&login]).1, Some(12345));
        let bytes: Vec<&[u8]> = login.chunks(1).collect();
        assert_eq!(see(&[], &bytes).1, Some(12345));
        assert_eq!(see(&[], &[TRUST, READY, KEY]).1, None);
        assert_eq!(
            see(&[], &[TRUST, KEY, b"K\0\0\0\x0c\0\0\0\x01abcd"]).1,
            Some(12345)
        );
        assert_eq!(see(&[], &[TRUST, b"E\0\0\0\x08oops", KEY]).1, None);
    }
}
