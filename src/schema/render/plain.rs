//! The kinds that are made and dropped, and hardly ever changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alteration, Sides, family};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

/// What stands behind `drop` and `comment on`.
pub(super) fn target(sides: &Sides<'_>, id: &Id) -> String {
    let word = id.kind.name();
    match id.kind {
        Kind::Cast => format!("cast ({} as {})", id.name(0), id.name(1)),
        Kind::Transform => format!("transform for {} language {}", id.name(0), sides.own(id)),
        Kind::Operator => format!(
            "operator {}.{} ({}, {})",
            sides.name(id.name(0)),
            id.name(1),
            id.name(2),
            id.name(3)
        ),
        Kind::OperatorFamily | Kind::OperatorClass => {
            format!("{word} {} using {}", sides.qualified(id), sides.own(id))
        }
        Kind::Language | Kind::AccessMethod => format!("{word} {}", sides.own(id)),
        _ => format!("{word} {}", sides.qualified(id)),
    }
}

pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let parts = attributes.get("create").unwrap_or_default();
    let target = target(sides, id);
    let qualified = || sides.qualified(id);
    let text = match id.kind {
        // It comes with the one that names it.
        Kind::Operator if attributes.has("shell") => return Vec::new(),
        Kind::Operator => format!(
            "create operator {}.{} ({parts})",
            sides.name(id.name(0)),
            id.name(1)
        ),
        Kind::AccessMethod | Kind::Cast => format!("create {target} {parts}"),
        Kind::OperatorFamily => format!("create {target}"),
        Kind::OperatorClass => format!("create operator class {} {parts}", qualified()),
        Kind::Conversion => {
            let default = if attributes.has("default") {
                "default "
            } else {
                ""
            };
            format!("create {default}conversion {} {parts}", qualified())
        }
        Kind::Language => {
            let trusted = if attributes.has("trusted") {
                "trusted "
            } else {
                ""
            };
            format!("create {trusted}language {} {parts}", sides.own(id))
        }
        // Transforms too.
        _ => format!("create {target} ({parts})"),
    };
    let mut statements = vec![Statement::new(text)];
    statements.extend(mappings(sides, id, attributes));
    if id.kind == Kind::OperatorFamily {
        statements.extend(family::alter(sides, id, &Attributes::default(), attributes));
    }
    statements
}

/// Mappings change in place.
pub(super) fn alter_configuration(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.iter().any(|name| *name != "mappings") {
        return Alteration::Replace;
    }
    let read = |attributes: &Attributes| -> BTreeMap<String, String> {
        let text = attributes.get("mappings").unwrap_or("[]");
        let pairs: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
        pairs.into_iter().collect()
    };
    let (before, after) = (read(old), read(new));
    let tokens: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut statements = Vec::new();
    for token in tokens {
        let how = match (before.get(token), after.get(token)) {
            (Some(_), None) => format!("drop mapping for {}", sides.name(token)),
            (None, Some(to)) => format!("add mapping for {} with {to}", sides.name(token)),
            (Some(from), Some(to)) if from != to => {
                format!("alter mapping for {} with {to}", sides.name(token))
            }
            _ => continue,
        };
        let qualified = sides.qualified(id);
        statements.push(Statement::new(format!(
            "alter text search configuration {qualified} {how}"
        )));
    }
    Alteration::InPlace(statements)
}

/// Which dictionaries a text search configuration asks for which tokens.
fn mappings(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let text = attributes.get("mappings").unwrap_or("[]");
    let mappings: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    mappings
        .iter()
        .map(|(token, dictionaries)| {
            Statement::new(format!(
                "alter text search configuration {} add mapping for {} with {dictionaries}",
                sides.qualified(id),
                sides.name(token)
            ))
        })
        .collect()
}
