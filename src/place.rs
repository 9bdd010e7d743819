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
    /// The line and the character of it, both counted from 1, where they are known more exactly.
    pub exact: Option<(usize, usize)>,
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
            exact: None,
        }
    }

    /// The place of one byte of `text[start..end]`, with the lines that lead to it.
    pub fn at(path: &str, text: &str, start: usize, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let from = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.get(from..).unwrap_or_default().chars().count();
        let mut first = from;
        for _ in 1..MOST_LINES {
            let Some(newline) = text.get(..first).and_then(|text| text.strip_suffix('\n')) else {
                break;
            };
            if newline.len() < start {
                break;
            }
            first = newline.rfind('\n').map_or(0, |newline| newline + 1);
        }
        Self {
            exact: Some((line, column)),
            ..Self::of(path, text, first, at + 1)
        }
    }

    /// A whole file, where no line is to blame.
    pub fn file(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            excerpt: Vec::new(),
            note: None,
            exact: None,
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
        if let Some((line, column)) = self.exact {
            write!(formatter, ":{line}:{column}")?;
        } else if self.line > 0 {
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
    fn leads_to_one_character() {
        let check = |start: usize, part: &str, expected: &str| {
            let text = "a (\n  é b,\n);\n1\n2\n3\n4\n5\n6\n7\n8";
            let place = Place::at("a.sql", text, start, text.find(part).unwrap());
            assert_eq!(
                format!("{place} {}:{}", place.line, place.excerpt.join("|")),
                expected
            );
        };
        check(0, "a", "a.sql:1:1 1:a (");
        check(0, "b", "a.sql:2:5 1:a (|  é b,");
        check(0, ";", "a.sql:3:2 1:a (|  é b,|);");
        check(4, ";", "a.sql:3:2 2:  é b,|);");
        check(0, "8", "a.sql:11:1 4:1|2|3|4|5|6|7|8");
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
