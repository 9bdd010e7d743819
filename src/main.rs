//! The executable: parse, dispatch, tell the error, exit.

use std::ffi::OsString;
use std::process::ExitCode;

use castoff::cli::{Cli, Command};
use castoff::command::{self, Finding};
use castoff::config::{self, Config, LogFormat};
use castoff::error::Error;
use castoff::report;
use castoff::run::signal::Stop;
use castoff::status::board::Board;
use castoff::supervise;
use castoff_process::small;
use clap::Parser;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    small::resume(&arguments);
    end_on_bugs();
    let mut format = LogFormat::Text;
    let ran = match supervise::early(&arguments) {
        Some(early) => supervise::run(&early, &mut format).map(|()| Finding::Nothing),
        None => run(&mut format),
    };
    match ran {
        Ok(Finding::Nothing) => ExitCode::SUCCESS,
        Ok(Finding::Something) => ExitCode::FAILURE,
        Err(error) => {
            report::fail(&error, format);
            error.exit_status().into()
        }
    }
}

fn run(format: &mut LogFormat) -> Result<Finding, Error> {
    let stop = Stop::install().map_err(Error::System)?;
    let cli = Cli::parse();
    if let Command::Supervise(arguments) = &cli.command {
        let ended = supervise::supervise(&cli, arguments, Some(&stop));
        return ended
            .map(|()| Finding::Nothing)
            .inspect_err(|_| *format = config::log_format(&cli));
    }
    let config = Config::read(&cli).inspect_err(|_| *format = config::log_format(&cli))?;
    *format = config.log_format;
    if let (true, Command::Run(arguments)) = (config.stays, &cli.command) {
        supervise::stay(&arguments.server, &config.init)?;
    }
    let board = Board::new();
    report::tell(config.log, config.log_format, &board);
    config
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    let finding = command::dispatch(&cli, &config, &stop, &board)?;
    report::leave_terminal();
    Ok(finding)
}

/// A panic is a bug of castoff's, and says so by its status.
fn end_on_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        report::bug(&panic.to_string());
        #[expect(
            clippy::exit,
            reason = "the release aborts after this hook, which says nothing"
        )]
        std::process::exit(70);
    }));
}
