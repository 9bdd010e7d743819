//! Grants, revokes and default privileges.

use super::Sides;
use crate::schema::acl::{self, OWNER, Privileges, Verb};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;
use crate::sql::ident::dollar_quoted;

/// The statements from one set of privileges on an object to another.
pub(super) fn grants(
    sides: &Sides<'_>,
    id: &Id,
    old: &Privileges,
    new: &Privileges,
    owner: &str,
) -> Vec<Statement> {
    let on = target(sides, id);
    let column = matches!(id.kind, Kind::Column | Kind::ViewColumn).then(|| sides.own(id));
    let words = |letters: &[char]| {
        let words = letters.iter().map(|letter| match &column {
            Some(column) => format!("{} ({column})", acl::word(*letter)),
            None => acl::word(*letter).to_owned(),
        });
        words.collect::<Vec<_>>().join(", ")
    };
    acl::steps(old, new)
        .iter()
        .map(|step| {
            let (verb, between, behind) = parts(step.verb);
            let grantee = role(sides, &step.grantee, owner);
            let what = words(&step.letters);
            let sql = format!("{verb} {what} on {on} {between} {grantee}{behind}");
            Statement::new(said_by(sides, &step.grantor, sql))
        })
        .collect()
}

/// What another than the owner granted, he has to grant himself, and to take back: `granted by` takes
/// nobody but the role that runs the statement (GRANT in PostgreSQL's manual).
fn said_by(sides: &Sides<'_>, grantor: &str, sql: String) -> String {
    if matches!(grantor, "" | OWNER) {
        return sql;
    }
    let grantor = sides.name(grantor);
    let body = format!(
        " declare before text := pg_catalog.current_setting('role'); begin \
         set local role {grantor}; {sql}; \
         perform pg_catalog.set_config('role', before, true); end "
    );
    format!("do {}", dollar_quoted(&body))
}

/// The words of a step: verb, what stands before the grantee, what behind.
fn parts(verb: Verb) -> (&'static str, &'static str, &'static str) {
    match verb {
        Verb::Revoke => ("revoke", "from", ""),
        Verb::RevokeOption => ("revoke grant option for", "from", ""),
        Verb::Grant => ("grant", "to", ""),
        Verb::GrantOption => ("grant", "to", " with grant option"),
    }
}

fn role(sides: &Sides<'_>, grantee: &str, owner: &str) -> String {
    match grantee {
        "" => "public".to_owned(),
        OWNER if owner.is_empty() || sides.new.is_unsaid(Some(owner)) => "current_user".to_owned(),
        OWNER => sides.name(owner),
        name => sides.name(name),
    }
}

/// The statements from one set of privileges on something of an extension to another; nothing is
/// what the extension brought along.
pub(super) fn of_member(
    sides: &Sides<'_>,
    id: &Id,
    old: Option<&Attributes>,
    new: Option<&Attributes>,
) -> Vec<Statement> {
    let kind = match id.name(1) {
        "table" => Kind::Table,
        "sequence" => Kind::Sequence,
        "routine" => Kind::Function,
        "type" => Kind::Enum,
        "schema" => Kind::Schema,
        _ => Kind::Wrapper,
    };
    let either = old.or(new);
    let owner = either.and_then(|one| one.get("owner")).unwrap_or_default();
    let read = |attributes: Option<&Attributes>, name| match attributes.and_then(|a| a.get(name)) {
        Some(texts) => acl::parse(texts, owner),
        None => acl::default_of(kind, sides.major),
    };
    let side = |attributes: Option<&Attributes>| match attributes {
        Some(_) => read(attributes, "acl"),
        None => read(either, "initial"),
    };
    grants(sides, id, &side(old), &side(new), owner)
}

/// What stands behind `on`.
fn target(sides: &Sides<'_>, id: &Id) -> String {
    match id.kind {
        Kind::MemberPrivileges => {
            let (word, schema, name) = (id.name(1), sides.name(id.name(2)), sides.name(id.name(3)));
            match word {
                "routine" => format!("routine {schema}.{name}({})", id.name(4)),
                "schema" | "foreign data wrapper" => format!("{word} {name}"),
                _ => format!("{word} {schema}.{name}"),
            }
        }
        Kind::Schema => format!("schema {}", sides.own(id)),
        Kind::Sequence => format!("sequence {}", sides.qualified(id)),
        Kind::IdentitySequence => {
            format!("sequence {}", super::identity::sequence(sides, id))
        }
        // Not as it is written, with `order by`: by the types alone.
        Kind::Aggregate => format!("function {}({})", sides.qualified(id), id.own_name()),
        Kind::Function => {
            format!("routine {}", super::function::signature(sides, id))
        }
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range => {
            format!("type {}", sides.qualified(id))
        }
        Kind::Wrapper => format!("foreign data wrapper {}", sides.own(id)),
        Kind::Server => format!("foreign server {}", sides.own(id)),
        Kind::Language => format!("language {}", sides.own(id)),
        _ => format!("table {}", sides.qualified(id)),
    }
}

/// The statements from one state of default privileges to another; nothing is what there is when
/// nobody said anything.
pub(super) fn default_privileges(
    sides: &Sides<'_>,
    id: &Id,
    old: Option<&Attributes>,
    new: Option<&Attributes>,
) -> Vec<Statement> {
    let (owner, schema, what) = (id.name(0), id.name(1), id.name(2));
    // Privileges in a schema come on top; those for all schemas take the place of the built-in ones.
    let built_in = if schema.is_empty() {
        let of = |kind| acl::default_of(kind, sides.major);
        match what {
            "tables" => of(Kind::Table),
            "sequences" => of(Kind::Sequence),
            "functions" => of(Kind::Function),
            "types" => of(Kind::Enum),
            "large objects" => acl::default_of_large_objects(),
            _ => of(Kind::Schema),
        }
    } else {
        Privileges::new()
    };
    let read = |attributes: Option<&Attributes>, role| match attributes.and_then(|a| a.get("acl")) {
        Some(texts) => acl::parse(texts, if owner.is_empty() { role } else { owner }),
        None if attributes.is_some() => Privileges::new(),
        None => built_in.clone(),
    };
    let mut head = "alter default privileges".to_owned();
    if !owner.is_empty() {
        head += &format!(" for role {}", sides.name(owner));
    }
    if !schema.is_empty() {
        head += &format!(" in schema {}", sides.name(schema));
    }
    acl::steps(&read(old, &*sides.old.role), &read(new, &*sides.new.role))
        .iter()
        .map(|step| {
            let (verb, between, behind) = parts(step.verb);
            let letters = step.letters.iter();
            let words: Vec<&str> = letters.map(|letter| acl::word(*letter)).collect();
            let (words, grantee) = (words.join(", "), role(sides, &step.grantee, owner));
            Statement::new(format!(
                "{head} {verb} {words} on {what} {between} {grantee}{behind}"
            ))
        })
        .collect()
}
