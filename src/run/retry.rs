//! Trying again when a lock is refused, or is not worth queueing for, until the budget is spent.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::attempt::{self, Limits};
use super::milliseconds;
use super::pause::Pauses;
use super::section::StatementFailure;
use super::watch::{self, Seen};
use super::work::Work;
use crate::database::blocker::{self, Blocker, Holder};
use crate::database::failure::Failure;
use crate::sql::targets::Target;

/// The pauses after a refusal: from nothing to this, doubling, so that nobody's readers meet the
/// attempts in a rhythm.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause between two looks at somebody who is in the way: a look stalls nobody.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How often the same holders are named again.
const REMIND: Duration = Duration::from_secs(30);

/// The time for asking about blockers afterwards.
const ASK: Duration = Duration::from_secs(2);

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// How long it waits for each lock; nothing for one that is patient.
    pub(super) lock_timeout: Option<Duration>,
    /// Whether it looks first who is in the way.
    pub(super) looks: bool,
}

/// How an attempt ended that did not succeed. Nothing of it is left in the database.
#[derive(Debug)]
pub(super) enum Ended<E> {
    /// It would have queued behind these, and did not begin.
    Held(Vec<Holder>),
    /// Nobody could be asked who is in the way.
    Blind(Failure),
    /// It failed.
    Failed(E),
}

/// Why there are no more attempts.
#[derive(Debug)]
pub(super) enum Final<E> {
    /// Trying again would not help.
    Failed(E),
    /// The budget is spent.
    Busy(Busy<E>),
}

/// What all the attempts came to.
#[derive(Debug)]
pub(super) struct Busy<E> {
    /// How the last one failed.
    pub(super) last: E,
    /// What was spent on them.
    pub(super) spent: Spent,
}

/// What was spent on attempts in vain.
#[derive(Debug)]
pub(super) struct Spent {
    /// How many there were.
    pub(super) attempts: u32,
    /// The time since the first refusal.
    pub(super) after: Duration,
    /// Who was in the way of the last for which that is known.
    pub(super) blockers: Vec<Blocker>,
}

/// A failure that may be the refusal of a lock.
pub(super) trait MayPass {
    /// What the server said, or that it said nothing.
    fn failure(&self) -> Option<&Failure>;
}

impl MayPass for StatementFailure {
    fn failure(&self) -> Option<&Failure> {
        Some(&self.failure)
    }
}

/// Makes attempts until one succeeds, or fails in a way that does not pass, or the budget is spent.
///
/// `once` must leave nothing behind when it fails: it rolls back, and with it goes every lock that
/// it had. If castoff is killed between two attempts, nothing has happened.
pub(super) async fn attempts<E: MayPass>(
    work: &Work<'_>,
    limits: &Limits,
    targets: &[Target],
    mut once: impl AsyncFnMut(Attempt) -> Result<(), Ended<E>>,
) -> Result<(), Final<E>> {
    let mut delay = Delay::new(work, limits.budget);
    let mut number = 1;
    let mut looks = true;
    let mut is_last = false;
    loop {
        let attempt = Attempt {
            // The last one comes out of turn, and is as short as the first.
            lock_timeout: limits.lock_timeout(if is_last { 1 } else { number }),
            looks: looks && !is_last,
        };
        let mut seen = Seen::default();
        let step = once(attempt);
        let result = if let Some(timeout) = attempt.lock_timeout {
            watch::attempt(work, timeout, &mut seen, step).await
        } else {
            let left = limits.budget.saturating_sub(delay.so_far());
            watch::patiently(work, left, step).await
        };
        match result {
            Ok(()) => return Ok(()),
            Err(Ended::Held(holders)) => {
                // Who is in the way may be judged wrongly. The server has the last word.
                is_last = !delay.look_again(&holders).await;
            }
            Err(Ended::Blind(failure)) => {
                debug!("nobody could be asked who is in the way: {failure}");
                looks = false;
            }
            Err(Ended::Failed(error)) => {
                let passes = error
                    .failure()
                    .is_some_and(|failure| attempt::passes(failure, seen.was_ended));
                if !passes || !limits.may_repeat {
                    return Err(Final::Failed(error));
                }
                let blockers = delay.who_was_in_the_way(seen, targets).await;
                if !blockers.is_empty() {
                    delay.known.clone_from(&blockers);
                }
                let is_over = is_last || delay.left().is_zero();
                let pause = (!is_over).then(|| delay.pause());
                let refusal = error.failure().and_then(Failure::refusal);
                let sqlstate = refusal.map_or("", |refusal| &refusal.sqlstate);
                delay.tell_refusal(number, attempt, sqlstate, &blockers, pause);
                let Some(pause) = pause else {
                    return Err(Final::Busy(Busy {
                        last: error,
                        spent: Spent {
                            attempts: number,
                            after: delay.so_far(),
                            blockers: delay.known,
                        },
                    }));
                };
                if !delay.end_idle(&blockers).await {
                    tokio::time::sleep(pause).await;
                }
                number = number.saturating_add(1);
            }
        }
    }
}

/// The time that locks have cost so far, and what was said of it.
struct Delay<'w> {
    work: &'w Work<'w>,
    budget: Duration,
    began: Option<Instant>,
    pauses: Pauses,
    looks: Pauses,
    told: Option<(Vec<i32>, Instant)>,
    /// Those who were last seen in the way.
    known: Vec<Blocker>,
}

impl<'w> Delay<'w> {
    fn new(work: &'w Work<'w>, budget: Duration) -> Self {
        Self {
            work,
            budget,
            began: None,
            pauses: Pauses::with_full_jitter(FIRST_PAUSE, LONGEST_PAUSE),
            looks: Pauses::new(FIRST_PAUSE, LONGEST_LOOK),
            told: None,
            known: Vec::new(),
        }
    }

    /// The time since the first refusal. What the step did until then is not locks' fault.
    fn so_far(&self) -> Duration {
        self.began.map(|began| began.elapsed()).unwrap_or_default()
    }

    fn left(&mut self) -> Duration {
        self.began.get_or_insert_with(Instant::now);
        self.budget.saturating_sub(self.so_far())
    }

    fn pause(&mut self) -> Duration {
        let left = self.left();
        self.pauses.next_pause().min(left)
    }

    /// Waits for those in the way without queueing. Whether there is time for another look.
    async fn look_again(&mut self, holders: &[Holder]) -> bool {
        let left = self.left();
        self.tell_held(holders, left);
        let blockers: Vec<Blocker> = holders
            .iter()
            .map(|holder| holder.blocker.clone())
            .collect();
        let is_ended = self.end_idle(&blockers).await;
        if left.is_zero() {
            return false;
        }
        if !is_ended {
            let pause = self.looks.next_pause();
            tokio::time::sleep(pause.min(left)).await;
        }
        true
    }

    fn tell_held(&mut self, holders: &[Holder], left: Duration) {
        let pids: Vec<i32> = holders.iter().map(|holder| holder.blocker.pid).collect();
        let is_news = |(told, at): &(Vec<i32>, Instant)| *told != pids || at.elapsed() >= REMIND;
        if !self.told.as_ref().is_none_or(is_news) {
            return;
        }
        let id = &self.work.script.id;
        for holder in holders {
            info!(
                event = "lock-held",
                revision = %id,
                relation = holder.what,
                pid = holder.blocker.pid,
                application = holder.blocker.application_name,
                state = holder.blocker.state,
                open_milliseconds = milliseconds(holder.blocker.open_for.unwrap_or_default()),
                left_milliseconds = milliseconds(left),
                "{id} does not queue for `{}` behind {}: waiting, gives up in {}",
                holder.what,
                holder.blocker,
                shown(left)
            );
        }
        self.told = Some((pids, Instant::now()));
    }

    /// Those for whom the attempt waited; if nobody looked in time, those who hold now what it
    /// was going to ask for.
    async fn who_was_in_the_way(&self, seen: Seen, targets: &[Target]) -> Vec<Blocker> {
        if let Some(wait) = seen.wait {
            return wait.blockers;
        }
        let Some(side) = self.work.side.filter(|_| !targets.is_empty()) else {
            return Vec::new();
        };
        let asking = side.holders(targets, self.work.config.locks.show_queries);
        match tokio::time::timeout(ASK, asking).await {
            Ok(Ok(holders)) => holders.into_iter().map(|holder| holder.blocker).collect(),
            Ok(Err(failure)) => {
                debug!("nobody could be asked who blocks: {failure}");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    fn tell_refusal(
        &mut self,
        number: u32,
        attempt: Attempt,
        sqlstate: &str,
        blockers: &[Blocker],
        pause: Option<Duration>,
    ) {
        let id = &self.work.script.id;
        let by = if blockers.is_empty() {
            String::new()
        } else {
            format!(" by {}", blocker::list(blockers))
        };
        let left = self.left();
        let next = match pause {
            Some(pause) => format!(
                "tries again in {}, gives up in {}",
                shown(pause),
                shown(left)
            ),
            None => "giving up".to_owned(),
        };
        let pids: Vec<String> = blockers.iter().map(|found| found.pid.to_string()).collect();
        info!(
            event = "lock-refused",
            revision = %id,
            attempt = number,
            sqlstate,
            lock_timeout_milliseconds = milliseconds(attempt.lock_timeout.unwrap_or_default()),
            pause_milliseconds = milliseconds(pause.unwrap_or_default()),
            left_milliseconds = milliseconds(left),
            pids = pids.join(","),
            blockers = blocker::list(blockers),
            "{id} was refused a lock{by} (attempt {number}, {sqlstate}): rolled back, {next}"
        );
    }

    /// Ends the sessions that idle in a transaction, where somebody wished for that. Whether one
    /// was ended.
    async fn end_idle(&self, blockers: &[Blocker]) -> bool {
        let (Some(idle_for), Some(side)) = (self.work.config.locks.terminate_idle, self.work.side)
        else {
            return false;
        };
        let mut is_ended = false;
        for blocker in blockers.iter().filter(|blocker| blocker.pid != 0) {
            match tokio::time::timeout(ASK, side.terminate_idle(blocker.pid, idle_for)).await {
                Ok(Ok(true)) => {
                    is_ended = true;
                    warn!(
                        event = "terminated",
                        pid = blocker.pid,
                        application = blocker.application_name,
                        "ended {blocker}, which idled in its transaction (--terminate-blockers)"
                    );
                }
                Ok(Ok(false)) => {}
                Ok(Err(failure)) => warn!(
                    event = "not-terminated",
                    pid = blocker.pid,
                    "{blocker} could not be ended: {failure}"
                ),
                Err(_) => debug!("nobody answered whether {blocker} was ended"),
            }
        }
        is_ended
    }
}

/// `84 ms`, `9 s`.
fn shown(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs())
    }
}
