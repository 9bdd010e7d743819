//! Tables, columns, defaults and constraints.

use std::collections::BTreeSet;

use super::types::IN_THE_WAY;
use super::{Alteration, Sides};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

/// `table` or `foreign table`, as statements about it begin.
fn word(sides: &Sides<'_>, id: &Id) -> &'static str {
    let foreign = id.table(Kind::ForeignTable);
    if sides.new.objects.contains_key(&foreign) || sides.old.objects.contains_key(&foreign) {
        "foreign table"
    } else {
        "table"
    }
}

/// `alter table s.t …`.
fn alter_table(sides: &Sides<'_>, id: &Id, action: &str) -> Statement {
    let word = word(sides, id);
    Statement::new(format!("alter {word} {} {action}", sides.qualified(id)))
}

/// The columns of a table in the schema that is to be, in their order.
fn columns<'s>(sides: &Sides<'s>, id: &Id) -> Vec<(&'s Id, &'s Attributes)> {
    let first = Id {
        kind: Kind::Column,
        names: id.names.clone(),
    };
    let is_of = |column: &&Id| column.kind == Kind::Column && column.names[..2] == id.names[..];
    let mut columns: Vec<_> = sides
        .new
        .objects
        .range(first..)
        .take_while(|(column, _)| is_of(column))
        .collect();
    columns.sort_by_key(|(_, attributes)| position(attributes));
    columns
}

fn position(attributes: &Attributes) -> u32 {
    let position = attributes
        .get("position")
        .and_then(|text| text.parse().ok());
    position.unwrap_or_default()
}

/// `create table` with its columns. Defaults and constraints stand on their own; where nothing
/// speaks against it, [`crate::schema::order`] puts them in.
pub(super) fn create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let get = |name| attributes.get(name);
    let unlogged = if attributes.has("unlogged") {
        "unlogged "
    } else {
        ""
    };
    let qualified = sides.qualified(id);
    let columns = columns(sides, id);
    let own: Vec<String> = columns
        .iter()
        .filter(|(_, column)| !column.has("inherited"))
        .map(|(column, attributes)| format!("\n    {}", definition(sides, column, attributes)))
        .collect();
    let mut text = format!("create {unlogged}{} {qualified}", id.kind.name());
    if let (Some(bound), Some(parent)) = (get("bound"), get("parents")) {
        text += &format!(" partition of {parent} {bound}");
    } else if let Some(kind) = get("of type") {
        text += &format!(" of {kind}");
    } else {
        text += &format!(
            " ({}{})",
            own.join(","),
            if own.is_empty() { "" } else { "\n" }
        );
        if let Some(parents) = get("parents") {
            text += &format!(" inherits ({parents})");
        }
    }
    if let Some(key) = get("partition by") {
        text += &format!(" partition by {key}");
    }
    if let Some(method) = get("access method") {
        text += &format!(" using {}", sides.name(method));
    }
    let mut options: Vec<String> = get("options").into_iter().map(str::to_owned).collect();
    if let Some(toast) = get("toast options") {
        options.extend(toast.split(", ").map(|option| format!("toast.{option}")));
    }
    if !options.is_empty() {
        text += &format!(" with ({})", options.join(", "));
    }
    if let Some(server) = get("server") {
        text += &format!(" server {}", sides.name(server));
        text += &super::foreign::options(sides, attributes);
    }
    let mut statements = vec![Statement::new(text)];
    for (column, attributes) in columns {
        statements.extend(finish_column(sides, column, attributes));
    }
    for name in ["row security", "force row security"] {
        if attributes.has(name) {
            statements.push(alter_table(sides, id, row_security(name, true)));
        }
    }
    if let Some(identity) =
        get("replica identity").filter(|identity| !identity.starts_with("using"))
    {
        statements.push(alter_table(
            sides,
            id,
            &format!("replica identity {identity}"),
        ));
    }
    statements
}

fn row_security(name: &str, on: bool) -> &'static str {
    match (name, on) {
        ("row security", true) => "enable row level security",
        ("row security", false) => "disable row level security",
        (_, true) => "force row level security",
        (_, false) => "no force row level security",
    }
}

/// `name type collate … generated … not null`.
fn definition(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> String {
    let get = |name| attributes.get(name);
    let mut text = format!("{} {}", sides.own(id), get("type").unwrap_or_default());
    text += &super::foreign::options(sides, attributes);
    if let Some(collation) = get("collation") {
        text += &format!(" collate {collation}");
    }
    if let Some(expression) = get("generated") {
        let how = if attributes.has("virtual") {
            "virtual"
        } else {
            "stored"
        };
        text += &format!(" generated always as ({expression}) {how}");
    }
    if let Some(identity) = get("identity") {
        let options = identity_options(attributes);
        text += &format!(" generated {identity} as identity{options}");
    }
    if attributes.has("not null") {
        text += " not null";
    }
    text
}

/// Nothing where they are the usual ones.
fn identity_options(attributes: &Attributes) -> String {
    let options = attributes.get("identity options").unwrap_or_default();
    let highest = match attributes.get("type") {
        Some("smallint") => "32767",
        Some("integer") => "2147483647",
        _ => "9223372036854775807",
    };
    let usual =
        format!("start with 1 increment by 1 minvalue 1 maxvalue {highest} cache 1 no cycle");
    if options == usual {
        String::new()
    } else {
        format!(" ({options})")
    }
}

/// What cannot be said where a column is made.
fn finish_column(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let own = sides.own(id);
    let set = |action: String| alter_table(sides, id, &format!("alter column {own} {action}"));
    let mut statements = Vec::new();
    let get = |name| attributes.get(name);
    if let Some(storage) = get("storage") {
        statements.push(set(format!("set storage {storage}")));
    }
    if let Some(compression) = get("compression") {
        statements.push(set(format!("set compression {compression}")));
    }
    if let Some(target) = get("statistics") {
        statements.push(set(format!("set statistics {target}")));
    }
    if let Some(options) = get("options") {
        statements.push(set(format!("set ({options})")));
    }
    statements
}

pub(super) fn add_column(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if attributes.has("inherited") {
        return Vec::new();
    }
    let definition = definition(sides, id, attributes);
    let mut statements = vec![alter_table(sides, id, &format!("add column {definition}"))];
    statements.extend(finish_column(sides, id, attributes));
    statements
}

pub(super) fn drop_column(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if attributes.has("inherited") {
        return Vec::new();
    }
    let drop = alter_table(sides, id, &format!("drop column {}", sides.own(id)));
    vec![Statement::losing(drop.sql, "the column and its values")]
}

pub(super) fn set_default(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let expression = attributes.get("expression").unwrap_or_default();
    let action = format!("alter column {} set default {expression}", sides.own(id));
    vec![alter_table(sides, id, &action)]
}

pub(super) fn drop_default(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let action = format!("alter column {} drop default", sides.own(id));
    vec![alter_table(sides, id, &action)]
}

pub(super) fn add_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    if attributes.has("inherited") {
        return Vec::new();
    }
    let definition = attributes.get("definition").unwrap_or_default();
    let own = sides.own(id);
    let mut statements = vec![alter_table(
        sides,
        id,
        &format!("add constraint {own} {definition}"),
    )];
    if attributes.has("clustered") {
        statements.push(alter_table(sides, id, &format!("cluster on {own}")));
    }
    statements
}

pub(super) fn drop_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    if attributes.has("inherited") {
        return Vec::new();
    }
    let own = sides.own(id);
    vec![alter_table(sides, id, &format!("drop constraint {own}"))]
}

pub(super) fn alter_constraint(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let own = sides.own(id);
    if differing.iter().all(|name| *name == "inherited") {
        return Alteration::InPlace(Vec::new());
    }
    let definition =
        |attributes: &Attributes| attributes.get("definition").unwrap_or_default().to_owned();
    if differing.iter().all(|name| *name == "definition")
        && definition(old) == format!("{} NOT VALID", definition(new))
    {
        let validate = format!("validate constraint {own}");
        return Alteration::InPlace(vec![alter_table(sides, id, &validate)]);
    }
    if differing.iter().all(|name| *name == "clustered") && new.has("clustered") {
        return Alteration::InPlace(vec![alter_table(sides, id, &format!("cluster on {own}"))]);
    }
    Alteration::Replace
}

pub(super) fn alter(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let mut statements = Vec::new();
    let mut add = |action: &str| statements.push(alter_table(sides, id, action));
    for name in differing {
        match *name {
            "unlogged" => add(if new.has("unlogged") {
                "set unlogged"
            } else {
                "set logged"
            }),
            "row security" | "force row security" => add(row_security(name, new.has(name))),
            "replica identity" => {
                let identity = new.get(name).unwrap_or("default");
                add(&format!("replica identity {identity}"));
            }
            "options" => options(old.get(name), new.get(name), "")
                .iter()
                .for_each(|action| add(action)),
            "toast options" => {
                options(old.get(name), new.get(name), "toast.")
                    .iter()
                    .for_each(|action| add(action));
            }
            "access method" => {
                let method = new.get(name).unwrap_or("heap");
                add(&format!("set access method {}", sides.name(method)));
            }
            "server options" => add(&super::foreign::change_options(sides, old, new)),
            "of type" => match new.get(name) {
                Some(kind) => add(&format!("of {kind}")),
                None => add("not of"),
            },
            _ => {}
        }
    }
    if differing.contains("parents") || differing.contains("bound") {
        statements.extend(change_parents(sides, id, old, new));
    }
    Alteration::InPlace(statements)
}

/// What to set and what to reset, from one list of `name=value` to another.
pub(super) fn options(old: Option<&str>, new: Option<&str>, prefix: &str) -> Vec<String> {
    let split = |list: Option<&str>| -> Vec<String> {
        let list = list.unwrap_or_default();
        list.split(", ")
            .filter(|option| !option.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (old, new) = (split(old), split(new));
    let name = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let set: Vec<String> = new
        .iter()
        .filter(|option| !old.contains(option))
        .map(|option| format!("{prefix}{option}"))
        .collect();
    let reset: Vec<String> = old
        .iter()
        .map(name)
        .filter(|gone| !new.iter().any(|option| name(option) == *gone))
        .map(|gone| format!("{prefix}{gone}"))
        .collect();
    let mut actions = Vec::new();
    if !reset.is_empty() {
        actions.push(format!("reset ({})", reset.join(", ")));
    }
    if !set.is_empty() {
        actions.push(format!("set ({})", set.join(", ")));
    }
    actions
}

/// A partition is detached and attached, and keeps its rows; an heir leaves and joins.
fn change_parents(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let qualified = sides.qualified(id);
    let mut statements = Vec::new();
    match (old.get("bound"), old.get("parents")) {
        (Some(_), Some(parent)) => statements.push(Statement::new(format!(
            "alter table {parent} detach partition {qualified}"
        ))),
        (None, Some(parents)) => {
            for parent in parents.split(", ") {
                let stays = new.get("bound").is_none()
                    && new
                        .get("parents")
                        .is_some_and(|new| new.split(", ").any(|new| new == parent));
                if !stays {
                    statements.push(alter_table(sides, id, &format!("no inherit {parent}")));
                }
            }
        }
        (_, None) => {}
    }
    match (new.get("bound"), new.get("parents")) {
        (Some(bound), Some(parent)) => statements.push(Statement::new(format!(
            "alter table {parent} attach partition {qualified} {bound}"
        ))),
        (None, Some(parents)) => {
            for parent in parents.split(", ") {
                let was = old.get("bound").is_none()
                    && old
                        .get("parents")
                        .is_some_and(|old| old.split(", ").any(|old| old == parent));
                if !was {
                    statements.push(alter_table(sides, id, &format!("inherit {parent}")));
                }
            }
        }
        (_, None) => {}
    }
    statements
}

pub(super) fn alter_column(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let own = sides.own(id);
    let set = |action: &str| alter_table(sides, id, &format!("alter column {own} {action}"));
    let mut statements = Vec::new();
    let is = |name| differing.contains(name);
    if is("generated") || is("virtual") {
        if new.has("generated") {
            return Alteration::Replace;
        }
        statements.push(set("drop expression"));
    }
    if is("identity") && !new.has("identity") {
        statements.push(set("drop identity"));
    }
    let retypes = is("type") || is("collation");
    if retypes && !new.has("inherited") {
        statements.extend(retype(sides, id, old, new));
    }
    if is("not null") {
        statements.push(set(if new.has("not null") {
            "set not null"
        } else {
            "drop not null"
        }));
    }
    if let (true, Some(identity)) = (is("identity"), new.get("identity")) {
        if old.has("identity") {
            statements.push(set(&format!("set generated {identity}")));
        } else {
            let options = identity_options(new);
            statements.push(set(&format!(
                "add generated {identity} as identity{options}"
            )));
        }
    }
    if is("identity options") && old.has("identity") && new.has("identity") {
        let options = new.get("identity options").unwrap_or_default();
        for option in split_options(options) {
            statements.push(set(&format!("set {option}")));
        }
    }
    if is("storage") {
        statements.push(set(&format!(
            "set storage {}",
            new.get("storage").unwrap_or("default")
        )));
    }
    if is("compression") {
        let method = new.get("compression").unwrap_or("default");
        statements.push(set(&format!("set compression {method}")));
    }
    if is("statistics") {
        let target = new.get("statistics").unwrap_or("-1");
        statements.push(set(&format!("set statistics {target}")));
    }
    if is("options") {
        for action in options(old.get("options"), new.get("options"), "") {
            statements.push(set(&action));
        }
    }
    if is("server options") {
        let options = super::foreign::change_options(sides, old, new);
        statements.push(set(&options));
    }
    if retypes {
        Alteration::Without(statements, IN_THE_WAY)
    } else {
        Alteration::InPlace(statements)
    }
}

/// `start with 1`, `increment by 2`, … from one line of all.
fn split_options(options: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut words = options.split(' ').peekable();
    while let Some(word) = words.next() {
        let part = match word {
            "start" | "increment" => format!(
                "{word} {} {}",
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default()
            ),
            "minvalue" | "maxvalue" | "cache" => {
                format!("{word} {}", words.next().unwrap_or_default())
            }
            "no" => format!("no {}", words.next().unwrap_or_default()),
            other => other.to_owned(),
        };
        parts.push(part);
    }
    parts
}

/// The default goes before the type and comes back behind it: a default of the old type need not
/// be one of the new.
fn retype(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Vec<Statement> {
    let own = sides.own(id);
    let set = |action: &str| alter_table(sides, id, &format!("alter column {own} {action}"));
    let kind = new.get("type").unwrap_or_default();
    let collation = new.get("collation").map(|name| format!(" collate {name}"));
    let collation = collation.unwrap_or_default();
    let is_foreign = word(sides, id) == "foreign table";
    let using = if is_foreign || old.get("type") == new.get("type") {
        String::new()
    } else {
        // Every type has a way to text and back; between others there may be none.
        let has_way = |kind: &str| !sides.is_own_type(kind);
        let (from, to) = (old.get("type").unwrap_or_default(), kind);
        if has_way(from) && has_way(to) {
            format!(" using {own}::{kind}")
        } else {
            let text = if from.ends_with("[]") && to.ends_with("[]") {
                "text[]"
            } else {
                "text"
            };
            format!(" using {own}::{text}::{kind}")
        }
    };
    let default = Id {
        kind: Kind::Default,
        names: id.names.clone(),
    };
    let (before, after) = (sides.old.get(&default), sides.new.get(&default));
    let mut statements = Vec::new();
    if before.is_some() {
        statements.push(set("drop default"));
    }
    statements.push(set(&format!("type {kind}{collation}{using}")));
    if let (Some(_), Some(after)) = (before, after) {
        statements.extend(set_default(sides, &default, after));
    }
    statements
}
