//! Looking at the working session from outside while it is busy: PostgreSQL says nothing of a
//! statement that waits for a lock, and afterwards nobody knows for whom it waited. How far a long
//! statement is, the server tells others only, too.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::progress::{Progress, Teller};
use super::work::Work;
use crate::config::LONGEST_LOCK_TIMEOUT;
use crate::database::blocker::Wait;
use crate::database::failure::Failure;
use crate::database::side::{Look, Side};
use crate::database::working::Working;

/// How long a patient statement may take before anybody asks, and how often it is asked again.
const PAUSE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(1);

/// How many looks pass before the same blockers are named again.
const REMIND: u32 = 30;

/// The shortest and the longest pause between two looks at an attempt, and the shortest once it
/// has lasted for longer than most do.
const SHORTEST_LOOK: Duration = Duration::from_millis(30);
const LONGEST_LOOK: Duration = Duration::from_millis(500);
const LATER_LOOK: Duration = Duration::from_millis(200);

/// How much longer than any `lock_timeout` a wait lasts before it is clear that there is none.
const GRACE: Duration = Duration::from_millis(500);

/// The time for a cancel request, and for the server to heed it.
const CANCEL: Duration = Duration::from_secs(1);
const HEED: Duration = Duration::from_secs(5);

/// What was seen during one attempt.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What it waited for when it was last looked at.
    pub(super) wait: Option<Wait>,
    /// Whether castoff ended a wait that lasted too long.
    pub(super) was_ended: bool,
}

/// Does the work, and notes whom it waits for. A wait that lasts longer than any attempt may, since
/// something in the script has dropped the timeout, is ended.
pub(super) async fn attempt<T>(
    work: &Work<'_>,
    lock_timeout: Duration,
    seen: &mut Seen,
    step: impl Future<Output = T>,
) -> T {
    tokio::select! {
        biased;
        result = step => result,
        never = Box::pin(note(work, lock_timeout, seen)) => match never {},
    }
}

async fn note(work: &Work<'_>, lock_timeout: Duration, seen: &mut Seen) -> Infallible {
    let Some(side) = work.side else {
        return std::future::pending().await;
    };
    let began = Instant::now();
    // Several looks in each wait, so that one falls into its last part.
    let pause = (lock_timeout / 3).clamp(SHORTEST_LOOK, LONGEST_LOOK);
    let mut same: Option<(String, Instant)> = None;
    let mut told: Option<Instant> = None;
    let mut watcher = Watcher::new(work, side);
    loop {
        let is_early = began.elapsed() < Duration::from_secs(1);
        let pause = if is_early {
            pause
        } else {
            pause.max(LATER_LOOK)
        };
        tokio::time::sleep(pause).await;
        match watcher.look().await {
            Ok(Some(wait)) => {
                let now = Instant::now();
                let since = match same.take() {
                    Some((identity, since)) if identity == wait.identity => since,
                    _ => now,
                };
                // Told once, and then given time: a second request that is on its way while the
                // first is heeded would end what comes next, the rollback or another attempt. A
                // busy server takes its time to hand a request on.
                let is_heeding = told.is_some_and(|told| now.duration_since(told) < HEED);
                if now.duration_since(since) > LONGEST_LOCK_TIMEOUT + GRACE && !is_heeding {
                    debug!("ending a wait for a lock that has no timeout");
                    seen.was_ended = true;
                    work.session.cancel().send(HEED).await;
                    told = Some(Instant::now());
                }
                same = Some((wait.identity.clone(), since));
                seen.wait = Some(wait);
            }
            // The wait may just have been refused: who it was for is still to be told. One that ended
            // well is replaced by the next, which lasts for several looks if it is refused.
            Ok(None) => same = None,
            Err(failure) => {
                debug!("nobody could be asked who blocks: {failure}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Does work that may wait for as long as its budget lasts, and names whoever keeps it waiting.
pub(super) async fn patiently<T>(
    work: &Work<'_>,
    budget: Duration,
    step: impl Future<Output = T>,
) -> T {
    tokio::select! {
        biased;
        result = within(work, budget, step) => result,
        never = Box::pin(tell_blockers(work)) => match never {},
    }
}

/// Cancels what takes longer than its budget. Not by `statement_timeout`, which the script may set.
async fn within<T>(work: &Work<'_>, budget: Duration, step: impl Future<Output = T>) -> T {
    let mut step = pin!(step);
    if let Ok(result) = tokio::time::timeout(budget, &mut step).await {
        return result;
    }
    warn!(
        event = "budget-spent",
        revision = %work.script.id,
        "cancelling a statement of {} that takes longer than {} s (--concurrent-budget)",
        work.script.id,
        budget.as_secs()
    );
    loop {
        work.session.cancel().send(CANCEL).await;
        if let Ok(result) = tokio::time::timeout(HEED, &mut step).await {
            return result;
        }
    }
}

async fn tell_blockers(work: &Work<'_>) -> Infallible {
    let Some(side) = work.side else {
        return std::future::pending().await;
    };
    let mut told = Vec::new();
    let mut looks = 0_u32;
    let mut watcher = Watcher::new(work, side);
    tokio::time::sleep(PAUSE.saturating_sub(AGAIN)).await;
    loop {
        tokio::time::sleep(AGAIN).await;
        looks += 1;
        match watcher.look().await {
            Ok(wait) => {
                let blockers = wait.map(|wait| wait.blockers).unwrap_or_default();
                let pids: Vec<i32> = blockers.iter().map(|blocker| blocker.pid).collect();
                if pids != told || looks.is_multiple_of(REMIND) {
                    for blocker in &blockers {
                        info!(
                            event = "blocked",
                            revision = %work.script.id,
                            pid = blocker.pid,
                            "waiting for a lock of {blocker}"
                        );
                    }
                }
                told = pids;
            }
            Err(failure) => debug!("nobody could be asked who blocks: {failure}"),
        }
    }
}

/// Looks, and tells on the way how far the statement is.
struct Watcher<'w> {
    side: &'w Side,
    show_queries: bool,
    /// When the server is to be asked next how far it is.
    due: Instant,
    teller: Option<Teller>,
}

impl<'w> Watcher<'w> {
    fn new(work: &Work<'_>, side: &'w Side) -> Self {
        Self {
            side,
            show_queries: work.config.locks.show_queries,
            // Most are done by then.
            due: Instant::now() + PAUSE,
            teller: None,
        }
    }

    /// What the session waits for.
    async fn look(&mut self) -> Result<Option<Wait>, Failure> {
        let is_due = Instant::now() >= self.due;
        let Look { wait, working } = self.side.look(self.show_queries, is_due).await?;
        if is_due {
            self.due = Instant::now() + AGAIN;
        }
        if let Some(working) = working {
            self.tell(working);
        }
        Ok(wait)
    }

    fn tell(&mut self, working: Working) {
        let Working {
            what,
            done,
            total,
            unit,
        } = working;
        let progress = Progress {
            what,
            done,
            total,
            unit,
        };
        let teller = self.teller.get_or_insert_with(|| Teller::new(&progress));
        teller.tell(&progress);
    }
}
