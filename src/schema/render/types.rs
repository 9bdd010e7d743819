//! Enums, domains, composite types and ranges.

use std::collections::BTreeSet;

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id, Kind, Schema};
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

/// The same for a type that is made anew: also what has one of its values in an expression.
pub(super) const IN_THE_WAY_OF_A_TYPE: &[Kind] = &[
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
    Kind::Operator,
    Kind::OperatorClass,
    Kind::PublicationTable,
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
        rebuild(
            sides,
            id,
            create_enum(sides, id, new),
            loses,
            new,
            &|own, wanted, is_array| {
                let through = if is_array { "text[]" } else { "text" };
                format!("{own}::{through}::{wanted}")
            },
        ),
        IN_THE_WAY_OF_A_TYPE,
    )
}

/// The type gets another name, a new one is made, the columns move over, and the old one goes.
/// `convert` has the words for a column, the type that it is to have, and whether that is an array.
fn rebuild(
    sides: &Sides<'_>,
    id: &Id,
    create: Vec<Statement>,
    loses: Option<String>,
    new: &Attributes,
    convert: &dyn Fn(&str, &str, bool) -> String,
) -> Vec<Statement> {
    let qualified = sides.qualified(id);
    let other = sides.aside(id);
    let word = if id.kind == Kind::Domain {
        "domain"
    } else {
        "type"
    };
    let mut statements = vec![Statement::new(format!(
        "alter {word} {qualified} rename to {}",
        sides.own(&other)
    ))];
    statements.extend(create);
    statements.extend(super::common::after_create(sides, id, new));
    for (column, wanted) in columns_of(sides, id) {
        let (table, own) = (sides.qualified(column), sides.own(column));
        let using = convert(&own, wanted, wanted.ends_with("[]"));
        statements.push(Statement::new(format!(
            "alter table {table} alter column {own} type {wanted} using {using}"
        )));
    }
    // Types made of it take the new one.
    for user in sides
        .old
        .needed_by(id)
        .filter(|user| user.kind == Kind::Composite)
    {
        let Some(list) = sides.new.get(user).map(attributes_of) else {
            continue;
        };
        let is_its = |kind: &str| kind.trim_end_matches("[]") == qualified;
        for (name, kind, _) in list.iter().filter(|(_, kind, _)| is_its(kind)) {
            statements.push(Statement::new(format!(
                "alter type {} alter attribute {} type {kind} cascade",
                sides.qualified(user),
                sides.name(name)
            )));
        }
    }
    let drop = format!("drop {word} {}", sides.qualified(&other));
    statements.push(Statement {
        loses,
        ..Statement::new(drop)
    });
    statements
}

/// The columns that have a type, or an array of it, and the types that they are to have.
fn columns_of<'s>(sides: &Sides<'s>, id: &Id) -> Vec<(&'s Id, &'s str)> {
    let columns = sides
        .old
        .needed_by(id)
        .filter(|user| user.kind == Kind::Column);
    columns
        .filter_map(|column| {
            let new = sides.new.get(column)?;
            let is_its_own = !new.has("inherited") && !new.has("generated");
            let wanted = new.get("type").filter(|_| is_its_own)?;
            // One that gets another type altogether does that by itself.
            let is_same = sides.old.get(column)?.get("type") == Some(wanted);
            Some((column, wanted)).filter(|_| is_same || !sides.is_own_type(wanted))
        })
        .collect()
}

/// A range keeps the functions that make it when it is renamed, so the values wait as texts.
pub(super) fn alter_range(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.iter().all(|name| *name == "multirange comment") {
        let none = Attributes::default();
        let old = sides.old.get(id).unwrap_or(&none);
        return Alteration::InPlace(comment_on_multirange(old, new));
    }
    let columns = columns_of(sides, id);
    let retype = |to_text: bool| -> Vec<Statement> {
        let statement = |(column, wanted): &(&Id, &str)| {
            let text = if wanted.ends_with("[]") {
                "text[]"
            } else {
                "text"
            };
            let kind = if to_text { text } else { *wanted };
            let (table, own) = (sides.qualified(column), sides.own(column));
            Statement::new(format!(
                "alter table {table} alter column {own} type {kind} using {own}::{kind}"
            ))
        };
        columns.iter().map(statement).collect()
    };
    let mut statements = retype(true);
    statements.push(Statement::new(format!("drop type {}", sides.qualified(id))));
    statements.extend(create_range(sides, id, new));
    statements.extend(super::common::after_create(sides, id, new));
    statements.extend(retype(false));
    Alteration::Without(statements, IN_THE_WAY_OF_A_TYPE)
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
    let mut statements = vec![Statement::new(text)];
    statements.extend(super::not_null::of_domain(
        sides,
        id,
        &Attributes::default(),
        attributes,
    ));
    statements
}

pub(super) fn alter_domain(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.contains("type") || differing.contains("collation") {
        let statements = remake(sides, id, old, new);
        return Alteration::Without(statements, IN_THE_WAY_OF_A_TYPE);
    }
    let qualified = sides.qualified(id);
    let mut statements = Vec::new();
    if differing.contains("default") {
        statements.push(set_domain_default(sides, id, new));
    }
    if differing.contains("not null") {
        let how = if new.has("not null") { "set" } else { "drop" };
        statements.push(Statement::new(format!(
            "alter domain {qualified} {how} not null"
        )));
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
        Alteration::Replace | Alteration::Rebuild => Vec::new(),
    };
    if new.has("default") {
        statements.push(set_domain_default(sides, id, new));
    }
    statements.extend(super::common::alter_common(sides, id, old, new));
    statements
}

/// A domain with another base: made anew, with its constraints, and the columns move over.
fn remake(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Vec<Statement> {
    let base = new.get("type").unwrap_or_default();
    let before = old.get("type").unwrap_or_default();
    let is_text = sides.is_own_type(base) || sides.is_own_type(before);
    let through = if is_text { "text" } else { base };
    let loses = super::cast::loses(before, base).map(str::to_owned);
    // A domain in use in an array takes no constraint: it is made with them.
    let mut create = create_domain(sides, id, new);
    if let Some(create) = create.first_mut() {
        for (constraint, attributes) in sides.new.parts(id, Kind::DomainConstraint) {
            let definition = attributes.get("definition").unwrap_or_default();
            create.sql += &format!(
                " constraint {} {}",
                sides.own(constraint),
                definition.trim_end_matches(" NOT VALID")
            );
        }
    }
    rebuild(sides, id, create, loses, new, &|own, wanted, is_array| {
        let array = if is_array { "[]" } else { "" };
        format!("{own}::{through}{array}::{wanted}")
    })
}

/// A domain that stays as it is while its collation is made anew.
pub(super) fn remake_domain(sides: &Sides<'_>, id: &Id, new: &Attributes) -> Vec<Statement> {
    let old = sides.old.get(id);
    let is_same = |name| old.and_then(|old| old.get(name)) == new.get(name);
    // Else it does that by itself.
    match old {
        Some(old) if is_same("type") && is_same("collation") => remake(sides, id, old, new),
        _ => Vec::new(),
    }
}

/// The attributes of a composite type whose collation is made anew.
pub(super) fn collate_attributes(sides: &Sides<'_>, id: &Id, collation: &str) -> Vec<Statement> {
    let attributes = sides.new.get(id).map(attributes_of).unwrap_or_default();
    let has_it = |one: &&Attribute| one.2.as_deref() == Some(collation);
    let statement = |(name, kind, _): &Attribute| {
        Statement::new(format!(
            "alter type {} alter attribute {} type {kind} collate {collation} cascade",
            sides.qualified(id),
            sides.name(name)
        ))
    };
    attributes.iter().filter(has_it).map(statement).collect()
}

pub(super) fn create_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let domain = id.table(Kind::Domain);
    let base = |schema: &Schema| {
        let domain = schema.get(&domain)?;
        let base = (domain.get("type")?, domain.get("collation"));
        Some((base.0.to_owned(), base.1.map(str::to_owned)))
    };
    // It came with a domain that was made anew, itself or with its collation.
    let collation = |(_, collation): &(String, Option<String>)| {
        let name = collation.clone().unwrap_or_default();
        sides.is_other_collation(&name)
    };
    if base(sides.old).is_some_and(|old| collation(&old) || base(sides.new) != Some(old)) {
        return Vec::new();
    }
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
    let kept = before.iter().filter(|(name, ..)| is_in(&after, name));
    let added = after.iter().filter(|(name, ..)| !is_in(&before, name));
    let order = kept.chain(added).map(|(name, ..)| name);
    let is_other = |one: &(String, String, Option<String>)| {
        let earlier = before.iter().find(|(name, ..)| *name == one.0);
        earlier.is_some_and(|earlier| earlier != one)
    };
    let is_in_use = sides
        .old
        .needed_by(id)
        .any(|user| user.kind == Kind::Column);
    if !order.eq(after.iter().map(|(name, ..)| name)) || (is_in_use && after.iter().any(is_other)) {
        return rebuild_composite(sides, id, new, (&before, &after));
    }
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

type Attribute = (String, String, Option<String>);

/// The values are put together anew, attribute by attribute.
fn rebuild_composite(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    (before, after): (&[Attribute], &[Attribute]),
) -> Alteration {
    let lost = before
        .iter()
        .filter(|(name, ..)| !after.iter().any(|(other, ..)| other == name));
    let lost: Vec<&str> = lost.map(|(name, ..)| name.as_str()).collect();
    let loses = (!lost.is_empty()).then(|| format!("the attributes {}", lost.join(", ")));
    let row = |value: &str, kind: &str| {
        let parts = after.iter().map(|(name, wanted, _)| {
            let is_kept = before.iter().any(|(other, ..)| other == name);
            if is_kept {
                format!("({value}).{}::{wanted}", sides.name(name))
            } else {
                format!("null::{wanted}")
            }
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!("case when {value} is distinct from null then row({parts})::{kind} end")
    };
    let create = create_composite(sides, id, new);
    let statements = rebuild(sides, id, create, loses, new, &|own, wanted, is_array| {
        if is_array {
            // A subquery may not stand here; by text the attributes must be in their places.
            format!("{own}::text::{wanted}")
        } else {
            row(own, wanted)
        }
    });
    Alteration::Without(statements, IN_THE_WAY_OF_A_TYPE)
}

/// What is said of the type of many ranges.
fn comment_on_multirange(old: &Attributes, new: &Attributes) -> Vec<Statement> {
    let said = new.get("multirange comment");
    let multirange = new.get("multirange").unwrap_or_default();
    if old.get("multirange comment") == said || multirange.is_empty() {
        return Vec::new();
    }
    let text = said.map_or("null".to_owned(), |text| Literal(text).to_string());
    vec![Statement::new(format!(
        "comment on type {multirange} is {text}"
    ))]
}

pub(super) fn create_range(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let mut statements = vec![Statement::new(format!(
        "create type {} as range ({})",
        sides.qualified(id),
        attributes.get("range").unwrap_or_default()
    ))];
    statements.extend(comment_on_multirange(&Attributes::default(), attributes));
    statements
}
