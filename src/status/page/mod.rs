//! The holding page: what visitors see until the server serves, as HTML for people and JSON for
//! programs. Pure: who listens sends it.
//!
//! The public learns the phase, counts and times. It never learns a text of the status, since those
//! may name a table, a host or a query: [`view::View`] has no place for them, and everything here
//! is made from a `View`.
//!
//! The page asks for nothing but itself. Without JavaScript it is loaded again every few seconds.
//! With it, the script asks for a new one and puts in place what has changed, so that nothing
//! flickers and a screen reader tells only news; once somebody else answers, the page is loaded
//! again, and the visitor is where they wanted to be. Four decisions are in `page.js`:
//!
//! - `document.write` opens a template around the `meta` that follows, so that it does not reload
//!   the page as well. A `noscript` would leave visitors without either where a proxy's policy
//!   forbids the script.
//! - It asks for a path of its own beside the visitor's. Theirs may be a link that works once, and
//!   the first answer of the server must be to them.
//! - 502 and 504 are a proxy's words for nobody being there, and last as little as 503.
//! - A moment at random is added to each pause: a thousand visitors do not come back at once.

mod document;
mod template;
mod view;
mod words;

use std::time::Instant;

use serde_json::{Value, json};

use super::Status;
use super::phase::Phase;
pub use template::UnknownPlaceholder;
use view::View;

/// The `Content-Security-Policy` of castoff's own page. A page of the user's has its own needs.
///
/// Only the style and the script that are in the page may act, by their hashes; the icon is empty,
/// which keeps browsers from asking for one and remembering that there is none.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
    connect-src 'self'; img-src data:; \
    script-src 'sha256-GLzwI95lDChiR98cYIawNBxovAkhvqbf6C9CcuSsjI0='; \
    style-src 'sha256-EMOHVJ1xS3ExYcvlK8YM2bzCpf830OZvFf0wTym4/ks='";

/// The longest and the shortest time between two loads of the page, in seconds.
const REFRESH: (u64, u64) = (2, 10);

/// The page for browsers. It is complete: it asks for nothing else.
pub fn html(status: &Status, now: Instant) -> String {
    document::render(&View::of(status, now), refresh(status, now))
}

/// The user's page, with what its placeholders stand for; [`check`] says whether it knows them.
/// A placeholder whose value nobody knows is empty.
pub fn with(template: &str, status: &Status, now: Instant) -> String {
    template::fill(template, &View::of(status, now), refresh(status, now))
}

/// Whether all placeholders of the user's page are known.
pub fn check(template: &str) -> Result<(), UnknownPlaceholder> {
    template::check(template)
}

/// The same for programs. A key whose value nobody knows is null.
pub fn json(status: &Status, now: Instant) -> Value {
    let view = View::of(status, now);
    let progress = view.counted.map(|counted| {
        json!({
            "done": counted.done,
            "total": counted.total,
            "unit": counted.unit,
            "percent": counted.percent(),
        })
    });
    json!({
        "status": "unavailable",
        "phase": view.phase.name(),
        "message": view.message,
        "step": view.step.map(|(step, _)| step),
        "steps": view.step.map(|(_, steps)| steps),
        "percent": view.percent(),
        "progress": progress,
        "left_seconds": view.left_seconds,
        "retry_after": retry_after(status, now),
    })
}

/// When asking again is worth it, for `Retry-After`: seconds, 1 to 30.
///
/// The estimate of the last step, where there is one. Otherwise what has lasted long is likely to
/// last on, and what has just begun may be over at once: half the time since the phase began.
pub fn retry_after(status: &Status, now: Instant) -> u64 {
    let view = View::of(status, now);
    let is_last = view.step.is_none_or(|(step, steps)| step == steps);
    match view.phase {
        Phase::Starting | Phase::HandingOver | Phase::Serving | Phase::Done => 1,
        // Whoever starts castoff again takes a moment.
        Phase::Failed => 10,
        Phase::Waiting | Phase::Locking | Phase::Migrating => match view.left_seconds {
            Some(left) if is_last => left.clamp(1, 30),
            _ => (now.saturating_duration_since(status.since).as_secs() / 2).clamp(1, 10),
        },
    }
}

/// How long a page is shown before a browser without JavaScript loads it again, in seconds.
fn refresh(status: &Status, now: Instant) -> u64 {
    retry_after(status, now).clamp(REFRESH.0, REFRESH.1)
}

#[cfg(test)]
mod tests;
