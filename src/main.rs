//! The executable: parse, dispatch, tell the error, exit.

use std::ffi::OsString;
use std::process::ExitCode;

use castoff::cli::{Cli, Command, help};
use castoff::command::{self, Finding};
use castoff::config::{self, Config, LogFormat, LogLevel};
use castoff::error::Error;
use castoff::observe::termination::TerminationLog;
use castoff::run::signal::Stop;
use castoff::status::board::Board;
use castoff::{observe, report, supervise};
use castoff_process::small;
use clap::Parser;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    small::resume(&arguments);
    end_on_bugs(TerminationLog::Default);
    let board = Board::new();
    let mut telling = (LogFormat::Text, TerminationLog::Default);
    let ran = match supervise::early(&arguments) {
        Some(early) => supervise::run(&early, &mut telling.0).map(|()| Finding::Nothing),
        None => run(&board, &mut telling),
    };
    match ran {
        Ok(Finding::Nothing) => ExitCode::SUCCESS,
        Ok(Finding::Something) => ExitCode::FAILURE,
        Err(error) => {
            let (log_format, termination_log) = telling;
            report::fail(&error, &board.fail(&error), log_format);
            termination_log.tell(&error);
            observe::settle(&board);
            error.exit_status().into()
        }
    }
}

fn run(board: &Board, telling: &mut (LogFormat, TerminationLog)) -> Result<Finding, Error> {
    let stop = Stop::install().map_err(Error::System)?;
    let cli = Cli::try_parse().unwrap_or_else(|error| end_on_wrong_usage(error));
    if let Command::Supervise(arguments) = &cli.command {
        let ended = supervise::supervise(&cli, arguments, Some(&stop));
        return ended
            .map(|()| Finding::Nothing)
            .inspect_err(|_| telling.0 = config::telling(Some(&cli)).0);
    }
    let is_watched = observe::is_watched(&cli.command);
    let config = Config::read(&cli);
    let (log_format, observed) = match &config {
        Ok(config) => (config.log_format, config.observed.clone()),
        Err(_) => config::telling(Some(&cli)),
    };
    let termination_log = TerminationLog::of(is_watched, observed.termination_log.clone());
    end_on_bugs(termination_log.clone());
    *telling = (log_format, termination_log);
    let log = config.as_ref().map_or(LogLevel::Info, |config| config.log);
    report::tell(log, log_format, board);
    let config = config?;
    // Before there is a second thread, which would not be in the child.
    if let (true, Command::Run(arguments)) = (config.stays, &cli.command) {
        supervise::stay(&arguments.server, &config.init)?;
    }
    if is_watched {
        observe::keep(&observed, board);
    }
    config
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    let finding = command::dispatch(&cli, &config, &stop, board)?;
    observe::end(board);
    report::leave_terminal();
    Ok(finding)
}

/// Ends as clap does, which has no more to say than one line and the usage.
fn end_on_wrong_usage(error: clap::Error) -> ! {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if error.exit_code() != 0 {
        let is_watched = observe::is_watched_word(&arguments);
        let (_, observed) = config::telling(None);
        let line = error.to_string();
        TerminationLog::of(is_watched, observed.termination_log)
            .write(line.lines().next().unwrap_or_default())
            .ok();
    }
    help::of_what_matters(error).exit()
}

/// A panic is a bug of castoff's, and says so by its status.
fn end_on_bugs(termination_log: TerminationLog) {
    std::panic::set_hook(Box::new(move |panic| {
        let line = report::bug(&panic.to_string());
        termination_log.write(&line).ok();
        #[expect(
            clippy::exit,
            reason = "the release aborts after this hook, which says nothing"
        )]
        std::process::exit(70);
    }));
}
