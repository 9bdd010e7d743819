//! `castoff current`: where the database is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::info;

use super::Finding;
use super::listing::{self, Detail};
use crate::cli::{Current, Format};
use crate::config::Config;
use crate::database::batch;
use crate::database::progress::{self, HalfDone};
use crate::database::record::Movement;
use crate::database::session::{Open, Session};
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::run::position::{self, Position};
use crate::run::signal::Stop;
use crate::run::{Context, half, newer};
use crate::{migrations, report};

pub(super) fn current(config: &Config, stop: &Stop, arguments: &Current) -> Result<Finding, Error> {
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let (current, wide, halves) = context.block_on(async {
        let (session, position) = context.connect().await?;
        let reading = Error::asking("reading the ledger's history");
        let halves = match &position {
            Position::At(_) => progress::half_done(&session).await.map_err(reading)?,
            Position::Empty | Position::Foreign { .. } => Vec::new(),
        };
        if let Position::At(_) = position {
            tell_pending(&session).await?;
        }
        let (current, wide) = match position {
            Position::Empty => {
                info!("nothing is applied: the database is empty");
                (Vec::new(), None)
            }
            // Nothing is recorded, which is what was asked.
            Position::Foreign { .. } => {
                info!("nothing is recorded: the database has tables of its own, and no ledger");
                (Vec::new(), None)
            }
            Position::At(rows) => {
                if rows.is_empty() {
                    info!("nothing is applied: the database is at base");
                }
                let wide = newer::widen(&session, &history, &rows).await?;
                (position::ids(&rows)?, wide)
            }
        };
        Ok((current, wide, halves))
    })?;
    half::tell(&halves);
    let all = wide.as_ref().map_or(&history, |wide| &wide.history);
    match arguments.format {
        Format::Text => report::print(&as_text(all, &current, arguments.verbose))?,
        Format::Json => report::print_json(&as_json(all, &current, &halves))?,
    }
    let heads: BTreeSet<&RevisionId> = history.effective_heads().into_iter().collect();
    // A revision that is half taken back still has its row.
    let is_whole = halves.iter().all(|half| half.movement == Movement::Upgrade);
    let is_at_heads = is_whole && current.iter().collect::<BTreeSet<_>>() == heads;
    Ok((arguments.check_heads && !is_at_heads).into())
}

/// Names what upgrades have left for later.
async fn tell_pending(session: &Session<Open>) -> Result<(), Error> {
    let asking = Error::asking("reading the ledger");
    for state in batch::pending(session).await.map_err(asking)? {
        let (id, status) = (&state.revision, state.status.as_str());
        info!(
            event = "backfill",
            "the backfill of {id} is {status}: see `castoff backfill status`"
        );
    }
    Ok(())
}

fn as_text(history: &History, current: &[RevisionId], verbose: bool) -> String {
    let detail = if verbose { Detail::Full } else { Detail::Name };
    let line = |id: &RevisionId| match history.get(id) {
        Some(script) => listing::as_text(history, script, &[], detail),
        None => format!("{id} (unknown to these migrations)\n"),
    };
    let implied = implied(history, current).into_iter();
    let implied = implied.map(|script| listing::implied(history, script, detail));
    current.iter().map(line).chain(implied).collect()
}

/// The ends of branches that have no row, because a revision of another branch depends on them.
fn implied<'h>(history: &'h History, current: &[RevisionId]) -> Vec<&'h Script> {
    let mut ends = history.ends(current);
    ends.retain(|script| !current.contains(&script.id));
    ends
}

/// The current revisions, and behind them those that are half done on their way to it.
fn as_json(history: &History, current: &[RevisionId], halves: &[HalfDone]) -> Value {
    let unknown = |id: &str| json!({ "revision": id, "is_unknown": true });
    let mut documents: Vec<Value> = Vec::new();
    for id in current {
        documents.push(match history.get(id) {
            Some(script) => {
                let mut document = listing::as_json(history, script, current);
                if script.is_kept() {
                    document["is_unknown"] = true.into();
                }
                document
            }
            None => unknown(id.as_str()),
        });
    }
    let implied = implied(history, current).into_iter();
    documents.extend(implied.map(|script| listing::as_json(history, script, current)));
    for half in halves {
        let is_this = |document: &Value| document["revision"] == half.revision.as_str();
        if !documents.iter().any(is_this) {
            let id = RevisionId::new(&half.revision).ok();
            let script = id.as_ref().and_then(|id| history.get(id));
            documents.push(script.map_or_else(
                || unknown(&half.revision),
                |script| listing::as_json(history, script, current),
            ));
        }
        if let Some(document) = documents.iter_mut().find(|document| is_this(document)) {
            document["half_done"] = json!({
                "direction": half.movement.as_str(),
                "done": half.done,
                "statements": half.statements,
            });
            if half.batches > 0 {
                document["half_done"]["batches"] = half.batches.into();
            }
        }
    }
    let ids: Vec<&str> = current.iter().map(RevisionId::as_str).collect();
    for document in &mut documents {
        let is_current = document["revision"]
            .as_str()
            .is_some_and(|id| ids.contains(&id));
        document["is_current"] = is_current.into();
    }
    documents.into()
}
