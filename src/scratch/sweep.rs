//! What earlier runs left behind because they were killed: found by castoff's own names and marks,
//! and taken away only where its maker is surely gone.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tracing::debug;

use super::{PREFIX, Scratch};
use crate::sql::ident::Ident;

/// After so many seconds nobody is still at work with one, on whatever machine.
const OLD: u64 = 24 * 60 * 60;

/// The name of a scratch database: who makes it, when, and a random number. Between its making and
/// its mark castoff may be killed, and then only the name tells.
pub(super) fn name(random: u32) -> String {
    let pid = std::process::id();
    format!("{PREFIX}{pid}_{:08x}{random:08x}", now())
}

/// Whether a database without a mark has such a name, and is old.
fn is_forgotten(name: &str, now: u64) -> bool {
    let rest = name.strip_prefix(PREFIX);
    rest.and_then(|rest| rest.split_once('_'))
        .is_some_and(|(pid, number)| {
            let is_hexadecimal = |digit: char| digit.is_ascii_hexdigit();
            let at = number
                .get(..8)
                .and_then(|at| u64::from_str_radix(at, 16).ok());
            pid.parse::<u32>().is_ok()
                && number.len() == 16
                && number.chars().all(is_hexadecimal)
                && at.is_some_and(|at| at.saturating_add(OLD) < now)
        })
}

/// The comment on a scratch database: who made it, and when. Names alone would not do: a process
/// that does not run here may run on another machine.
pub(super) fn mark(host: &str) -> String {
    let pid = std::process::id();
    format!("castoff scratch: process {pid} on {host} at {}", now())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Whether the database of this mark is nobody's any more.
fn is_stale(mark: &str, host: &str, now: u64, runs: impl Fn(i32) -> bool) -> bool {
    let Some(rest) = mark.strip_prefix("castoff scratch: process ") else {
        return false;
    };
    let parts = rest.split_once(" on ").and_then(|(pid, rest)| {
        let (on, at) = rest.rsplit_once(" at ")?;
        Some((pid.parse::<i32>().ok()?, on, at.parse::<u64>().ok()?))
    });
    parts.is_some_and(|(pid, on, at)| (on == host && !runs(pid)) || at.saturating_add(OLD) < now)
}

/// Whether a process of this number runs.
pub(super) fn runs(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Drops stale databases that nobody is connected to. Whatever goes wrong, the work goes on.
pub(super) fn sweep(scratch: &Scratch<'_>) {
    let sql = "select d.datname::text, pg_catalog.shobj_description(d.oid, 'pg_database') \
        from pg_catalog.pg_database d \
        where pg_catalog.starts_with(d.datname::text, 'castoff_scratch_') \
        and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)";
    let swept = scratch.maintenance(async |client| {
        let rows = client.query_typed(sql, &[]).await.unwrap_or_default();
        for row in rows {
            let (name, mark): (&str, Option<&str>) = (row.get(0), row.get(1));
            let is_nobodys = match mark {
                Some(mark) => is_stale(mark, &scratch.config.host, now(), runs),
                None => is_forgotten(name, now()),
            };
            if is_nobodys {
                let name = Ident::new(name)?;
                // Without force: it fails when somebody came meanwhile.
                let dropped = client.batch_execute(&format!("drop database {name}")).await;
                debug!("dropped the stale {name}: {dropped:?}");
            }
        }
        Ok(())
    });
    if let Err(error) = swept {
        debug!("stale scratch databases were not looked for: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mark: &str, expected: bool) {
        let runs = |pid| pid == 7;
        assert_eq!(is_stale(mark, "here", 100_000, runs), expected, "{mark}");
    }

    #[test]
    fn only_what_is_surely_nobodys_is_stale() {
        check("castoff scratch: process 7 on here at 99999", false);
        check("castoff scratch: process 8 on here at 99999", true);
        // Of another machine: only when it is old.
        check("castoff scratch: process 8 on there at 99999", false);
        check("castoff scratch: process 8 on there at 13599", true);
        check("castoff scratch: process 8 on here", false);
        check("kept for the tests", false);
    }

    #[test]
    fn without_a_mark_only_an_old_name_tells() {
        let check = |name: &str, expected: bool| {
            assert_eq!(is_forgotten(name, 100_000), expected, "{name}");
        };
        check(&name(7), false);
        check("castoff_scratch_8_0000000100000007", true);
        check("castoff_scratch_8_000186a000000007", false);
        check("castoff_scratch_8_00000001", false);
        check("castoff_scratch_8_0000000100000007x", false);
        check("castoff_scratch_mine_0000000100000007", false);
        check("other_8_0000000100000007", false);
    }
}
