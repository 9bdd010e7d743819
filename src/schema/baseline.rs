//! What of a database goes into its baseline, and the declared schema as files: the same statements
//! that would make it, put where a person looks for them.

use std::collections::BTreeMap;

use super::acl;
use super::model::{Id, Kind, Schema};
use super::render::{self, Sides};

/// Alembic's own table. It says where Alembic's migrations are, which are gone.
const ALEMBIC: &str = "alembic_version";

/// Forgets Alembic's table, in whatever schema it is.
pub fn forget_alembic(schema: &mut Schema) {
    let is_its = |id: &Id| {
        id.name(1) == ALEMBIC
            && matches!(
                id.kind,
                Kind::Table | Kind::Column | Kind::Default | Kind::Constraint
            )
    };
    schema.objects.retain(|id, _| !is_its(id));
}

/// Forgets the options of user mappings that are secrets: a baseline is a file that many read. Tells
/// which mappings had any.
pub fn forget_passwords(schema: &mut Schema) -> Vec<String> {
    let mut found = Vec::new();
    for (id, attributes) in &mut schema.objects {
        let options = attributes.get("server options");
        let Some(options) = options.filter(|_| id.kind == Kind::UserMapping) else {
            continue;
        };
        let options: Vec<String> = serde_json::from_str(options).unwrap_or_default();
        let (secret, kept): (Vec<_>, Vec<_>) =
            options.into_iter().partition(|option| is_secret(option));
        if !secret.is_empty() {
            attributes.set("server options", &serde_json::Value::from(kept).to_string());
            let user = if id.name(1).is_empty() {
                "public"
            } else {
                id.name(1)
            };
            found.push(format!("user mapping for {user} on {}", id.name(0)));
        }
    }
    found
}

/// Whether the name of an option, `name=value`, is that of a secret.
fn is_secret(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let words = ["password", "secret", "token", "key"];
    name != "password_required" && words.iter().any(|word| name.contains(word))
}

/// Lets everything belong to one role: a baseline is applied by whoever owns the new database.
/// What the owners may do, the role may do then; what others may do stays theirs.
pub fn give_all_to(schema: &mut Schema, role: &str) {
    for (id, attributes) in &mut schema.objects {
        if id.kind == Kind::DefaultPrivileges {
            continue;
        }
        let Some(owner) = attributes.get("owner").map(str::to_owned) else {
            continue;
        };
        acl::give(attributes, &owner, role);
        attributes.set("owner", role);
    }
    schema.role = role.into();
}

/// The declared schema as files: a path below the directory, and the text. One for each table and
/// each view, with all that belongs to it; the rest by what it is.
pub fn files(sides: &Sides<'_>) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (id, attributes) in &sides.new.objects {
        // What every new database has.
        if sides.old.get(id).is_some_and(|old| old == attributes) {
            continue;
        }
        let old = sides.old.get(id);
        let statements = match old {
            None => render::create(sides, id),
            Some(old) => match render::alter(sides, id, old, attributes) {
                render::Alteration::InPlace(statements)
                | render::Alteration::Without(statements, _) => statements,
                render::Alteration::Replace
                | render::Alteration::Rebuild
                | render::Alteration::Remake(_) => continue,
            },
        };
        let text = files.entry(file_of(sides.new, id)).or_default();
        for statement in statements {
            text.push_str(statement.sql.trim_end());
            text.push_str(";\n");
        }
    }
    files.retain(|_, text| !text.is_empty());
    files
}

/// The file that an object is declared in.
fn file_of(schema: &Schema, id: &Id) -> String {
    let of_table = |names: [&str; 2]| format!("tables/{}.sql", file_name(names));
    match id.kind {
        Kind::Schema => "schemas.sql".into(),
        Kind::Extension | Kind::MemberPrivileges => "extensions.sql".into(),
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range | Kind::DomainConstraint => {
            "types.sql".into()
        }
        Kind::Function | Kind::Aggregate => "functions.sql".into(),
        // They are about what comes after them, and so must come last.
        Kind::EventTrigger | Kind::DefaultPrivileges => "when_done.sql".into(),
        Kind::Index => {
            let table = schema.get(id).and_then(|index| index.get("table"));
            let table = table.unwrap_or_default();
            let view = Id::new(Kind::MaterializedView, &[id.name(0), table]);
            if schema.get(&view).is_some() {
                of_relation(&view)
            } else {
                of_table([id.name(0), table])
            }
        }
        Kind::Sequence => match owner_of(schema, id) {
            Some(table) => of_relation(&table),
            None => "sequences.sql".into(),
        },
        _ => match schema.relation_of(id) {
            Some(relation) if relation.kind != Kind::Domain => of_relation(&relation),
            _ if id.kind == Kind::ViewColumn => "types.sql".into(),
            _ => "others.sql".into(),
        },
    }
}

fn of_relation(relation: &Id) -> String {
    let folder = match relation.kind {
        Kind::View | Kind::MaterializedView => "views",
        _ => "tables",
    };
    format!(
        "{folder}/{}.sql",
        file_name([relation.name(0), relation.name(1)])
    )
}

/// The table that a sequence goes with.
fn owner_of(schema: &Schema, sequence: &Id) -> Option<Id> {
    schema.get(sequence)?.get("owned by")?;
    let column = schema
        .needs(sequence)
        .find(|needed| matches!(needed.kind, Kind::Column | Kind::Table))?;
    schema.relation_of(column)
}

/// The name of a file for something: its own, behind that of a schema which is not `public`. Other
/// letters than those of ordinary names become `_`; two such names may share a file.
fn file_name([home, name]: [&str; 2]) -> String {
    let plain = |name: &str| -> String {
        let letters = name.chars().map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => c,
            _ => '_',
        });
        letters.take(100).collect()
    };
    if home == "public" {
        plain(name)
    } else {
        format!("{}.{}", plain(home), plain(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Attributes;

    fn check_file(kind: Kind, names: &[&str], attributes: &[(&str, &str)], expected: &str) {
        let mut schema = Schema::default();
        for relation in [
            Id::new(Kind::Table, &["public", "a"]),
            Id::new(Kind::Table, &["other", "A b/c"]),
            Id::new(Kind::View, &["public", "v"]),
            Id::new(Kind::MaterializedView, &["public", "m"]),
        ] {
            schema.objects.insert(relation, Attributes::default());
        }
        let id = Id::new(kind, names);
        let mut all = Attributes::default();
        for (name, value) in attributes {
            all.set(name, value);
        }
        schema.objects.insert(id.clone(), all);
        assert_eq!(file_of(&schema, &id), expected);
    }

    #[test]
    fn what_belongs_to_a_table_is_in_its_file() {
        check_file(Kind::Table, &["public", "a"], &[], "tables/a.sql");
        check_file(
            Kind::Table,
            &["other", "A b/c"],
            &[],
            "tables/other.A_b_c.sql",
        );
        check_file(Kind::Trigger, &["public", "a", "t"], &[], "tables/a.sql");
        let of_a = [("table", "a")];
        check_file(Kind::Index, &["public", "i"], &of_a, "tables/a.sql");
        let of_m = [("table", "m")];
        check_file(Kind::Index, &["public", "i"], &of_m, "views/m.sql");
        check_file(Kind::ViewColumn, &["public", "v", "c"], &[], "views/v.sql");
        check_file(Kind::Enum, &["public", "a"], &[], "types.sql");
        check_file(Kind::Sequence, &["public", "s"], &[], "sequences.sql");
        check_file(Kind::EventTrigger, &["e"], &[], "when_done.sql");
        check_file(Kind::Collation, &["public", "c"], &[], "others.sql");
    }

    #[test]
    fn passwords_are_no_part_of_a_baseline() {
        let mut schema = Schema::default();
        let mut attributes = Attributes::default();
        let options = r#"["user=u","password=a=b","password_required=false","API_Token=c"]"#;
        attributes.set("server options", options);
        for (kind, names) in [
            (Kind::UserMapping, &["s", ""][..]),
            (Kind::UserMapping, &["s", "me"]),
            (Kind::Server, &["s"]),
        ] {
            let id = Id::new(kind, names);
            schema.objects.insert(id, attributes.clone());
        }
        let found = forget_passwords(&mut schema);
        assert_eq!(
            found,
            ["user mapping for public on s", "user mapping for me on s"]
        );
        let left = |id: &Id| schema.objects[id].get("server options").unwrap();
        assert_eq!(
            left(&Id::new(Kind::UserMapping, &["s", "me"])),
            r#"["user=u","password_required=false"]"#
        );
        assert_eq!(left(&Id::new(Kind::Server, &["s"])), options);
        assert!(forget_passwords(&mut schema).is_empty());
    }

    #[test]
    fn alembics_table_is_left_out_and_nothing_else() {
        let mut schema = Schema::default();
        for (kind, names) in [
            (Kind::Table, &["public", "alembic_version"][..]),
            (Kind::Column, &["x", "alembic_version", "version_num"]),
            (Kind::Constraint, &["x", "alembic_version", "pkc"]),
            (Kind::Function, &["x", "alembic_version"]),
            (Kind::Table, &["x", "version"]),
        ] {
            schema
                .objects
                .insert(Id::new(kind, names), Attributes::default());
        }
        forget_alembic(&mut schema);
        let left: Vec<&str> = schema.objects.keys().map(|id| id.kind.name()).collect();
        assert_eq!(left, ["function", "table"]);
    }
}
