//! `castoff status`: how castoff, or the server that it became, is doing. For health checks: it is fast,
//! meets no database, and its status is the answer.

use serde_json::json;

use super::Finding;
use crate::cli::{Format, Status};
use crate::config::Config;
use crate::error::Error;
use crate::health::{self, Answer, State};
use crate::report;

pub(super) fn status(config: &Config, arguments: &Status) -> Result<Finding, Error> {
    let answer = health::ask(config)?;
    let is_healthy = match answer.state {
        State::Serving => true,
        State::Holding => arguments.live,
        State::Down => false,
    };
    match arguments.format {
        Format::Text => report::print(&as_text(&answer))?,
        Format::Json => report::print_json(&json!({
            "healthy": is_healthy,
            "state": name(answer.state),
            "phase": answer.phase,
            "from": answer.from,
            "reason": answer.reason,
        }))?,
    }
    Ok(Finding::from(!is_healthy))
}

fn name(state: State) -> &'static str {
    match state {
        State::Serving => "serving",
        State::Holding => "holding",
        State::Down => "down",
    }
}

/// `holding (migrating): step 2 of 7, 3f2a9c1b7d04`.
fn as_text(answer: &Answer) -> String {
    let state = name(answer.state);
    // That castoff became the server says nothing more, also of one that is down.
    let phase = answer.phase.as_deref();
    let phase = phase.filter(|phase| ![state, "serving"].contains(phase));
    let phase = phase.map(|phase| format!(" ({phase})")).unwrap_or_default();
    format!("{state}{phase}: {}\n", answer.reason)
}
