//! castoff as an init: alone (`supervise`), or around `run`.
//!
//! What needs `unsafe`, and what the init does once it is one, is in the package `process/`. Here is
//! the way to it: what the command line says, the fork, and what becomes of the child.

pub mod error;
mod form;
mod tini;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::parent_id;
use std::path::Path;

use castoff_process::stay::{self, Side};
use castoff_process::supervision::Supervision;
use castoff_process::{small, supervise};

use crate::cli::{self, Cli, Command};
use crate::config::{self, LogFormat};
use crate::error::Error;
use crate::run::activation::{self, Ids};
use crate::run::exec::{self, Launch};
use crate::run::signal::Stop;
use error::InitError;

/// The names under which castoff takes tini's options: engines call their init so.
const TINI: [&str; 3] = ["tini", "tini-static", "docker-init"];

/// A start as an init and nothing else, recognised by its arguments before anything else is done.
pub enum Early {
    /// `castoff supervise` or `castoff --`, in the usual form.
    Usual(Box<Cli>),
    /// As tini, with tini's options.
    Tini(Vec<OsString>),
}

/// Looks for a start as an init and nothing else. What is not in the usual form, a mistake for
/// instance, is left to the parser of the whole command line: it costs more time and memory.
pub fn early(arguments: &[OsString]) -> Option<Early> {
    let (name, arguments) = arguments.split_first()?;
    let name = Path::new(name).file_name().and_then(OsStr::to_str);
    if name.is_some_and(|name| TINI.contains(&name)) {
        return Some(Early::Tini(arguments.to_vec()));
    }
    let (first, rest) = arguments.split_first()?;
    let (arguments, options) = match first.to_str()? {
        "--" => form::of_command(rest)?,
        "supervise" => form::read(rest)?,
        _ => return None,
    };
    let command = Command::Supervise(arguments);
    Some(Early::Usual(Box::new(Cli { command, options })))
}

/// Does what the arguments say. Returns only with an error, or having printed what was asked for.
pub fn run(early: &Early, format: &mut LogFormat) -> Result<(), Error> {
    match early {
        Early::Usual(cli) => {
            let Command::Supervise(arguments) = &cli.command else {
                return Ok(());
            };
            supervise(cli, arguments, None).inspect_err(|_| *format = config::telling(Some(cli)).0)
        }
        Early::Tini(arguments) => match tini::read(arguments, config::tini_variable)? {
            tini::Wish::Print(text) => crate::report::print(&text),
            tini::Wish::Supervise { command, how } => start(&command, &how, None),
        },
    }
}

/// `castoff supervise`.
pub fn supervise(cli: &Cli, arguments: &cli::Supervise, stop: Option<&Stop>) -> Result<(), Error> {
    let how = config::supervision(cli)?;
    if arguments.pause {
        supervise::pause(&how);
    }
    start(&arguments.server, &how, stop)
}

/// Starts a command and looks after it. Returns only in the child, and only when it could not become
/// the command; or before there is one.
fn start(command: &[OsString], how: &Supervision, stop: Option<&Stop>) -> Result<(), Error> {
    if let Some(program) = command.first() {
        exec::look_up(program, config::path().as_deref())?;
    }
    match stay::stay(how).map_err(InitError::Split)? {
        Side::Init(child) => supervise::supervise(child, how),
        Side::Child => {
            let mut launch = Launch::of_command(command);
            let ids = Ids {
                own: std::process::id(),
                init: Some(parent_id()),
            };
            // Sockets that were for the init are for its child. Those of others are none of its business.
            let listening = activation::variables(&config::activation(), ids, false);
            if !listening.set.is_empty() {
                launch.environment.set = listening.set;
                launch.environment.unset = listening.unset;
            }
            Err(become_it(&launch, stop)?)
        }
    }
}

fn become_it(launch: &Launch<'_>, stop: Option<&Stop>) -> Result<Error, Error> {
    let Some(stop) = stop else {
        return exec::start(launch).map(|never| match never {});
    };
    let signal = exec::replace(launch, stop)?;
    Ok(Error::Stopped { signal })
}

/// Splits `castoff run --init` in two: the init never returns, the child goes on. To be called
/// before there is another thread.
pub fn stay(server: &[OsString], how: &Supervision) -> Result<(), InitError> {
    match stay::stay(how).map_err(InitError::Split)? {
        // The engine's start-up has touched memory that an init does not need.
        Side::Init(child) => small::supervise(child, how, server),
        Side::Child => Ok(()),
    }
}
