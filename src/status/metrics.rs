//! The status as metrics, in the text format of Prometheus. Pure.

use std::fmt::Write as _;
use std::time::Instant;

use super::Status;
use super::phase::Phase;

/// All metrics.
pub fn render(status: &Status, now: Instant) -> String {
    let mut text = String::from(
        "# HELP castoff_phase_seconds Time that was spent in a phase.\n\
         # TYPE castoff_phase_seconds gauge\n",
    );
    for phase in Phase::ALL {
        let seconds = status.time_in(phase, now).as_secs_f64();
        let name = phase.name();
        writeln!(text, "castoff_phase_seconds{{phase=\"{name}\"}} {seconds}").ok();
    }
    text
}
