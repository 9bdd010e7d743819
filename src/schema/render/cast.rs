//! Casts between the server's own types: which need no `using`, and which lose something.

use super::Sides;

/// Without the numbers in brackets: `timestamp(3) with time zone` has them in the middle.
pub(super) fn name(kind: &str) -> String {
    match (kind.split_once('('), kind.split_once(')')) {
        (Some((before, _)), Some((_, behind))) => format!("{}{behind}", before.trim_end()),
        _ => kind.to_owned(),
    }
}

/// The numbers in brackets: a length, or digits and those of them behind the point.
pub(super) fn precision(kind: &str) -> Vec<i64> {
    let inside = kind
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let numbers = inside.map_or("", |(inside, _)| inside).split(',');
    numbers
        .filter_map(|number| number.trim().parse().ok())
        .collect()
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
const BITS: [&str; 2] = ["bit", "bit varying"];

/// Types of elements where both are arrays.
fn elements<'t>(from: &'t str, to: &'t str) -> (&'t str, &'t str) {
    match (from.strip_suffix("[]"), to.strip_suffix("[]")) {
        (Some(from), Some(to)) => (from, to),
        _ => (from, to),
    }
}

/// Whether a value is assigned without a cast by name. An assignment fails where a text is too long
/// or a number too large; the cast by name would cut the text.
pub(super) fn is_assigned(from: &str, to: &str) -> bool {
    let (from, to) = elements(from, to);
    let (from, to) = (name(from), name(to));
    let both = |family: &[&str]| family.contains(&from.as_str()) && family.contains(&to.as_str());
    let is_array = from.ends_with("[]");
    from == to
        || both(&NUMBERS)
        || both(&TIMES)
        || both(&BITS)
        || (from.starts_with("interval") && to.starts_with("interval"))
        || (TEXTS.contains(&to.as_str()) && !is_array)
}

/// Whether a foreign key may have one of the types on each side, in either direction: they are
/// compared in one operator family (`btree` of PostgreSQL's manual).
pub(super) fn is_compared(from: &str, to: &str) -> bool {
    let (from, to) = (name(from), name(to));
    let families: [&[&str]; 4] = [
        &["smallint", "integer", "bigint"],
        &["real", "double precision"],
        &["text", "character varying"],
        &TIMES,
    ];
    let has_both =
        |family: &&[&str]| family.contains(&from.as_str()) && family.contains(&to.as_str());
    from == to || families.iter().any(has_both)
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
    // A boolean or bits are a number only as an integer, which has no digits behind the point.
    let is_between = |kind: &&str| is_known(&old, kind) && is_known(kind, &new);
    let numbers = ["numeric", "integer"].into_iter();
    let through = numbers
        .filter(|_| is_array(from) == is_array(to))
        .find(is_between)
        .unwrap_or("text");
    format!("{own}::{through}{brackets}::{to}")
}

const DIGITS: &str = "digits that the new type does not have";

const SHAPES: [&str; 6] = ["point", "lseg", "path", "box", "polygon", "circle"];

/// From which shape to which nothing is lost.
const WHOLE_SHAPES: [(&str, &str); 4] = [
    ("point", "box"),
    ("box", "polygon"),
    ("path", "polygon"),
    ("polygon", "path"),
];

/// Whether all bits of a number are kept.
fn fits_bits(number: &str, bits: &str) -> bool {
    let wanted = match number {
        "smallint" => 16,
        "integer" => 32,
        "bigint" => 64,
        _ => return false,
    };
    precision(bits).first().is_some_and(|has| *has >= wanted)
}

/// What a change of type may lose without failing, if anything.
pub(super) fn loses(from: &str, to: &str) -> Option<&'static str> {
    let (from, to) = elements(from, to);
    if from == to {
        return None;
    }
    let (old, new) = (name(from), name(to));
    let (old, new) = (old.as_str(), new.as_str());
    let is_number = |kind: &str| NUMBERS.contains(&kind);
    if is_number(old) && is_number(new) {
        return loses_digits((from, old), (to, new)).then_some(DIGITS);
    }
    let is_whole = |kind: &str| matches!(kind, "smallint" | "integer" | "bigint");
    match (old, new) {
        (_, "boolean") if is_number(old) => return Some("numbers other than 0 and 1"),
        (_, "money" | "oid") if is_number(old) && !is_whole(old) => return Some(DIGITS),
        ("jsonb", _) if is_number(new) && new != "numeric" => return Some(DIGITS),
        (_, "bit") if is_number(old) && !fits_bits(old, to) => return Some("the higher bits"),
        (_, "name") if old != "name" && !is_whole(old) => {
            return Some("what is longer than 63 bytes");
        }
        (_, "\"char\"") if old != "integer" => return Some("all but the first byte"),
        ("inet", "cidr") => return Some("the addresses in the networks"),
        ("interval", _) if new.starts_with("time ") => return Some("the days"),
        ("time with time zone", "time without time zone") => return Some("the time zones"),
        _ if SHAPES.contains(&old) && SHAPES.contains(&new) => {
            let is_whole = old == new || WHOLE_SHAPES.contains(&(old, new));
            return (!is_whole).then_some("the shapes");
        }
        _ => {}
    }
    let is_interval = |kind: &str| kind.starts_with("interval");
    if is_interval(old) && is_interval(new) && new != "interval" && old != new {
        return Some("the fields that the new type does not have");
    }
    let is_time = |kind: &str| kind.starts_with("time") || is_interval(kind);
    if old.starts_with("timestamp") && new == "date" {
        return Some("the times of day");
    }
    if old.starts_with("timestamp") && new.starts_with("time ") {
        return Some("the dates");
    }
    // Without a number they have six digits.
    let fractions = |kind: &str| precision(kind).first().copied().unwrap_or(6);
    (is_time(old) && is_time(new) && fractions(to) < fractions(from))
        .then_some("fractions of seconds")
}

/// A floating-point number has 6 or 15 digits that can be relied on, and is printed with them when
/// it becomes a `numeric`.
fn loses_digits((from, old): (&str, &str), (to, new): (&str, &str)) -> bool {
    let is_whole = |kind: &str| matches!(kind, "smallint" | "integer" | "bigint");
    match (old, new) {
        ("smallint", _) | ("integer", "double precision") => false,
        (_, "smallint" | "integer" | "bigint") => !is_whole(old),
        ("double precision" | "real", "numeric") => true,
        (_, "numeric") => {
            let scale = |kind: &str| {
                let numbers = precision(kind);
                let scale = numbers.get(1).copied().unwrap_or(0);
                (!numbers.is_empty()).then_some(scale)
            };
            let before = if is_whole(old) { Some(0) } else { scale(from) };
            // One without numbers takes any.
            scale(to).is_some_and(|after| before.is_none_or(|before| after < before))
        }
        ("real", _) => false,
        (_, _) => old != new,
    }
}

/// Whether a cast by name cuts what is too long, where an assignment would fail.
pub(super) fn cuts(from: &str, to: &str) -> bool {
    let (from, to) = elements(from, to);
    let has_length = |kind: &str| {
        let name = name(kind);
        matches!(
            &*name,
            "character varying" | "character" | "bit" | "bit varying"
        )
    };
    let (before, after) = (precision(from), precision(to));
    let fits =
        matches!((before.first(), after.first()), (Some(before), Some(after)) if before <= after);
    has_length(to) && !after.is_empty() && !(fits && has_length(from))
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
    fn a_key_and_what_refers_to_it_are_compared_in_one_family() {
        for (from, to, compared) in [
            ("integer", "bigint", true),
            ("numeric(10,2)", "numeric(12,2)", true),
            ("character varying(5)", "text", true),
            ("integer", "text", false),
            ("integer", "numeric", false),
            ("uuid", "uuid", true),
        ] {
            assert_eq!(is_compared(from, to), compared, "{from} to {to}");
        }
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
        check("numeric(10,2)", "numeric(12,4)", true, false);
        check("numeric(10,2)", "numeric", true, false);
        check("numeric", "numeric(10,2)", true, true);
        check("integer", "real", true, true);
        check("integer", "double precision", true, false);
        check("bigint", "double precision", true, true);
        check("double precision", "numeric", true, true);
        check(
            "timestamp(3) with time zone",
            "timestamp(6) with time zone",
            true,
            false,
        );
        check(
            "timestamp without time zone",
            "time without time zone",
            false,
            true,
        );
        check("integer", "boolean", false, true);
        check("numeric", "boolean", false, true);
        check("double precision", "money", false, true);
        check("integer", "money", false, false);
        check("jsonb", "integer", false, true);
        check("jsonb", "numeric", false, false);
        check("integer", "bit(8)", false, true);
        check("integer", "bit(32)", false, false);
        check("smallint[]", "bit[]", false, true);
        check("boolean", "\"char\"", false, true);
        check("polygon", "point", false, true);
        check("box", "polygon", false, false);
        check("interval", "interval year to month", true, true);
        check("interval day to second(3)", "interval", true, false);
        check("interval", "interval(3)", true, true);
        check("text", "name", true, true);
        check("inet", "cidr", false, true);
        check("bit varying(8)", "bit(4)", true, false);
        check("text[]", "character varying(5)[]", true, false);
        check("numeric(10,4)[]", "integer[]", true, true);
        check("text[]", "integer[]", false, false);
        check("text", "jsonb", false, false);
    }

    #[test]
    fn a_cast_by_name_cuts_what_an_assignment_refuses() {
        assert!(cuts("text", "character varying(5)"));
        assert!(cuts("character varying(9)", "character(5)"));
        assert!(cuts("character varying(9)[]", "character varying(5)[]"));
        assert!(!cuts("character varying(3)", "character varying(5)"));
        assert!(!cuts("text", "character varying"));
        assert!(!cuts("numeric(9,2)", "numeric(5,2)"));
    }
}
