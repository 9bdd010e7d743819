//! Functions, procedures and aggregates.

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id};
use crate::schema::statement::Statement;

/// Schema, name and the arguments that tell it from others of that name.
pub(super) fn signature(sides: &Sides<'_>, id: &Id) -> String {
    let attributes = sides.new.get(id).or_else(|| sides.old.get(id));
    let arguments = attributes
        .and_then(|attributes| attributes.get("signature"))
        .unwrap_or(id.own_name());
    format!("{}({arguments})", sides.qualified(id))
}

/// The server prints `create or replace`, with the body as it was given.
pub(super) fn create(attributes: &Attributes) -> Vec<Statement> {
    let definition = attributes.get("definition").unwrap_or_default();
    vec![Statement::new(definition.trim_end())]
}

pub(super) fn drop(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let word = if attributes.get("kind") == Some("procedure") {
        "procedure"
    } else {
        "function"
    };
    vec![Statement::new(format!(
        "drop {word} {}",
        signature(sides, id)
    ))]
}

/// `create or replace` cannot change the result, the kind, the names of arguments or how many have
/// no default (CREATE FUNCTION in PostgreSQL's manual).
pub(super) fn alter(old: &Attributes, new: &Attributes) -> Alteration {
    let is_same = |name| old.get(name) == new.get(name);
    let defaults = |attributes: &Attributes| -> u32 {
        let count = attributes
            .get("defaults")
            .and_then(|count| count.parse().ok());
        count.unwrap_or_default()
    };
    if is_same("result") && is_same("kind") && is_same("names") && defaults(old) <= defaults(new) {
        Alteration::InPlace(create(new))
    } else {
        Alteration::Replace
    }
}

pub(super) fn create_aggregate(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let get = |name| attributes.get(name).unwrap_or_default();
    vec![Statement::new(format!(
        "create aggregate {}({}) ({})",
        sides.qualified(id),
        get("arguments"),
        get("parts")
    ))]
}

pub(super) fn drop_aggregate(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let arguments = attributes.get("signature").unwrap_or("*");
    vec![Statement::new(format!(
        "drop aggregate {}({arguments})",
        sides.qualified(id)
    ))]
}
