//! `castoff history`: the revisions, newest first.

use std::collections::BTreeMap;
use std::error::Error as _;

use tracing::warn;

use super::listing::{self, Detail, Ledger};
use crate::cli::{self, Format, HistoryFormat};
use crate::config::Config;
use crate::database::conninfo_error::ConninfoError;
use crate::database::ledger;
use crate::database::session::{Open, Session};
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::target::{Bound, Range};
use crate::revision::{diagram, mend, range};
use crate::run::position::{self, Position};
use crate::run::signal::Stop;
use crate::run::{Context, newer};
use crate::{migrations, report};

pub(super) fn history(config: &Config, stop: &Stop, arguments: &cli::History) -> Result<(), Error> {
    let range = arguments
        .rev_range
        .as_deref()
        .map(str::parse::<Range>)
        .transpose()?;
    let asks_current = |range: &Range| {
        let is_current = |bound: &Option<Bound>| matches!(bound, Some(Bound::Current));
        is_current(&range.start) || is_current(&range.end)
    };
    // The files are enough, unless somebody asks where the database is.
    let needs_database = arguments.indicate_current || range.as_ref().is_some_and(asks_current);
    let history = migrations::find(&config.migrations)?.history()?;
    let ledger = if needs_database {
        let context = Context::new(config, stop)?;
        context.block_on(async { look(&history, context.connect().await?).await })?
    } else if arguments.verbose {
        look_if_possible(config, stop, &history)?
    } else {
        Ledger::default()
    };
    let all = ledger.wide.as_ref().map_or(&history, |wide| &wide.history);
    let scripts = match &range {
        Some(range) => range::between(all, range, &ledger.current)?,
        None => all.iter().rev().collect(),
    };
    let detail = if arguments.verbose {
        Detail::Full
    } else {
        Detail::Edge
    };
    let format = match arguments.format {
        HistoryFormat::Text if arguments.graph => {
            return report::print(&listing::drawn(&history, &scripts, &ledger.current, detail));
        }
        HistoryFormat::Mermaid => {
            return report::print(&diagram::mermaid(&history, &scripts, &ledger.current));
        }
        HistoryFormat::Dot => {
            return report::print(&diagram::dot(&history, &scripts, &ledger.current));
        }
        HistoryFormat::Text => Format::Text,
        HistoryFormat::Json => Format::Json,
    };
    listing::print_with(&history, &scripts, &ledger, detail, format)
}

/// What the database says, if one is configured and answers at once: the files can be told without.
fn look_if_possible(config: &Config, stop: &Stop, history: &History) -> Result<Ledger, Error> {
    let looked = Context::new(config, stop).and_then(|context| {
        context.block_on(async { look(history, context.connect_now().await?).await })
    });
    match looked {
        Ok(ledger) => Ok(ledger),
        Err(error @ Error::Stopped { .. }) => Err(error),
        Err(Error::Conninfo(ConninfoError::Missing)) => Ok(Ledger::default()),
        Err(error) => {
            let cause = error
                .source()
                .map_or_else(String::new, |cause| format!(": {cause}"));
            warn!("without the ledger, the files alone are shown: {error}{cause}");
            Ok(Ledger::default())
        }
    }
}

async fn look(
    history: &History,
    (session, position): (Session<Open>, Position),
) -> Result<Ledger, Error> {
    let Position::At(rows) = position else {
        return Ok(Ledger {
            drifts: Some(BTreeMap::new()),
            ..Ledger::default()
        });
    };
    let reading = Error::asking("reading the ledger's history");
    let recorded = ledger::sums(&session).await.map_err(reading)?;
    let current = position::ids(&rows)?;
    Ok(Ledger {
        drifts: Some(mend::drifts(history, &current, &recorded)),
        wide: newer::widen(&session, history, &rows).await?,
        current,
    })
}
