//! What all kinds have (owner, privileges, comment), and the kinds that need little.

use std::collections::BTreeSet;

use super::{Alteration, Sides, column, foreign, function, identity, plain, privilege};
use crate::schema::acl::{self, Privileges};
use crate::schema::model::{Attributes, Id, Kind, Origin};
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// The owner, the privileges and the comment of an object that was just made.
pub(super) fn after_create(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let mut statements = Vec::new();
    if matches!(id.kind, Kind::DefaultPrivileges | Kind::MemberPrivileges) {
        return statements;
    }
    let runs = match (sides.old.origin, sides.new.origin) {
        (Origin::Made, Origin::Found) => &sides.new.role,
        _ => &sides.old.role,
    };
    let its_owner = attributes.get("owner");
    if !sides.new.is_unsaid(its_owner) && its_owner.is_some_and(|owner| *owner != **runs) {
        statements.extend(owner(sides, id, attributes));
    }
    let at_first = at_first(sides, id);
    statements.extend(privileges(sides, id, &at_first, attributes));
    statements.extend(comment(sides, id, None, attributes.get("comment")));
    statements
}

/// The privileges that a new object has: the built-in ones, and what was said in advance.
fn at_first(sides: &Sides<'_>, id: &Id) -> Privileges {
    // Of the role that makes it, whoever it is given to then.
    let runs = &*sides.old.role;
    let what = match id.kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => "tables",
        Kind::Sequence | Kind::IdentitySequence => "sequences",
        Kind::Function | Kind::Aggregate => "functions",
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range => "types",
        Kind::Schema => "schemas",
        _ => return acl::default_of(id.kind, sides.major),
    };
    let said = |schema: &str| {
        let of = |role| Id::new(Kind::DefaultPrivileges, &[role, schema, what]);
        let attributes = sides
            .old
            .get(&of(""))
            .or_else(|| sides.old.get(&of(runs)))?;
        Some(acl::parse(attributes.get("acl").unwrap_or_default(), runs))
    };
    let mut privileges = said("").unwrap_or_else(|| acl::default_of(id.kind, sides.major));
    if id.kind != Kind::Schema {
        privileges.extend(said(id.name(0)).unwrap_or_default());
    }
    privileges
}

fn privileges(sides: &Sides<'_>, id: &Id, old: &Privileges, new: &Attributes) -> Vec<Statement> {
    let owner = new.get("owner").unwrap_or_default();
    let new = match new.get("acl") {
        Some(texts) => acl::parse(texts, owner),
        None => acl::default_of(id.kind, sides.major),
    };
    privilege::grants(sides, id, old, &new, owner)
}

/// The statement that gives something to its owner. What belongs to a column has the table's.
fn owner(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Option<Statement> {
    let owner = attributes.get("owner")?;
    if attributes.has("owned by")
        || matches!(
            id.kind,
            Kind::Column | Kind::ViewColumn | Kind::IdentitySequence
        )
    {
        return None;
    }
    let target = target(sides, id);
    let owner = if sides.new.is_unsaid(Some(owner)) {
        "current_user".to_owned()
    } else {
        sides.name(owner)
    };
    Some(Statement::new(format!("alter {target} owner to {owner}")))
}

/// Takes back what was said of something that stays without a word.
pub(super) fn unsay(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let owner = attributes.get("owner").unwrap_or_default();
    let before = acl::parse(attributes.get("acl").unwrap_or_default(), owner);
    let mut statements = privilege::grants(sides, id, &before, &Privileges::new(), owner);
    statements.extend(comment(sides, id, attributes.get("comment"), None));
    let mut usual = Attributes::default();
    if let Some(storage) = attributes.get("usual storage") {
        usual.set("usual storage", storage);
    }
    let differing = attributes.differing(&usual);
    if let Alteration::InPlace(more) = column::alter(sides, id, attributes, &usual, &differing) {
        statements.extend(more);
    }
    statements
}

/// The statement for a comment that is another, or none.
fn comment(sides: &Sides<'_>, id: &Id, old: Option<&str>, new: Option<&str>) -> Option<Statement> {
    if old == new {
        return None;
    }
    let target = target(sides, id);
    let new = new.filter(|text| !text.is_empty());
    let text = new.map_or("null".to_owned(), |text| Literal(text).to_string());
    Some(Statement::new(format!("comment on {target} is {text}")))
}

/// What an object is called behind `comment on`.
fn target(sides: &Sides<'_>, id: &Id) -> String {
    let (qualified, own) = (sides.qualified(id), sides.own(id));
    match id.kind {
        Kind::Schema | Kind::Extension | Kind::EventTrigger => format!("{} {own}", id.kind.name()),
        Kind::Enum | Kind::Composite | Kind::Range => format!("type {qualified}"),
        Kind::Function => format!("routine {}", function::signature(sides, id)),
        Kind::Aggregate => format!("aggregate {}", function::signature(sides, id)),
        Kind::Column | Kind::ViewColumn => format!("column {qualified}.{own}"),
        Kind::DomainConstraint => format!("constraint {own} on domain {qualified}"),
        Kind::Constraint | Kind::Rule | Kind::Trigger | Kind::Policy => {
            format!("{} {own} on {qualified}", id.kind.name())
        }
        Kind::Publication => format!("publication {own}"),
        Kind::Wrapper | Kind::Server => foreign::target(sides, id),
        Kind::IdentitySequence => format!("sequence {}", identity::sequence(sides, id)),
        Kind::Language
        | Kind::AccessMethod
        | Kind::Cast
        | Kind::Transform
        | Kind::Operator
        | Kind::OperatorFamily
        | Kind::OperatorClass => plain::target(sides, id),
        _ => format!("{} {qualified}", id.kind.name()),
    }
}

/// Privileges without regard to whose they are.
fn acl_of(attributes: &Attributes) -> Option<Privileges> {
    let owner = attributes.get("owner").unwrap_or_default();
    attributes.get("acl").map(|texts| acl::parse(texts, owner))
}

/// Whether the owner is another. Where nobody said one, any will do for a database of somebody's.
fn has_another_owner(sides: &Sides<'_>, old: &Attributes, new: &Attributes) -> bool {
    let (before, after) = (old.get("owner"), new.get("owner"));
    let unsaid = (sides.old.is_unsaid(before), sides.new.is_unsaid(after));
    match unsaid {
        (true, true) => false,
        (true, false) => sides.new.origin == Origin::Made && after.is_some(),
        (false, true) => sides.old.origin == Origin::Made && before.is_some(),
        (false, false) => before != after && before.is_some(),
    }
}

/// Owner, privileges and comment of an object that stays.
pub(super) fn alter_common(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    let is_about_privileges = matches!(id.kind, Kind::DefaultPrivileges | Kind::MemberPrivileges);
    if has_another_owner(sides, old, new) && !is_about_privileges {
        statements.extend(owner(sides, id, new));
    }
    if acl_of(old) != acl_of(new) && !is_about_privileges {
        let before = acl_of(old).unwrap_or_else(|| acl::default_of(id.kind, sides.major));
        // A column has one where it has privileges.
        let owner = new.get("owner").or(old.get("owner")).unwrap_or_default();
        let before = if !new.has("owner") || old.get("owner") == Some(owner) {
            before
        } else {
            acl::moved(before, owner)
        };
        let after = acl_of(new).unwrap_or_else(|| acl::default_of(id.kind, sides.major));
        statements.extend(privilege::grants(sides, id, &before, &after, owner));
    }
    statements.extend(comment(sides, id, old.get("comment"), new.get("comment")));
    statements
}

pub(super) fn create_extension(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let schema = attributes
        .get("schema")
        .map(|schema| format!(" schema {}", sides.name(schema)));
    let version = attributes
        .get("chosen version")
        .map(|version| format!(" version {}", Literal(version)));
    vec![Statement::new(format!(
        "create extension {}{}{}",
        sides.own(id),
        schema.unwrap_or_default(),
        version.unwrap_or_default()
    ))]
}

pub(super) fn alter_extension(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.contains("schema") && !new.has("relocatable") {
        return Alteration::Replace;
    }
    let mut statements = Vec::new();
    let own = sides.own(id);
    if let (true, Some(schema)) = (differing.contains("schema"), new.get("schema")) {
        let schema = sides.name(schema);
        statements.push(Statement::new(format!(
            "alter extension {own} set schema {schema}"
        )));
    }
    if let (true, Some(version)) = (differing.contains("version"), new.get("version")) {
        let version = Literal(version);
        statements.push(Statement::new(format!(
            "alter extension {own} update to {version}"
        )));
    }
    Alteration::InPlace(statements)
}

pub(super) fn create_sequence(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let unlogged = if attributes.has("unlogged") {
        "unlogged "
    } else {
        ""
    };
    let owner = attributes
        .get("owned by")
        .filter(|_| !super::arrival::comes_for_its_column(sides, id))
        .map(|column| format!(" owned by {column}"));
    vec![Statement::new(format!(
        "create {unlogged}sequence {} as {}{}{}",
        sides.qualified(id),
        attributes.get("type").unwrap_or("bigint"),
        sequence_options(attributes),
        owner.unwrap_or_default()
    ))]
}

/// Only what is not the default of the type.
fn sequence_options(attributes: &Attributes) -> String {
    let get = |name| attributes.get(name).unwrap_or_default();
    let goes_down = get("increment").starts_with('-');
    let (lowest, highest) = match get("type") {
        "smallint" => ("-32768", "32767"),
        "integer" => ("-2147483648", "2147483647"),
        _ => ("-9223372036854775808", "9223372036854775807"),
    };
    let (min, max) = if goes_down {
        (lowest, "-1")
    } else {
        ("1", highest)
    };
    let start = if goes_down { get("max") } else { get("min") };
    let mut text = String::new();
    for (name, words, usual) in [
        ("increment", "increment by", "1"),
        ("min", "minvalue", min),
        ("max", "maxvalue", max),
        ("start", "start with", start),
        ("cache", "cache", "1"),
    ] {
        let value = get(name);
        if value != usual {
            text += &format!(" {words} {value}");
        }
    }
    if attributes.has("cycle") {
        text += " cycle";
    }
    text
}

pub(super) fn alter_sequence(
    sides: &Sides<'_>,
    id: &Id,
    old: &Attributes,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    let mut text = String::new();
    for (name, words) in [
        ("type", "as"),
        ("increment", "increment by"),
        ("min", "minvalue"),
        ("max", "maxvalue"),
        ("start", "start with"),
        ("cache", "cache"),
    ] {
        if let (true, Some(value)) = (differing.contains(name), new.get(name)) {
            text += &format!(" {words} {value}");
        }
    }
    if differing.contains("cycle") {
        text += if new.has("cycle") {
            " cycle"
        } else {
            " no cycle"
        };
    }
    if differing.contains("owned by") {
        text += &format!(" owned by {}", new.get("owned by").unwrap_or("none"));
    }
    let mut statements = Vec::new();
    let qualified = sides.qualified(id);
    if !text.is_empty() {
        match into_bounds(&qualified, old, new) {
            IntoBounds::Always(start) => text += &format!(" restart with {start}"),
            IntoBounds::Where(statement) => statements.push(statement),
            IntoBounds::Never => {}
        }
        statements.push(Statement::new(format!("alter sequence {qualified}{text}")));
    }
    // Nothing can be done about it before 15.
    let changes = differing.contains("unlogged") && sides.major >= 15;
    if changes || is_taken_along(sides, id, new) {
        let how = if new.has("unlogged") {
            "unlogged"
        } else {
            "logged"
        };
        statements.push(Statement::new(format!(
            "alter sequence {qualified} set {how}"
        )));
    }
    Alteration::InPlace(statements)
}

/// Whether the table of a sequence becomes logged or unlogged, and not the sequence: the server takes
/// it along (since 15).
pub(super) fn is_taken_along(sides: &Sides<'_>, id: &Id, new: &Attributes) -> bool {
    let needs = sides.old.needs(id).chain(sides.new.needs(id));
    let mut columns = needs.filter(|needed| needed.kind == Kind::Column);
    sides.major >= 15
        && columns.any(|column| {
            let table = column.table(Kind::Table);
            let (before, after) = (sides.old.get(&table), sides.new.get(&table));
            before.zip(after).is_some_and(|(before, after)| {
                let is = after.has("unlogged");
                before.has("unlogged") != is && new.has("unlogged") != is
            })
        })
}

/// How a sequence comes into its new bounds.
enum IntoBounds {
    /// All numbers of the old ones are in the new ones.
    Never,
    /// None is: it begins anew with this one.
    Always(i64),
    /// It begins anew where it stands outside.
    Where(Statement),
}

/// A sequence that stands outside its new bounds begins anew: the server refuses bounds that it
/// stands outside of.
fn into_bounds(qualified: &str, old: &Attributes, new: &Attributes) -> IntoBounds {
    let number = |attributes: &Attributes, name| -> i64 {
        let number = attributes.get(name).and_then(|text| text.parse().ok());
        number.unwrap_or_default()
    };
    let (low, high) = (number(new, "min"), number(new, "max"));
    let (old_low, old_high) = (number(old, "min"), number(old, "max"));
    let start = number(new, "start");
    if low <= old_low && high >= old_high {
        return IntoBounds::Never;
    }
    if low > old_high || high < old_low {
        return IntoBounds::Always(start);
    }
    let start = start.clamp(low.max(old_low), high.min(old_high));
    IntoBounds::Where(Statement::new(format!(
        "select pg_catalog.setval({}, {start}, false) from {qualified} where last_value not between {low} and {high}",
        Literal(qualified)
    )))
}

pub(super) fn create_event_trigger(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let get = |name| attributes.get(name).unwrap_or_default();
    let tags = attributes
        .get("tags")
        .map(|tags| format!(" when tag in ({tags})"));
    let own = sides.own(id);
    let mut statements = vec![Statement::new(format!(
        "create event trigger {own} on {}{} execute function {}()",
        get("event"),
        tags.unwrap_or_default(),
        get("function")
    ))];
    if let Some(how) = attributes.get("enabled") {
        statements.push(Statement::new(format!("alter event trigger {own} {how}")));
    }
    statements
}

pub(super) fn alter_event_trigger(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
    differing: &BTreeSet<&str>,
) -> Alteration {
    if differing.iter().any(|name| *name != "enabled") {
        return Alteration::Replace;
    }
    let how = new.get("enabled").unwrap_or("enable");
    Alteration::InPlace(vec![Statement::new(format!(
        "alter event trigger {} {how}",
        sides.own(id)
    ))])
}
