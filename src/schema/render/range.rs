//! Ranges, each with its type of many ranges and the functions that make both.

use std::rc::Rc;

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// Before the name of the type of many ranges, which stands at the end.
const MANY: &str = ", multirange_type_name = ";

/// All that is said of a range but for how many of them are called.
fn definition(attributes: &Attributes) -> &str {
    let range = attributes.get("range").unwrap_or_default();
    range.split_once(MANY).map_or(range, |(range, _)| range)
}

/// Whether it has to be made again.
pub(super) fn changes(old: &Attributes, new: &Attributes) -> bool {
    definition(old) != definition(new)
}

/// Schema and own name of the type of many ranges, both as SQL has them (since 14).
fn many(attributes: &Attributes) -> Option<(&str, &str)> {
    let name = attributes.get("multirange")?;
    let mut is_quoted = false;
    let dot = name.find(|letter| {
        is_quoted ^= letter == '"';
        letter == '.' && !is_quoted
    })?;
    Some((&name[..dot], &name[dot + 1..]))
}

/// The same as names.
pub(in crate::schema) fn name_of_many(range: &Attributes) -> Option<(Rc<str>, Rc<str>)> {
    let plain = |name: &str| Rc::from(name.trim_matches('"').replace("\"\"", "\""));
    many(range).map(|(home, own)| (plain(home), plain(own)))
}

/// The range that takes over the name of the type of many ranges, if another range goes.
pub(super) fn successor(sides: &Sides<'_>, id: &Id) -> Option<Id> {
    with_the_same(id, sides.old, sides.new)
}

/// The range that goes and leaves that name.
pub(super) fn predecessor(sides: &Sides<'_>, id: &Id) -> Option<Id> {
    with_the_same(id, sides.new, sides.old)
}

/// The range of another name, on the other side only, that has the same name for many.
fn with_the_same(id: &Id, own: &Schema, other: &Schema) -> Option<Id> {
    let name = own.get(id).and_then(name_of_many)?;
    let ranges = other
        .objects
        .iter()
        .filter(|(id, _)| id.kind == Kind::Range);
    let mut ranges = ranges.filter(|(one, _)| own.get(one).is_none() && other.get(id).is_none());
    let found = ranges.find(|(_, range)| name_of_many(range).as_ref() == Some(&name));
    found.map(|(id, _)| id.clone())
}

/// All else about a range is said when it is made.
pub(super) fn alter(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Alteration {
    let mut statements = Vec::new();
    if let (Some((home, own)), Some((new_home, new_own))) = (many(old), many(new)) {
        if own != new_own {
            let (place, range) = (sides.name(id.name(0)), sides.qualified(id));
            statements.push(Statement::new(format!(
                "alter type {home}.{own} rename to {new_own}"
            )));
            // The functions are where the range is, wherever the other type is.
            for arguments in [String::new(), range.clone(), format!("variadic {range}[]")] {
                statements.push(Statement::new(format!(
                    "alter function {place}.{own}({arguments}) rename to {new_own}"
                )));
            }
        }
        if home != new_home {
            statements.push(Statement::new(format!(
                "alter type {home}.{new_own} set schema {new_home}"
            )));
        }
    }
    statements.extend(comment_on_many(old, new));
    Alteration::InPlace(statements)
}

/// What is said of the type of many ranges.
fn comment_on_many(old: &Attributes, new: &Attributes) -> Option<Statement> {
    let said = new.get("multirange comment");
    let many = new.get("multirange").unwrap_or_default();
    if old.get("multirange comment") == said || many.is_empty() {
        return None;
    }
    let text = said.map_or("null".to_owned(), |text| Literal(text).to_string());
    Some(Statement::new(format!("comment on type {many} is {text}")))
}

pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let mut statements = vec![Statement::new(format!(
        "create type {} as range ({})",
        sides.qualified(id),
        attributes.get("range").unwrap_or_default()
    ))];
    statements.extend(comment_on_many(&Attributes::default(), attributes));
    statements
}

/// What a range leaves its name to when it is set aside as `aside`: the functions that make it keep
/// theirs, and so does the type of many ranges.
pub(super) fn set_makers_aside(sides: &Sides<'_>, id: &Id, aside: &str) -> Vec<Statement> {
    let Some(range) = sides.old.get(id).filter(|range| range.has("range")) else {
        return Vec::new();
    };
    let mut statements = Vec::new();
    let place = sides.name(id.name(0));
    if let (Some((home, own)), Some((schema, many))) = (many(range), name_of_many(range)) {
        let name = sides.own(&sides.aside(&Id::new(Kind::Range, &[&schema, &many])));
        statements.push(Statement::new(format!(
            "alter type {home}.{own} rename to {name}"
        )));
        statements.push(Statement::new(format!(
            "alter function {place}.{own}() rename to {name}"
        )));
    }
    let subtype = definition(range).strip_prefix("subtype = ");
    let subtype = subtype.and_then(|rest| rest.split_once(", subtype_opclass"));
    if let Some((subtype, _)) = subtype {
        let function = sides.qualified(id);
        for more in ["", ", text"] {
            statements.push(Statement::new(format!(
                "alter function {function}({subtype}, {subtype}{more}) rename to {aside}"
            )));
        }
    }
    statements
}
