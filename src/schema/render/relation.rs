//! Views, and what belongs to a table or a view: indexes, statistics, rules, triggers, policies.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{is_clustered, options};
use super::{Alteration, Sides, inheritance, probes};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

pub(super) fn create_view(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    vec![Statement::new(view(sides, id, attributes, "create"))]
}

fn view(sides: &Sides<'_>, id: &Id, attributes: &Attributes, verb: &str) -> String {
    let mut options: Vec<String> = attributes
        .get("options")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(toast) = attributes.get("toast options") {
        options.extend(toast.split(", ").map(|option| format!("toast.{option}")));
    }
    let method = attributes.get("access method");
    let method = method.map_or(String::new(), |method| {
        format!(" using {}", sides.name(method))
    });
    let options = match options.join(", ") {
        options if options.is_empty() => options,
        options => format!(" with ({options})"),
    };
    let definition = attributes.get("definition").unwrap_or_default();
    let definition = definition.trim_end().trim_end_matches(';');
    let behind = if attributes.has("populated") {
        " with no data"
    } else {
        ""
    };
    format!(
        "{verb} {} {}{method}{options} as\n{definition}{behind}",
        id.kind.name(),
        sides.qualified(id),
    )
}

/// Columns that were there stay as they are, and new ones come behind them: then the view can be
/// replaced in place (CREATE VIEW in PostgreSQL's manual).
pub(super) fn alter_view(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let word = id.kind.name();
    let qualified = sides.qualified(id);
    let is = |name| differing.contains(name);
    if is("definition") || is("columns") || is("populated") {
        let columns = |attributes: &Attributes| -> Vec<(String, String)> {
            let text = attributes.get("columns").unwrap_or_default();
            serde_json::from_str(text).unwrap_or_default()
        };
        let goes_on = columns(new).starts_with(&columns(old));
        if id.kind == Kind::View && goes_on {
            let replace = view(sides, id, new, "create or replace");
            return Alteration::InPlace(vec![Statement::new(replace)]);
        }
        return Alteration::Replace;
    }
    if is("access method") && sides.major < 15 {
        return Alteration::Replace;
    }
    let mut actions = options(old.get("options"), new.get("options"), "");
    actions.extend(options(
        old.get("toast options"),
        new.get("toast options"),
        "toast.",
    ));
    if is("access method") {
        let method = new.get("access method").unwrap_or("heap");
        actions.push(format!("set access method {}", sides.name(method)));
    }
    let statement = |action: &String| Statement::new(format!("alter {word} {qualified} {action}"));
    Alteration::InPlace(actions.iter().map(statement).collect())
}

pub(super) fn create_index(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    // What an index of the parent alone, which is not valid, has below it was attached by hand.
    let is_alone = |parent: &&Id| sides.new.get(parent).is_some_and(|one| one.has("invalid"));
    let mut above = sides.new.needs(id);
    let parent = above.find(|parent| parent.kind == Kind::Index && is_alone(parent));
    if attributes.has("inherited") && parent.is_none() {
        let mut statements = inheritance::rename_index(sides, id, attributes);
        // It comes with the options of the one above it.
        let mut above = sides.new.needs(id).filter(|one| one.kind == Kind::Index);
        let above = above.find_map(|one| storage(sides.new.get(one)?));
        let index = sides.qualified(id);
        for action in options(above, storage(attributes), "") {
            statements.push(Statement::new(format!("alter index {index} {action}")));
        }
        return statements;
    }
    let definition = attributes.get("definition").unwrap_or_default();
    // For a partitioned table the server prints `on only`, which would make an index without the
    // partitions' own.
    let definition = if attributes.has("partitioned") && !attributes.has("invalid") {
        definition.replacen(" ON ONLY ", " ON ", 1)
    } else {
        definition.to_owned()
    };
    let probe = probes::index(sides, id, attributes);
    let mut statements = vec![Statement::new(definition).probing(probe)];
    statements.extend(finish_index(sides, id, &Attributes::default(), attributes));
    if let (true, Some(parent)) = (attributes.has("inherited"), parent) {
        statements.push(attach(sides, id, parent));
    }
    statements
}

fn attach(sides: &Sides<'_>, id: &Id, parent: &Id) -> Statement {
    Statement::new(format!(
        "alter index {} attach partition {}",
        sides.qualified(parent),
        sides.qualified(id)
    ))
}

/// The storage parameters in the definition of an index.
fn storage(index: &Attributes) -> Option<&str> {
    let definition = index.get("definition")?;
    let (_, rest) = definition.split_once(" WITH (")?;
    rest.split_once(')').map(|(options, _)| options)
}

pub(super) fn finish_index(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    let table = Id::new(
        Kind::Table,
        &[id.name(0), new.get("table").unwrap_or_default()],
    );
    let is_clustered = is_clustered(sides, &table);
    let table = sides.qualified(&table);
    let (own, qualified) = (sides.own(id), sides.qualified(id));
    if new.has("clustered") != old.has("clustered") && new.has("clustered") == is_clustered {
        let how = if new.has("clustered") {
            format!("cluster on {own}")
        } else {
            "set without cluster".to_owned()
        };
        statements.push(Statement::new(format!("alter table {table} {how}")));
    }
    if !old.has("replica identity") && new.has("replica identity") {
        statements.push(Statement::new(format!(
            "alter table {table} replica identity using index {own}"
        )));
    }
    let targets = |attributes: &Attributes| -> BTreeMap<String, String> {
        let targets = attributes.get("statistics").unwrap_or_default();
        let pairs = targets
            .split(", ")
            .filter_map(|target| target.split_once(' '));
        pairs
            .map(|(column, target)| (column.to_owned(), target.to_owned()))
            .collect()
    };
    let (before, after) = (targets(old), targets(new));
    let columns: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for column in columns {
        if before.get(column) != after.get(column) {
            let target = after.get(column).map_or("-1", |target| target);
            statements.push(Statement::new(format!(
                "alter index {qualified} alter column {column} set statistics {target}"
            )));
        }
    }
    statements
}

pub(super) fn drop_index(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let table = attributes.get("table").unwrap_or_default();
    let table = Id::new(Kind::Table, &[id.name(0), table]);
    if attributes.has("inherited") && inheritance::stays(sides, &table) {
        return Vec::new();
    }
    // The key of a partition that is under it cannot go before, and keeps it from going alone.
    let is_over_a_key = sides.old.needs(id).any(|key| sides.old.is_key(key));
    let cascade = if is_over_a_key { " cascade" } else { "" };
    vec![Statement::new(format!(
        "drop index {}{cascade}",
        sides.qualified(id)
    ))]
}

pub(super) fn alter_index(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing
        .iter()
        .all(|name| matches!(*name, "inherited" | "parents" | "usual name"))
    {
        return Alteration::InPlace(attach_index(sides, id, new));
    }
    if differing
        .iter()
        .all(|name| matches!(*name, "clustered" | "statistics" | "replica identity"))
    {
        return Alteration::InPlace(finish_index(sides, id, old, new));
    }
    Alteration::Replace
}

/// An index that was there becomes the partition of one that was there. A new one takes it by
/// itself.
fn attach_index(sides: &Sides<'_>, id: &Id, new: &Attributes) -> Vec<Statement> {
    let table = Id::new(
        Kind::Table,
        &[id.name(0), new.get("table").unwrap_or_default()],
    );
    let parent = sides
        .new
        .needs(id)
        .find(|parent| parent.kind == Kind::Index && sides.old.get(parent).is_some());
    match parent {
        Some(parent) if new.has("inherited") && inheritance::stays(sides, &table) => {
            vec![attach(sides, id, parent)]
        }
        _ => Vec::new(),
    }
}

pub(super) fn create_statistics(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let definition = attributes.get("definition").unwrap_or_default();
    let mut statements = vec![Statement::new(definition)];
    if let Some(target) = attributes.get("target") {
        let qualified = sides.qualified(id);
        statements.push(Statement::new(format!(
            "alter statistics {qualified} set statistics {target}"
        )));
    }
    statements
}

pub(super) fn alter_statistics(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.contains("definition") {
        return Alteration::Replace;
    }
    let target = new.get("target").unwrap_or("-1");
    Alteration::InPlace(vec![Statement::new(format!(
        "alter statistics {} set statistics {target}",
        sides.qualified(id)
    ))])
}

pub(super) fn create_rule(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let definition = attributes.get("definition").unwrap_or_default();
    let mut statements = vec![Statement::new(definition.trim_end().trim_end_matches(';'))];
    if attributes.has("enabled") {
        statements.push(enable(sides, id, attributes));
    }
    statements
}

fn enable(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Statement {
    let how = attributes.get("enabled").unwrap_or("enable");
    // `enable always`, and then what it is.
    let (verb, rest) = how.split_once(' ').unwrap_or((how, ""));
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("{rest} ")
    };
    Statement::new(format!(
        "alter table {} {verb} {rest}{} {}",
        sides.qualified(id),
        id.kind.name(),
        sides.own(id)
    ))
}

pub(super) fn alter_rule(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let mut statements = Vec::new();
    if let (true, Some(definition)) = (differing.contains("definition"), new.get("definition")) {
        let replace = definition.replacen("CREATE RULE", "create or replace rule", 1);
        statements.push(Statement::new(replace.trim_end().trim_end_matches(';')));
    }
    if differing.contains("enabled") {
        statements.push(enable(sides, id, new));
    }
    Alteration::InPlace(statements)
}

pub(super) fn create_trigger(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    if attributes.has("inherited") {
        // It comes with its parent's, and in its parent's state.
        let is_told = |parent: &Id| sides.new.get(parent).is_some_and(|one| one.has("enabled"));
        let mut parents = sides.new.needs(id).filter(|one| one.kind == Kind::Trigger);
        let tell = attributes.has("enabled") || parents.any(is_told);
        return tell
            .then(|| enable(sides, id, attributes))
            .into_iter()
            .collect();
    }
    let definition = attributes.get("definition").unwrap_or_default();
    let mut statements = vec![Statement::new(definition)];
    if attributes.has("enabled") {
        statements.push(enable(sides, id, attributes));
    }
    statements
}

pub(super) fn alter_trigger(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.iter().any(|name| *name != "enabled") {
        return Alteration::Replace;
    }
    Alteration::InPlace(vec![enable(sides, id, new)])
}

pub(super) fn create_policy(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let get = |name| attributes.get(name);
    let restrictive = if attributes.has("restrictive") {
        " as restrictive"
    } else {
        ""
    };
    let mut text = format!(
        "create policy {} on {}{restrictive} for {} to {}",
        sides.own(id),
        sides.qualified(id),
        get("command").unwrap_or("all"),
        get("roles").unwrap_or("public")
    );
    if let Some(using) = get("using") {
        text += &format!(" using ({using})");
    }
    if let Some(check) = get("check") {
        text += &format!(" with check ({check})");
    }
    vec![Statement::new(text)]
}

pub(super) fn alter_policy(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let is = |name| differing.contains(name);
    let vanishes = |name| old.has(name) && !new.has(name);
    if is("command") || is("restrictive") || vanishes("using") || vanishes("check") {
        return Alteration::Replace;
    }
    let mut text = format!("alter policy {} on {}", sides.own(id), sides.qualified(id));
    if let (true, Some(roles)) = (is("roles"), new.get("roles")) {
        text += &format!(" to {roles}");
    }
    if let (true, Some(using)) = (is("using"), new.get("using")) {
        text += &format!(" using ({using})");
    }
    if let (true, Some(check)) = (is("check"), new.get("check")) {
        text += &format!(" with check ({check})");
    }
    Alteration::InPlace(vec![Statement::new(text)])
}
