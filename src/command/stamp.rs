//! `castoff stamp`: record revisions without running them.

use crate::cli::Stamp;
use crate::config::Config;
use crate::error::Error;
use crate::revision::stamp as stamping;
use crate::revision::target::{InvalidTarget, Target};
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::run::{self, offline, operator};
use crate::{migrations, report};

pub(super) fn stamp(config: &Config, stop: &Stop, arguments: &Stamp) -> Result<(), Error> {
    let targets = arguments
        .targets
        .iter()
        .map(|target| target.parse())
        .collect::<Result<Vec<Target>, InvalidTarget>>()?;
    if arguments.sql {
        let history = migrations::find(&config.migrations)?.history()?;
        let stamp = stamping::stamp(&history, &[], &targets, arguments.purge)?;
        let schema = &config.ledger_schema;
        return report::print(&offline::stamp(
            &history,
            &[],
            &stamp,
            schema,
            &operator(config),
            config.role.as_ref(),
        ));
    }
    let goal = Goal::Stamp {
        targets,
        purge: arguments.purge,
    };
    run::migrate(config, stop, &goal)
}
