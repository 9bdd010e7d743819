//! The status as metrics, in Prometheus' text format 0.0.4. Names and labels are public contract: see
//! `docs/observability.md`.

use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use super::Status;
use super::phase::Phase;

/// Everything that is known, as one page of samples.
pub fn render(status: &Status, now: Instant) -> String {
    let mut page = Page::default();
    page.family("castoff_info", Kind::Gauge, "The version of castoff.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.family(
        "castoff_start_time_seconds",
        Kind::Gauge,
        "When castoff began, in seconds after 1970.",
    );
    let since_epoch = status.started.duration_since(SystemTime::UNIX_EPOCH);
    page.sample(&[], seconds(since_epoch.unwrap_or_default()));
    page.family(
        "castoff_phase",
        Kind::Gauge,
        "What castoff is doing: 1 for the present phase, 0 for the others.",
    );
    for phase in Phase::ALL {
        page.sample(&[("phase", phase.name())], u8::from(phase == status.phase));
    }
    page.family(
        "castoff_phase_seconds",
        Kind::Gauge,
        "Time in each phase, the present one included.",
    );
    // What follows the end is not castoff's time.
    for phase in Phase::ALL.into_iter().filter(|phase| !phase.is_last()) {
        page.sample(
            &[("phase", phase.name())],
            seconds(status.time_in(phase, now)),
        );
    }
    page.family(
        "castoff_wait_seconds",
        Kind::Gauge,
        "Time spent waiting for the database and for other services.",
    );
    page.sample(&[], seconds(status.time_in(Phase::Waiting, now)));
    page.family(
        "castoff_lock_wait_seconds",
        Kind::Gauge,
        "Time spent waiting for the migration lock.",
    );
    page.sample(&[], seconds(status.time_in(Phase::Locking, now)));
    migrations(&mut page, status);
    page.family(
        "castoff_lock_retries_total",
        Kind::Counter,
        "Attempts at migrations that were refused a lock or failed, and were made again.",
    );
    page.sample(&[], status.retries);
    progress(&mut page, status);
    error(&mut page, status);
    page.text
}

fn migrations(page: &mut Page, status: &Status) {
    let done = [
        ("upgrade", &status.applied),
        ("downgrade", &status.reverted),
        ("backfill", &status.backfilled),
    ];
    page.family(
        "castoff_migration_duration_seconds",
        Kind::Gauge,
        "Time that each revision took in this run.",
    );
    for (direction, revisions) in done {
        // One that was taken back and applied again has one sample: the last.
        let last = |index: usize, revision: &str| {
            let later = revisions.iter().skip(index + 1);
            later.into_iter().all(|(other, _)| other != revision)
        };
        for (index, (revision, took)) in revisions.iter().enumerate() {
            if last(index, revision) {
                let labels = [("revision", revision.as_str()), ("direction", direction)];
                page.sample(&labels, seconds(*took));
            }
        }
    }
    page.family(
        "castoff_migrations_total",
        Kind::Counter,
        "Revisions that this run finished.",
    );
    for (direction, revisions) in done {
        page.sample(&[("direction", direction)], revisions.len());
    }
}

fn progress(page: &mut Page, status: &Status) {
    if let Some((step, steps)) = status.step {
        page.family("castoff_steps", Kind::Gauge, "Steps of the present plan.");
        page.sample(&[], steps);
        page.family(
            "castoff_step",
            Kind::Gauge,
            "The step of the plan that is under way, from 1.",
        );
        page.sample(&[], step);
    }
    let Some(progress) = &status.progress else {
        return;
    };
    let unit = progress.unit.as_deref().unwrap_or_default();
    let amounts = [
        (
            "castoff_progress_units",
            progress.done,
            "Units of the present step that are done.",
        ),
        (
            "castoff_progress_units_expected",
            progress.total,
            "Units that the present step has, as far as it can be estimated.",
        ),
    ];
    for (name, amount, help) in amounts {
        if let Some(amount) = amount {
            page.family(name, Kind::Gauge, help);
            page.sample(&[("unit", unit)], amount);
        }
    }
    if let Some(left) = progress.left_seconds {
        page.family(
            "castoff_progress_left_seconds",
            Kind::Gauge,
            "Time that the present step still needs, as far as it can be estimated.",
        );
        page.sample(&[], left);
    }
}

fn error(page: &mut Page, status: &Status) {
    page.family(
        "castoff_exit_status",
        Kind::Gauge,
        "What castoff exited with; 0 unless it failed.",
    );
    page.sample(
        &[],
        status.error.as_ref().map_or(0, |error| error.exit_status),
    );
    if let Some(error) = &status.error {
        page.family(
            "castoff_error_info",
            Kind::Gauge,
            "The error that ended castoff.",
        );
        let labels = [("code", error.code.as_str()), ("phase", error.phase.name())];
        page.sample(&labels, 1);
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
}

/// Samples as they are written, a family at a time.
#[derive(Debug, Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        self.family = name;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a String cannot fail.
        write!(
            self.text,
            "# HELP {name} {}\n# TYPE {name} {kind}\n",
            escaped(help)
        )
        .ok();
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.text.push_str(self.family);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let value = escaped(value).replace('"', "\\\"");
            write!(self.text, "{before}{name}=\"{value}\"").ok();
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        writeln!(self.text, " {value}").ok();
    }
}

/// A text of one line: the format knows no other escapes, but for quotes in labels.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
