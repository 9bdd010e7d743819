//! Publications, and what they publish.

use std::collections::BTreeSet;

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

fn options(sides: &Sides<'_>, attributes: &Attributes) -> String {
    let get = |name| attributes.get(name).unwrap_or_default();
    let mut text = format!(
        "publish = {}, publish_via_partition_root = {}",
        Literal(get("publish")),
        get("via root")
    );
    if sides.major >= 18 {
        let which = if attributes.has("generated columns") {
            "stored"
        } else {
            "none"
        };
        text += &format!(", publish_generated_columns = {which}");
    }
    text
}

pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let all = if attributes.has("for all tables") {
        " for all tables"
    } else {
        ""
    };
    vec![Statement::new(format!(
        "create publication {}{all} with ({})",
        sides.own(id),
        options(sides, attributes)
    ))]
}

pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.contains("for all tables") {
        return Alteration::Replace;
    }
    Alteration::InPlace(vec![Statement::new(format!(
        "alter publication {} set ({})",
        sides.own(id),
        options(sides, new)
    ))])
}

/// `table s.t (columns) where (…)`.
fn table(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> String {
    let mut text = format!(
        "table {}.{}",
        sides.name(id.name(1)),
        sides.name(id.name(2))
    );
    if let Some(columns) = attributes.get("columns") {
        text += &format!(" ({columns})");
    }
    if let Some(condition) = attributes.get("where") {
        text += &format!(" where ({condition})");
    }
    text
}

pub(super) fn add_table(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    vec![Statement::new(format!(
        "alter publication {} add {}",
        sides.name(id.name(0)),
        table(sides, id, attributes)
    ))]
}

pub(super) fn drop_table(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let table = table(sides, id, &Attributes::default());
    vec![Statement::new(format!(
        "alter publication {} drop {table}",
        sides.name(id.name(0))
    ))]
}

/// `add` or `drop`, and a schema.
pub(super) fn schema(sides: &Sides<'_>, id: &Id, verb: &str) -> Vec<Statement> {
    vec![Statement::new(format!(
        "alter publication {} {verb} tables in schema {}",
        sides.name(id.name(0)),
        sides.name(id.name(1))
    ))]
}
