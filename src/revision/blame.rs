//! Finds the line of a migration file that an error about the graph points to.

use super::script::Script;
use crate::place::Place;

/// The header line that gives `key` the value `value`; the whole file where there is none.
pub(super) fn header(script: &Script, key: &str, value: &str) -> Place {
    line_where(script, |line| {
        let Some(comment) = line.trim_start().strip_prefix("--") else {
            return false;
        };
        let Some((before, after)) = comment.split_once(&format!("{key}:")) else {
            return false;
        };
        let whole_key = !before.ends_with(|end: char| end.is_alphanumeric() || end == '_');
        whole_key && after.split([',', ' ', '\t']).any(|word| word == value)
    })
}

/// The line that opens the downgrade section; the whole file where there is none.
pub(super) fn downgrade(script: &Script) -> Place {
    line_where(script, |line| {
        let comment = line.trim_start().strip_prefix("--").map(str::trim_start);
        comment.is_some_and(|comment| comment.starts_with("downgrade"))
    })
}

fn line_where(script: &Script, matches: impl Fn(&str) -> bool) -> Place {
    let mut start = 0;
    for line in script.text.split('\n') {
        let end = start + line.len();
        if matches(line.trim_end_matches('\r')) {
            return Place::of(&script.path, &script.text, start, end);
        }
        start = end + 1;
    }
    Place::file(&script.path)
}
