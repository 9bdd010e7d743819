//! `castoff repair`: record edited files as they are now.

use crate::cli::Repair;
use crate::config::Config;
use crate::error::Error;
use crate::migrations;
use crate::revision::id::RevisionId;
use crate::run::signal::Stop;
use crate::run::{Context, repair as repairing};

pub(super) fn repair(config: &Config, stop: &Stop, arguments: &Repair) -> Result<(), Error> {
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let ids = arguments
        .revisions
        .iter()
        .map(|name| Ok(history.resolve(name)?.id.clone()))
        .collect::<Result<Vec<RevisionId>, Error>>()?;
    let named = (!arguments.all).then_some(ids.as_slice());
    context.block_on(repairing::repair(
        &context,
        &history,
        named,
        &arguments.reason,
    ))
}
