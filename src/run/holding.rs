//! Answering on the web server's port until the server does, and giving it the port.
//!
//! The socket is opened before anything else, and answered on by a thread. At the end the thread
//! finishes what it accepted; everything else waits in the socket's queue, which outlives the exec.

mod accept;
mod answer;
pub mod listen_error;
mod listener;
mod serve;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::info;

use super::block_on;
use super::signal::Stop;
use crate::config::error::ConfigError;
use crate::config::holding::{Handover, Holding, Listen, PageFile};
use crate::error::Error;
use crate::place::Place;
use crate::status::board::Board;
use crate::status::page;
use serve::Site;

/// How long connections that were accepted may last once the server is to have the socket.
const FINISH: Duration = Duration::from_secs(1);

/// How long the thread may take to end: longer than it gives its clients.
const END: Duration = Duration::from_secs(3);

/// The port, while castoff has it. Dropped, its page ends with castoff.
#[derive(Debug)]
pub struct Held {
    listener: TcpListener,
    handover: Handover,
    over: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// The port, for the moment of the exec.
#[derive(Debug)]
pub enum Port {
    /// castoff had none.
    None,
    /// The server gets the socket.
    Given(OwnedFd),
    /// The exec closes it, which is the latest moment there is.
    Closed(OwnedFd),
}

/// Listens where it is told to, and begins to answer with what the board says.
pub fn hold(holding: Option<&Holding>, board: &Board, stop: &Stop) -> Result<Option<Held>, Error> {
    holding
        .map(|holding| begin(holding, board, stop))
        .transpose()
}

/// Finishes what was accepted, within about a second, and leaves the rest to the server.
pub fn hand_over(held: Option<Held>, stop: &Stop) -> Result<Port, Error> {
    held.map_or(Ok(Port::None), |held| held.hand_over(stop))
}

fn begin(holding: &Holding, board: &Board, stop: &Stop) -> Result<Held, Error> {
    let listener = listener::open(&holding.listen, holding.handover, stop)?;
    let site = Site {
        board: board.clone(),
        template: holding.page.as_ref().map(read).transpose()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::System)?;
    let accepting = listener.try_clone().map_err(Error::System)?;
    let (over, told) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    let handover = holding.handover;
    let work = move || {
        runtime.block_on(async {
            // Inside the runtime that looks after it.
            if let Ok(listener) = tokio::net::TcpListener::from_std(accepting) {
                let over = async { drop(told.await) };
                serve::serve(listener, site, handover, FINISH, over).await;
            }
        });
        // Every connection is closed before anybody hears that it is over.
        drop(runtime);
        drop::<oneshot::Sender<()>>(ending);
    };
    thread::Builder::new()
        .name("holding".to_owned())
        .spawn(work)
        .map_err(Error::System)?;
    let address = address(&listener, &holding.listen);
    info!(
        event = "listening",
        address, "answering on {address} until the server does"
    );
    Ok(Held {
        listener,
        handover,
        over,
        ended,
    })
}

impl Held {
    fn hand_over(self, stop: &Stop) -> Result<Port, Error> {
        self.over.send(()).ok();
        block_on(async {
            tokio::select! {
                biased;
                signal = stop.wait() => Err(Error::Stopped { signal }),
                // The exec ends a thread that does not end by itself.
                _ = tokio::time::timeout(END, self.ended) => Ok(()),
            }
        })?;
        Ok(match self.handover {
            Handover::Close => Port::Closed(self.listener.into()),
            Handover::Socket => {
                listener::for_the_server(&self.listener).map_err(Error::System)?;
                Port::Given(self.listener.into())
            }
        })
    }
}

impl Port {
    /// The socket, if the server gets it.
    pub fn given(&self) -> Option<&OwnedFd> {
        match self {
            Self::Given(socket) => Some(socket),
            Self::None | Self::Closed(_) => None,
        }
    }
}

/// Where castoff listens, as somebody would write it: with the port that the system chose.
fn address(listener: &TcpListener, listen: &Listen) -> String {
    let address = listener.local_addr();
    address.map_or_else(|_| listen.to_string(), |address| address.to_string())
}

fn read(page: &PageFile) -> Result<Arc<str>, ConfigError> {
    let text = std::fs::read_to_string(&page.path);
    let text = text.map_err(|source| ConfigError::Unreadable {
        path: page.path.clone(),
        named_by: page.named_by.clone(),
        source,
    })?;
    page::check(&text).map_err(|unknown| {
        let path = page.path.display().to_string();
        let place = Place::of(&path, &text, unknown.span.start, unknown.span.end);
        ConfigError::Placeholder {
            place: Box::new(place),
            unknown,
        }
    })?;
    Ok(text.into())
}
