//! Telling why a step takes long, while it does: PostgreSQL says nothing of a statement that waits
//! for a lock, and everything else that needs the table queues up behind it.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tracing::{debug, info};

use crate::database::side::Side;

/// How long a step may take before anybody asks, and how often it is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// How many looks pass before the same blockers are named again.
const REMIND: u32 = 15;

/// Does the work, and names whoever keeps it waiting.
pub async fn alongside<T>(side: Option<&Side>, work: impl Future<Output = T>) -> T {
    let Some(side) = side else { return work.await };
    tokio::select! {
        biased;
        result = work => result,
        never = tell_blockers(side) => match never {},
    }
}

async fn tell_blockers(side: &Side) -> Infallible {
    let mut told = Vec::new();
    let mut looks = 0_u32;
    loop {
        tokio::time::sleep(PAUSE).await;
        looks += 1;
        match side.blockers().await {
            Ok(blockers) => {
                let pids: Vec<i32> = blockers.iter().map(|blocker| blocker.pid).collect();
                if pids != told || looks.is_multiple_of(REMIND) {
                    for blocker in &blockers {
                        info!(
                            event = "blocked",
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
