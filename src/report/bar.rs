//! The line at the foot of a terminal that says how far the work is.
//!
//! Only drawn where somebody watches, on a terminal that can take a line back. It is one line, cut at
//! the terminal's width.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// What is going on: `create index: building index`.
    pub(super) what: String,
    /// How much of it is done; nothing where nobody counts.
    pub(super) done: Option<u64>,
    /// How much there is; nothing where nobody knows.
    pub(super) total: Option<u64>,
    /// What is counted: `rows`, `blocks`.
    pub(super) unit: String,
    /// Seconds that are left, where that can be said honestly.
    pub(super) left: Option<u64>,
}

/// The line, if it is drawn.
#[derive(Debug)]
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
    /// The migration that is being applied: `3 of 7, 3f2a9c1b7d04`.
    step: String,
    /// What is going on, and since when.
    what: String,
    since: Instant,
}

/// How often a log gets a line of progress at most.
pub(super) const SELDOM: Duration = Duration::from_secs(5);

impl Bar {
    /// A line at the foot of this terminal, unless it is too dumb for one.
    pub(super) fn new() -> Option<Self> {
        (!ProgressDrawTarget::stderr().is_hidden()).then(|| Self {
            drawn: None,
            step: String::new(),
            what: String::new(),
            since: Instant::now(),
        })
    }

    /// Another migration begins.
    pub(super) fn step(&mut self, step: String) {
        self.step = step + " ";
        self.begin();
        self.show(&Shown::default());
    }

    fn begin(&mut self) {
        self.since = Instant::now();
        if let Some(bar) = &self.drawn {
            bar.reset();
        }
    }

    /// Draws how far it is.
    pub(super) fn show(&mut self, shown: &Shown) {
        if self.what != shown.what {
            self.what.clone_from(&shown.what);
            self.begin();
        }
        let since = self.since.elapsed();
        let bar = self.drawn.get_or_insert_with(|| {
            // It may have been taken away meanwhile, which is not when the work began.
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(since)
        });
        // The template is one of ours; a wrong one draws the library's own.
        if let Ok(style) = ProgressStyle::with_template(template(shown)) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(self.step.clone());
        let done = shown.done.unwrap_or_default();
        if let Some(total) = shown.total {
            bar.set_length(total);
            bar.set_position(done.min(total));
        }
        bar.set_message(text(shown));
        bar.tick();
    }

    /// Draws the time that has passed anew.
    pub(super) fn tick(&self) {
        if let Some(bar) = &self.drawn {
            bar.tick();
        }
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
        Some(_) => "castoff: {prefix}[{bar:12}] {wide_msg}",
        None => "castoff: {prefix}({elapsed}) {wide_msg}",
    }
}

/// What is told beside the bar, the most important first: a narrow terminal cuts the end.
fn text(shown: &Shown) -> String {
    let Shown {
        what, unit, left, ..
    } = shown;
    let Some(done) = shown.done else {
        return what.clone();
    };
    let left = left.map_or_else(String::new, |seconds| {
        format!(", {:#} left", HumanDuration(Duration::from_secs(seconds)))
    });
    match shown.total {
        Some(total) => {
            // Never 100: what is done says so itself.
            let percent = (done.saturating_mul(100) / total.max(1)).min(99);
            format!("{percent}%{left}: {what} ({done} of {total} {unit})")
        }
        None => format!("{what} ({done} {unit})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: Option<u64>, total: Option<u64>, left: Option<u64>, expected: &str) {
        let shown = Shown {
            what: "time_entry".to_owned(),
            done,
            total,
            unit: "rows".to_owned(),
            left,
        };
        assert_eq!(format!("{} | {}", template(&shown), text(&shown)), expected);
    }

    #[test]
    fn says_what_is_known_and_no_more() {
        check(
            Some(50),
            Some(100),
            Some(80),
            "castoff: {prefix}[{bar:12}] {wide_msg} | 50%, 80s left: time_entry (50 of 100 rows)",
        );
        check(
            Some(110),
            Some(100),
            None,
            "castoff: {prefix}[{bar:12}] {wide_msg} | 99%: time_entry (110 of 100 rows)",
        );
        check(
            Some(7),
            None,
            None,
            "castoff: {prefix}({elapsed}) {wide_msg} | time_entry (7 rows)",
        );
        check(
            None,
            None,
            None,
            "castoff: {prefix}({elapsed}) {wide_msg} | time_entry",
        );
    }
}
