//! A place in a text file, as an error shows it.

use std::fmt;

/// Lines quoted at most below one error.
const MOST_LINES: usize = 8;

/// Where in a file the trouble is, with the lines to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as shown to people.
    pub path: String,
    /// Its first line that matters, counted from 1.
    pub line: usize,
    /// That line and those that follow, as they are in the file.
    pub excerpt: Vec<String>,
    /// What stands there: `statement 2 of 3`.
    pub note: Option<String>,
}

impl Place {
    /// The place of `text[start..end]` in the file at `path`. Offsets are bytes.
    pub fn of(path: &str, text: &str, start: usize, end: usize) -> Self {
        let start = start.min(text.len());
        let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
        let from = text.as_bytes()[..start]
            .iter()
            .rposition(|&byte| byte == b'\n');
        let from = from.map_or(0, |newline| newline + 1);
        let lines = text.get(from..).unwrap_or_default().split('\n');
        let mut position = from;
        let mut excerpt = Vec::new();
        for line in lines {
            if excerpt.len() == MOST_LINES || (position >= end && !excerpt.is_empty()) {
                break;
            }
            position += line.len() + 1;
            excerpt.push(printable(line.trim_end_matches('\r')));
        }
        Self {
            path: path.to_owned(),
            line,
            excerpt,
            note: None,
        }
    }

    /// A whole file, where no line is to blame.
    pub fn file(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            excerpt: Vec::new(),
            note: None,
        }
    }

    /// Says what stands there.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A line without what would move a terminal's cursor or change its colours.
fn printable(line: &str) -> String {
    let is_harmless = |letter: char| letter == '\t' || !letter.is_control();
    line.chars().fold(String::new(), |mut text, letter| {
        if is_harmless(letter) {
            text.push(letter);
        } else {
            text.extend(letter.escape_default());
        }
        text
    })
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        if let Some(note) = &self.note {
            write!(formatter, " ({note})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, part: &str, expected: &str) {
        let start = text.find(part).unwrap();
        let place = Place::of("a.sql", text, start, start + part.len());
        assert_eq!(format!("{place} {}", place.excerpt.join("|")), expected);
    }

    #[test]
    fn quotes_the_lines_that_the_part_touches() {
        check("one\ntwo\nthree", "two", "a.sql:2 two");
        check("one\ntwo\nthree", "two\nth", "a.sql:2 two|three");
        check("one\r\n  two;\r\nthree", "two", "a.sql:2   two;");
        check("one", "one", "a.sql:1 one");
        check("a\0\u{1b}[2Jb\tc", "a", "a.sql:1 a\\u{0}\\u{1b}[2Jb\tc");
    }
}
