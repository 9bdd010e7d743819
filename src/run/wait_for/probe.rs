//! One look at what is waited for.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;

use super::exchange::Https;
use super::{command, connection, exchange};
use crate::config::Config;
use crate::config::awaited::Awaited;
use crate::error::Error;
use crate::run::wait_error::Refusal;

/// Why something is not ready.
pub(super) enum Miss {
    /// It may be later.
    Later {
        /// Why, in words that stay the same while the cause does.
        cause: String,
        /// The last line that a command said, which may be another each time.
        output: String,
    },
    /// Nothing was heard in the time there was; in words.
    NoAnswer(&'static str),
    /// It stays as it is until somebody changes something.
    Never(Refusal),
    /// The system refused something that always works.
    Failed(Error),
}

impl Miss {
    pub(super) fn later(cause: impl Into<String>) -> Self {
        Self::Later {
            cause: cause.into(),
            output: String::new(),
        }
    }
}

/// What the attempts have in common.
pub(super) struct Probe<'c> {
    pub(super) config: &'c Config,
    pub(super) https: Https,
}

impl<'c> Probe<'c> {
    pub(super) fn new(config: &'c Config) -> Self {
        Self {
            config,
            https: Https::default(),
        }
    }

    /// Looks once, for no longer than this.
    pub(super) async fn attempt(&self, awaited: &Awaited, within: Duration) -> Result<(), Miss> {
        let no_answer = |_| Miss::NoAnswer("no answer");
        match awaited {
            Awaited::Tcp(address) => connection::open(address, within).await.map(drop),
            Awaited::Http(target) => {
                let asked = exchange::ask(&self.https, target, within);
                tokio::time::timeout(within, asked)
                    .await
                    .map_err(no_answer)?
            }
            Awaited::File(path) => {
                let looked = tokio::time::timeout(within, look_at(path)).await;
                looked.map_err(no_answer)?
            }
            Awaited::Unix(path) => {
                let connected = tokio::time::timeout(within, UnixStream::connect(path)).await;
                let connected = connected.map_err(no_answer)?;
                connected.map(drop).map_err(|error| explain(&error))
            }
            Awaited::Exec(words) => command::run(self.config, words, within).await,
        }
    }
}

/// Whether there is anything of that name. In a thread, since a network's file system may hang.
async fn look_at(path: &Path) -> Result<(), Miss> {
    let path = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || path.metadata()).await;
    let looked = looked.map_err(io::Error::other).and_then(|looked| looked);
    looked.map(drop).map_err(|error| explain(&error))
}

/// The system's refusal in a few words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system's own words do for the rest"
)]
pub(super) fn explain(error: &io::Error) -> Miss {
    use io::ErrorKind as E;
    Miss::later(match error.kind() {
        E::NotFound | E::NotADirectory => "it does not exist".to_owned(),
        E::PermissionDenied => "permission denied".to_owned(),
        E::ConnectionRefused => "connection refused".to_owned(),
        E::ConnectionReset | E::BrokenPipe | E::UnexpectedEof => "connection closed".to_owned(),
        E::HostUnreachable | E::NetworkUnreachable => "no route to host".to_owned(),
        E::WouldBlock => "its queue is full".to_owned(),
        _ => error.to_string(),
    })
}
