//! How far a piece of work is, as an event of the story.
//!
//! Told as often as it is known: a terminal draws each, a log gets a line every few seconds.

use tracing::info;

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is going on: `create index: building index`.
    pub what: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is; nothing where nobody knows.
    pub total: Option<u64>,
    /// What is counted: `rows`, `blocks`.
    pub unit: &'static str,
}

impl Progress {
    /// Tells it.
    pub fn tell(&self) {
        let Self {
            what,
            done,
            total,
            unit,
        } = self;
        let text = self.text();
        match total {
            Some(total) => info!(event = "progress", what, done, total, unit, "{text}"),
            None => info!(event = "progress", what, done, unit, "{text}"),
        }
    }

    fn text(&self) -> String {
        let Self {
            what, done, unit, ..
        } = self;
        match self.total {
            Some(total) if total > 0 => {
                let percent = u128::from(*done) * 100 / u128::from(total);
                format!("{what}: {percent} % ({done} of {total} {unit})")
            }
            _ if unit.is_empty() => what.clone(),
            _ => format!("{what}: {done} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: u64, total: Option<u64>, unit: &'static str, expected: &str) {
        let what = "create index".to_owned();
        let progress = Progress {
            what,
            done,
            total,
            unit,
        };
        assert_eq!(progress.text(), expected);
    }

    #[test]
    fn a_line_of_the_log() {
        check(1, Some(8), "blocks", "create index: 12 % (1 of 8 blocks)");
        check(1, Some(0), "blocks", "create index: 1 blocks");
        check(7, None, "blocks", "create index: 7 blocks");
        check(0, None, "", "create index");
    }
}
