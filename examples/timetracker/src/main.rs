//! A small time-tracking web server: the example that castoff starts.
//!
//! It expects the tables that `migrations/` makes and makes none itself. `timetracker --health`
//! asks a running server whether it is well, for images that hold no shell and no curl.

use std::io::Write;
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::settings::Settings;
use crate::store::Store;

mod failure;
mod form;
mod health;
mod http;
mod pages;
mod route;
mod settings;
mod signal;
mod store;
mod text;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        None => run(serve),
        Some("--health") => run(async |settings| health::ask(settings.listen).await),
        Some(other) => Err(Failure::Usage(other.to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            failure.exit_status().into()
        }
    }
}

/// Everything runs on one thread: the work is waiting for the database.
fn run(work: impl AsyncFnOnce(Settings) -> Result<(), Failure>) -> Result<(), Failure> {
    let settings = Settings::from_environment()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?
        .block_on(work(settings))
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    // Before anything that takes time: as process 1, a signal without a handler does nothing.
    let stop = signal::stop_requested()?;
    let store = Store::new(settings.database()?);
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|cause| Failure::Listen {
            address: settings.listen,
            cause,
        })?;
    say(&format!("listening on http://{}", settings.listen));
    http::serve(listener, store, stop).await;
    say("stopped");
    Ok(())
}

/// The only writer to stderr.
fn say(line: &str) {
    // Nothing is left to tell anybody if stderr is gone.
    writeln!(std::io::stderr(), "timetracker: {line}").ok();
}
