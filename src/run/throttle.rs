//! Whether the next batch may run, decided from what the server says. Batches can wait; a standby
//! that falls behind, a session that stands in line, a disk that fills up cannot.

use std::fmt;
use std::time::Duration;

use crate::database::sample::Sample;

/// WAL files that wait to be archived before it is too many: somewhat more than half a gigabyte.
const MOST_ARCHIVE: i64 = 42;

/// Why no batch runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// A standby is behind by so many seconds.
    Lag(f64),
    /// So many sessions wait for a lock on the table or on a row that a batch has changed.
    Waiting(i64),
    /// So many WAL files wait to be archived.
    Archive(i64),
    /// This backend keeps the table for a vacuum, an analyze or an index build.
    Maintenance(i32),
    /// What the user's own query returned.
    Wish(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lag(seconds) => write!(formatter, "a standby is {seconds:.0} s behind"),
            Self::Waiting(1) => write!(formatter, "a session waits for a lock on the table"),
            Self::Waiting(count) => {
                write!(formatter, "{count} sessions wait for a lock on the table")
            }
            Self::Archive(count) => write!(formatter, "{count} WAL files wait to be archived"),
            Self::Maintenance(pid) => write!(
                formatter,
                "pid {pid} keeps the table for a vacuum, an analyze or an index build"
            ),
            Self::Wish(value) => write!(formatter, "its `throttle` query returned {value}"),
        }
    }
}

impl Reason {
    /// Whether two reasons are the same news: numbers change all the time.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Decides. The first reason wins; those that harm others most come first.
pub fn decide(sample: &Sample, max_lag: Duration) -> Option<Reason> {
    let is_behind = |lag: &f64| !max_lag.is_zero() && *lag > max_lag.as_secs_f64();
    if sample.waiting > 0 {
        return Some(Reason::Waiting(sample.waiting));
    }
    if let Some(lag) = sample.lag.filter(is_behind) {
        return Some(Reason::Lag(lag));
    }
    if let Some(count) = sample.archive.filter(|&count| count > MOST_ARCHIVE) {
        return Some(Reason::Archive(count));
    }
    if let Some(pid) = sample.maintenance {
        return Some(Reason::Maintenance(pid));
    }
    sample.wish.clone().map(Reason::Wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sample: &Sample, expected: &str) {
        let reason = decide(sample, Duration::from_secs(10));
        let shown = reason.map_or("none".to_owned(), |reason| reason.to_string());
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_first_reason_wins() {
        let quiet = Sample::default();
        check(&quiet, "none");
        let mut sample = Sample {
            lag: Some(10.0),
            archive: Some(42),
            ..quiet
        };
        check(&sample, "none");
        sample.wish = Some("t".into());
        check(&sample, "its `throttle` query returned t");
        sample.maintenance = Some(7);
        check(
            &sample,
            "pid 7 keeps the table for a vacuum, an analyze or an index build",
        );
        sample.archive = Some(43);
        check(&sample, "43 WAL files wait to be archived");
        sample.lag = Some(10.6);
        check(&sample, "a standby is 11 s behind");
        sample.waiting = 1;
        check(&sample, "a session waits for a lock on the table");
        sample.waiting = 2;
        check(&sample, "2 sessions wait for a lock on the table");
    }

    #[test]
    fn no_lag_is_too_much_where_nobody_cares() {
        let sample = Sample {
            lag: Some(1e9),
            ..Sample::default()
        };
        assert_eq!(decide(&sample, Duration::ZERO), None);
    }
}
