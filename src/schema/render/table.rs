//! Tables, columns, defaults and constraints.

use std::collections::BTreeSet;

use super::{Alteration, Sides, column, common, inheritance, not_null, online, probes};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// `table` or `foreign table`, as statements about it begin.
pub(super) fn word(sides: &Sides<'_>, id: &Id) -> &'static str {
    let foreign = id.table(Kind::ForeignTable);
    if sides.new.objects.contains_key(&foreign) || sides.old.objects.contains_key(&foreign) {
        "foreign table"
    } else {
        "table"
    }
}

/// `alter table s.t …`.
pub(super) fn alter_table(sides: &Sides<'_>, id: &Id, action: &str) -> Statement {
    let word = word(sides, id);
    Statement::new(format!("alter {word} {} {action}", sides.qualified(id)))
}

/// The same, where children are not told: each is told by itself.
pub(super) fn alter_only(sides: &Sides<'_>, id: &Id, action: &str) -> Statement {
    let has_children = |schema: &Schema| {
        let table = id.table(Kind::Table);
        let is_parent = |join: &Id| {
            join.kind == Kind::Inheritance && join.names.get(2..) == Some(&table.names[..])
        };
        schema.needed_by(&table).any(is_parent)
    };
    if has_children(sides.old) || has_children(sides.new) {
        let qualified = sides.qualified(id);
        return Statement::new(format!("alter table only {qualified} {action}"));
    }
    alter_table(sides, id, action)
}

/// The columns of a table, in their order.
pub(super) fn columns<'s>(schema: &'s Schema, id: &Id) -> Vec<(&'s Id, &'s Attributes)> {
    let mut columns: Vec<_> = schema.parts(id, Kind::Column).collect();
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
    let columns = columns(sides.new, id);
    let is_born_into = inheritance::is_born_into(sides, id);
    let own: Vec<String> = columns
        .iter()
        .filter_map(|(column, attributes)| {
            if is_born_into && attributes.has("inherited") {
                return not_null::of_heir(sides, column, attributes);
            }
            Some(column::definition(sides, column, attributes))
        })
        .map(|definition| format!("\n    {definition}"))
        .collect();
    let mut text = format!("create {unlogged}{} {qualified}", id.kind.name());
    if let (true, Some(bound), Some(parent)) = (is_born_into, get("bound"), get("parents")) {
        text += &format!(" partition of {parent} {bound}");
    } else if let Some(kind) = get("of type") {
        text += &format!(" of {kind}");
    } else {
        text += &format!(
            " ({}{})",
            own.join(","),
            if own.is_empty() { "" } else { "\n" }
        );
        if let (true, Some(parents)) = (is_born_into, get("parents")) {
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
    let mut joins = sides.new.parts(id, Kind::Inheritance);
    let in_the_default = joins.find_map(|(join, attributes)| {
        let bound = attributes.get("bound").filter(|_| is_born_into)?;
        probes::in_the_default(sides, id, &inheritance::parent(join), bound)
    });
    let mut statements = vec![Statement::new(text).probing(in_the_default)];
    for (column, attributes) in columns {
        let is_said =
            !attributes.has("inherited") && get("bound").is_none() && get("of type").is_none();
        if !is_said || !is_born_into {
            statements.extend(inheritance::own_column(sides, column, attributes));
        }
        statements.extend(column::finish(sides, column, attributes));
    }
    if !sides.is_rebuilt(id) {
        statements.extend(enable_row_security(sides, id, attributes));
    }
    if let Some(identity) = get("replica identity").filter(|identity| *identity != "index") {
        statements.push(alter_table(
            sides,
            id,
            &format!("replica identity {identity}"),
        ));
    }
    statements
}

/// What a new table says of row level security.
pub(super) fn enable_row_security(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let names = ["row security", "force row security"].into_iter();
    names
        .filter(|name| attributes.has(name))
        .map(|name| alter_table(sides, id, row_security(name, true)))
        .collect()
}

fn row_security(name: &str, on: bool) -> &'static str {
    match (name, on) {
        ("row security", true) => "enable row level security",
        ("row security", false) => "disable row level security",
        (_, true) => "force row level security",
        (_, false) => "no force row level security",
    }
}

pub(super) fn add_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    if attributes.has("inherited") {
        return inheritance::rename_constraint(sides, id, attributes);
    }
    if let Some(index) = online::taken_over(sides, id) {
        return online::take_over(sides, id, index);
    }
    let definition = attributes.get("definition").unwrap_or_default();
    let own = sides.own(id);
    let mut before = Attributes::default();
    let mut definition = definition.to_owned();
    if let (Some(options), true) = (attributes.get("options"), is_partitioned(sides, id)) {
        // Nobody changes those of an index of a partitioned table.
        before.set("options", options);
        let at = definition.find(" DEFERRABLE").unwrap_or(definition.len());
        definition.insert_str(at, &format!(" with ({options})"));
    }
    let mut statements = vec![
        alter_table(sides, id, &format!("add constraint {own} {definition}"))
            .probing(probes::constraint(sides, id, attributes)),
    ];
    statements.extend(marks(sides, id, &before, attributes));
    statements
}

fn is_partitioned(sides: &Sides<'_>, id: &Id) -> bool {
    let table = sides.new.get(&id.table(Kind::Table));
    table.is_some_and(|table| table.has("partition by"))
}

/// What is said of the index of a constraint.
pub(super) fn marks(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let own = sides.own(id);
    let mut statements = Vec::new();
    for (name, on, off) in [
        ("clustered", "cluster on", "set without cluster"),
        ("replica identity", "replica identity using index", ""),
    ] {
        if !old.has(name) && new.has(name) {
            statements.push(alter_table(sides, id, &format!("{on} {own}")));
        } else if old.has(name) && !new.has(name) && !off.is_empty() && !is_clustered(sides, id) {
            statements.push(alter_table(sides, id, off));
        }
    }
    let index = sides.qualified(&Id::new(Kind::Index, &[id.name(0), id.own_name()]));
    if old.get("index comment") != new.get("index comment") {
        let text = new
            .get("index comment")
            .map(|text| Literal(text).to_string());
        let text = text.unwrap_or_else(|| "null".to_owned());
        statements.push(Statement::new(format!(
            "comment on index {index} is {text}"
        )));
    }
    for action in options(old.get("options"), new.get("options"), "") {
        statements.push(Statement::new(format!("alter index {index} {action}")));
    }
    statements
}

/// Says again by which key a partition identifies its rows: the server forgets it when it makes the
/// key's index again with the parent's.
pub(super) fn replica_identity(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let keys = sides.new.parts(id, Kind::Constraint);
    let keys = keys.filter(|(key, attributes)| {
        let is_old = |old: &Attributes| old.has("replica identity");
        attributes.has("replica identity") && sides.old.get(key).is_some_and(is_old)
    });
    keys.map(|(key, _)| {
        let own = sides.own(key);
        alter_table(sides, key, &format!("replica identity using index {own}"))
    })
    .collect()
}

/// Whether another index of the table is the one to cluster it by: it says so itself.
pub(super) fn is_clustered(sides: &Sides<'_>, part: &Id) -> bool {
    let table = part.table(Kind::Table);
    let mut parts = sides.new.objects.iter();
    parts.any(|(id, one)| {
        let is_of_table = match id.kind {
            Kind::Index => id.name(0) == table.name(0) && one.get("table") == Some(table.name(1)),
            Kind::Constraint => id.table(Kind::Table) == table,
            _ => false,
        };
        is_of_table && one.has("clustered")
    })
}

pub(super) fn drop_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    if attributes.has("inherited") && inheritance::stays(sides, id) {
        return Vec::new();
    }
    let own = sides.own(id);
    // It may have gone with the index of a partitioned table that has its index.
    let mut users = sides.old.needed_by(id);
    let is_under = sides.old.is_key(id) && users.any(|user| user.kind == Kind::Index);
    let if_there = if is_under { "if exists " } else { "" };
    let action = format!("drop constraint {if_there}{own}");
    vec![alter_table(sides, id, &action)]
}

pub(super) fn alter_constraint(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let is_mark = |name: &&str| {
        let marks = [
            "inherited",
            "clustered",
            "replica identity",
            "options",
            "index",
            "usual name",
            "index comment",
        ];
        marks.contains(name)
    };
    let has_fixed_options = differing.contains("options") && is_partitioned(sides, id);
    if differing.iter().all(is_mark) && !has_fixed_options {
        return Alteration::InPlace(marks(sides, id, old, new));
    }
    if has_fixed_options {
        return Alteration::Replace;
    }
    let definition =
        |attributes: &Attributes| attributes.get("definition").unwrap_or_default().to_owned();
    if differing.iter().all(|name| *name == "definition")
        && definition(old) == format!("{} NOT VALID", definition(new))
    {
        let probes = probes::constraint(sides, id, new);
        let validate = online::validate(sides, id, id.own_name());
        return Alteration::InPlace(vec![validate.probing(probes)]);
    }
    Alteration::Replace
}

fn logged(attributes: &Attributes) -> &'static str {
    if attributes.has("unlogged") {
        "set unlogged"
    } else {
        "set logged"
    }
}

/// The sequences that columns of a table have before and after.
fn sequences_of<'s>(sides: &Sides<'s>, table: &Id) -> Vec<(Id, &'s Attributes)> {
    let columns = sides.old.parts(table, Kind::Column);
    let users = columns.flat_map(|(column, _)| sides.old.needed_by(column));
    let sequences = users.filter(|user| user.kind == Kind::Sequence);
    sequences
        .filter_map(|id| Some((id.clone(), sides.new.get(id)?)))
        .collect()
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
            "unlogged" => add(logged(new)),
            "row security" | "force row security" => add(row_security(name, new.has(name))),
            "replica identity" => {
                // An index says so itself.
                let identity = new.get(name).unwrap_or("default");
                if identity != "index" {
                    add(&format!("replica identity {identity}"));
                }
            }
            "options" => options(old.get(name), new.get(name), "")
                .iter()
                .for_each(|action| add(action)),
            "toast options" => {
                for action in options(old.get(name), new.get(name), "toast.") {
                    add(&action);
                }
            }
            "access method" => {
                let method = new.get(name).unwrap_or("heap");
                add(&format!("set access method {}", sides.name(method)));
            }
            "server options" => add(&super::foreign::change_options(sides, old, new)),
            _ => {}
        }
    }
    if differing.contains("server") {
        return Alteration::Replace;
    }
    for (sequence, attributes) in sequences_of(sides, id) {
        if common::is_taken_along(sides, &sequence, attributes) {
            let name = sides.qualified(&sequence);
            let how = logged(attributes);
            statements.push(Statement::new(format!("alter sequence {name} {how}")));
        }
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
