//! Constraints of tables in use.
//!
//! A check or foreign key comes `not valid`, which looks at no row, and is validated behind that,
//! while others write (SHARE UPDATE EXCLUSIVE; ROW SHARE on the table that a foreign key leads to). A
//! primary key or unique constraint takes over an index that was built `concurrently`. An exclusion
//! constraint, and one `without overlaps`, cannot come that way.

use super::{free_name, is_in_use, tree};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::render::table::{add_constraint, alter_table, marks};
use crate::schema::render::{Sides, common};
use crate::schema::statement::Statement;

const NOT_VALID: &str = " NOT VALID";

pub(super) fn create(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Option<Vec<Statement>> {
    match attributes.get("type")? {
        "c" | "f" => in_two_steps(sides, id, attributes),
        "p" | "u" if tree::is_made_by_parts(sides, id) => {
            let is_there = |part: &Id| sides.old.get(part).is_some();
            let name = |part: &Id| part.own_name().to_owned();
            let mut statements = tree::build(sides, id, &name, &is_there)?;
            statements.extend(marks(sides, id, &Attributes::default(), attributes));
            Some(statements)
        }
        "p" | "u" if taken_over(sides, id).is_some() => None,
        "p" | "u" if !is_partitioned(sides.new, id) => {
            let mut statements = build_key(sides, id, attributes, id.own_name())?;
            statements.extend(marks_but_options(sides, id, attributes));
            Some(statements)
        }
        _ => None,
    }
}

/// Of the index's own options it is made with.
fn marks_but_options(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let mut attributes = attributes.clone();
    attributes.remove("options");
    marks(sides, id, &Attributes::default(), &attributes)
}

fn is_partitioned(schema: &Schema, id: &Id) -> bool {
    let table = schema.get(&id.table(Kind::Table));
    table.is_some_and(|table| table.has("partition by"))
}

/// A check or foreign key, for new rows and then for all. Nothing, where there is no row to look at
/// or no such way.
pub(super) fn in_two_steps(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Option<Vec<Statement>> {
    let definition = attributes.get("definition")?;
    let kind = attributes.get("type")?;
    let is_looked_at = !definition.ends_with(NOT_VALID) && !definition.ends_with(" NOT ENFORCED");
    // From a partitioned table a foreign key can be `not valid` since 18.
    let is_early = kind == "f" && sides.major < 18 && is_partitioned(sides.new, id);
    if !matches!(kind, "c" | "f") || !is_looked_at || is_early {
        return None;
    }
    let mut later = attributes.clone();
    later.set("definition", &format!("{definition}{NOT_VALID}"));
    let mut statements = add_constraint(sides, id, &later);
    statements.push(validate(sides, id, id.own_name()));
    Some(statements)
}

/// The statement that looks at all rows. It is a transaction of its own where somebody may be using
/// the table.
pub(in crate::schema::render) fn validate(sides: &Sides<'_>, id: &Id, name: &str) -> Statement {
    let name = sides.name(name);
    let statement = alter_table(sides, id, &format!("validate constraint {name}"));
    if is_in_use(sides, id) {
        Statement::alone(statement.sql)
    } else {
        statement
    }
}

/// An index by a name, and the constraint that takes it over.
pub(super) fn build_key(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
    name: &str,
) -> Option<Vec<Statement>> {
    let key = Key::of(attributes)?;
    let action = format!("add constraint {}", key.using(sides, name, name));
    Some(vec![
        key.index(sides, id, name),
        alter_table(sides, id, &action),
    ])
}

/// The parts of a primary key's or unique constraint's definition.
struct Key<'a> {
    /// `primary key` or `unique`.
    words: &'static str,
    /// The columns, and those that are included.
    columns: &'a str,
    nulls: &'static str,
    options: Option<&'a str>,
    /// When it is looked at.
    deferring: &'static str,
}

impl<'a> Key<'a> {
    fn of(attributes: &'a Attributes) -> Option<Self> {
        let definition = attributes.get("definition")?;
        let (words, rest) = match definition.strip_prefix("PRIMARY KEY ") {
            Some(rest) => ("primary key", rest),
            None => ("unique", definition.strip_prefix("UNIQUE ")?),
        };
        let (nulls, rest) = match rest.strip_prefix("NULLS NOT DISTINCT ") {
            Some(rest) => (" nulls not distinct", rest),
            None => ("", rest),
        };
        let (columns, deferring) = [
            (
                " DEFERRABLE INITIALLY DEFERRED",
                " deferrable initially deferred",
            ),
            (" DEFERRABLE", " deferrable"),
        ]
        .into_iter()
        .find_map(|(end, words)| Some((rest.strip_suffix(end)?, words)))
        .unwrap_or((rest, ""));
        let is_whole = columns.starts_with('(') && columns.ends_with(')');
        (is_whole && !columns.contains(" WITHOUT OVERLAPS)")).then(|| Self {
            words,
            columns,
            nulls,
            options: attributes.get("options"),
            deferring,
        })
    }

    fn index(&self, sides: &Sides<'_>, id: &Id, name: &str) -> Statement {
        let (name, table) = (sides.name(name), sides.qualified(id));
        let Self { columns, nulls, .. } = self;
        let options = self.options.map(|options| format!(" with ({options})"));
        let options = options.unwrap_or_default();
        Statement::alone(format!(
            "create unique index concurrently {name} on {table} {columns}{nulls}{options}"
        ))
    }

    fn using(&self, sides: &Sides<'_>, name: &str, index: &str) -> String {
        let (name, index) = (sides.name(name), sides.name(index));
        let Self {
            words, deferring, ..
        } = self;
        format!("{name} {words} using index {index}{deferring}")
    }
}

/// The unique index of the same name, columns and options that is there, and that a key or unique
/// constraint takes over: nothing is built, and there is no moment without it.
pub fn taken_over<'s>(sides: &Sides<'s>, id: &Id) -> Option<&'s Attributes> {
    let new = sides.new.get(id)?;
    let key = Key::of(new).filter(|_| matches!(new.get("type"), Some("p" | "u")))?;
    let index = Id::new(Kind::Index, &[id.name(0), id.own_name()]);
    let old = sides.old.get(&index)?;
    let Key { columns, nulls, .. } = &key;
    let nulls = nulls.to_ascii_uppercase();
    let expected = format!(
        "CREATE UNIQUE INDEX {} ON {} USING btree {columns}{nulls}",
        sides.own(id),
        sides.qualified(id)
    );
    let is_it = old.get("definition") == Some(&expected)
        && key.options.is_none()
        && !old.has("inherited")
        && !old.has("invalid")
        && !new.has("inherited")
        && sides.old.get(id).is_none()
        && sides.new.get(&index).is_none()
        && !is_partitioned(sides.new, id)
        && !is_partitioned(sides.old, id)
        && !sides.is_of_a_new_table(id)
        && super::keeps_its_columns(sides, &index);
    is_it.then_some(old)
}

/// How it takes it over.
pub(in crate::schema::render) fn take_over(
    sides: &Sides<'_>,
    id: &Id,
    index: &Attributes,
) -> Vec<Statement> {
    let Some((new, key)) = sides.new.get(id).and_then(|new| Some((new, Key::of(new)?))) else {
        return Vec::new();
    };
    let own = id.own_name();
    let mut statements = Vec::new();
    if index.has("comment") {
        let index = sides.qualified(&Id::new(Kind::Index, &[id.name(0), own]));
        statements.push(Statement::new(format!("comment on index {index} is null")));
    }
    let action = format!("add constraint {}", key.using(sides, own, own));
    statements.push(alter_table(sides, id, &action));
    statements.extend(marks(sides, id, index, new));
    statements
}

pub(super) fn may_swap(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> bool {
    let kind = new.get("type");
    is_in_use(sides, id)
        && old.get("type") == kind
        && match kind {
            Some("c") => true,
            // The partitions' own would keep the name that it has meanwhile.
            Some("f") => !is_partitioned(sides.new, id),
            Some("p" | "u") => !is_partitioned(sides.new, id) && Key::of(new).is_some(),
            _ => false,
        }
}

/// The new one is there before the old one goes.
pub(super) fn swap(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let Some(new) = sides.new.get(id) else {
        return Vec::new();
    };
    let own = sides.own(id);
    let table = id.table(Kind::Table);
    let name = free_name(sides, &table, id.own_name(), "new");
    let mut statements = Vec::new();
    if let Some(key) = Key::of(new) {
        statements.push(key.index(sides, id, &name));
        let add = key.using(sides, id.own_name(), &name);
        let action = format!("drop constraint {own}, add constraint {add}");
        statements.push(alter_table(sides, id, &action));
        statements.extend(marks_but_options(sides, id, new));
    } else {
        let beside = Id::new(Kind::Constraint, &[id.name(0), id.name(1), &name]);
        statements.extend(
            in_two_steps(sides, &beside, new)
                .unwrap_or_else(|| add_constraint(sides, &beside, new)),
        );
        statements.push(alter_table(sides, id, &format!("drop constraint {own}")));
        let rename = format!("rename constraint {} to {own}", sides.name(&name));
        statements.push(alter_table(sides, id, &rename));
    }
    statements.extend(common::after_create(sides, id, new));
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(definition: &str, expected: Option<&str>) {
        let mut attributes = Attributes::default();
        attributes.set("definition", definition);
        let parts = Key::of(&attributes).map(|key| {
            let Key {
                words,
                columns,
                nulls,
                deferring,
                ..
            } = key;
            format!("{words}|{columns}|{nulls}|{deferring}")
        });
        assert_eq!(parts.as_deref(), expected, "{definition}");
    }

    #[test]
    fn a_key_is_taken_apart() {
        check("PRIMARY KEY (a)", Some("primary key|(a)||"));
        check(
            "UNIQUE NULLS NOT DISTINCT (a, \") DEFERRABLE\") INCLUDE (b) DEFERRABLE INITIALLY DEFERRED",
            Some(
                "unique|(a, \") DEFERRABLE\") INCLUDE (b)| nulls not distinct| deferrable initially deferred",
            ),
        );
        check("UNIQUE (a) DEFERRABLE", Some("unique|(a)|| deferrable"));
        check("PRIMARY KEY (a, b WITHOUT OVERLAPS)", None);
        check("CHECK ((a > 0))", None);
        check("EXCLUDE USING gist (a WITH =)", None);
    }
}
