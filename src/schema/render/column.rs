//! Columns and their defaults.

use std::collections::BTreeSet;

use super::table::{alter_only, alter_table, options, word};
use super::types::{IN_THE_WAY_OF_A_COLUMN as IN_THE_WAY, IN_THE_WAY_OF_ANOTHER_TYPE};
use super::{
    Alteration, Sides, arrival, cast, identity, inheritance, not_null, online, probes, remake,
    retype, typing,
};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// `name type collate … generated … not null`.
pub(super) fn definition(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> String {
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
        let options = identity_options(sides, id, attributes);
        text += &format!(" generated {identity} as identity{options}");
    }
    // Where a table takes another's place, the old one's partitions may have the usual name.
    let takes_a_place = sides.major >= 18 && sides.is_rebuilt(&id.table(Kind::Table));
    text + &not_null::words(sides, id, attributes, takes_a_place)
}

/// Nothing where they are the usual ones.
fn identity_options(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> String {
    let named = identity::named(sides, id);
    let options = attributes.get("identity options").unwrap_or_default();
    let highest = match attributes.get("type") {
        Some("smallint") => "32767",
        Some("integer") => "2147483647",
        _ => "9223372036854775807",
    };
    let usual =
        format!("start with 1 increment by 1 minvalue 1 maxvalue {highest} cache 1 no cycle");
    let options = Some(options.to_owned()).filter(|options| *options != usual);
    let said: Vec<String> = named.into_iter().chain(options).collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(" ({})", said.join(" "))
    }
}

/// What cannot be said where a column is made.
pub(super) fn finish(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let own = sides.own(id);
    let set = |action: String| alter_only(sides, id, &format!("alter column {own} {action}"));
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
    // A child has it from its parent.
    if !(attributes.has("inherited") && inheritance::says(sides.new, id, "not null")) {
        statements.extend(not_null::finish(sides, id, attributes));
    }
    statements
}

/// How the values of a column are stored, said again: a new type brings its own way.
pub(super) fn kept(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let own = sides.own(id);
    let get = |name| sides.new.get(id).and_then(|new| new.get(name));
    ["storage", "compression"]
        .into_iter()
        .filter_map(|name| Some((name, get(name)?)))
        .map(|(name, value)| {
            alter_only(sides, id, &format!("alter column {own} set {name} {value}"))
        })
        .collect()
}

pub(super) fn add(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if (attributes.has("inherited") && inheritance::stays(sides, id))
        || typing::changes_with_it(sides, id)
    {
        return Vec::new();
    }
    let definition = definition(sides, id, attributes);
    let mut statements = Vec::from_iter(arrival::without_value(sides, id, attributes));
    statements.push(arrival::add(sides, id, &definition));
    statements.extend(arrival::after(sides, id));
    statements.extend(finish(sides, id, attributes));
    statements
}

pub(super) fn drop(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if (attributes.has("inherited") && inheritance::stays(sides, id))
        || typing::changes_with_it(sides, id)
    {
        return Vec::new();
    }
    let action = format!("drop column {}", sides.own(id));
    // A child that keeps its column must not lose it with the parent's.
    let drop = if inheritance::is_kept_by_a_child(sides, id) {
        alter_only(sides, id, &action)
    } else {
        alter_table(sides, id, &action)
    };
    vec![Statement::losing(drop.sql, "the column and its values")]
}

/// A computed column of a table that is made anew: the values stay only where they are none that are
/// computed any longer.
pub(super) fn drop_computed(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if !attributes.has("generated") {
        // Its values go to the new table.
        return Vec::new();
    }
    let new = sides.new.get(id);
    if new.is_some_and(|new| !new.has("generated")) {
        let action = format!("alter column {} drop expression", sides.own(id));
        return vec![alter_table(sides, id, &action)];
    }
    let mut statements = drop(sides, id, attributes);
    if new.is_some() {
        for statement in &mut statements {
            statement.loses = None;
        }
    }
    statements
}

pub(super) fn set_default(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let expression = attributes.get("expression").unwrap_or_default();
    let action = format!("alter column {} set default {expression}", sides.own(id));
    let mut statements = vec![alter_only(sides, id, &action)];
    statements.extend(arrival::count_on(sides, id));
    statements
}

pub(super) fn drop_default(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let action = format!("alter column {} drop default", sides.own(id));
    vec![alter_only(sides, id, &action)]
}

pub(super) fn alter(
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
    let comes_along = inheritance::comes_from_above(sides, id, new);
    let loses_it_with_its_parent = comes_along && !new.has("generated");
    if (is("generated") || is("virtual")) && !loses_it_with_its_parent {
        match (old.get("generated"), new.get("generated")) {
            // The server computes it anew (since 17).
            (Some(_), Some(expression))
                if sides.major >= 17 && !is("virtual") && !is("type") && !is("collation") =>
            {
                statements.push(set(&format!("set expression as ({expression})")));
            }
            (Some(_), None) if !is("virtual") => statements.push(set("drop expression")),
            _ => return Alteration::Replace,
        }
    }
    // A partition has its parent's (since 17).
    let is_parents = |schema| {
        (new.has("inherited") && comes_along)
            || (sides.major >= 17 && inheritance::is_partition(schema, id))
    };
    // One that leaves has none.
    let had = old.get("identity").filter(|_| !is_parents(sides.old));
    let identity = new.get("identity").filter(|_| !is_parents(sides.new));
    if had.is_some() && identity.is_none() {
        statements.push(set("drop identity"));
    }
    let retypes = is("type") || is("collation");
    if retypes && !comes_along && !typing::changes_with_it(sides, id) {
        statements.extend(retype(sides, id, old, new));
    }
    // One that is computed no longer takes its values along itself.
    if !retypes && !comes_along && is("generated") && remake::is_of_one(sides, id) {
        let kind = new.get("type").unwrap_or_default();
        let text = if kind.ends_with("[]") {
            "text[]"
        } else {
            "text"
        };
        statements.push(set(&format!("type {kind} using {own}::{text}::{kind}")));
    }
    if retypes && comes_along {
        statements.extend(super::table::replica_identity(sides, id));
    }
    let mut behind = Vec::new();
    let gains = is("not null") && new.has("not null");
    // What else is said of the constraint (since 18) comes with it.
    let is_plain = !new.has("not null options") && !new.has("not null comment");
    let alone = online::set_not_null(sides, id, new).filter(|_| gains && is_plain);
    let alone = alone.map(|steps| online::probing_first(steps, probes::not_null(sides, id)));
    let alone = if gains && online::is_told_by_parent(sides, id) {
        Vec::new()
    } else if let Some(steps) = alone {
        steps
    } else {
        let set_not_null = || set("set not null").probing(probes::not_null(sides, id));
        let unset = || drop_not_null(sides, id);
        statements.extend(not_null::alter(sides, id, (old, new), unset, set_not_null));
        Vec::new()
    };
    if let Some(identity) = identity.filter(|_| identity != had) {
        if had.is_some() {
            statements.push(set(&format!("set generated {identity}")));
        } else {
            let options = identity_options(sides, id, new);
            // An identity needs `not null`.
            behind.push(set(&format!(
                "add generated {identity} as identity{options}"
            )));
            behind.push(after_the_highest(sides, id));
        }
    }
    if is("identity options") && had.is_some() && identity.is_some() {
        statements.extend(set_identity_options(sides, id, old, new));
    }
    statements.extend(storage(new, differing, retypes).iter().map(|one| set(one)));
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
    if is("inherited") && !new.has("inherited") {
        statements.extend(inheritance::make_local(sides, id));
    }
    statements.extend(alone);
    statements.append(&mut behind);
    let kind = |attributes: &Attributes| attributes.get("type").unwrap_or_default().to_owned();
    if retypes && !cast::is_compared(&kind(old), &kind(new)) {
        Alteration::Without(statements, IN_THE_WAY_OF_ANOTHER_TYPE)
    } else if retypes {
        Alteration::Without(statements, IN_THE_WAY)
    } else {
        Alteration::InPlace(statements)
    }
}

/// How the values are kept. A new type brings its own storage, and forgets the compression.
fn storage(new: &Attributes, differing: &BTreeSet<&str>, retypes: bool) -> Vec<String> {
    let is_said = |name| differing.contains(name) || (retypes && new.has(name));
    let mut actions = Vec::new();
    if is_said("storage") {
        let storage = new.get("storage").or(new.get("usual storage"));
        actions.push(format!("set storage {}", storage.unwrap_or("extended")));
    }
    if is_said("compression") {
        let method = new.get("compression").unwrap_or("default");
        actions.push(format!("set compression {method}"));
    }
    actions
}

/// The options of an identity that change.
fn set_identity_options(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Option<Statement> {
    let read = |attributes: &Attributes| {
        split_options(attributes.get("identity options").unwrap_or_default())
    };
    let before = read(old);
    let changed = read(new).into_iter().filter(|one| !before.contains(one));
    let changed: Vec<String> = changed.map(|option| format!("set {option}")).collect();
    // Together: bounds and start have to go with each other.
    (!changed.is_empty()).then(|| {
        let (own, changed) = (sides.own(id), changed.join(" "));
        alter_table(sides, id, &format!("alter column {own} {changed}"))
    })
}

/// A partition is told with its parent; an heir is told by itself.
fn drop_not_null(sides: &Sides<'_>, id: &Id) -> Statement {
    let action = format!("alter column {} drop not null", sides.own(id));
    let table = sides.new.get(&id.table(Kind::Table));
    if table.is_some_and(|table| table.has("partition by")) {
        alter_table(sides, id, &action)
    } else {
        alter_only(sides, id, &action)
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

/// The default went before the type and comes back behind it: one of the old type need not be one
/// of the new.
fn retype(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Vec<Statement> {
    let own = sides.own(id);
    let (from, to) = (
        old.get("type").unwrap_or_default(),
        new.get("type").unwrap_or_default(),
    );
    let collation = new.get("collation").map(|name| format!(" collate {name}"));
    let collation = collation.unwrap_or_default();
    let is_foreign = word(sides, id) == "foreign table";
    let (old_base, new_base) = (sides.base_of(sides.old, from), sides.base_of(sides.new, to));
    let using = if is_foreign || cast::is_assigned(old_base, new_base) {
        String::new()
    } else {
        format!(" using {}", cast::convert(sides, &own, from, to))
    };
    let action = format!("alter column {own} type {to}{collation}{using}");
    vec![Statement {
        loses: cast::loses(old_base, new_base).map(str::to_owned),
        probes: retype::probe(sides, id, from, to).into_iter().collect(),
        ..alter_table(sides, id, &action)
    }]
}

/// A new identity goes on where the values are.
pub(super) fn after_the_highest(sides: &Sides<'_>, id: &Id) -> Statement {
    let (table, own) = (sides.qualified(id), sides.own(id));
    Statement::new(format!(
        "select pg_catalog.setval(pg_catalog.pg_get_serial_sequence({}, {}), max({own})) from {table} having max({own}) is not null",
        Literal(&table),
        Literal(id.own_name())
    ))
}
