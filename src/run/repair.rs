//! Recording files again that were edited after they were applied: by a person's word, or by itself
//! where the edit changes nothing.

use std::error::Error as _;

use tracing::{info, warn};

use super::lock::{self, Outcome};
use super::migrate::shown;
use super::position::{self, Position};
use super::{Context, pooler, transaction};
use crate::database::ledger::{self, FenceError};
use crate::database::record::{Move, Record};
use crate::database::session::{Locked, Session};
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::mend::{self, Drift, Mend};

/// What cosmetic edits are recorded with.
const COSMETIC: &str = "cosmetic edit";

/// Records the named files as they are now, or with `None` every applied file that differs. Under
/// the lock: the rows must not move while their lineages are computed.
pub async fn repair(
    context: &Context<'_>,
    history: &History,
    named: Option<&[RevisionId]>,
    reason: &str,
) -> Result<(), Error> {
    let (session, position) = context.connect().await?;
    if let Position::Foreign {
        relations, alembic, ..
    } = position
    {
        return Err(Error::NotStamped { relations, alembic });
    }
    pooler::refuse(&session).await?;
    let never = async |_: &_| context.go_on().map(|()| false);
    match lock::acquire(session, context.config.lock_timeout, never).await? {
        Outcome::Locked(session) => {
            let result = under_lock(context, &session, history, named, reason).await;
            lock::release(session).await;
            result
        }
        // Only somebody who has done the work would have said so.
        Outcome::NotNeeded(_) => Ok(()),
    }
}

async fn under_lock(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
    named: Option<&[RevisionId]>,
    reason: &str,
) -> Result<(), Error> {
    context.check_role(session).await?;
    let (current, recorded) = match position::ask(session).await? {
        Position::At(rows) => {
            let reading = Error::asking("reading the ledger's history");
            let recorded = ledger::sums(session).await.map_err(reading)?;
            (position::ids(&rows)?, recorded)
        }
        Position::Empty | Position::Foreign { .. } => Default::default(),
    };
    let mend = mend::mend(history, &current, &recorded, named)?;
    if mend.mended.is_empty() {
        info!(
            event = "up-to-date",
            "nothing to repair: every applied file is as it was recorded"
        );
        return Ok(());
    }
    write(context, session, history, &mend, reason).await?;
    for (id, drift) in &mend.mended {
        info!(
            event = "repaired",
            revision = %id,
            "recorded {id} as its file is now: {}",
            drift.told()
        );
    }
    if !(mend.leaves.is_empty() && mend.enters.is_empty()) {
        let rows = mend.enters.iter().chain(&mend.stays);
        let mut rows: Vec<&str> = rows.map(|(id, _)| id.as_str()).collect();
        rows.sort_unstable();
        let at = shown(rows.into_iter());
        info!(event = "at", revisions = at, "database is at {at}");
    }
    Ok(())
}

/// Records cosmetic edits of applied files, now that the lock is held anyway. That it fails is no
/// reason to fail: nothing depends on it.
pub async fn cosmetics(context: &Context<'_>, session: &Session<Locked>, history: &History) {
    match try_cosmetics(context, session, history).await {
        Ok(ids) if ids.is_empty() => {}
        Ok(ids) => {
            let ids = shown(ids.iter().map(RevisionId::as_str));
            info!(
                event = "recorded-edits",
                revisions = ids,
                "recorded cosmetic edits of {ids}"
            );
        }
        Err(error) => {
            let cause = error
                .source()
                .map_or_else(String::new, |cause| format!(": {cause}"));
            warn!("cosmetic edits of applied files were not recorded: {error}{cause}");
        }
    }
}

async fn try_cosmetics(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
) -> Result<Vec<RevisionId>, Error> {
    let reading = Error::asking("reading the ledger's history");
    let Some(rows) = ledger::heads(session).await.map_err(&reading)? else {
        return Ok(Vec::new());
    };
    let recorded = ledger::sums(session).await.map_err(&reading)?;
    let drifts = mend::drifts(history, &position::ids(&rows)?, &recorded);
    // An edit that counts is for a person to decide on.
    let is_cosmetic = |(_, drift): &(RevisionId, Drift)| *drift == Drift::Cosmetic;
    let only_records = Mend {
        mended: drifts.into_iter().filter(is_cosmetic).collect(),
        ..Mend::default()
    };
    if !only_records.mended.is_empty() {
        write(context, session, history, &only_records, COSMETIC).await?;
    }
    Ok(only_records.mended.into_iter().map(|(id, _)| id).collect())
}

/// Writes records and rows, or nothing.
async fn write(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
    mend: &Mend,
    reason: &str,
) -> Result<(), FenceError> {
    let rows = Move {
        leaves: mend.leaves.iter().map(ToString::to_string).collect(),
        enters: mend.enters.clone(),
    };
    let scripts = mend.mended.iter().filter_map(|(id, _)| history.get(id));
    let records: Vec<Record<'_>> = scripts
        .map(|script| Record::repair(script, reason))
        .collect();
    let begin = transaction::begin(session.reset(), None);
    let written = session
        .repair(&begin, &rows, &mend.stays, &records, &context.operator())
        .await;
    if written.is_err() {
        // The connection may still work; the lock is given back outside a failed transaction.
        session.client().batch_execute("rollback").await.ok();
    }
    written
}
