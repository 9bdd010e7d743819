//! Which values a column cannot take along to another type.

use super::cast::{name, precision};
use super::scan::{group_after, with_value};
use super::{Sides, types};
use crate::schema::model::{Id, Kind};
use crate::schema::probe::Probe;
use crate::sql::ident::Literal;

/// The server tells itself since then whether a text is a value of a type.
const INPUT_IS_VALID: u32 = 16;

/// Values of a column that would make a change of its type fail.
pub(super) fn probe(sides: &Sides<'_>, column: &Id, from: &str, to: &str) -> Option<Probe> {
    if super::table::word(sides, column) != "table" {
        return None;
    }
    let (table, own) = (sides.qualified(column), sides.own(column));
    let says = format!("values of {own} in {table} are none of {to}");
    match condition(sides, &own, from, to)? {
        Condition::Fails(condition) => {
            Some(Probe::exists(&format!("{table} where {condition}"), says))
        }
        Condition::Unknown => Some(Probe::none(format!(
            "values of {own} in {table} may be none of {to}"
        ))),
    }
}

enum Condition {
    Fails(String),
    Unknown,
}

fn condition(sides: &Sides<'_>, own: &str, from: &str, to: &str) -> Option<Condition> {
    let (old, new) = (name(from), name(to));
    let fails = |text: String| Some(Condition::Fails(text));
    if let Some(labels) = types::labels_of(sides, to.trim_end_matches("[]")) {
        if types::labels_of(sides, from)
            .is_some_and(|old| old.iter().all(|one| labels.contains(one)))
        {
            return None;
        }
        let labels: Vec<String> = labels.iter().map(|one| Literal(one).to_string()).collect();
        let labels = labels.join(", ");
        return fails(if to.ends_with("[]") {
            format!("not {own}::text[] <@ array[{labels}]::text[]")
        } else {
            format!("{own}::text not in ({labels})")
        });
    }
    let is_array = from.ends_with("[]") || to.ends_with("[]");
    let is_text = matches!(&*old, "text" | "character varying" | "character" | "name");
    let is_to_text = matches!(&*new, "text" | "character varying" | "character" | "name");
    if is_to_text && !is_array {
        let wanted = precision(to).first().copied()?;
        let has = precision(from).first().copied();
        let is_wide_enough = is_text && has.is_some_and(|has| has <= wanted);
        return (!is_wide_enough)
            .then(|| Condition::Fails(format!("char_length(rtrim({own}::text)) > {wanted}")));
    }
    if is_array {
        return (old != new || from != to).then_some(Condition::Unknown);
    }
    if let Some(condition) = number(own, (from, &old), (to, &new), is_text) {
        return condition.map(Condition::Fails);
    }
    if is_text && sides.major >= INPUT_IS_VALID {
        return fails(format!(
            "not pg_catalog.pg_input_is_valid({own}::text, {})",
            Literal(to)
        ));
    }
    let times = |kind: &str| kind == "date" || kind.starts_with("timestamp");
    let is_safe = old == new
        || (times(&old) && times(&new))
        || (times(&old) && new.starts_with("time"))
        || (matches!(&*old, "json" | "jsonb") && matches!(&*new, "json" | "jsonb"));
    (!is_safe).then_some(Condition::Unknown)
}

/// From numbers, and from texts to them. Nothing where it is about something else.
#[expect(
    clippy::option_option,
    reason = "no number, or a number that always fits"
)]
fn number(
    own: &str,
    (from, old): (&str, &str),
    (to, new): (&str, &str),
    is_text: bool,
) -> Option<Option<String>> {
    const WHOLE: [(&str, &str, &str); 3] = [
        ("smallint", "-32768", "32767"),
        ("integer", "-2147483648", "2147483647"),
        ("bigint", "-9223372036854775808", "9223372036854775807"),
    ];
    let rank = |kind: &str| WHOLE.iter().position(|(whole, ..)| *whole == kind);
    let is_number = rank(old).is_some() || matches!(old, "numeric" | "real" | "double precision");
    if is_text {
        let value = format!("trim({own}::text)");
        return match rank(new) {
            Some(rank) => {
                let (_, lowest, highest) = WHOLE[rank];
                Some(Some(format!(
                    "case when {value} ~ '^[+-]?[0-9]+$' then {value}::numeric not between {lowest} and {highest} else {own} is not null end"
                )))
            }
            None if new == "numeric" && precision(to).is_empty() => Some(Some(format!(
                "{value} !~* '^([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|nan)$'"
            ))),
            None if new == "boolean" => Some(Some(format!(
                "lower({value}) not in ('t', 'tr', 'tru', 'true', 'f', 'fa', 'fal', 'fals', 'false', 'y', 'ye', 'yes', 'n', 'no', 'on', 'of', 'off', '1', '0')"
            ))),
            None => None,
        };
    }
    if !is_number {
        return None;
    }
    if let Some(wanted) = rank(new) {
        if rank(old).is_some_and(|old| old <= wanted) {
            return Some(None);
        }
        let (_, lowest, highest) = WHOLE[wanted];
        let value = if rank(old).is_some() {
            own.to_owned()
        } else {
            format!("round({own})")
        };
        return Some(Some(format!("{value} not between {lowest} and {highest}")));
    }
    if new != "numeric" {
        return Some(None);
    }
    let [digits, ref scale @ ..] = precision(to)[..] else {
        return Some(None);
    };
    let scale = scale.first().copied().unwrap_or(0);
    let whole = digits - scale;
    let has = match (rank(old), precision(from)[..].split_first()) {
        (Some(0), _) => Some(5),
        (Some(1), _) => Some(10),
        (Some(_), _) => Some(19),
        (None, Some((digits, rest))) => Some(digits - rest.first().copied().unwrap_or(0)),
        (None, None) => None,
    };
    // A round up may need one more digit.
    let fits = has.is_some_and(|has| {
        has < whole || (has == whole && precision(from).get(1).copied().unwrap_or(0) <= scale)
    });
    Some((!fits).then(|| format!("abs(round({own}::numeric, {scale})) >= 1e{whole}::numeric")))
}

/// Values of the columns of a domain that a new check of it refuses.
pub(super) fn domain_check(sides: &Sides<'_>, domain: &Id, definition: &str) -> Vec<Probe> {
    let Some(expression) = group_after(definition, "CHECK") else {
        return Vec::new();
    };
    if definition.ends_with(" NOT VALID") {
        return Vec::new();
    }
    of_columns(sides, domain, |own| {
        format!("not ({})", with_value(expression, own))
    })
}

/// Rows without a value in a column of a domain that wants one.
pub(super) fn domain_not_null(sides: &Sides<'_>, domain: &Id) -> Vec<Probe> {
    of_columns(sides, domain, |own| format!("{own} is null"))
}

fn of_columns(sides: &Sides<'_>, domain: &Id, condition: impl Fn(&str) -> String) -> Vec<Probe> {
    let name = sides.qualified(domain);
    let is_its = |column: &&Id| {
        column.kind == Kind::Column
            && sides
                .old
                .get(column)
                .is_some_and(|old| old.get("type") == Some(&name) && !old.has("inherited"))
    };
    let domain = domain.table(Kind::Domain);
    let columns = sides.old.needed_by(&domain).filter(is_its);
    columns
        .map(|column| {
            let (table, own) = (sides.qualified(column), sides.own(column));
            Probe::exists(
                &format!("{table} where {}", condition(&own)),
                format!("values of {own} in {table} are none of {name}"),
            )
        })
        .collect()
}
