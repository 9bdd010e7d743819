//! The commands, one a file. Each asks the rooms behind it and prints what they say.

mod backfill;
mod branches;
mod bundle;
mod check;
mod completions;
mod current;
mod diff;
mod downgrade;
mod heads;
mod history;
mod init;
mod listing;
mod merge;
mod migrate;
mod new_files;
mod plan;
mod rebase;
mod rename;
mod repair;
mod resolve;
mod revision;
mod script;
mod show;
mod squash;
mod stamp;
mod status;
mod upgrade;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::error::Error;
use crate::run;
use crate::run::signal::Stop;
use crate::status::board::Board;

/// What a command that did its work has to say to the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Done, or nothing found: status 0.
    Nothing,
    /// Found what it was asked to look for: status 1.
    Something,
}

impl From<bool> for Finding {
    fn from(found: bool) -> Self {
        if found {
            Self::Something
        } else {
            Self::Nothing
        }
    }
}

/// Runs the command.
pub fn dispatch(cli: &Cli, config: &Config, stop: &Stop, board: &Board) -> Result<Finding, Error> {
    match &cli.command {
        Command::Run(arguments) => run::run(config, stop, board, &arguments.server)?,
        Command::Supervise(_) => {}
        Command::Status(arguments) => return status::status(config, arguments),
        Command::Wait(arguments) => run::wait(config, stop, arguments.revision.as_deref())?,
        Command::Upgrade(arguments) => upgrade::upgrade(config, stop, arguments)?,
        Command::Downgrade(arguments) => downgrade::downgrade(config, stop, arguments)?,
        Command::Plan(arguments) => return plan::plan(config, stop, arguments),
        Command::Stamp(arguments) => stamp::stamp(config, stop, arguments)?,
        Command::Repair(arguments) => repair::repair(config, stop, arguments)?,
        Command::Resolve(arguments) => resolve::resolve(config, stop, arguments)?,
        Command::Backfill(arguments) => backfill::backfill(config, stop, arguments)?,
        Command::Current(arguments) => return current::current(config, stop, arguments),
        Command::History(arguments) => history::history(config, stop, arguments)?,
        Command::Heads(arguments) => heads::heads(config, arguments)?,
        Command::Branches(arguments) => branches::branches(config, arguments)?,
        Command::Show(arguments) => show::show(config, arguments)?,
        Command::Revision(arguments) if arguments.autogenerate => {
            let id = arguments.rev_id.as_deref();
            migrate::migrate(config, stop, &arguments.message, id)?;
        }
        Command::Revision(arguments) => revision::revision(config, arguments)?,
        Command::Migrate(arguments) => {
            let id = arguments.rev_id.as_deref();
            migrate::migrate(config, stop, &arguments.message, id)?;
        }
        Command::Check(arguments) => return check::check(config, stop, arguments.format),
        Command::Merge(arguments) => merge::merge(config, arguments)?,
        Command::Rebase(arguments) => rebase::rebase(config, arguments)?,
        Command::Squash(arguments) => squash::squash(config, stop, arguments)?,
        Command::Diff(arguments) => return diff::diff(config, stop, arguments),
        Command::Init(arguments) => init::init(config, stop, arguments)?,
        Command::Bundle(arguments) => bundle::bundle(config, arguments)?,
        Command::Completions(arguments) => completions::completions(arguments)?,
        Command::Man => completions::man()?,
    }
    Ok(Finding::Nothing)
}
