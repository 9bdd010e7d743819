//! `castoff downgrade`: back to a target, or the script for it.

use super::script;
use crate::cli::Downgrade;
use crate::config::Config;
use crate::error::Error;
use crate::revision::range;
use crate::run;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;

pub(super) fn downgrade(config: &Config, stop: &Stop, arguments: &Downgrade) -> Result<(), Error> {
    if arguments.sql {
        return script::print(config, &arguments.target, range::downgrade);
    }
    run::migrate(config, stop, &Goal::Downgrade(arguments.target.parse()?))
}
