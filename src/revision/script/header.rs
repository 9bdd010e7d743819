//! The lines before the first section: the message, and keys with their values.
//!
//! One key a line, or several on one line with blanks between. The first comment that is no key is
//! the message. A line `word: …` with a lower-case word that is no key is refused, because a
//! misspelt key that is taken for prose changes the history silently; only the first comment of a
//! file may look like that, as messages do (`-- fix: round the totals`).

use std::ops::Range;

use crate::revision::checksum::Checksum;
use crate::revision::id::RevisionId;

use super::error::Problem;
use super::placeholder::{self, Placeholder};
use super::replaced::{self, REPLACES, Replaced, SQUASHED};

const KEYS: [&str; 9] = [
    "revision",
    "down_revision",
    "depends_on",
    "branch_labels",
    BREAKING,
    "placeholders",
    "requires_backfill",
    REPLACES,
    SQUASHED,
];

/// The key whose value is prose: it takes the rest of its line.
const BREAKING: &str = "breaking";

/// Other words for the keys, as Alembic's files have them.
const ALIASES: [(&str, &str); 4] = [
    ("revises", "down_revision"),
    ("revision_id", "revision"),
    ("parent", "down_revision"),
    ("parents", "down_revision"),
];

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) message: Option<String>,
    pub(super) id: Option<RevisionId>,
    pub(super) down_revisions: Vec<RevisionId>,
    pub(super) depends_on: Vec<RevisionId>,
    pub(super) branch_labels: Vec<String>,
    pub(super) breaking: Option<String>,
    pub(super) placeholders: Vec<Placeholder>,
    pub(super) requires_backfill: Vec<RevisionId>,
    pub(super) replaces: Vec<Replaced>,
    pub(super) squashed: Option<Checksum>,
    seen: Vec<&'static str>,
}

impl Header {
    /// Reads one comment with its `--` and without its line end.
    pub(super) fn read(&mut self, comment: &str) -> Result<(), Problem> {
        let content = comment.trim_start_matches('-').trim();
        let first = self.message.is_none() && self.seen.is_empty();
        match Line::of(content) {
            Line::Keys => self.keys(content),
            Line::Almost { key, meant } => Err(Problem::UnknownKey {
                key: key.to_owned(),
                meant: Some(meant),
            }),
            Line::Unknown { key } if !first => Err(Problem::UnknownKey {
                key: key.to_owned(),
                meant: None,
            }),
            Line::Unknown { .. } | Line::Prose => {
                if self.message.is_none() && !content.is_empty() {
                    self.message = Some(content.to_owned());
                }
                Ok(())
            }
        }
    }

    /// Reads a line of `key: value` pairs. No value holds a colon, so each word with one is a key,
    /// up to the one key whose value is prose.
    fn keys(&mut self, content: &str) -> Result<(), Problem> {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        let (content, prose) = prose(content);
        for word in content.split_whitespace() {
            if let Some((key, value)) = word.split_once(':') {
                let Some(known) = KEYS.into_iter().find(|known| *known == key) else {
                    return Err(Problem::UnknownKey {
                        key: key.to_owned(),
                        meant: meant(key),
                    });
                };
                pairs.push((known, value.to_owned()));
            } else if let Some((_, value)) = pairs.last_mut() {
                value.push(' ');
                value.push_str(word);
            }
        }
        pairs
            .iter()
            .try_for_each(|(key, value)| self.set(key, value.trim()))?;
        prose.map_or(Ok(()), |reason| self.set(BREAKING, reason))
    }

    fn set(&mut self, key: &'static str, value: &str) -> Result<(), Problem> {
        // One line for each revision.
        if key != REPLACES && self.seen.contains(&key) {
            return Err(Problem::DuplicateKey { key });
        }
        self.seen.push(key);
        match key {
            "revision" => self.id = Some(revision(key, value)?),
            "down_revision" => self.down_revisions = revisions(key, value)?,
            "depends_on" => self.depends_on = revisions(key, value)?,
            BREAKING if value.is_empty() => return Err(Problem::BreakingWithoutReason),
            BREAKING => self.breaking = Some(value.to_owned()),
            "placeholders" => self.placeholders = placeholder::declare(values(value))?,
            "requires_backfill" => self.requires_backfill = revisions(key, value)?,
            REPLACES => self.replaces.push(Replaced::parse(value)?),
            SQUASHED => self.squashed = Some(replaced::checksum(value)?),
            _ => {
                let labels = values(value).map(label).collect::<Result<_, _>>()?;
                self.branch_labels = unique(key, labels)?;
            }
        }
        Ok(())
    }
}

/// Where the value of a key stands in a comment, without the blanks around it. Nothing if the
/// comment is no line of keys, or has not this one; an empty range where no value is written.
pub(super) fn value_of(comment: &str, wanted: &str) -> Option<Range<usize>> {
    let content = comment.trim_start_matches('-');
    if !matches!(Line::of(content.trim()), Line::Keys) {
        return None;
    }
    let mut value: Option<Range<usize>> = None;
    let mut next = comment.len() - content.len();
    for piece in content.split_inclusive(char::is_whitespace) {
        let (start, word) = (next, piece.trim_end());
        next += piece.len();
        match (word.split_once(':'), &mut value) {
            (Some(_), Some(_)) => break,
            (Some((key, _)), None) if key == wanted => {
                value = Some(start + key.len() + 1..start + word.len());
            }
            (None, Some(value)) if !word.is_empty() => {
                let is_first = value.start == value.end;
                let from = if is_first { start } else { value.start };
                *value = from..start + word.len();
            }
            _ => {}
        }
    }
    value
}

/// Cuts a line before the key whose value is prose, and returns that value.
fn prose(content: &str) -> (&str, Option<&str>) {
    let key = format!("{BREAKING}:");
    let starts = content.match_indices(&key).map(|(start, _)| start);
    let is_word =
        |start: &usize| content[..*start].is_empty() || content[..*start].ends_with([' ', '\t']);
    match starts.into_iter().find(is_word) {
        Some(start) => (&content[..start], Some(content[start + key.len()..].trim())),
        None => (content, None),
    }
}

/// What a header line looks like by its start.
enum Line<'t> {
    Keys,
    Almost { key: &'t str, meant: &'static str },
    Unknown { key: &'t str },
    Prose,
}

impl<'t> Line<'t> {
    fn of(content: &'t str) -> Self {
        let Some((key, value)) = content.split_once(':') else {
            return Line::Prose;
        };
        if KEYS.contains(&key) {
            return Line::Keys;
        }
        if let Some(meant) = meant(key) {
            return Line::Almost { key, meant };
        }
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let apart = value.is_empty() || value.starts_with([' ', '\t']);
        if apart && !key.is_empty() && key.bytes().all(lower) {
            return Line::Unknown { key };
        }
        Line::Prose
    }
}

/// The key that somebody meant who wrote `Down-Revision` or `revison`.
fn meant(key: &str) -> Option<&'static str> {
    if key.len() > 20 {
        return None;
    }
    let plain = key.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| *alias == plain) {
        return Some(meant);
    }
    KEYS.into_iter().find(|known| distance(known, &plain) <= 2)
}

/// How many bytes must be added, removed or replaced to make one text the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, from) in one.bytes().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, to) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// The values between commas. A base is written as nothing, `none` or `<base>`.
fn values(value: &str) -> impl Iterator<Item = &str> {
    let is_none = value.eq_ignore_ascii_case("none") || matches!(value, "<base>" | "base");
    let list = if is_none { "" } else { value };
    list.split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn revisions(key: &'static str, value: &str) -> Result<Vec<RevisionId>, Problem> {
    let ids = values(value)
        .map(|value| revision(key, value))
        .collect::<Result<_, _>>()?;
    unique(key, ids)
}

fn revision(key: &'static str, value: &str) -> Result<RevisionId, Problem> {
    RevisionId::new(value).map_err(|error| Problem::RevisionId { key, error })
}

fn label(value: &str) -> Result<String, Problem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let reserved = matches!(value, "base" | "head" | "heads") || value.starts_with('-');
    if reserved || !value.bytes().all(allowed) {
        return Err(Problem::BranchLabel(value.to_owned()));
    }
    Ok(value.to_owned())
}

fn unique<T: PartialEq + ToString>(key: &'static str, values: Vec<T>) -> Result<Vec<T>, Problem> {
    let twice = values
        .iter()
        .enumerate()
        .find(|(index, value)| values[..*index].contains(value));
    if let Some((_, value)) = twice {
        return Err(Problem::DuplicateValue {
            key,
            id: value.to_string(),
        });
    }
    Ok(values)
}
