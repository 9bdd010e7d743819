//! `castoff upgrade`: forward to a target, or the script for it.

use super::script;
use crate::cli::Upgrade;
use crate::config::Config;
use crate::error::Error;
use crate::revision::range;
use crate::run;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;

pub(super) fn upgrade(config: &Config, stop: &Stop, arguments: &Upgrade) -> Result<(), Error> {
    if arguments.sql {
        return script::print(config, &arguments.target, range::upgrade);
    }
    run::migrate(config, stop, &Goal::Upgrade(arguments.target.parse()?))
}
