//! `castoff current`: where the database is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::info;

use super::Finding;
use super::listing::{self, Detail};
use crate::cli::{Current, Format};
use crate::config::Config;
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::run::Context;
use crate::run::newer;
use crate::run::position::{self, Position};
use crate::run::signal::Stop;
use crate::{migrations, report};

pub(super) fn current(config: &Config, stop: &Stop, arguments: &Current) -> Result<Finding, Error> {
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let (current, wide) = context.block_on(async {
        let (session, position) = context.connect().await?;
        match position {
            Position::Empty => {
                info!("nothing is applied: the database is empty");
                Ok((Vec::new(), None))
            }
            // Nothing is recorded, which is what was asked.
            Position::Foreign { .. } => {
                info!("nothing is recorded: the database has tables of its own, and no ledger");
                Ok((Vec::new(), None))
            }
            Position::At(rows) => {
                if rows.is_empty() {
                    info!("nothing is applied: the database is at base");
                }
                let wide = newer::widen(&session, &history, &rows).await?;
                Ok((position::ids(&rows)?, wide))
            }
        }
    })?;
    let all = wide.as_ref().map_or(&history, |wide| &wide.history);
    match arguments.format {
        Format::Text => report::print(&as_text(all, &current, arguments.verbose))?,
        Format::Json => report::print_json(&as_json(all, &current))?,
    }
    let heads: BTreeSet<&RevisionId> = history.effective_heads().into_iter().collect();
    let is_at_heads = current.iter().collect::<BTreeSet<_>>() == heads;
    Ok((arguments.check_heads && !is_at_heads).into())
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

fn as_json(history: &History, current: &[RevisionId]) -> Value {
    let document = |id: &RevisionId| match history.get(id) {
        Some(script) => {
            let mut document = listing::as_json(history, script, current);
            if script.is_kept() {
                document["is_unknown"] = true.into();
            }
            document
        }
        None => json!({ "revision": id.as_str(), "is_current": true, "is_unknown": true }),
    };
    let implied = implied(history, current).into_iter();
    let implied = implied.map(|script| listing::as_json(history, script, current));
    let documents = current.iter().map(document).chain(implied);
    documents.collect::<Vec<Value>>().into()
}
