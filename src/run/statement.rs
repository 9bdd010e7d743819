//! One statement of an autocommit section, tried again when a lock is refused.

use tokio::time::Instant;
use tracing::debug;

use super::apply::Remains;
use super::attempt::{Limits, timeouts};
use super::preflight::{self, Memory};
use super::retry::{self, Attempt, Ended, Final};
use super::section::StatementFailure;
use super::work::Work;
use crate::database::blocker;

/// Runs `once`, which runs the statement at `index`, as the locks of that statement demand: with a
/// `lock_timeout` on the schedule, again after a refusal; or with none, within a budget of its own,
/// if it stalls nobody while it waits. The timeout is set before each attempt, so that what the
/// section sets itself does not count: `lock_timeout=` on its line does. A statement of which
/// something may remain when it fails is not run again.
pub(super) async fn run(
    work: &Work<'_>,
    index: usize,
    remains: Remains,
    once: impl AsyncFn() -> Result<(), StatementFailure>,
) -> Result<(), StatementFailure> {
    let (text, statements) = work.section_parts();
    let statement = &statements[index];
    let sql = text.get(statement.span.clone()).unwrap_or_default();
    let locks = &work.config.locks;
    let limits = Limits::of_statement(sql, work.section.map(|section| &section.options), locks);
    let limits = match remains {
        Remains::Nothing => limits,
        Remains::Unknown => limits.only_once(),
    };
    let targets = preflight::targets(text, &statements[index..=index]);
    let mut memory = Memory::default();
    let attempt = async |attempt: Attempt| {
        let client = work.session.client();
        let is_to_look = attempt.looks && attempt.lock_timeout.is_some() && !targets.is_empty();
        let set = timeouts(attempt.lock_timeout, None, "set");
        let looking = async {
            if is_to_look && blocker::are_others_at_work(client).await? {
                blocker::holders(client, &targets, locks.show_queries).await
            } else {
                Ok(Vec::new())
            }
        };
        let (set, holders) = tokio::join!(biased; client.batch_execute(&set), looking);
        set.map_err(|error| {
            Ended::Failed(StatementFailure {
                index,
                offset: None,
                failure: error.into(),
            })
        })?;
        match holders {
            Ok(holders) => {
                let held = memory.in_the_way(holders, Instant::now());
                if !held.is_empty() {
                    return Err(Ended::Held(held));
                }
            }
            // No transaction is open that this could have spoilt.
            Err(failure) => debug!("nobody could be asked who is in the way: {failure}"),
        }
        once().await.map_err(Ended::Failed)
    };
    let result = retry::attempts(work, &limits, &targets, attempt).await;
    result.map_err(|end| match end {
        Final::Failed(failure) => failure,
        Final::Busy(busy) => busy.last,
    })
}
