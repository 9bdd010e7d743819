//! `castoff downgrade`: back to a target, or the script for it.

use crate::cli::Downgrade;
use crate::config::Config;
use crate::error::Error;
use crate::revision::range;
use crate::revision::target::Target;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::run::{self, offline, operator};
use crate::{migrations, report};

pub(super) fn downgrade(config: &Config, stop: &Stop, arguments: &Downgrade) -> Result<(), Error> {
    if arguments.sql {
        return print_script(config, &arguments.target);
    }
    let goal = Goal::Downgrade(arguments.target.parse::<Target>()?);
    run::migrate(config, stop, &goal)
}

/// `a:b` starts at `a`; without a database there is no other way to say where to start.
fn print_script(config: &Config, target: &str) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let range = if target.contains(':') {
        target.to_owned()
    } else {
        format!(":{target}")
    };
    let offline = range::downgrade(&history, &range.parse()?)?;
    let operator = operator(config);
    report::print(&offline::script(
        &history,
        &offline,
        &config.ledger_schema,
        &operator,
    ))
}
