//! An error in one line, for places that have no more room.

use super::Error;

impl Error {
    /// The chain of sources, without what a message has said already.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes
    }

    /// What happened, where, and why: `revision b failed and was rolled back (b.sql:6): 42703 …`.
    pub fn in_one_line(&self) -> String {
        let mut line = self.to_string();
        if let Some(place) = self.place() {
            line = format!("{line} ({place})");
        }
        for cause in self.causes() {
            line = format!("{line}: {cause}");
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config::error::ConfigError;

    #[test]
    fn the_causes_follow_the_message() {
        let error = Error::Config(ConfigError::Unreadable {
            path: "a".into(),
            named_by: "`B`".to_owned(),
            source: io::Error::other("bad\n  disk"),
        });
        assert_eq!(
            error.in_one_line(),
            "`a` (named by `B`) cannot be read: bad disk"
        );
    }
}
