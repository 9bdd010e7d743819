//! The name of a revision.

use std::fmt;

/// Identifies one revision. Fits Alembic's `version_num VARCHAR(32)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionId(String);

/// The text is not a revision id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revision id (1 to 32 of a-z, 0-9, _)")]
pub struct InvalidRevisionId(pub String);

impl RevisionId {
    /// Accepts 1 to 32 of `a-z`, `0-9` and `_`, except the words that are targets
    /// (`base`, `head`, `heads`), which could never be named again.
    pub fn new(text: &str) -> Result<Self, InvalidRevisionId> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let reserved = matches!(text, "base" | "head" | "heads");
        if reserved || !(1..=32).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(InvalidRevisionId(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, accepted: bool) {
        assert_eq!(RevisionId::new(text).is_ok(), accepted, "{text}");
    }

    #[test]
    fn accepts_what_alembic_generates_and_refuses_what_a_target_could_mean() {
        check("3f2a9c1b7d04", true);
        check("add_users", true);
        check(&"a".repeat(32), true);
        check(&"a".repeat(33), false);
        check("", false);
        check("head", false);
        check("a-1", false);
        check("a@b", false);
        check("A1", false);
        check("ä", false);
    }
}
