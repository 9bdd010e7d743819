//! How a value gets from a type to the one that is made again in its place.
//!
//! A composite value is put together anew, attribute by attribute. In an array, a range or a domain
//! it can only go by its text, as no subquery may stand where a column changes its type; a text knows
//! no attributes but places, and where these change, rows stand in the way.

use super::types::attributes_of;
use super::{Sides, cast, guard, remake};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

/// The type of texts, or of lists of them.
pub(super) fn text(kind: &str) -> &'static str {
    if kind.ends_with("[]") {
        "text[]"
    } else {
        "text"
    }
}

/// The value as one of the type of that name.
pub(super) fn value(sides: &Sides<'_>, value: &str, kind: &str) -> String {
    let composite = remake::remade_type(sides, kind).filter(|id| id.kind == Kind::Composite);
    let both = composite.and_then(|id| sides.old.get(&id).zip(sides.new.get(&id)));
    match both {
        Some(both) => row(sides, value, kind, both),
        None => format!("{value}::{}::{kind}", text(kind)),
    }
}

fn row(
    sides: &Sides<'_>,
    whole: &str,
    kind: &str,
    (before, after): (&Attributes, &Attributes),
) -> String {
    let (before, after) = (attributes_of(before), attributes_of(after));
    let parts = after.iter().map(|(name, wanted, _)| {
        let earlier = before.iter().find(|(other, ..)| other == name);
        let own = format!("({whole}).{}", sides.name(name));
        let is_remade = || remake::remade_type(sides, wanted.trim_end_matches("[]")).is_some();
        match earlier {
            Some((_, from, _)) if from != wanted => cast::convert(sides, &own, from, wanted),
            Some(_) if is_remade() => value(sides, &own, wanted),
            Some(_) => own,
            None => format!("null::{wanted}"),
        }
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!("case when {whole} is distinct from null then row({parts})::{kind} end")
}

/// Fails where a column has values that would come out with their attributes in the wrong places.
pub(super) fn guard(sides: &Sides<'_>, column: &Id, kind: &str) -> Option<Statement> {
    let (table, own) = (sides.qualified(column), sides.own(column));
    is_by_place(sides, kind).then(|| {
        guard::no_rows(
            &format!("{table} where {own} is distinct from null"),
            &format!("{own} of {table} has values of {kind} that cannot be put together anew"),
            "move them to a new column first, and drop this one",
        )
    })
}

/// Whether a value goes by the places of attributes, which are not the same before and after.
fn is_by_place(sides: &Sides<'_>, kind: &str) -> bool {
    let Some(id) = remake::remade_type(sides, kind.trim_end_matches("[]")) else {
        return false;
    };
    if id.kind != Kind::Composite || kind.ends_with("[]") {
        return is_made_of_other_places(sides, &id);
    }
    let (before, after) = (
        attributes(sides.old.get(&id)),
        attributes(sides.new.get(&id)),
    );
    let mut kept = after
        .iter()
        .filter(|(name, ..)| before.iter().any(|(other, ..)| other == name));
    kept.any(|(_, kind, _)| is_by_place(sides, kind))
}

fn is_made_of_other_places(sides: &Sides<'_>, id: &Id) -> bool {
    let names = |one: Option<&Attributes>| attributes(one).into_iter().map(|(name, ..)| name);
    let is_other =
        id.kind == Kind::Composite && !names(sides.old.get(id)).eq(names(sides.new.get(id)));
    is_other
        || sides
            .old
            .needs(id)
            .filter(|part| remake::is_remade(sides, part))
            .any(|part| is_made_of_other_places(sides, part))
}

fn attributes(one: Option<&Attributes>) -> Vec<super::types::Attribute> {
    one.map(attributes_of).unwrap_or_default()
}
