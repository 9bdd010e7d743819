//! Enums, domains, composite types and ranges.

use std::collections::BTreeSet;

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// A JSON array of texts, as the queries give lists.
fn list(attributes: &Attributes, name: &str) -> Vec<String> {
    let text = attributes.get(name).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

fn literals(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| Literal(text).to_string()).collect();
    texts.join(", ")
}

pub(super) fn create_enum(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let labels = literals(&list(attributes, "labels"));
    vec![Statement::new(format!(
        "create type {} as enum ({labels})",
        sides.qualified(id)
    ))]
}

/// What stands in the way of columns that change their type, and of what they are used in.
pub(super) const IN_THE_WAY: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
];

/// The same for a type that is made anew: also what has one of its values in an expression.
const IN_THE_WAY_OF_A_TYPE: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
    Kind::Index,
    Kind::Constraint,
    Kind::Default,
];

/// New values are added where they belong. When values go, or change their order, the type is made
/// anew and the columns take their values along by name.
pub(super) fn alter_enum(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Alteration {
    let (before, after) = (list(old, "labels"), list(new, "labels"));
    let kept: Vec<&String> = after
        .iter()
        .filter(|label| before.contains(label))
        .collect();
    let qualified = sides.qualified(id);
    if kept.iter().copied().eq(before.iter()) {
        let mut statements = Vec::new();
        for (index, label) in after.iter().enumerate() {
            if before.contains(label) {
                continue;
            }
            let place = match index.checked_sub(1) {
                Some(previous) => format!(" after {}", Literal(&after[previous])),
                None => match before.first() {
                    Some(first) => format!(" before {}", Literal(first)),
                    None => String::new(),
                },
            };
            // At the end no place need be named.
            let is_last = after[index..].iter().all(|label| !before.contains(label));
            let place = if is_last && index > 0 {
                String::new()
            } else {
                place
            };
            statements.push(Statement::before(format!(
                "alter type {qualified} add value {}{place}",
                Literal(label)
            )));
        }
        return Alteration::InPlace(statements);
    }
    let gone: Vec<String> = before
        .iter()
        .filter(|label| !after.contains(label))
        .cloned()
        .collect();
    let loses = (!gone.is_empty()).then(|| format!("the values {}", literals(&gone)));
    Alteration::Without(
        rebuild(sides, id, create_enum(sides, id, new), loses),
        IN_THE_WAY_OF_A_TYPE,
    )
}

/// The type gets another name, a new one is made, the columns move over, and the old one goes.
fn rebuild(
    sides: &Sides<'_>,
    id: &Id,
    create: Vec<Statement>,
    loses: Option<String>,
) -> Vec<Statement> {
    let qualified = sides.qualified(id);
    let other = Id::new(id.kind, &[id.name(0), &format!("{}_before", id.name(1))]);
    let mut statements = vec![Statement::new(format!(
        "alter type {qualified} rename to {}",
        sides.own(&other)
    ))];
    statements.extend(create);
    for column in sides
        .old
        .needed_by(id)
        .filter(|user| user.kind == Kind::Column)
    {
        let Some(new) = sides.new.get(column).filter(|new| !new.has("inherited")) else {
            continue;
        };
        let (table, own) = (sides.qualified(column), sides.own(column));
        let wanted = new.get("type").unwrap_or_default();
        let through = if wanted.ends_with("[]") {
            "text[]"
        } else {
            "text"
        };
        statements.push(Statement {
            sql: format!(
                "alter table {table} alter column {own} type {wanted} using {own}::{through}::{wanted}"
            ),
            ..Statement::new("")
        });
    }
    let drop = format!("drop type {}", sides.qualified(&other));
    statements.push(Statement {
        loses,
        ..Statement::new(drop)
    });
    statements
}

pub(super) fn create_domain(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let get = |name| attributes.get(name);
    let mut text = format!(
        "create domain {} as {}",
        sides.qualified(id),
        get("type").unwrap_or_default()
    );
    if let Some(collation) = get("collation") {
        text += &format!(" collate {collation}");
    }
    if let Some(default) = get("default") {
        text += &format!(" default {default}");
    }
    if get("not null").is_some() {
        text += " not null";
    }
    vec![Statement::new(text)]
}

pub(super) fn alter_domain(
    sides: &Sides<'_>,
    id: &Id,
    _old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.contains("type") || differing.contains("collation") {
        return Alteration::Replace;
    }
    let qualified = sides.qualified(id);
    let mut statements = Vec::new();
    if differing.contains("default") {
        let how = new
            .get("default")
            .map_or("drop default".to_owned(), |default| {
                format!("set default {default}")
            });
        statements.push(Statement::new(format!("alter domain {qualified} {how}")));
    }
    if differing.contains("not null") {
        let how = if new.has("not null") { "set" } else { "drop" };
        statements.push(Statement::new(format!(
            "alter domain {qualified} {how} not null"
        )));
    }
    Alteration::InPlace(statements)
}

pub(super) fn create_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    vec![Statement::new(format!(
        "alter domain {} add constraint {} {}",
        sides.qualified(id),
        sides.own(id),
        attributes.get("definition").unwrap_or_default()
    ))]
}

/// Name, type and collation of each attribute.
fn attributes_of(attributes: &Attributes) -> Vec<(String, String, Option<String>)> {
    let text = attributes.get("attributes").unwrap_or("[]");
    serde_json::from_str(text).unwrap_or_default()
}

fn attribute(
    sides: &Sides<'_>,
    (name, kind, collation): &(String, String, Option<String>),
) -> String {
    let collation = collation
        .as_ref()
        .map(|collation| format!(" collate {collation}"));
    format!(
        "{} {kind}{}",
        sides.name(name),
        collation.unwrap_or_default()
    )
}

pub(super) fn create_composite(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let list: Vec<String> = attributes_of(attributes)
        .iter()
        .map(|one| attribute(sides, one))
        .collect();
    vec![Statement::new(format!(
        "create type {} as ({})",
        sides.qualified(id),
        list.join(", ")
    ))]
}

/// Attributes are dropped, changed and added at the end; another order is a type made anew.
pub(super) fn alter_composite(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Alteration {
    let (before, after) = (attributes_of(old), attributes_of(new));
    let is_in = |list: &[(String, String, Option<String>)], name: &str| {
        list.iter().any(|(other, ..)| other == name)
    };
    let qualified = sides.qualified(id);
    let mut statements = Vec::new();
    for (name, ..) in &before {
        if !is_in(&after, name) {
            statements.push(Statement::losing(
                format!(
                    "alter type {qualified} drop attribute {} cascade",
                    sides.name(name)
                ),
                format!("the attribute {name} of all values"),
            ));
        }
    }
    for one in &after {
        let (name, kind, collation) = one;
        match before.iter().find(|(other, ..)| other == name) {
            None => statements.push(Statement::new(format!(
                "alter type {qualified} add attribute {} cascade",
                attribute(sides, one)
            ))),
            Some(earlier) if earlier != one => {
                let collation = collation.as_ref().map(|name| format!(" collate {name}"));
                statements.push(Statement::new(format!(
                    "alter type {qualified} alter attribute {} type {kind}{} cascade",
                    sides.name(name),
                    collation.unwrap_or_default()
                )));
            }
            Some(_) => {}
        }
    }
    Alteration::Without(statements, IN_THE_WAY)
}

pub(super) fn create_range(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    vec![Statement::new(format!(
        "create type {} as range ({})",
        sides.qualified(id),
        attributes.get("range").unwrap_or_default()
    ))]
}
