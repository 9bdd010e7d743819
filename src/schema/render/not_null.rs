//! The constraints that say `not null`: since 18 they have names, comments and options of their own.

use super::table::{alter_only, alter_table};
use super::{Sides, chosen, inheritance};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// The name of a constraint that nobody named.
pub(super) fn usual_name(id: &Id) -> String {
    chosen::name(id.name(1), Some(id.own_name()), "not_null")
}

/// The name of the constraint of a column that has one.
pub(super) fn name(id: &Id, attributes: &Attributes) -> String {
    let name = attributes.get("not null name").map(str::to_owned);
    name.unwrap_or_else(|| usual_name(id))
}

fn has_option(attributes: &Attributes, option: &str) -> bool {
    let options = attributes.get("not null options");
    attributes.has("not null") && options.is_some_and(|options| options.contains(option))
}

/// The same of a domain.
pub(super) fn usual_name_of_domain(id: &Id) -> String {
    chosen::name(id.own_name(), None, "not_null")
}

/// What stands in the definition of a column; with the usual name, if it has to have it.
pub(super) fn words(sides: &Sides<'_>, id: &Id, attributes: &Attributes, is_named: bool) -> String {
    // Only a table that is there can have a constraint that is not valid.
    let is_only_above = attributes.get("not null own") == Some("false")
        && inheritance::is_born_into(sides, &id.table(Kind::Table));
    if !attributes.has("not null") || has_option(attributes, "not valid") || is_only_above {
        return String::new();
    }
    let usual = is_named.then(|| usual_name(id));
    let name = attributes.get("not null name").or(usual.as_deref());
    let name = name.map(|name| format!(" constraint {}", sides.name(name)));
    let options = attributes.get("not null options");
    let options = options.map(|options| format!(" {options}"));
    format!(
        "{} not null{}",
        name.unwrap_or_default(),
        options.unwrap_or_default()
    )
}

/// What a new table says of a column that it has from its parents: that it is not null by itself,
/// too.
pub(super) fn of_heir(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Option<String> {
    if attributes.get("not null own") != Some("true") {
        return None;
    }
    let (name, own) = (name(id, attributes), sides.own(id));
    Some(format!("constraint {} not null {own}", sides.name(&name)))
}

/// What cannot be said in the definition.
pub(super) fn finish(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let mut statements = Vec::new();
    if has_option(attributes, "not valid") {
        statements.push(add(sides, id, attributes));
    }
    statements.extend(comment(sides, id, &Attributes::default(), attributes));
    statements
}

fn add(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Statement {
    let options = attributes.get("not null options");
    let action = format!(
        "add constraint {} not null {}{}",
        sides.name(&name(id, attributes)),
        sides.own(id),
        options.map_or(String::new(), |options| format!(" {options}"))
    );
    alter_table(sides, id, &action)
}

fn comment(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Option<Statement> {
    let said = new.get("not null comment");
    if !new.has("not null") || old.get("not null comment") == said {
        return None;
    }
    let text = said.map_or("null".to_owned(), |text| Literal(text).to_string());
    Some(Statement::new(format!(
        "comment on constraint {} on {} is {text}",
        sides.name(&name(id, new)),
        sides.qualified(id)
    )))
}

/// What changes about the constraint: that it is there, its name, its options, its comment.
/// `unset` and `set` are the statements of a server that knows none of them.
pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    (old, new): (&Attributes, &Attributes),
    unset: impl Fn() -> Statement,
    set: impl Fn() -> Statement,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    // A parent's has its name as long as the table is the parent's.
    let is_told = |schema| inheritance::says(schema, id, "not null");
    let is_parents = is_told(sides.old) && is_told(sides.new) && inheritance::stays(sides, id);
    let is_own = |attributes: &Attributes| attributes.get("not null own") == Some("true");
    let is_new = !old.has("not null") && new.has("not null");
    let loses_validity = has_option(new, "not valid") && !has_option(old, "not valid");
    if old.has("not null") && (!new.has("not null") || loses_validity) {
        statements.push(unset());
    }
    if loses_validity || (is_new && new.has("not null options")) {
        statements.push(add(sides, id, new));
    } else if new.has("not null") {
        // An heir may have one by another name, which a rename of the parent's would not find.
        let is_made_by_name = is_new && new.has("not null name") && !is_parents;
        if is_made_by_name {
            statements.push(add(sides, id, new).probing(set().probes));
        } else if is_new || (is_own(new) && !is_own(old)) {
            statements.push(set());
        }
        // One that is made now has the usual name.
        let before = match is_new {
            true if is_made_by_name => name(id, new),
            true => usual_name(id),
            false => name(id, old),
        };
        let (before, after) = (sides.name(&before), sides.name(&name(id, new)));
        if before != after && !is_parents {
            let action = format!("rename constraint {before} to {after}");
            statements.push(alter_table(sides, id, &action));
        }
        if has_option(old, "not valid") {
            statements.push(alter_table(
                sides,
                id,
                &format!("validate constraint {after}"),
            ));
        }
        let is_alone = has_option(new, "no inherit");
        if !is_new && has_option(old, "no inherit") != is_alone {
            let how = if is_alone { "no inherit" } else { "inherit" };
            let action = format!("alter constraint {after} {how}");
            statements.push(alter_only(sides, id, &action));
        }
    }
    let none = Attributes::default();
    let is_made = is_new || loses_validity;
    statements.extend(comment(sides, id, if is_made { &none } else { old }, new));
    statements
}

/// The name and the comment of the constraint that says `not null` (since 17).
pub(super) fn of_domain(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let qualified = sides.qualified(id);
    let usual = usual_name_of_domain(id);
    let name = |attributes: &Attributes| {
        let name = attributes.get("not null name").unwrap_or(&usual);
        sides.name(name)
    };
    let mut statements = Vec::new();
    if !new.has("not null") {
        return statements;
    }
    // One that is made now has the usual name.
    let before = if old.has("not null") {
        name(old)
    } else {
        sides.name(&usual)
    };
    if before != name(new) {
        statements.push(Statement::new(format!(
            "alter domain {qualified} rename constraint {before} to {}",
            name(new)
        )));
    }
    let said = old.get("not null comment").filter(|_| old.has("not null"));
    if said != new.get("not null comment") {
        let text = new
            .get("not null comment")
            .map(|text| Literal(text).to_string());
        statements.push(Statement::new(format!(
            "comment on constraint {} on domain {qualified} is {}",
            name(new),
            text.as_deref().unwrap_or("null")
        )));
    }
    statements
}
