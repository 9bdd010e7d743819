//! `castoff current`: where the database is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::info;

use super::Finding;
use super::listing::{self, Detail};
use crate::cli::{Current, Format};
use crate::config::Config;
use crate::database::batch;
use crate::database::session::{Open, Session};
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::run::Context;
use crate::run::position::{self, Position};
use crate::run::signal::Stop;
use crate::{migrations, report};

pub(super) fn current(config: &Config, stop: &Stop, arguments: &Current) -> Result<Finding, Error> {
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let current = context.block_on(async {
        let (session, position) = context.connect().await?;
        if let Position::At(_) = position {
            tell_pending(&session).await?;
        }
        match position {
            Position::Empty => {
                info!("nothing is applied: the database is empty");
                Ok(Vec::new())
            }
            // Nothing is recorded, which is what was asked.
            Position::Foreign { .. } => {
                info!("nothing is recorded: the database has tables of its own, and no ledger");
                Ok(Vec::new())
            }
            Position::At(rows) => {
                if rows.is_empty() {
                    info!("nothing is applied: the database is at base");
                }
                position::ids(&rows)
            }
        }
    })?;
    match arguments.format {
        Format::Text => report::print(&as_text(&history, &current, arguments.verbose))?,
        Format::Json => report::print_json(&as_json(&history, &current))?,
    }
    let heads: BTreeSet<&RevisionId> = history.effective_heads().into_iter().collect();
    let is_at_heads = current.iter().collect::<BTreeSet<_>>() == heads;
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
    current.iter().map(line).collect()
}

fn as_json(history: &History, current: &[RevisionId]) -> Value {
    let document = |id: &RevisionId| match history.get(id) {
        Some(script) => listing::as_json(history, script, current),
        None => json!({ "revision": id.as_str(), "is_current": true, "is_unknown": true }),
    };
    current.iter().map(document).collect::<Vec<Value>>().into()
}
