//! How castoff, or the server that it became, is doing: asked by another castoff in the same container,
//! as a health check. It asks whatever was configured, and no database: the status file, the holding
//! page's port, and where there is neither, the container's first process.

pub mod first_process;
pub mod page;
pub mod status_file;

use crate::config::Config;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it is doing.
    pub state: State,
    /// Who said so: `status-file`, `page` or `process`.
    pub from: &'static str,
    /// The phase, if it is known.
    pub phase: Option<String>,
    /// Why, in one line.
    pub reason: String,
}

/// How it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// castoff became the server, which lives.
    Serving,
    /// castoff is still at work.
    Holding,
    /// Neither: it ended, or nobody answers.
    Down,
}

/// Nothing can be told from here.
#[derive(Debug, thiserror::Error)]
#[error("nobody here says how castoff is doing: {reason}")]
pub struct Unknown {
    /// What was looked at last.
    pub reason: String,
}

impl Unknown {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        "status-unknown"
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        "set CASTOFF_STATUS_FILE or CASTOFF_LISTEN in the container's environment, for `castoff run` and `castoff status` alike".into()
    }
}

/// Asks the first of them that was configured and is there.
pub fn ask(config: &Config) -> Result<Answer, Unknown> {
    let file = config.observed.status_file.as_deref();
    if let Some(answer) = file.and_then(status_file::ask) {
        return Ok(answer);
    }
    let listen = config.holding.as_ref().map(|holding| &holding.listen);
    if let Some(answer) = listen.and_then(page::ask) {
        return Ok(answer);
    }
    first_process::ask()
}
