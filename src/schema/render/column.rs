//! Columns and their defaults.

use std::collections::BTreeSet;

use super::table::{alter_only, alter_table, options, word};
use super::types::IN_THE_WAY_OF_A_COLUMN as IN_THE_WAY;
use super::{Alteration, Sides, arrival, cast, inheritance, probes, retype};
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
        let options = identity_options(attributes);
        text += &format!(" generated {identity} as identity{options}");
    }
    if let Some(name) = get("not null name") {
        text += &format!(" constraint {}", sides.name(name));
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
    statements
}

pub(super) fn add(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    if attributes.has("inherited") && inheritance::stays(sides, id) {
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
    if attributes.has("inherited") && inheritance::stays(sides, id) {
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
    if is("generated") || is("virtual") {
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
    if is("identity") && !new.has("identity") {
        statements.push(set("drop identity"));
    }
    let retypes = is("type") || is("collation");
    if retypes && !(new.has("inherited") && inheritance::stays(sides, id)) {
        statements.extend(retype(sides, id, old, new));
    }
    if is("not null") {
        statements.push(if new.has("not null") {
            set("set not null").probing(probes::not_null(sides, id))
        } else if sides
            .new
            .get(&id.table(Kind::Table))
            .is_some_and(|table| table.has("partition by"))
        {
            set("drop not null")
        } else {
            alter_only(sides, id, &format!("alter column {own} drop not null"))
        });
    }
    if is("not null name") && new.has("not null") && !new.has("inherited") {
        statements.extend(name_not_null(sides, id, old, new));
    }
    if let (true, Some(identity)) = (is("identity"), new.get("identity")) {
        if old.has("identity") {
            statements.push(set(&format!("set generated {identity}")));
        } else {
            let options = identity_options(new);
            statements.push(set(&format!(
                "add generated {identity} as identity{options}"
            )));
            statements.push(after_the_highest(sides, id));
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
            new.get("storage")
                .or(new.get("usual storage"))
                .unwrap_or("extended")
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
    if is("inherited") && !new.has("inherited") {
        statements.extend(inheritance::make_local(sides, id));
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
        // Every type has a way to text and back; between others there may be none.
        let is_own = |kind: &str| sides.is_own_type(kind);
        if !is_own(from) && !is_own(to) {
            format!(" using {own}::{to}")
        } else {
            let is_array = from.ends_with("[]") && to.ends_with("[]");
            let text = if is_array { "text[]" } else { "text" };
            format!(" using {own}::{text}::{to}")
        }
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

/// The name of a not null constraint that nobody named.
pub(super) fn usual_not_null(id: &Id) -> String {
    format!("{}_{}_not_null", id.name(1), id.own_name())
}

/// Constraints that say `not null` have names since 18.
fn name_not_null(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Option<Statement> {
    let usual = usual_not_null(id);
    // One that is made now has the usual name.
    let before = old.get("not null name").filter(|_| old.has("not null"));
    let (before, after) = (
        before.unwrap_or(&usual),
        new.get("not null name").unwrap_or(&usual),
    );
    let (from, to) = (sides.name(before), sides.name(after));
    (before != after).then(|| alter_table(sides, id, &format!("rename constraint {from} to {to}")))
}
