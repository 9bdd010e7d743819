//! A small time-tracking web server: the example that castoff starts.
//!
//! It expects the tables that `migrations/` makes and makes none itself. `timetracker --health`
//! asks a running server whether it is well, for images that hold no shell and no curl.

use std::io::{self, Write};
use std::process::ExitCode;

use listenfd::ListenFd;
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
    let failed = |cause| Failure::Listen {
        address: settings.listen,
        cause,
    };
    let listener = match given().map_err(failed)? {
        Some(listener) => listener,
        None => TcpListener::bind(settings.listen).await.map_err(failed)?,
    };
    let address = listener.local_addr().map_err(failed)?;
    say(&format!("listening on http://{address}"));
    http::serve(listener, store, stop).await;
    say("stopped");
    Ok(())
}

/// The socket that this process was started with, if it was (`sd_listen_fds(3)`): whoever connected
/// before the server was there waits in its queue.
fn given() -> io::Result<Option<TcpListener>> {
    let Some(listener) = ListenFd::from_env().take_tcp_listener(0)? else {
        return Ok(None);
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Some)
}

/// The only writer to stderr.
fn say(line: &str) {
    // Nothing is left to tell anybody if stderr is gone.
    writeln!(std::io::stderr(), "timetracker: {line}").ok();
}
