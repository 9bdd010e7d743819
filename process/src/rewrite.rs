//! Which signal is sent in the place of another.

use crate::inherited::LAST_SIGNAL;
use crate::signal::Signal;

const COUNT: usize = LAST_SIGNAL as usize + 1;

/// A table of all signals. Looked up once a signal: what comes out is not looked up again, so
/// `INT:TERM` with `TERM:QUIT` sends SIGTERM for SIGINT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rewrites([Option<Signal>; COUNT]);

impl Default for Rewrites {
    /// Every signal is sent as it came.
    fn default() -> Self {
        let mut table = [None; COUNT];
        for (number, entry) in (0..).zip(&mut table) {
            *entry = Signal::new(number);
        }
        Self(table)
    }
}

impl std::fmt::Debug for Rewrites {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.changes()).finish()
    }
}

impl Rewrites {
    /// From now on `to` is sent for `from`, or nothing.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(entry) = index(from).and_then(|index| self.0.get_mut(index)) {
            *entry = to;
        }
    }

    /// What is sent for a signal, if anything is.
    pub fn of(&self, signal: Signal) -> Option<Signal> {
        let entry = index(signal).and_then(|index| self.0.get(index));
        entry.copied().flatten()
    }

    /// The signals that are not sent as they came, and what is sent for them.
    pub fn changes(&self) -> impl Iterator<Item = (Signal, Option<Signal>)> + '_ {
        (1..=LAST_SIGNAL)
            .filter_map(Signal::new)
            .map(|signal| (signal, self.of(signal)))
            .filter(|(from, to)| *to != Some(*from))
    }
}

fn index(signal: Signal) -> Option<usize> {
    usize::try_from(signal.number()).ok()
}

/// `TERM:QUIT`, or `HUP:0` for none. SIGKILL and SIGSTOP cannot be waited for, so they are nothing
/// to rewrite, and SIGCHLD is the init's own.
pub fn parse(text: &str) -> Option<(Signal, Option<Signal>)> {
    let (from, to) = text.split_once(':')?;
    let from = Signal::parse(from)?;
    if [Signal::KILL, Signal::STOP, Signal::CHLD].contains(&from) {
        return None;
    }
    let to = match to {
        "0" => None,
        to => Some(Signal::parse(to)?),
    };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let shown = parse(text).map(|(from, to)| {
            let to = to.map_or_else(|| "none".to_owned(), |to| to.to_string());
            (from.to_string(), to)
        });
        let shown = shown.as_ref().map(|(from, to)| (&**from, &**to));
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn a_rewrite_is_two_signals_or_one_and_zero() {
        check("TERM:QUIT", Some(("SIGTERM", "SIGQUIT")));
        check("sigterm:3", Some(("SIGTERM", "SIGQUIT")));
        check("RTMIN+3:TERM", Some(("SIGRTMIN+3", "SIGTERM")));
        check("HUP:0", Some(("SIGHUP", "none")));
        check("TERM:KILL", Some(("SIGTERM", "SIGKILL")));
    }

    #[test]
    fn what_can_never_happen_is_refused() {
        for text in [
            "",
            ":",
            "TERM",
            "TERM:",
            ":TERM",
            "TERM:QUIT:INT",
            "0:TERM",
            "KILL:TERM",
            "STOP:TERM",
            "CHLD:TERM",
            "TERM:32",
            "TERM: QUIT",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_table_is_looked_up_once() {
        let mut table = Rewrites::default();
        assert_eq!(table.changes().count(), 0);
        for text in ["INT:TERM", "TERM:QUIT", "HUP:0"] {
            let (from, to) = parse(text).unwrap();
            table.set(from, to);
        }
        let of = |name: &str| table.of(Signal::parse(name).unwrap());
        assert_eq!(of("INT"), Some(Signal::TERM));
        assert_eq!(of("TERM"), Signal::parse("QUIT"));
        assert_eq!(of("HUP"), None);
        assert_eq!(of("USR1"), Signal::parse("USR1"));
        assert_eq!(table.changes().count(), 3);
    }
}
