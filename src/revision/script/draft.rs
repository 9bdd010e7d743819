//! The text and the name of a new migration file: the inverse of parsing one.

use std::fmt::Write as _;

use crate::revision::id::RevisionId;

use super::header::Header;
use super::section;

const LONGEST_SLUG: usize = 40;

/// What a new migration file is to say.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'t> {
    /// The new revision.
    pub id: &'t RevisionId,
    /// What it does, in the words of the person who asked for it.
    pub message: &'t str,
    /// Its parents: none for a base, several for a merge.
    pub down_revisions: &'t [RevisionId],
    /// Revisions on other branches that come first.
    pub depends_on: &'t [RevisionId],
    /// Names for the branch that starts here.
    pub branch_labels: &'t [String],
    /// The options on the section lines, forward and back: `autocommit`.
    pub options: [&'t str; 2],
    /// The SQL of the way forward. Empty for a person to fill in.
    pub upgrade: &'t str,
    /// The SQL of the way back. Empty for a person to fill in.
    pub downgrade: &'t str,
    /// Why there is no way back, instead of `downgrade`.
    pub irreversible: Option<&'t str>,
}

/// The text of a new migration file. Parsing it gives back what the draft says.
pub fn render_new(draft: &Draft<'_>) -> String {
    render_with(draft, &[])
}

/// The same with more lines in its header, without their dashes.
pub fn render_with(draft: &Draft<'_>, more: &[String]) -> String {
    let join = |ids: &[RevisionId]| {
        ids.iter()
            .map(RevisionId::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let keys = [
        ("revision", draft.id.to_string()),
        ("down_revision", join(draft.down_revisions)),
        ("depends_on", join(draft.depends_on)),
        ("branch_labels", draft.branch_labels.join(", ")),
    ];
    let mut text = format!("-- {}\n", message_line(draft.id, draft.message));
    for (key, value) in keys.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "-- {key}: {value}");
    }
    for line in more {
        let _ = writeln!(text, "-- {line}");
    }
    let downgrade = draft.irreversible.map_or_else(
        || "downgrade".to_owned(),
        |reason| format!("downgrade irreversible: {reason}"),
    );
    let [forward, back] = draft.options;
    let sections = [
        ("upgrade", forward, draft.upgrade),
        (&downgrade, back, draft.downgrade),
    ];
    for (name, options, sql) in sections {
        let line = format!("{name} {options}");
        let _ = writeln!(text, "\n-- {}", line.trim_end());
        if !sql.trim().is_empty() {
            let _ = writeln!(text, "{}", sql.trim_end());
        }
    }
    text
}

/// The file name of a new migration: `202611021014_3f2a9c1b7d04_add_user_avatar.sql`.
///
/// A message without ASCII letters and digits leaves the slug out.
pub fn file_name(timestamp_utc_yyyymmddhhmm: &str, id: &RevisionId, message: &str) -> String {
    let mut slug = String::new();
    let words = message.split(|letter: char| !letter.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let word = word.to_ascii_lowercase();
        if slug.is_empty() {
            slug.extend(word.chars().take(LONGEST_SLUG));
        } else if slug.len() + 1 + word.len() <= LONGEST_SLUG {
            slug.push('_');
            slug.push_str(&word);
        } else {
            break;
        }
    }
    let slug = if slug.is_empty() {
        slug
    } else {
        format!("_{slug}")
    };
    format!("{timestamp_utc_yyyymmddhhmm}_{id}{slug}.sql")
}

/// The message on one line that is taken for nothing but a message: `upgrade` alone would start a
/// section and `revision: x` name a revision.
fn message_line(id: &RevisionId, message: &str) -> String {
    let words = message.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let line = line.trim_start_matches(['-', ' ']).to_owned();
    let mut letters = line.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    let capital = format!("{}{}", first.unwrap_or_default(), letters.as_str());
    let sentence = format!("{capital}.");
    let without_key = line.replacen(':', " -", 1);
    let fallback = format!("Migration {id}");
    [line, capital, sentence, without_key]
        .into_iter()
        .find(|line| is_message(line))
        .unwrap_or(fallback)
}

fn is_message(line: &str) -> bool {
    let comment = format!("-- {line}");
    let mut header = Header::default();
    line.contains(char::is_alphanumeric)
        && section::parse(&comment) == Ok(None)
        && header.read(&comment) == Ok(())
        && header.message.as_deref() == Some(line)
}
