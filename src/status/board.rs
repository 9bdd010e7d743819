//! The status, shared between the thread that works and those that answer for it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::phase::Phase;
use super::{Change, Failure, Status};
use crate::error::Error;
use crate::event::Fields;

/// Always has the present status: it follows the story.
#[derive(Clone, Debug)]
pub struct Board(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Somebody changed the state.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    status: Status,
    /// How often there was news, and how often anything changed.
    seen: Seen,
    /// What whoever writes the status down has written, if there is such a one.
    written: Option<Seen>,
    begin: Begin,
}

/// Begins to write the status down. Called with the first news and not before: until then castoff may
/// split in two (`run --init`), of which only one has a story to tell, and threads survive in neither.
#[derive(Default)]
struct Begin(Option<Beginning>);

type Beginning = Box<dyn FnOnce(&Board) + Send>;

impl fmt::Debug for Begin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = if self.0.is_some() { "not yet" } else { "begun" };
        formatter.write_str(begun)
    }
}

/// What somebody has seen of the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    news: u64,
    changes: u64,
}

impl Board {
    /// castoff has just begun.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                status: Status::new(Instant::now()),
                // The beginning is news to whoever begins to look.
                seen: Seen {
                    news: 1,
                    changes: 1,
                },
                written: None,
                begin: Begin::default(),
            }),
            changed: Condvar::new(),
        }))
    }

    /// The status at this moment.
    pub fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Enters a phase that is nobody's to tell any more.
    pub fn enter(&self, phase: Phase) {
        self.change(|status| status.enter(phase, Instant::now()));
    }

    /// Ends castoff with an error.
    pub fn fail(&self, error: &Error) -> Failure {
        let mut failure = None;
        self.change(|status| {
            let (code, exit_status) = (error.code(), error.exit_status());
            let message = error.in_one_line();
            failure = Some(status.fail(code, exit_status, message, Instant::now()));
            Change::News
        });
        failure.expect("it was set a line above")
    }

    /// Waits for something that was not `seen`: news at once, progress once `now_and_then` has passed,
    /// and nothing at all for `seldom`. For the one who writes the status down: what it had seen before
    /// counts as written.
    pub(crate) fn follow(
        &self,
        seen: Option<Seen>,
        now_and_then: Duration,
        seldom: Duration,
    ) -> (Status, Seen) {
        let began = Instant::now();
        let mut state = self.lock();
        if let Some(seen) = seen {
            state.written = Some(seen);
            self.0.changed.notify_all();
        }
        while let Some(seen) = seen {
            if state.seen.news != seen.news {
                break;
            }
            let patience = if state.seen == seen {
                seldom
            } else {
                now_and_then
            };
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            // A spurious wake-up finds nothing new, and waits again.
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.status.clone(), state.seen)
    }

    /// Has somebody begin to write down what stands here, with the first news.
    pub(crate) fn is_followed(&self, begin: impl FnOnce(&Self) + Send + 'static) {
        let mut state = self.lock();
        state.written = Some(Seen::default());
        state.begin = Begin(Some(Box::new(begin)));
    }

    /// Nobody writes it down after all.
    pub(crate) fn is_not_followed(&self) {
        self.lock().written = None;
        self.0.changed.notify_all();
    }

    /// Gives whoever writes the status down the time to do it: what follows may end this process. No
    /// longer than `most`, for a disk that does not answer. Whether it is written.
    pub(crate) fn settle(&self, most: Duration) -> bool {
        let began = Instant::now();
        let mut state = self.lock();
        loop {
            let is_written = |written: Seen| written.news >= state.seen.news;
            if state.written.is_none_or(is_written) {
                return true;
            }
            let left = most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Status) -> Change) {
        let mut state = self.lock();
        match change(&mut state.status) {
            Change::Nothing => return,
            // There was news before: that it begins.
            Change::Progress => {}
            Change::News => state.seen.news += 1,
        }
        state.seen.changes += 1;
        let begin = state.begin.0.take();
        drop(state);
        self.0.changed.notify_all();
        if let Some(begin) = begin {
            begin(self);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Subscriber> Layer<S> for Board {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let fields = Fields::of(event);
        self.change(|status| status.observe(&fields, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(5);

    #[test]
    fn nobody_is_waited_for_where_nobody_writes() {
        let board = Board::new();
        board.enter(Phase::Waiting);
        assert!(board.settle(LONG));
    }

    #[test]
    fn a_writer_begins_with_the_first_news_and_is_waited_for_until_it_wrote_the_last() {
        let board = Board::new();
        board.is_followed(|board| {
            let board = board.clone();
            std::thread::spawn(move || {
                let (mut status, mut seen) = board.follow(None, LONG, LONG);
                while !status.phase.is_last() {
                    (status, seen) = board.follow(Some(seen), LONG, LONG);
                }
                // What was seen last is written when the writer comes back.
                board.follow(Some(seen), SHORT, SHORT);
            });
        });
        for phase in [Phase::Waiting, Phase::Migrating, Phase::Serving] {
            board.enter(phase);
        }
        assert!(board.settle(LONG));
    }

    #[test]
    fn a_writer_that_hangs_holds_nobody_up() {
        let board = Board::new();
        board.is_followed(|_| {});
        board.enter(Phase::Serving);
        assert!(!board.settle(SHORT));
        // Also one who waits already is told that nobody writes.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| board.settle(LONG));
            board.is_not_followed();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn progress_is_shown_now_and_then_and_nothing_new_seldom() {
        let board = Board::new();
        let (_, seen) = board.follow(None, LONG, LONG);
        assert_eq!(board.follow(Some(seen), LONG, SHORT).1, seen);
        board.change(|_| Change::Progress);
        let (_, later) = board.follow(Some(seen), SHORT, LONG);
        assert_ne!(later, seen);
        board.change(|_| Change::Nothing);
        assert_eq!(board.follow(Some(later), LONG, SHORT).1, later);
    }
}
