//! `castoff history`: the revisions, newest first.

use super::listing::{self, Detail};
use crate::cli::{Format, History, HistoryFormat};
use crate::config::Config;
use crate::error::Error;
use crate::revision::id::RevisionId;
use crate::revision::target::{Bound, Range};
use crate::revision::{diagram, range};
use crate::run::Context;
use crate::run::position::{self, Position};
use crate::run::signal::Stop;
use crate::{migrations, report};

pub(super) fn history(config: &Config, stop: &Stop, arguments: &History) -> Result<(), Error> {
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
    let current = if needs_database {
        ask(config, stop)?
    } else {
        Vec::new()
    };
    let history = migrations::find(&config.migrations)?.history()?;
    let scripts = match &range {
        Some(range) => range::between(&history, range, &current)?,
        None => history.iter().rev().collect(),
    };
    let detail = if arguments.verbose {
        Detail::Full
    } else {
        Detail::Edge
    };
    let format = match arguments.format {
        HistoryFormat::Text if arguments.graph => {
            return report::print(&listing::drawn(&history, &scripts, &current, detail));
        }
        HistoryFormat::Mermaid => {
            return report::print(&diagram::mermaid(&history, &scripts, &current));
        }
        HistoryFormat::Dot => return report::print(&diagram::dot(&history, &scripts, &current)),
        HistoryFormat::Text => Format::Text,
        HistoryFormat::Json => Format::Json,
    };
    listing::print(&history, &scripts, &current, detail, format)
}

fn ask(config: &Config, stop: &Stop) -> Result<Vec<RevisionId>, Error> {
    let context = Context::new(config, stop)?;
    context.block_on(async {
        let (_, position) = context.connect().await?;
        match position {
            Position::Empty | Position::Foreign { .. } => Ok(Vec::new()),
            Position::At(rows) => position::ids(&rows),
        }
    })
}
