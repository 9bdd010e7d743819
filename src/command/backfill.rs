//! `castoff backfill`: sections in deferred batches, and what can be wished of them.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tracing::info;

use crate::cli::{Backfill, BackfillAction, Format};
use crate::config::Config;
use crate::database::batch::{State, Status};
use crate::error::Error;
use crate::run::Context;
use crate::run::backfill::{self, Wish};
use crate::run::signal::Stop;
use crate::{migrations, report};

pub(super) fn backfill(config: &Config, stop: &Stop, arguments: &Backfill) -> Result<(), Error> {
    let context = Context::new(config, stop)?;
    let (wish, revision) = match &arguments.action {
        None => {
            let history = migrations::find(&config.migrations)?.history()?;
            let only = arguments.revision.as_deref();
            return context.block_on(backfill::backfill(&context, &history, only));
        }
        Some(BackfillAction::Status(status)) => return show(&context, status.format),
        Some(BackfillAction::Pause(arguments)) => (Wish::Pause, &arguments.revision),
        Some(BackfillAction::Resume(arguments)) => (Wish::Resume, &arguments.revision),
        Some(BackfillAction::Abort(arguments)) => (Wish::Abort, &arguments.revision),
        Some(BackfillAction::Retry(arguments)) => (Wish::Retry, &arguments.revision),
    };
    context.block_on(backfill::wish(&context, wish, revision))
}

fn show(context: &Context<'_>, format: Format) -> Result<(), Error> {
    let (states, holder) = context.block_on(backfill::status(context))?;
    match format {
        Format::Text => {
            if states.is_empty() {
                info!("no section in batches is recorded");
            }
            let shown: String = states.iter().map(|state| as_text(state, holder)).collect();
            report::print(&shown)
        }
        Format::Json => {
            let states = states.iter().map(as_json).collect::<Vec<Value>>();
            report::print_json(&json!({ "worker": holder, "batches": states }))
        }
    }
}

/// What follows the word of its status, if that alone misleads.
fn note(state: &State, holder: Option<i32>) -> &'static str {
    match state.status {
        _ if !state.is_applied && state.deferred => " (its revision was taken back)",
        Status::Pending | Status::Running if state.deferred && holder.is_none() => {
            " (nobody is at work: run `castoff backfill`)"
        }
        Status::Pending
        | Status::Running
        | Status::Paused
        | Status::Done
        | Status::Failed
        | Status::Aborted => "",
    }
}

fn as_text(state: &State, holder: Option<i32>) -> String {
    let mut text = format!("{} {}", state.revision, state.status.as_str());
    if state.direction == "downgrade" {
        text += ", downgrade";
    }
    if state.deferred {
        text += ", deferred";
    }
    text += note(state, holder);
    // Writing to a String cannot fail.
    let batches = if state.batches == 1 {
        "batch"
    } else {
        "batches"
    };
    write!(text, ": {} rows in {} {batches}", state.rows, state.batches).ok();
    if let (Some(percent), false) = (percent(state), state.status == Status::Done) {
        write!(text, ", about {percent} %").ok();
    }
    text.push('\n');
    let mut line = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            writeln!(text, "  {name}: {value}").ok();
        }
    };
    line("waits", &state.throttled_by);
    line("last error", &state.last_error);
    text
}

fn percent(state: &State) -> Option<i64> {
    let estimate = state.estimate.filter(|&estimate| estimate > 0)?;
    Some((state.rows.saturating_mul(100) / estimate).min(99))
}

fn as_json(state: &State) -> Value {
    json!({
        "revision": state.revision,
        "direction": state.direction,
        "status": state.status.as_str(),
        "is_deferred": state.deferred,
        "is_applied": state.is_applied,
        "relation": state.relation,
        "last_key": state.last_key,
        "end_key": state.end_key,
        "size": state.size,
        "estimate": state.estimate,
        "rows": state.rows,
        "changed": state.changed,
        "batches": state.batches,
        "attempts": state.attempts,
        "throttled_by": state.throttled_by,
        "last_error": state.last_error,
        "host": state.host,
        "started_at": state.started_at,
        "updated_at": state.updated_at,
        "finished_at": state.finished_at,
    })
}
