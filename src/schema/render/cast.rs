//! Casts between the server's own types: which need no `using`, and which lose something.

use super::Sides;

/// Without the numbers in brackets.
fn base(kind: &str) -> &str {
    let kind = kind.split('(').next().unwrap_or(kind);
    kind.trim_end()
}

/// `timestamp(3) with time zone` has its brackets in the middle.
fn name(kind: &str) -> String {
    match (kind.split_once('('), kind.split_once(')')) {
        (Some((before, _)), Some((_, behind))) => format!("{}{behind}", base(before)),
        _ => kind.to_owned(),
    }
}

const NUMBERS: [&str; 6] = [
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
];
const TEXTS: [&str; 4] = ["text", "character varying", "character", "name"];
const TIMES: [&str; 3] = [
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
];

/// Whether a value is assigned without a cast by name. An assignment fails where a text is too long
/// or a number too large; the cast by name would cut the text.
pub(super) fn is_assigned(from: &str, to: &str) -> bool {
    let (from, to) = (name(from), name(to));
    let both = |family: &[&str]| family.contains(&from.as_str()) && family.contains(&to.as_str());
    from == to || both(&NUMBERS) || both(&TIMES) || TEXTS.contains(&to.as_str())
}

/// The expression that makes a value of one type one of another.
pub(super) fn convert(sides: &Sides<'_>, own: &str, from: &str, to: &str) -> String {
    let element = |kind: &str| name(kind.trim_end_matches("[]"));
    let is_array = |kind: &str| kind.ends_with("[]");
    let (old, new) = (element(from), element(to));
    // One value becomes a list of one; a text may be that of a list.
    if is_array(to) && !is_array(from) && !TEXTS.contains(&old.as_str()) {
        let value = convert(sides, own, from, to.trim_end_matches("[]"));
        return format!("case when {own} is not null then array[{value}] end");
    }
    if sides.is_own_type(from) || sides.is_own_type(to) {
        let is_array = is_array(from) && is_array(to);
        let text = if is_array { "text[]" } else { "text" };
        return format!("{own}::{text}::{to}");
    }
    let is_known = |from: &str, to: &str| {
        let pair = (Box::from(from), Box::from(to));
        from == to || sides.old.casts.contains(&pair) && sides.new.casts.contains(&pair)
    };
    // Texts are read as values of any type, and any value is written as a text.
    let is_text = |kind: &str| TEXTS.contains(&kind);
    if is_array(from) == is_array(to) && (is_known(&old, &new) || is_text(&old) || is_text(&new)) {
        return format!("{own}::{to}");
    }
    let are_both = is_array(from) && is_array(to);
    let brackets = if are_both { "[]" } else { "" };
    // A boolean is a number only as an integer.
    let is_number = is_known(&old, "integer") && is_known("integer", &new);
    let through = if is_number && is_array(from) == is_array(to) {
        "integer"
    } else {
        "text"
    };
    format!("{own}::{through}{brackets}::{to}")
}

/// What a change of type may lose without failing, if anything.
pub(super) fn loses(from: &str, to: &str) -> Option<&'static str> {
    let (old, new) = (name(from), name(to));
    let rank = |kind: &str| NUMBERS.iter().position(|number| *number == kind);
    if let (Some(old), Some(new)) = (rank(&old), rank(&new)) {
        let is_whole = |rank: usize| rank < 3;
        let loses = (!is_whole(old) && is_whole(new)) || (new >= 4 && new < old) || {
            NUMBERS[new] == "numeric" && to.contains('(') && from != to && !is_whole(old)
        };
        return loses.then_some("digits that the new type does not have");
    }
    let is_time = |kind: &str| kind.starts_with("time");
    if is_time(&old) && new == "date" {
        return Some("the times of day");
    }
    if is_time(&old) && is_time(&new) && to.contains('(') && from != to {
        return Some("fractions of seconds");
    }
    if old == "timestamp with time zone" && new.starts_with("time without") {
        return Some("the dates");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, assigned: bool, lost: bool) {
        assert_eq!(is_assigned(from, to), assigned, "{from} to {to}");
        assert_eq!(loses(from, to).is_some(), lost, "{from} to {to}");
    }

    #[test]
    fn an_assignment_needs_no_cast_by_name_and_a_narrower_type_loses() {
        check("integer", "bigint", true, false);
        check("bigint", "integer", true, false);
        check("numeric(10,4)", "numeric(10,2)", true, true);
        check("integer", "numeric(10,2)", true, false);
        check("double precision", "integer", true, true);
        check("double precision", "real", true, true);
        check("real", "double precision", true, false);
        check("text", "character varying(5)", true, false);
        check("text", "integer", false, false);
        check("timestamp with time zone", "date", true, true);
        check(
            "timestamp without time zone",
            "timestamp(3) without time zone",
            true,
            true,
        );
        check("date", "timestamp with time zone", true, false);
        check("text", "jsonb", false, false);
    }
}
