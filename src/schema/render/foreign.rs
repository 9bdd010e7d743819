//! Foreign data wrappers, servers, user mappings, and the options that all things foreign have.

use std::collections::BTreeSet;

use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// The options as pairs, from the catalogs' `name=value`.
fn pairs(attributes: Option<&Attributes>) -> Vec<(String, String)> {
    let text = attributes.and_then(|attributes| attributes.get("server options"));
    let list: Vec<String> = serde_json::from_str(text.unwrap_or("[]")).unwrap_or_default();
    list.iter()
        .filter_map(|option| option.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// ` options (…)` of something new; nothing without any.
pub(super) fn options(sides: &Sides<'_>, attributes: &Attributes) -> String {
    let options: Vec<String> = pairs(Some(attributes))
        .iter()
        .map(|(name, value)| format!("{} {}", sides.name(name), Literal(value)))
        .collect();
    if options.is_empty() {
        String::new()
    } else {
        format!(" options ({})", options.join(", "))
    }
}

/// `options (add …, set …, drop …)` from one state to another.
pub(super) fn change_options(sides: &Sides<'_>, old: &Attributes, new: &Attributes) -> String {
    let (old, new) = (pairs(Some(old)), pairs(Some(new)));
    let has = |list: &[(String, String)], wanted: &str| list.iter().any(|(name, _)| name == wanted);
    let mut words = Vec::new();
    for (name, _) in &old {
        if !has(&new, name) {
            words.push(format!("drop {}", sides.name(name)));
        }
    }
    // What is kept stays in its place; where that is the wrong one, it goes and comes again.
    let name = |(name, _): &(String, String)| name.clone();
    let is_in = |list: &[(String, String)], one: &(String, String)| {
        list.iter().any(|(other, _)| *other == one.0)
    };
    let kept = old.iter().filter(|one| is_in(&new, one)).map(name);
    let added = new.iter().filter(|one| !is_in(&old, one)).map(name);
    let is_in_order = kept.chain(added).eq(new.iter().map(name));
    if !is_in_order {
        let again = old.iter().filter(|one| is_in(&new, one));
        words.extend(again.map(|(one, _)| format!("drop {}", sides.name(one))));
    }
    for (name, value) in &new {
        let pair = format!("{} {}", sides.name(name), Literal(value));
        match old.iter().find(|(other, _)| other == name) {
            None => words.push(format!("add {pair}")),
            Some(_) if !is_in_order => words.push(format!("add {pair}")),
            Some((_, before)) if before != value => words.push(format!("set {pair}")),
            Some(_) => {}
        }
    }
    format!("options ({})", words.join(", "))
}

/// What stands behind `create`, `alter` and `drop`.
pub(super) fn target(sides: &Sides<'_>, id: &Id) -> String {
    if id.kind == Kind::UserMapping {
        let user = match id.name(1) {
            "" => "public".to_owned(),
            user => sides.name(user),
        };
        return format!("user mapping for {user} server {}", sides.name(id.name(0)));
    }
    format!("{} {}", id.kind.name(), sides.own(id))
}

pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let get = |name| attributes.get(name);
    let mut text = format!("create {}", target(sides, id));
    for (name, word) in [("type", "type"), ("version", "version")] {
        if let Some(value) = get(name) {
            text += &format!(" {word} {}", Literal(value));
        }
    }
    if let Some(wrapper) = get("wrapper") {
        text += &format!(" foreign data wrapper {}", sides.name(wrapper));
    }
    for name in ["handler", "validator"] {
        if let Some(function) = get(name) {
            text += &format!(" {name} {function}");
        }
    }
    text += &options(sides, attributes);
    vec![Statement::new(text)]
}

pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let is = |name| differing.contains(name);
    if is("type") || is("wrapper") {
        return Alteration::Replace;
    }
    let mut text = format!("alter {}", target(sides, id));
    for name in ["handler", "validator"] {
        match new.get(name) {
            _ if !is(name) => {}
            Some(function) => text += &format!(" {name} {function}"),
            None => text += &format!(" no {name}"),
        }
    }
    if is("version") {
        let version = new.get("version");
        let version = version.map_or("null".to_owned(), |text| Literal(text).to_string());
        text += &format!(" version {version}");
    }
    if is("server options") {
        text += &format!(" {}", change_options(sides, old, new));
    }
    Alteration::InPlace(vec![Statement::new(text)])
}
