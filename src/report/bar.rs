//! The line at the foot of a terminal that says how far the work is.
//!
//! Only drawn where somebody watches: `indicatif` draws nothing when standard error is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// What is going on: `create index: building index`.
    pub(super) what: String,
    /// How much of it is done.
    pub(super) done: u64,
    /// How much there is; nothing where nobody knows.
    pub(super) total: Option<u64>,
    /// What is counted: `rows`, `blocks`.
    pub(super) unit: String,
}

/// The line, if it is drawn.
#[derive(Default)]
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
    /// The migration that is being applied: `3 of 7, 3f2a9c1b7d04`.
    step: String,
    what: String,
}

/// A bar says how much is left, and for how long, only once this much of its work has been seen.
const HONEST: f64 = 0.02;

impl Bar {
    /// Another migration begins.
    pub(super) fn step(&mut self, step: String) {
        self.step = step;
        self.show(&Shown::default());
    }

    /// Draws how far it is.
    pub(super) fn show(&mut self, shown: &Shown) {
        let bar = self.drawn.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        });
        if self.what != shown.what {
            // Another phase counts other things, at another speed.
            self.what.clone_from(&shown.what);
            bar.reset();
        }
        let template = template(shown);
        // The template is one of ours; a wrong one draws the library's own.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(self.step.clone());
        bar.set_message(text(shown));
        if let Some(total) = shown.total {
            bar.set_length(total);
        }
        bar.set_position(shown.done);
        bar.tick();
    }

    /// Takes the line away, so that another can be written.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.drawn.take() {
            bar.finish_and_clear();
        }
    }
}

fn template(shown: &Shown) -> &'static str {
    match shown.total {
        Some(total) if is_telling(shown.done, total) => {
            "castoff: {prefix} [{bar:24}] {percent}% {msg}, {eta} left"
        }
        Some(_) => "castoff: {prefix} [{bar:24}] {percent}% {msg}",
        None => "castoff: {prefix} {msg} ({elapsed})",
    }
}

/// Whether enough is done for an estimate.
#[expect(clippy::cast_precision_loss, reason = "a share, for people")]
fn is_telling(done: u64, total: u64) -> bool {
    total > 0 && done as f64 >= total as f64 * HONEST
}

fn text(shown: &Shown) -> String {
    let Shown {
        what, done, unit, ..
    } = shown;
    match shown.total {
        _ if unit.is_empty() => what.clone(),
        Some(total) => format!("{what} ({done} of {total} {unit})"),
        None => format!("{what} ({done} {unit})"),
    }
}

/// How often a log gets a line of progress at most.
pub(super) const SELDOM: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: u64, total: Option<u64>, unit: &str, expected: &str) {
        let shown = Shown {
            what: "time_entry".to_owned(),
            done,
            total,
            unit: unit.to_owned(),
        };
        assert_eq!(format!("{} | {}", text(&shown), template(&shown)), expected);
    }

    #[test]
    fn says_what_is_known_and_no_more() {
        check(
            50,
            Some(100),
            "rows",
            "time_entry (50 of 100 rows) | castoff: {prefix} [{bar:24}] {percent}% {msg}, {eta} left",
        );
        check(
            1,
            Some(100),
            "rows",
            "time_entry (1 of 100 rows) | castoff: {prefix} [{bar:24}] {percent}% {msg}",
        );
        check(
            7,
            None,
            "rows",
            "time_entry (7 rows) | castoff: {prefix} {msg} ({elapsed})",
        );
        check(
            0,
            None,
            "",
            "time_entry | castoff: {prefix} {msg} ({elapsed})",
        );
    }
}
