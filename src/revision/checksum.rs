//! What tells an edited migration from the one that was applied.
//!
//! Two sums per file, because one alone is wrong either way: bytes change when Git changes line
//! ends or somebody corrects a comment, and a form that forgives this does not prove what was
//! read. A third sum, the lineage, covers a revision together with everything below it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::id::RevisionId;
use super::script::{Mode, SectionOptions};
use crate::sql::canonical;
use crate::sql::lexer::Unterminated;
use crate::sql::split::Statement;

/// A SHA-256 sum. Displays as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub [u8; 32]);

/// The text is not a checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a checksum (64 hexadecimal digits)")]
pub struct InvalidChecksum(pub String);

impl InvalidChecksum {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        "invalid-checksum"
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        "restore the value from a backup of castoff's tables".into()
    }
}

impl Checksum {
    /// The sum of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads what [`Display`](fmt::Display) wrote; upper case is accepted too.
    pub fn parse(text: &str) -> Result<Self, InvalidChecksum> {
        let invalid = || InvalidChecksum(text.to_owned());
        if text.len() != 64 {
            return Err(invalid());
        }
        let mut sum = [0; 32];
        for (byte, digits) in sum.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |index: usize| char::from(digits[index]).to_digit(16);
            let value = digit(0).zip(digit(1)).map(|(high, low)| high * 16 + low);
            *byte = value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or_else(invalid)?;
        }
        Ok(Self(sum))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The two sums of one migration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksums {
    /// Of the whole file as it was read.
    pub raw: Checksum,
    /// Of what the upgrade does: its mode, its timeouts, its key in batches and its SQL in canonical
    /// form.
    ///
    /// Header, message and downgrade section are not part of it: a comment may be corrected, and a
    /// way back must be correctable after the way forward was deployed.
    pub canonical: Checksum,
}

impl Checksums {
    /// The sums of a file with these bytes and, in its decoded text, this upgrade section.
    pub fn of(
        raw: Checksum,
        text: &str,
        options: &SectionOptions,
        statements: &[Statement],
    ) -> Result<Self, Unterminated> {
        let mut hasher = Sha256::new();
        if options.mode == Mode::Autocommit {
            hasher.update("autocommit\n");
        }
        let timeouts = [
            ("lock_timeout", &options.lock_timeout),
            ("statement_timeout", &options.statement_timeout),
        ];
        for (name, value) in timeouts {
            if let Some(value) = value {
                hasher.update(format!("{name}={value}\n"));
            }
        }
        if let Some(batch) = &options.batch {
            hasher.update(batch.identity());
        }
        // No option holds a NUL, so options cannot pass for SQL nor SQL for options.
        hasher.update([0]);
        canonical::write(text, statements, &mut |part| hasher.update(part))?;
        Ok(Self {
            raw,
            canonical: Checksum(hasher.finalize().into()),
        })
    }
}

/// Proves a revision and its whole ancestry: two are equal only if id and canonical sum of every
/// revision below are. One value in the ledger thus stands for the history that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage(pub Checksum);

impl Lineage {
    /// The lineage of a revision from those of its parents, by `down_revision` and `depends_on`,
    /// in any order.
    pub fn of(id: &RevisionId, canonical: &Checksum, parents: &[&Self]) -> Self {
        let mut parents: Vec<&Self> = parents.to_vec();
        parents.sort();
        parents.dedup();
        let mut hasher = Sha256::new();
        hasher.update(id.as_str());
        // Ends the id, which has no NUL. What follows has a fixed size each.
        hasher.update([0]);
        hasher.update(canonical.0);
        for parent in parents {
            hasher.update(parent.0.0);
        }
        Self(Checksum(hasher.finalize().into()))
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Result<Self, InvalidChecksum> {
        Checksum::parse(text).map(Self)
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_hexadecimal() {
        let sum = Checksum::of(b"");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sum.to_string(), text);
        assert_eq!(Checksum::parse(text), Ok(sum));
        assert_eq!(Checksum::parse(&text.to_uppercase()), Ok(sum));
        for wrong in [
            "",
            "e3",
            &text.replace('e', "g"),
            &text.replace("e3", "ä"),
            &format!("{text}0"),
        ] {
            assert!(Checksum::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lineage_covers_every_ancestor_and_no_order() {
        let id = |text: &str| RevisionId::new(text).unwrap();
        let (sum, edited) = (Checksum::of(b"a"), Checksum::of(b"b"));
        let base = Lineage::of(&id("base1"), &sum, &[]);
        let edited_base = Lineage::of(&id("base1"), &edited, &[]);
        let side = Lineage::of(&id("side"), &sum, &[&base]);
        let of = |parents: &[&Lineage]| Lineage::of(&id("tip"), &sum, parents);
        assert_eq!(of(&[&base, &side]), of(&[&side, &base, &side]));
        assert_ne!(of(&[&base]), of(&[]));
        assert_ne!(of(&[&base]), of(&[&edited_base]));
        assert_ne!(
            of(&[&side]),
            of(&[&Lineage::of(&id("side"), &sum, &[&edited_base])])
        );
        assert_ne!(of(&[]), Lineage::of(&id("other"), &sum, &[]));
        assert_eq!(Lineage::parse(&base.to_string()), Ok(base));
    }
}
