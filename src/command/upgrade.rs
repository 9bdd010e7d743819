//! `castoff upgrade`: forward to a target, or the script for it.

use crate::cli::Upgrade;
use crate::config::Config;
use crate::error::Error;
use crate::revision::range::{self, Offline};
use crate::revision::target::Target;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::run::{self, offline, operator};
use crate::{migrations, report};

pub(super) fn upgrade(config: &Config, stop: &Stop, arguments: &Upgrade) -> Result<(), Error> {
    if arguments.sql {
        return print_script(config, &arguments.target);
    }
    let goal = Goal::Upgrade(arguments.target.parse::<Target>()?);
    run::migrate(config, stop, &goal)
}

/// `a:b` starts at `a`; a target alone starts at an empty database, as Alembic has it.
fn print_script(config: &Config, target: &str) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let range = if target.contains(':') {
        target.to_owned()
    } else {
        format!(":{target}")
    };
    let offline: Offline<'_> = range::upgrade(&history, &range.parse()?)?;
    let operator = operator(config);
    report::print(&offline::script(
        &history,
        &offline,
        &config.ledger_schema,
        &operator,
    ))
}
