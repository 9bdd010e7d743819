//! Operator families: the members that are of no operator class.

use std::collections::BTreeMap;

use super::Sides;
use super::plain;
use crate::schema::model::{Attributes, Id};
use crate::schema::statement::Statement;

/// How each member is called, and what it is.
fn members(attributes: &Attributes) -> BTreeMap<String, String> {
    let text = attributes.get("members").unwrap_or("[]");
    let pairs: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    pairs.into_iter().collect()
}

/// The statements from the members of one state to those of another.
pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let (before, after) = (members(old), members(new));
    let gone: Vec<&str> = before
        .iter()
        .filter(|(called, is)| after.get(*called) != Some(is))
        .map(|(called, _)| called.as_str())
        .collect();
    let come: Vec<&str> = after
        .iter()
        .filter(|(called, is)| before.get(*called) != Some(is))
        .map(|(_, is)| is.as_str())
        .collect();
    let family = plain::target(sides, id);
    [("drop", gone), ("add", come)]
        .into_iter()
        .filter(|(_, members)| !members.is_empty())
        .map(|(verb, members)| {
            Statement::new(format!("alter {family} {verb} {}", members.join(", ")))
        })
        .collect()
}
