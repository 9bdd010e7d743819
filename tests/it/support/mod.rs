//! What the tests stand on: private servers, databases, projects with migrations, and castoff as
//! a process. Every helper panics when it proves nothing.

pub(crate) mod browser;
pub(crate) mod castoff;
pub(crate) mod clients;
pub(crate) mod crowd;
pub(crate) mod database;
pub(crate) mod dump;
pub(crate) mod found;
pub(crate) mod http;
pub(crate) mod http_server;
pub(crate) mod interrupt;
pub(crate) mod listener;
pub(crate) mod pgbouncer;
pub(crate) mod project;
pub(crate) mod redact;
pub(crate) mod server;
pub(crate) mod stage;
pub(crate) mod suite;
pub(crate) mod supervised;
pub(crate) mod supervisor;
pub(crate) mod terminal;
pub(crate) mod transcript;
pub(crate) mod web;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// The password of every test server's superuser. castoff may print it nowhere.
pub(crate) const PASSWORD: &str = "Kp7x-hush-Qz4";

/// Long enough for anything on a busy machine: a test that gets here has failed.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A statement that returns when nobody has the table `gate` locked in share mode. It does not wait
/// for the lock itself: then castoff would try again.
pub(crate) const AT_GATE: &str = "do $$ begin while exists (select from pg_locks where mode = 'ShareLock' \
    and relation = 'gate'::regclass) loop perform pg_sleep(0.01); end loop; end $$;";

/// Asks until there is an answer; no answer in time fails the test.
#[track_caller]
pub(crate) fn until<T>(what: &str, deadline: Duration, ask: impl FnMut() -> Option<T>) -> T {
    within(deadline, ask).unwrap_or_else(|| panic!("not within {deadline:?}: {what}"))
}

/// Asks until there is an answer or the time is over. The only place in the tests that sleeps.
pub(crate) fn within<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let late = start.elapsed() >= deadline;
        let answer = ask();
        if answer.is_some() || late {
            return answer;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "tests have no runtime to wait in"
        )]
        std::thread::sleep(Duration::from_millis(2));
    }
}
