//! What is shown on the holding page, as HTML and as JSON. For the public: it names no table, no
//! statement and no address. Pure.

use std::time::Instant;

use serde_json::{Value, json};

use super::Status;

/// The page for browsers.
pub fn html(status: &Status, now: Instant) -> String {
    with(include_str!("page.html"), status, now)
}

/// A page of the user's, with its placeholders filled.
pub fn with(template: &str, status: &Status, now: Instant) -> String {
    let (step, steps) = status.step.unwrap_or_default();
    template
        .replace("{{phase}}", status.phase.name())
        .replace("{{step}}", &step.to_string())
        .replace("{{steps}}", &steps.to_string())
        .replace("{{seconds}}", &seconds(status, now).to_string())
}

/// The same for programs.
pub fn json(status: &Status, now: Instant) -> Value {
    json!({
        "phase": status.phase.name(),
        "seconds": seconds(status, now),
        "step": status.step.map(|(step, _)| step),
        "steps": status.step.map(|(_, steps)| steps),
    })
}

fn seconds(status: &Status, now: Instant) -> u64 {
    now.saturating_duration_since(status.since).as_secs()
}
