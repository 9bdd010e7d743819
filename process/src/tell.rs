//! The init's part of the story: lines on standard error in castoff's form, made without a heap.
//! They hold nothing but castoff's own words, signals and numbers, so nothing in them needs quoting.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::sys;

/// How much is told, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// What is told.
    pub level: Level,
    /// The least at which processes that were collected are told of.
    pub collected: Level,
    /// In which form.
    pub form: Form,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            level: Level::Warn,
            collected: Level::Debug,
            form: Form::Text,
        }
    }
}

/// How much is told. Each has all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Nothing,
    /// What should be looked at.
    Warn,
    /// Each signal, and each process that was collected.
    Debug,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Story {
    /// Tells what should be looked at.
    pub fn warn(self, message: fmt::Arguments<'_>) {
        self.tell(Level::Warn, message);
    }

    /// Tells what is of interest to those who search for a fault.
    pub fn debug(self, message: fmt::Arguments<'_>) {
        self.tell(Level::Debug, message);
    }

    /// Tells of a process that was collected.
    pub fn collected(self, message: fmt::Arguments<'_>) {
        self.tell(self.collected, message);
    }

    fn tell(self, level: Level, message: fmt::Arguments<'_>) {
        if level > self.level {
            return;
        }
        let mut line = Line::default();
        // A line that is too long is cut; nothing else can go wrong.
        match self.form {
            Form::Text if level == Level::Warn => writeln!(line, "castoff: warning: {message}"),
            Form::Text => writeln!(line, "castoff: {message}"),
            Form::Json => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let stamp = Stamp(now.map_or(0, |since| since.as_millis()));
                let name = if level == Level::Warn {
                    "warn"
                } else {
                    "debug"
                };
                writeln!(
                    line,
                    r#"{{"timestamp":"{stamp}","level":"{name}","message":"{message}","event":"init"}}"#
                )
            }
        }
        .ok();
        // Nobody is left to be told that standard error is gone.
        sys::write(2, line.bytes());
    }
}

/// The longest line: far more than any of the messages.
const LONGEST: usize = 512;

/// One line, written at once, so that it does not mix with what the child writes.
struct Line {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LONGEST],
            length: 0,
        }
    }
}

impl Line {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let free = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC.
struct Stamp(u128);

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0 % 1000;
        let seconds = self.0 / 1000;
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let (year, month, day) = date(seconds / 86_400);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"
        )
    }
}

/// The date of a day counted from 1970-01-01, in the Gregorian calendar.
fn date(mut day: u128) -> (u128, usize, u128) {
    let is_leap = |year: u128| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while day >= 365 + u128::from(is_leap(year)) {
        day -= 365 + u128::from(is_leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u128::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    for length in lengths {
        month += 1;
        if day < length {
            break;
        }
        day -= length;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(milliseconds: u128, expected: &str) {
        assert_eq!(Stamp(milliseconds).to_string(), expected);
    }

    #[test]
    fn a_time_is_written_as_rfc_3339() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(951_868_800_000, "2000-03-01T00:00:00.000Z");
        check(1_735_689_599_001, "2024-12-31T23:59:59.001Z");
        check(1_767_225_600_000, "2026-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_not_lost() {
        let mut line = Line::default();
        write!(line, "{}", "x".repeat(LONGEST - 1)).unwrap();
        assert!(write!(line, "yy").is_err());
        assert_eq!(line.bytes().len(), LONGEST - 1);
    }
}
