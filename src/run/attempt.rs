//! How long each attempt at a step may wait for locks, and what is tried again. Pure.
//!
//! A statement that waits for a strong lock stalls everybody who comes after it, so an attempt
//! gives up soon, gives back all locks it has by rolling back, and leaves the others alone for a
//! while. The longer it goes on, the longer each attempt may wait.

use std::fmt::Write as _;
use std::time::Duration;

use crate::config::{LONGEST_LOCK_TIMEOUT, Locks};
use crate::database::failure::Failure;
use crate::database::sqlstate;
use crate::revision::script::SectionOptions;
use crate::sql::classify::{Class, classify};
use crate::sql::ident::Literal;
use crate::sql::split::Statement;
use crate::sql::targets::only_validates;

/// The `lock_timeout` of the first attempts, in milliseconds. Later ones double it.
const SCHEDULE: [u64; 7] = [100, 100, 200, 400, 500, 500, 1000];

/// How locks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// By the schedule, up to this much.
    Growing(Duration),
    /// Always for this long: the section's own wish.
    Fixed(Duration),
    /// For as long as it takes: it stalls nobody while it waits.
    Patient,
}

/// What one step, or one statement of an autocommit section, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pace: Pace,
    /// Half of the section's `statement_timeout`: the refusal of a lock must come before it.
    most: Option<Duration>,
    /// The total time for trying again, or of a patient statement.
    pub(super) budget: Duration,
    /// Whether a failed attempt leaves nothing behind that the next one would stumble over.
    pub(super) may_repeat: bool,
}

impl Limits {
    /// For a section in one transaction, from the text that runs.
    pub(super) fn of_section(
        text: &str,
        statements: &[Statement],
        options: Option<&SectionOptions>,
        locks: &Locks,
    ) -> Self {
        let validates = |statement: &Statement| only_validates(&text[statement.span.clone()]);
        let is_patient = !statements.is_empty() && statements.iter().all(validates);
        Self::new(is_patient, options, locks)
    }

    /// For one statement of an autocommit section.
    pub(super) fn of_statement(
        statement: &str,
        options: Option<&SectionOptions>,
        locks: &Locks,
    ) -> Self {
        let is_patient = stalls_nobody(statement);
        let is_ordinary = classify(statement) == Class::Ordinary;
        Self {
            // What a failed `create index concurrently` leaves is the next start's to clear away.
            may_repeat: is_ordinary || !is_patient,
            ..Self::new(is_patient, options, locks)
        }
    }

    fn new(is_patient: bool, options: Option<&SectionOptions>, locks: &Locks) -> Self {
        if is_patient {
            return Self {
                pace: Pace::Patient,
                most: None,
                budget: locks.concurrent_budget,
                may_repeat: true,
            };
        }
        let timeout = |text: &Option<String>| text.as_deref().and_then(duration);
        let statement = options.and_then(|options| timeout(&options.statement_timeout));
        Self {
            pace: match options.and_then(own_lock_timeout) {
                Some(own) => Pace::Fixed(own),
                None => Pace::Growing(locks.timeout.min(LONGEST_LOCK_TIMEOUT)),
            },
            most: statement
                .filter(|most| !most.is_zero())
                .map(|most| most / 2),
            budget: locks.budget,
            may_repeat: true,
        }
    }

    /// The same for a statement that may have committed a part of its work when it fails: there is
    /// one attempt, which waits as long as any would.
    pub(super) fn only_once(self) -> Self {
        Self {
            pace: match self.pace {
                Pace::Growing(longest) => Pace::Fixed(longest),
                pace @ (Pace::Fixed(_) | Pace::Patient) => pace,
            },
            may_repeat: false,
            ..self
        }
    }

    /// How long the attempt of this number, counted from 1, waits for each lock. Nothing: for as
    /// long as it takes.
    pub(super) fn lock_timeout(&self, attempt: u32) -> Option<Duration> {
        let timeout = match self.pace {
            Pace::Patient => return None,
            Pace::Fixed(timeout) => timeout,
            Pace::Growing(longest) => {
                let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
                let step = SCHEDULE.get(index).copied().unwrap_or_else(|| {
                    let doublings = u32::try_from(index + 1 - SCHEDULE.len()).unwrap_or(8);
                    SCHEDULE[SCHEDULE.len() - 1] << doublings.min(8)
                });
                Duration::from_millis(step).min(longest)
            }
        };
        let timeout = self.most.map_or(timeout, |most| timeout.min(most));
        // Less would be rounded to 0, which means none.
        Some(timeout.max(Duration::from_millis(1)))
    }

    /// The section's own wish, where it is more than is ever allowed.
    pub(super) fn lowers(options: &SectionOptions) -> bool {
        options
            .lock_timeout
            .as_deref()
            .and_then(duration)
            .is_some_and(|own| own.is_zero() || own > LONGEST_LOCK_TIMEOUT)
    }
}

/// The section's own wish, or the most that is allowed where it wishes for more.
pub(super) fn own_lock_timeout(options: &SectionOptions) -> Option<Duration> {
    match options.lock_timeout.as_deref().and_then(duration)? {
        Duration::ZERO => Some(LONGEST_LOCK_TIMEOUT),
        own => Some(own.min(LONGEST_LOCK_TIMEOUT)),
    }
}

/// Whether a statement's locks stall neither readers nor writers while it waits for them.
fn stalls_nobody(statement: &str) -> bool {
    match classify(statement) {
        Class::NeedsAutocommit("vacuum") => !statement.to_ascii_lowercase().contains("full"),
        Class::NeedsAutocommit(command) => command.ends_with("concurrently"),
        Class::Ordinary | Class::ToClient | Class::TransactionControl(_) => {
            only_validates(statement)
        }
    }
}

/// Whether the server refused in a way that passes: a lock was not there in time, or two waited for
/// each other. A cancelled statement counts only when castoff itself ended its wait for a lock.
pub(super) fn passes(failure: &Failure, was_ended_waiting: bool) -> bool {
    failure.is(sqlstate::LOCK_NOT_AVAILABLE)
        || failure.is(sqlstate::DEADLOCK_DETECTED)
        || (was_ended_waiting && failure.is(sqlstate::QUERY_CANCELED))
}

/// The statements that set the timeouts of one attempt, by `set` or `set local`.
pub(super) fn timeouts(
    lock_timeout: Option<Duration>,
    options: Option<&SectionOptions>,
    set: &str,
) -> String {
    let mut sql = format!("{set} lock_timeout = '{}';\n", milliseconds(lock_timeout));
    let statement = options.and_then(|options| options.statement_timeout.as_deref());
    if let Some(timeout) = statement {
        // Writing to a String cannot fail.
        writeln!(sql, "{set} statement_timeout = {};", Literal(timeout)).ok();
    }
    sql
}

/// As PostgreSQL reads it; 0 means none.
pub(super) fn milliseconds(timeout: Option<Duration>) -> String {
    match timeout {
        Some(timeout) => format!("{}ms", timeout.as_millis()),
        None => "0".to_owned(),
    }
}

/// A duration as PostgreSQL's settings have it: `2s`, `1.5min`, a bare number of milliseconds. The
/// parser of section lines has refused everything else.
fn duration(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = match &text[number.len()..] {
        "us" => 0.000_001,
        "" | "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::failure::Refusal;

    const LOCKS: Locks = Locks {
        timeout: Duration::from_secs(2),
        budget: Duration::from_mins(10),
        concurrent_budget: Duration::from_mins(30),
        terminate_idle: None,
        show_queries: false,
    };

    fn options(lock_timeout: &str, statement_timeout: &str) -> SectionOptions {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        SectionOptions {
            lock_timeout: text(lock_timeout),
            statement_timeout: text(statement_timeout),
            ..SectionOptions::default()
        }
    }

    fn check(longest_ms: u64, options: &SectionOptions, expected: &[u64]) {
        let locks = Locks {
            timeout: Duration::from_millis(longest_ms),
            ..LOCKS
        };
        let limits = Limits::of_statement("alter table t add a integer", Some(options), &locks);
        let attempts = 1..=u32::try_from(expected.len()).unwrap();
        let timeouts: Vec<Duration> = attempts
            .map(|attempt| limits.lock_timeout(attempt).unwrap())
            .collect();
        let expected: Vec<Duration> = expected
            .iter()
            .map(|ms| Duration::from_millis(*ms))
            .collect();
        assert_eq!(timeouts, expected);
    }

    #[test]
    fn attempts_wait_longer_and_longer_and_never_for_long() {
        let none = options("", "");
        let usual = [100, 100, 200, 400, 500, 500, 1000, 2000, 2000, 2000];
        check(2000, &none, &usual);
        check(300, &none, &[100, 100, 200, 300, 300, 300, 300, 300]);
        check(
            60_000,
            &none,
            &[100, 100, 200, 400, 500, 500, 1000, 2000, 4000, 5000, 5000],
        );
        check(2000, &options("3s", ""), &[3000, 3000, 3000]);
        check(2000, &options("10min", ""), &[5000, 5000]);
        check(2000, &options("0", ""), &[5000]);
        check(2000, &options("1us", ""), &[1]);
        check(2000, &options("2s", "1s"), &[500, 500]);
        check(2000, &options("2s", "0"), &[2000]);
        let limits = Limits::of_statement("truncate t", None, &LOCKS);
        assert_eq!(
            limits.lock_timeout(u32::MAX),
            Some(Duration::from_secs(2)),
            "without end"
        );
    }

    #[test]
    fn what_may_have_committed_has_one_attempt_that_waits_as_long_as_any() {
        for (own, expected) in [("", 2_000), ("3s", 3_000), ("0", 5_000)] {
            let limits = Limits::of_statement("call p()", Some(&options(own, "")), &LOCKS);
            assert!(limits.may_repeat);
            let once = limits.only_once();
            assert_eq!(once.lock_timeout(1), Some(Duration::from_millis(expected)));
            assert!(!once.may_repeat, "{own}");
        }
    }

    #[test]
    fn only_what_stalls_nobody_waits_without_a_timeout() {
        for (statement, is_patient) in [
            ("create index concurrently i on t (a)", true),
            ("drop index concurrently i", true),
            ("reindex table concurrently t", true),
            ("alter table t detach partition p concurrently", true),
            ("alter table t validate constraint c", true),
            ("vacuum t", true),
            ("vacuum full t", false),
            ("reindex database d", false),
            ("create index i on t (a)", false),
            ("alter table t add a integer", false),
            ("create database d", false),
        ] {
            let limits = Limits::of_statement(statement, Some(&options("2s", "")), &LOCKS);
            assert_eq!(limits.lock_timeout(1).is_none(), is_patient, "{statement}");
            let budget = if is_patient { 30 } else { 10 };
            assert_eq!(limits.budget, Duration::from_mins(budget), "{statement}");
        }
    }

    #[test]
    fn only_refused_locks_are_asked_for_again() {
        let refused = |sqlstate: &str| {
            Failure::Refused(Box::new(Refusal {
                sqlstate: sqlstate.to_owned(),
                message: String::new(),
                detail: None,
                hint: None,
                context: None,
                position: None,
            }))
        };
        for (sqlstate, usual, after_a_wait) in [
            ("55P03", true, true),
            ("40P01", true, true),
            ("57014", false, true),
            ("40001", false, false),
            ("23505", false, false),
            ("42601", false, false),
            ("25001", false, false),
        ] {
            assert_eq!(passes(&refused(sqlstate), false), usual, "{sqlstate}");
            assert_eq!(passes(&refused(sqlstate), true), after_a_wait, "{sqlstate}");
        }
        assert!(!passes(&Failure::Lost(String::new()), true));
    }

    #[test]
    fn timeouts_are_set_as_postgresql_reads_them() {
        assert_eq!(
            timeouts(
                Some(Duration::from_millis(100)),
                Some(&options("9s", "5min")),
                "set local"
            ),
            "set local lock_timeout = '100ms';\nset local statement_timeout = '5min';\n"
        );
        assert_eq!(timeouts(None, None, "set"), "set lock_timeout = '0';\n");
    }

    #[test]
    fn says_when_a_section_asks_for_more_than_it_gets() {
        for (timeout, expected) in [("", false), ("5s", false), ("5001", true), ("0", true)] {
            assert_eq!(Limits::lowers(&options(timeout, "")), expected, "{timeout}");
        }
    }
}
