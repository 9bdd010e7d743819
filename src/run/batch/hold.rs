//! Waiting while something speaks against the next batch, and saying what.

use std::time::Duration;

use tracing::info;

use super::super::apply::ApplyError;
use super::super::pace::Pace;
use super::super::throttle::{Reason, decide};
use super::job::{Ground, Job};
use crate::database::batch::{self, Status};
use crate::database::failure::Failure;
use crate::database::sample::{self, Sample};

/// How often the server is asked whether batches do harm, and whether a pause is over.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Waits as long as something speaks against the next batch. `sample` is what is known already.
pub(super) async fn hold<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    pace: &mut Pace,
    mut sample: Option<Sample>,
) -> Result<(), ApplyError> {
    let session = job.session;
    let mut told: Option<Reason> = None;
    loop {
        let known = sample.take();
        let reason = match look(job, ground, known).await {
            Ok(reason) => reason,
            Err(failure) => {
                job.go_on()?;
                return Err(job.failed_outside(failure).await);
            }
        };
        let is_news = match (&told, &reason) {
            (Some(told), Some(reason)) => !told.is_like(reason),
            (told, reason) => told.is_some() != reason.is_some(),
        };
        if is_news {
            let text = reason.as_ref().map(ToString::to_string);
            batch::throttled(session, job.which(), text.as_deref())
                .await
                .map_err(|failure| job.broken(failure))?;
            let id = &job.script.id;
            if let Some(text) = text {
                info!(event = "throttled", revision = %id, reason = text, "{id} waits: {text}");
            } else {
                info!(event = "throttled", revision = %id, "{id} goes on");
            }
            if let Some(Reason::Waiting(_)) = reason {
                pace.halve();
            }
        }
        if reason.is_none() {
            return Ok(());
        }
        told = reason;
        job.nap(LOOK).await?;
        // Somebody who pauses or aborts it need not wait for the reason to pass.
        let state = job.state().await?;
        if state.is_none_or(|state| state.status != Status::Running) {
            return Ok(());
        }
    }
}

async fn look<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    known: Option<Sample>,
) -> Result<Option<Reason>, Failure> {
    let mut sample = match known {
        Some(sample) => sample,
        None => sample::sample(job.session, ground.table.as_ref()).await?,
    };
    if let Some(query) = &job.batch.throttle {
        sample.wish = sample::wish(job.session, query).await?;
    }
    Ok(decide(&sample, job.batch.max_lag))
}
