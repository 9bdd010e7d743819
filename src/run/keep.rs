//! Keeping the timeouts of an attempt in a script that changes settings itself.
//!
//! `reset all` in a script drops what castoff has set, and `set lock_timeout = 0` is easily written.
//! A value in the connection's startup packet would survive the first, but not the second, and
//! poolers refuse it. So behind a statement that may have changed the timeout it is looked at, and
//! brought back: a script may ask for less than castoff's limit, never for more. What a function
//! does out of sight is left to `watch`, which ends a wait that lasts too long.

use std::ops::Range;
use std::time::Duration;

use super::attempt::{milliseconds, timeouts};
use crate::config::LONGEST_LOCK_TIMEOUT;
use crate::revision::script::SectionOptions;
use crate::sql::classify::first_word;
use crate::sql::split::Statement;

/// The words that a statement needs to change a timeout.
const WORDS: [&str; 2] = ["lock_timeout", "reset"];

/// Cuts a section behind each statement that may change the timeout.
pub(super) fn stretches(text: &str, statements: &[Statement]) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut start = 0;
    for (index, statement) in statements.iter().enumerate() {
        if may_change(text.get(statement.span.clone()).unwrap_or_default()) {
            stretches.push(start..index + 1);
            start = index + 1;
        }
    }
    if start < statements.len() {
        stretches.push(start..statements.len());
    }
    stretches
}

/// Whether a statement says that it changes settings. Data is not searched.
pub(super) fn may_change(statement: &str) -> bool {
    let is_able = matches!(
        first_word(statement).as_ref(),
        "call" | "do" | "execute" | "reset" | "select" | "set" | "values" | "with"
    );
    is_able && WORDS.iter().any(|word| contains(statement, word))
}

/// Looks for a word in lower case, in a text in any case.
fn contains(text: &str, word: &str) -> bool {
    let mut windows = text.as_bytes().windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// What brings the timeouts back behind the last statement of a stretch. `session` is what
/// castoff sets for every session, which `reset all` drops too.
pub(super) fn restore(
    statement: &str,
    session: &str,
    lock_timeout: Option<Duration>,
    options: Option<&SectionOptions>,
) -> String {
    let mut sql = String::new();
    if first_word(statement) == "reset" && contains(statement, "all") {
        sql.push_str(session);
        sql.push_str(&timeouts(lock_timeout, options, "set local"));
    }
    if lock_timeout.is_some() {
        let least = milliseconds(lock_timeout);
        let most = milliseconds(Some(LONGEST_LOCK_TIMEOUT));
        sql.push_str(
            &include_str!("../database/sql/keep_timeout.sql")
                .replace("{attempt}", &least)
                .replace("{longest}", &most),
        );
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    fn check(text: &str, expected: &str) {
        let statements = split(text, 0..text.len()).unwrap();
        let found = stretches(text, &statements);
        let shown: Vec<String> = found.iter().map(|stretch| format!("{stretch:?}")).collect();
        assert_eq!(shown.join(" "), expected, "{text}");
    }

    #[test]
    fn a_script_is_cut_behind_what_may_change_the_timeout() {
        check("", "");
        check("create table a (); create table b ()", "0..2");
        check("reset all; create table b ()", "0..1 1..2");
        check("create table a (); RESET ALL", "0..2");
        check(
            "select 1; /* x */ SET Lock_Timeout = 0; select 2; select set_config('lock_timeout', '0', true); select 3",
            "0..2 2..4 4..5",
        );
        check(
            "do $$ begin execute 'reset all'; end $$; select 1",
            "0..1 1..2",
        );
        check("set search_path = a; set role b; select 1", "0..3");
        check(
            "insert into t values ('reset lock_timeout'); select 1",
            "0..2",
        );
        check("create table preset (id integer); select 1", "0..2");
    }

    #[test]
    fn reset_all_brings_everything_back_and_other_statements_the_limit() {
        let timeout = Some(Duration::from_millis(100));
        let all = restore("/* */ reset ALL", "set a = 1; ", timeout, None);
        assert!(
            all.starts_with("set a = 1; set local lock_timeout = '100ms';\n"),
            "{all}"
        );
        let limit = restore("set lock_timeout = 0", "set a = 1; ", timeout, None);
        assert!(
            limit.contains("'100ms'") && limit.contains("'5000ms'"),
            "{limit}"
        );
        assert!(!limit.contains("set a"), "{limit}");
        assert_eq!(restore("set lock_timeout = 9", "", None, None), "");
    }
}
