//! Enums, domains and composite types.

use std::collections::BTreeSet;

use super::{Alteration, Sides, retype, typing};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// A JSON array of texts, as the queries give lists.
fn list(attributes: &Attributes, name: &str) -> Vec<String> {
    let text = attributes.get(name).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn literals(texts: &[String]) -> String {
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

/// What stands in the way of a column that changes its type: also its default.
pub(super) const IN_THE_WAY_OF_A_COLUMN: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
    Kind::Default,
    Kind::Statistics,
    Kind::PublicationTable,
];

/// The same where values of the one type cannot be compared with those of the other: a foreign key
/// of either side, and only that among the constraints.
pub(super) const IN_THE_WAY_OF_ANOTHER_TYPE: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
    Kind::Constraint,
    Kind::Default,
    Kind::Statistics,
    Kind::PublicationTable,
];

/// What stands in the way of a composite type that changes.
const IN_THE_WAY: &[Kind] = &[
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Function,
    Kind::Aggregate,
];

/// New values are added where they belong.
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
    // Else it is made again.
    Alteration::Replace
}

/// The values of an enum, by its name: those that it is to have.
pub(super) fn labels_of(sides: &Sides<'_>, kind: &str) -> Option<Vec<String>> {
    let (new, old) = (sides.new.of_kind(Kind::Enum), sides.old.of_kind(Kind::Enum));
    let (_, attributes) = new.chain(old).find(|(id, _)| sides.qualified(id) == kind)?;
    Some(list(attributes, "labels"))
}

/// Whether all values that were there are there in the same order: then new ones are added.
pub(super) fn only_gains(old: &Attributes, new: &Attributes) -> bool {
    let (before, after) = (labels(old), labels(new));
    let kept = after.iter().filter(|label| before.contains(label));
    kept.eq(before.iter())
}

/// The values of an enum, in their order.
pub(super) fn labels(attributes: &Attributes) -> Vec<String> {
    list(attributes, "labels")
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
        if super::remake::takes_over(sides, id) && sides.major >= 17 {
            // The one that it takes over from has the usual name still.
            let usual = super::not_null::usual_name_of_domain(id);
            text += &format!(" constraint {}", sides.name(&usual));
        }
        text += " not null";
    }
    if comes_with_its_checks(sides, id) {
        for (constraint, attributes) in sides.new.parts(id, Kind::DomainConstraint) {
            let definition = attributes.get("definition").unwrap_or_default();
            if !is_not_valid(attributes) {
                text += &format!(" constraint {} {definition}", sides.own(constraint));
            }
        }
    }
    let mut statements = vec![Statement::new(text)];
    statements.extend(super::not_null::of_domain(
        sides,
        id,
        &Attributes::default(),
        attributes,
    ));
    statements
}

/// Whether a domain is made with its checks: one in use within another type takes none later.
pub(in crate::schema) fn comes_with_its_checks(sides: &Sides<'_>, id: &Id) -> bool {
    if id.kind != Kind::Domain {
        return false;
    }
    let mut users = sides.new.needed_by(id);
    super::remake::takes_over(sides, id)
        || (sides.old.get(id).is_none() && users.any(|user| is_within(sides.new, user)))
}

/// Whether a type is in use within another one, or an array.
fn is_within(schema: &Schema, user: &Id) -> bool {
    match user.kind {
        Kind::Column => {
            let kind = schema.get(user).and_then(|column| column.get("type"));
            kind.is_some_and(|kind| kind.ends_with("[]"))
        }
        Kind::Composite | Kind::Range => true,
        _ => false,
    }
}

/// Whether a constraint looks at no value that is there: such a one may come at any time.
fn is_not_valid(constraint: &Attributes) -> bool {
    let definition = constraint.get("definition");
    definition.is_some_and(|definition| definition.ends_with(" NOT VALID"))
}

/// Whether a domain is made again: over another type, or with a constraint that a domain does not
/// take which is in use in an array or in another type.
pub(super) fn domain_changes(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> bool {
    if old.get("type") != new.get("type") || old.get("collation") != new.get("collation") {
        return true;
    }
    let is_new = |(constraint, new): (&Id, &Attributes)| {
        let old = sides.old.get(constraint);
        !is_not_valid(new) && old.is_none_or(|old| old.get("definition") != new.get("definition"))
    };
    let gains = (new.has("not null") && !old.has("not null"))
        || sides.new.parts(id, Kind::DomainConstraint).any(is_new);
    gains
        && sides
            .old
            .needed_by(id)
            .any(|user| is_within(sides.old, user))
}

pub(super) fn alter_domain(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let qualified = sides.qualified(id);
    let mut statements = Vec::new();
    if differing.contains("default") {
        statements.push(set_domain_default(sides, id, new));
    }
    if differing.contains("not null") {
        let how = if new.has("not null") { "set" } else { "drop" };
        let probes = if how == "set" {
            retype::domain_not_null(sides, id)
        } else {
            Vec::new()
        };
        let statement = Statement::new(format!("alter domain {qualified} {how} not null"));
        statements.push(statement.probing(probes));
    }
    statements.extend(super::not_null::of_domain(sides, id, old, new));
    Alteration::InPlace(statements)
}

/// The default of a domain, or that it has none.
fn set_domain_default(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Statement {
    let default = attributes.get("default");
    let how = default.map_or("drop default".to_owned(), |text| {
        format!("set default {text}")
    });
    Statement::new(format!("alter domain {} {how}", sides.qualified(id)))
}

/// A domain whose default goes, as something goes that the default needs.
pub(super) fn unset_default(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    vec![set_domain_default(sides, id, &Attributes::default())]
}

/// The same when that is there again, with all else that changes.
pub(super) fn set_default_again(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let mut rest = old.differing(new);
    rest.remove("default");
    let mut statements = match alter_domain(sides, id, old, new, &rest) {
        Alteration::InPlace(statements) | Alteration::Without(statements, _) => statements,
        Alteration::Replace | Alteration::Rebuild | Alteration::Remake(_) => Vec::new(),
    };
    if new.has("default") {
        statements.push(set_domain_default(sides, id, new));
    }
    statements.extend(super::common::alter_common(sides, id, old, new));
    statements
}

pub(super) fn create_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let domain = id.table(Kind::Domain);
    if comes_with_its_checks(sides, &domain) && !is_not_valid(attributes) {
        return Vec::new();
    }
    let definition = attributes.get("definition").unwrap_or_default();
    let statement = Statement::new(format!(
        "alter domain {} add constraint {} {definition}",
        sides.qualified(id),
        sides.own(id),
    ));
    vec![statement.probing(retype::domain_check(sides, id, definition))]
}

/// Name, type and collation of each attribute.
pub(super) fn attributes_of(attributes: &Attributes) -> Vec<Attribute> {
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
    let is_in = |list: &[Attribute], name: &str| list.iter().any(|(other, ..)| other == name);
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

/// Name, type and collation.
pub(super) type Attribute = (String, String, Option<String>);

/// Whether a composite type is made again: its attributes are in another order, or one of a type in
/// use has another type.
pub(super) fn composite_changes(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> bool {
    if old.get("attributes") == new.get("attributes") {
        return false;
    }
    let (before, after) = (attributes_of(old), attributes_of(new));
    let is_in = |list: &[Attribute], name: &str| list.iter().any(|(other, ..)| other == name);
    let kept = before.iter().filter(|(name, ..)| is_in(&after, name));
    let added = after.iter().filter(|(name, ..)| !is_in(&before, name));
    let order = kept.chain(added).map(|(name, ..)| name);
    let is_other = |one: &Attribute| {
        let earlier = before.iter().find(|(name, ..)| *name == one.0);
        earlier.is_some_and(|earlier| earlier != one)
    };
    let mut users = sides.old.needed_by(id);
    let is_in_use = users.any(|user| {
        matches!(
            user.kind,
            Kind::Column | Kind::Composite | Kind::Domain | Kind::Range
        )
    });
    let changed = after.iter().filter_map(|(name, kind, _)| {
        let (_, earlier, _) = before.iter().find(|(other, ..)| other == name)?;
        Some((earlier.clone(), kind.clone()))
    });
    !order.eq(after.iter().map(|(name, ..)| name))
        || (is_in_use && after.iter().any(is_other))
        || typing::wants_a_cast(sides, id, changed)
}
