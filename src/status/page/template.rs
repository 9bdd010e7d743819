//! A holding page of the user's: HTML with placeholders such as `{{title}}`.

use std::ops::Range;

use super::view::{Counted, View};
use super::words::{escaped, left};

/// What a placeholder stands for, from the view and the seconds until the page is loaded again.
type Value = fn(&View, u64) -> Option<String>;

/// All placeholders. Their names are public, like those of options.
const PLACEHOLDERS: [(&str, Value); 9] = [
    ("left", |view, _| view.left_seconds.map(left)),
    ("message", |view, _| Some(view.message.to_owned())),
    ("percent", |view, _| view.percent().map(number)),
    ("phase", |view, _| Some(view.phase.name().to_owned())),
    ("progress", |view, _| view.counted.and_then(Counted::words)),
    ("refresh", |_, refresh| Some(number(refresh))),
    ("step", |view, _| view.step.map(|(step, _)| number(step))),
    ("steps", |view, _| view.step.map(|(_, steps)| number(steps))),
    ("title", |view, _| Some(view.title.clone())),
];

/// The page has a placeholder that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a placeholder of the holding page")]
pub struct UnknownPlaceholder {
    /// As it stands in the page, to the end of the line where it has no end.
    pub text: String,
    /// Its bytes in the page.
    pub span: Range<usize>,
}

impl UnknownPlaceholder {
    /// What to do about it, as one imperative.
    pub fn help(&self) -> String {
        let names = PLACEHOLDERS.map(|(name, _)| format!("`{{{{{name}}}}}`"));
        format!("write one of {}", names.join(", "))
    }
}

/// A piece of the page.
enum Piece<'t> {
    /// What is sent as it is.
    Text(&'t str),
    /// From the braces to the braces, with what it stands for.
    Placeholder(Range<usize>, Option<Value>),
}

/// Puts in what the placeholders stand for.
pub(super) fn fill(template: &str, view: &View, refresh: u64) -> String {
    let mut page = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => page += text,
            Piece::Placeholder(_, Some(value)) => {
                page += &escaped(&value(view, refresh).unwrap_or_default());
            }
            Piece::Placeholder(span, None) => page += &template[span],
        }
    }
    page
}

pub(super) fn check(template: &str) -> Result<(), UnknownPlaceholder> {
    for piece in pieces(template) {
        if let Piece::Placeholder(span, None) = piece {
            return Err(UnknownPlaceholder {
                text: template[span.clone()].to_owned(),
                span,
            });
        }
    }
    Ok(())
}

/// Two braces begin a placeholder wherever they stand, so that a misspelled one is found rather
/// than shown.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut position = 0;
    while let Some(offset) = template[position..].find("{{") {
        let start = position + offset;
        pieces.push(Piece::Text(&template[position..start]));
        let line = template[start..].lines().next().unwrap_or_default();
        let (length, name) = match line.find("}}") {
            Some(end) => (end + 2, line[2..end].trim()),
            None => (line.len(), ""),
        };
        let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name);
        position = start + length;
        pieces.push(Piece::Placeholder(
            start..position,
            known.map(|(_, value)| *value),
        ));
    }
    pieces.push(Piece::Text(&template[position..]));
    pieces
}

fn number(number: u64) -> String {
    number.to_string()
}
