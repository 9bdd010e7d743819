//! Signals by their names and numbers, as people and kill(1) write them.

use std::fmt;

use crate::inherited::LAST_SIGNAL;

/// The names, each once. SIGIOT, SIGPOLL and SIGCLD are other names of three of them.
const NAMES: [(&str, i32); 31] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

/// The first real-time signal that programs may use: the C library keeps 32 and 33 to itself, so
/// this is what everybody else calls SIGRTMIN.
const FIRST_REAL_TIME: i32 = 34;

/// A signal that can be sent: 1 to 31 and 34 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// Asks to stop.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// Asks to stop, from the keyboard.
    pub const INT: Self = Self(libc::SIGINT);
    /// Ends without being asked.
    pub const KILL: Self = Self(libc::SIGKILL);
    /// Stops without being asked.
    pub const STOP: Self = Self(libc::SIGSTOP);
    /// Goes on.
    pub const CONT: Self = Self(libc::SIGCONT);
    /// A child ended, stopped or went on.
    pub const CHLD: Self = Self(libc::SIGCHLD);

    /// The signal of that number.
    pub fn new(number: i32) -> Option<Self> {
        let exists = (1..FIRST_REAL_TIME - 2).contains(&number)
            || (FIRST_REAL_TIME..=LAST_SIGNAL).contains(&number);
        exists.then_some(Self(number))
    }

    /// `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN`, `RTMIN+3`, `RTMAX-1`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::new(text.parse().ok()?);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = match name {
            "IOT" => libc::SIGABRT,
            "POLL" => libc::SIGIO,
            "CLD" => libc::SIGCHLD,
            _ => match NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, number)) => *number,
                None => real_time(name)?,
            },
        };
        Self::new(number)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Whether it is one of those by which a terminal stops a job: SIGTSTP, SIGTTIN, SIGTTOU.
    pub fn suspends(self) -> bool {
        matches!(self.0, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
    }
}

/// `RTMIN+3` and `RTMAX-1`.
fn real_time(name: &str) -> Option<i32> {
    let distance = |text: &str, sign: char| -> Option<i32> {
        if text.is_empty() {
            return Some(0);
        }
        let digits = text.strip_prefix(sign)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok())?
    };
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        FIRST_REAL_TIME.checked_add(distance(rest, '+')?)?
    } else {
        LAST_SIGNAL.checked_sub(distance(name.strip_prefix("RTMAX")?, '-')?)?
    };
    (FIRST_REAL_TIME..=LAST_SIGNAL)
        .contains(&number)
        .then_some(number)
}

impl fmt::Display for Signal {
    /// `SIGTERM`, `SIGRTMIN+3`. Allocates nothing.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(formatter, "SIG{name}"),
            None if self.0 == FIRST_REAL_TIME => formatter.write_str("SIGRTMIN"),
            None => write!(formatter, "SIGRTMIN+{}", self.0 - FIRST_REAL_TIME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = Signal::parse(text).map(|signal| format!("{} {signal}", signal.number()));
        assert_eq!(shown.as_deref().unwrap_or("none"), expected, "{text}");
    }

    #[test]
    fn a_signal_is_a_name_or_a_number() {
        check("TERM", "15 SIGTERM");
        check("SIGTERM", "15 SIGTERM");
        check("sigquit", "3 SIGQUIT");
        check("15", "15 SIGTERM");
        check("cld", "17 SIGCHLD");
        check("RTMIN", "34 SIGRTMIN");
        check("SIGRTMIN+3", "37 SIGRTMIN+3");
        check("RTMAX", "64 SIGRTMIN+30");
        check("rtmax-30", "34 SIGRTMIN");
        check("64", "64 SIGRTMIN+30");
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        let bad = [
            "",
            "0",
            "32",
            "33",
            "65",
            "-1",
            "+15",
            "SIG",
            "TERMINATE",
            "RTMIN+31",
            "RTMAX-31",
            "RTMIN-1",
            "RTMIN+",
            "RTMIN++1",
            "RTMIN+-1",
            "99999999999",
            "SIGSIGTERM",
        ];
        for text in bad {
            check(text, "none");
        }
    }

    #[test]
    fn every_signal_has_a_name_that_is_read_again() {
        let mut count = 0;
        for signal in (0..=70).filter_map(Signal::new) {
            assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
            count += 1;
        }
        assert_eq!(count, 62);
    }
}
