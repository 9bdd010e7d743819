//! Types and collations that are made again: an enum that loses values or has them in another
//! order, a domain over another type, a composite type whose attributes change, and whatever is
//! made of one of these. The old one gets another name, the columns move over to the new one with
//! their values, and then the old one goes.

use super::carry::{self, text};
use super::types::{self, attributes_of};
use super::{Sides, cast, guard, inheritance, range};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

/// The kinds that can be made again so.
const KINDS: [Kind; 5] = [
    Kind::Enum,
    Kind::Domain,
    Kind::Composite,
    Kind::Range,
    Kind::Collation,
];

/// What cannot be there meanwhile: also what has a value of the type in an expression.
pub(in crate::schema) const IN_THE_WAY: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
    Kind::Index,
    Kind::Constraint,
    Kind::DomainConstraint,
    Kind::Default,
    Kind::Statistics,
    Kind::Cast,
    Kind::Transform,
    Kind::Operator,
    Kind::OperatorFamily,
    Kind::OperatorClass,
    Kind::PublicationTable,
    Kind::Typing,
];

/// The object of a type that is in both schemas and is made again, by the type's name as the server
/// writes it.
pub(super) fn remade_type(sides: &Sides<'_>, name: &str) -> Option<Id> {
    let is_it = |id: &&Id| KINDS.contains(&id.kind) && sides.qualified(id) == name;
    let found = sides.new.objects.keys().find(is_it);
    found.filter(|id| is_remade(sides, id)).cloned()
}

/// Whether something that is in both schemas is made again, by its own changes or with what it is
/// made of.
pub(in crate::schema) fn is_remade(sides: &Sides<'_>, id: &Id) -> bool {
    KINDS.contains(&id.kind) && (changes(sides, id) || is_carried(sides, id))
}

/// Whether columns move over to it when it is made.
pub(super) fn takes_over(sides: &Sides<'_>, id: &Id) -> bool {
    is_remade(sides, id) || predecessor(sides, id).is_some()
}

/// Whether a type goes whose name another kind of type takes over, with the columns.
pub(in crate::schema) fn successor(sides: &Sides<'_>, id: &Id) -> Option<Id> {
    let is_type = |kind: &Kind| KINDS.contains(kind) && *kind != Kind::Collation;
    let mut kinds = KINDS.iter().filter(|kind| is_type(kind));
    let other = |kind: &Kind| Id {
        kind: *kind,
        names: id.names.clone(),
    };
    if !is_type(&id.kind) || sides.old.get(id).is_none() || sides.new.get(id).is_some() {
        return None;
    }
    let same_name =
        kinds.find_map(|kind| Some(other(kind)).filter(|id| sides.new.get(id).is_some()));
    same_name.or_else(|| range::successor(sides, id))
}

fn predecessor(sides: &Sides<'_>, id: &Id) -> Option<Id> {
    let other = |kind: &Kind| Id {
        kind: *kind,
        names: id.names.clone(),
    };
    let others = KINDS.iter().map(other);
    let mut olds = others.filter(|other| other.kind != id.kind);
    let same_name = olds.find(|old| successor(sides, old).as_ref() == Some(id));
    same_name.or_else(|| range::predecessor(sides, id))
}

fn changes(sides: &Sides<'_>, id: &Id) -> bool {
    let (Some(old), Some(new)) = (sides.old.get(id), sides.new.get(id)) else {
        return false;
    };
    match id.kind {
        Kind::Enum => !types::only_gains(old, new),
        Kind::Domain => types::domain_changes(sides, id, old, new),
        Kind::Composite => types::composite_changes(sides, id, old, new),
        Kind::Range => range::changes(old, new),
        _ => old.get("create") != new.get("create"),
    }
}

/// Whether it is made of something that is made again.
fn is_carried(sides: &Sides<'_>, id: &Id) -> bool {
    let is_in_both = sides.old.get(id).is_some() && sides.new.get(id).is_some();
    is_in_both
        && id.kind != Kind::Collation
        && sides.old.needs(id).any(|part| {
            KINDS.contains(&part.kind)
                && (is_remade(sides, part) || successor(sides, part).is_some())
        })
}

/// Whether the type of a column is one that is made again.
pub(super) fn is_of_one(sides: &Sides<'_>, column: &Id) -> bool {
    sides.old.needs(column).any(|kind| {
        kind.kind != Kind::Collation && (is_remade(sides, kind) || successor(sides, kind).is_some())
    })
}

/// A column whose values move over, with the type that it has and will have.
struct Mover<'s> {
    column: &'s Id,
    kind: &'s str,
    collation: Option<&'s str>,
}

/// The columns that keep a type of this name. One that gets another type altogether does that by
/// itself, and one that is computed is computed anew.
fn movers<'s>(sides: &Sides<'s>, old: &Id, new: &Id) -> Vec<Mover<'s>> {
    let columns = sides.old.needed_by(old);
    let columns = columns.filter(|user| user.kind == Kind::Column);
    columns
        .filter_map(|column| {
            let (before, after) = (sides.old.get(column)?, sides.new.get(column)?);
            let kind = after.get("type")?;
            let is_it = sides.new.needs(column).any(|needed| needed == new)
                && before.get("type") == Some(kind)
                && !after.has("generated")
                && !before.has("generated")
                && !sides.is_of_a_new_table(column)
                && !inheritance::comes_from_above(sides, column, after);
            let collation = after.get("collation");
            // A domain of the collation brings it along.
            let is_it = is_it && (new.kind != Kind::Collation || collation.is_some());
            is_it.then_some(Mover {
                column,
                kind,
                collation,
            })
        })
        .collect()
}

fn retype(sides: &Sides<'_>, mover: &Mover<'_>, to: &str, using: &str) -> Statement {
    let (table, own) = (sides.qualified(mover.column), sides.own(mover.column));
    let collation = mover.collation.map(|name| format!(" collate {name}"));
    let word = super::table::word(sides, mover.column);
    // A foreign table has no values to move.
    let using = if word == "table" { using } else { "" };
    Statement::new(format!(
        "alter {word} {table} alter column {own} type {to}{}{using}",
        collation.unwrap_or_default()
    ))
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Domain => "domain",
        Kind::Collation => "collation",
        _ => "type",
    }
}

/// The first step: the name becomes free.
pub(super) fn set_aside(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let qualified = sides.qualified(id);
    let mut statements = guards(sides, id);
    let aside = sides.own(&sides.aside(id));
    let word = word(id.kind);
    statements.push(Statement::new(format!(
        "alter {word} {qualified} rename to {aside}"
    )));
    statements.extend(range::set_makers_aside(sides, id, &aside));
    statements
}

/// Fails where values cannot move over: no row loses one in silence.
fn guards(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let movers = movers(sides, id, id);
    let movers = movers
        .iter()
        .filter(|mover| super::table::word(sides, mover.column) == "table");
    if id.kind == Kind::Enum {
        guards_of_labels(sides, id, movers)
    } else {
        movers
            .filter_map(|mover| carry::guard(sides, mover.column, mover.kind))
            .collect()
    }
}

/// Fails where a value of an enum is in use that goes.
fn guards_of_labels<'m>(
    sides: &Sides<'_>,
    id: &Id,
    movers: impl Iterator<Item = &'m Mover<'m>>,
) -> Vec<Statement> {
    let (Some(old), Some(new)) = (sides.old.get(id), sides.new.get(id)) else {
        return Vec::new();
    };
    let kept = types::labels(new);
    let mut gone = types::labels(old);
    gone.retain(|label| !kept.contains(label));
    if gone.is_empty() {
        return Vec::new();
    }
    let values = types::literals(&gone);
    let guard = |mover: &Mover<'_>| {
        let (table, own) = (sides.qualified(mover.column), sides.own(mover.column));
        let uses = if mover.kind.ends_with("[]") {
            format!("{own}::text[] && array[{values}]::text[]")
        } else {
            format!("{own}::text in ({values})")
        };
        guard::no_rows(
            &format!("{table} where {uses}"),
            &format!(
                "{own} of {table} has values that {} loses: {}",
                sides.qualified(id),
                gone.join(", ")
            ),
            &format!("give these rows another {own} first"),
        )
    };
    movers.map(guard).collect()
}

/// The second step, when the new one is there: the columns move over.
pub(super) fn take_over(sides: &Sides<'_>, id: &Id, new: &Attributes) -> Vec<Statement> {
    if !takes_over(sides, id) {
        return Vec::new();
    }
    let old = predecessor(sides, id).unwrap_or_else(|| id.clone());
    let movers = movers(sides, &old, id);
    let is_by_text = old.kind != id.kind || is_carried(sides, id);
    let statement = |mover: &Mover<'_>| {
        let (own, kind) = (sides.own(mover.column), mover.kind);
        let is_array = kind.ends_with("[]");
        let value = match (id.kind, sides.old.get(&old)) {
            (Kind::Collation, _) => return retype(sides, mover, kind, ""),
            (Kind::Domain, Some(before)) if !is_by_text => {
                let brackets = if is_array { "[]" } else { "" };
                let base =
                    |one: &Attributes| format!("{}{brackets}", one.get("type").unwrap_or_default());
                let (from, to) = (base(before), base(new));
                if cast::is_assigned(&from, &to) {
                    // Assigned, what is too long fails; a cast by name would cut it.
                    format!("{own}::{from}")
                } else {
                    format!("{}::{kind}", cast::convert(sides, &own, &from, &to))
                }
            }
            // Assigned for the same reason.
            (Kind::Domain, _) if cast::is_assigned("text", new.get("type").unwrap_or_default()) => {
                format!("{own}::{}", text(kind))
            }
            (Kind::Composite, _) if old.kind == id.kind => carry::value(sides, &own, kind),
            _ => format!("{own}::{}::{kind}", text(kind)),
        };
        retype(sides, mover, kind, &format!(" using {value}"))
    };
    let statements = |mover: &Mover<'_>| {
        let kept = super::column::kept(sides, mover.column);
        [statement(mover)].into_iter().chain(kept)
    };
    movers.iter().flat_map(statements).collect()
}

/// The last step: nothing has the old one.
pub(super) fn end(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let aside = sides.qualified(&sides.aside(id));
    let drop = format!("drop {} {aside}", word(id.kind));
    vec![Statement {
        loses: loses(sides, id),
        ..Statement::new(drop)
    }]
}

/// The attributes that keep less of their values, without failing.
fn cut(old: &Attributes, new: &Attributes) -> Vec<String> {
    let before = attributes_of(old);
    let is_cut = |(name, wanted, _): &(String, String, Option<String>)| {
        let earlier = before.iter().find(|(other, ..)| other == name);
        earlier.is_some_and(|(_, kind, _)| {
            kind != wanted && (cast::cuts(kind, wanted) || cast::loses(kind, wanted).is_some())
        })
    };
    let names = attributes_of(new).into_iter().filter(is_cut);
    names.map(|(name, ..)| name).collect()
}

fn loses(sides: &Sides<'_>, id: &Id) -> Option<String> {
    let (old, new) = (sides.old.get(id)?, sides.new.get(id)?);
    let missing = |before: Vec<String>, after: &[String]| -> Vec<String> {
        let is_missing = |one: &String| !after.contains(one);
        before.into_iter().filter(is_missing).collect()
    };
    match id.kind {
        Kind::Composite => {
            let names = |one| attributes_of(one).into_iter().map(|(name, ..)| name);
            let after: Vec<String> = names(new).collect();
            let gone = missing(names(old).collect(), &after).join(", ");
            let cut = cut(old, new).join(", ");
            match (gone.is_empty(), cut.is_empty()) {
                (true, true) => None,
                (false, true) => Some(format!("the attributes {gone}")),
                (true, false) => Some(format!("what does not fit into {cut}")),
                (false, false) => Some(format!(
                    "the attributes {gone}, and what does not fit into {cut}"
                )),
            }
        }
        Kind::Domain => {
            let base = |one: &Attributes| one.get("type").unwrap_or_default().to_owned();
            cast::loses(&base(old), &base(new)).map(str::to_owned)
        }
        _ => None,
    }
}
