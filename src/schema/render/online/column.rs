//! Columns of tables in use that may no longer be null.
//!
//! `set not null` alone looks at all rows while nobody can read the table. It does not where a
//! validated check says the same (notes of `ALTER TABLE` in PostgreSQL's manual). Since 18 `not null`
//! is a constraint, and comes in two steps like others.

use super::{constraint, free_name, is_in_use};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::render::not_null::usual_name;
use crate::schema::render::table::alter_table;
use crate::schema::render::{Sides, inheritance};
use crate::schema::statement::{Runs, Statement};

/// The statements, and whether the constraint has its name already. Nothing, where nobody is using
/// the table.
pub(in crate::schema::render) fn set_not_null(
    sides: &Sides<'_>,
    id: &Id,
    new: &Attributes,
) -> Option<Vec<Statement>> {
    if !is_in_use(sides, id) {
        return None;
    }
    let own = sides.own(id);
    let alone = |action: &str| Statement {
        runs: Runs::Alone,
        ..alter_table(sides, id, action)
    };
    if sides.major >= 18 {
        let usual = usual_name(id);
        let name = new.get("not null name").unwrap_or(&usual);
        let add = format!(
            "add constraint {} not null {own} not valid",
            sides.name(name)
        );
        return Some(vec![alone(&add), constraint::validate(sides, id, name)]);
    }
    let set = alone(&format!("alter column {own} set not null"));
    if is_said_by_a_check(sides, id) {
        return Some(vec![set]);
    }
    let base = format!("{}_{}", id.name(1), id.own_name());
    let name = free_name(sides, &id.table(Kind::Table), &base, "not_null");
    let quoted = sides.name(&name);
    Some(vec![
        alone(&format!(
            "add constraint {quoted} check ({own} is not null) not valid"
        )),
        constraint::validate(sides, id, &name),
        set,
        alone(&format!("drop constraint {quoted}")),
    ])
}

/// Whether a check that stays says it, of all rows.
fn is_said_by_a_check(sides: &Sides<'_>, id: &Id) -> bool {
    let definition = format!("CHECK (({} IS NOT NULL))", sides.own(id));
    let table = id.table(Kind::Table);
    let mut checks = sides.old.parts(&table, Kind::Constraint);
    checks.any(|(check, attributes)| {
        attributes.get("definition") == Some(&definition)
            && sides.new.get(check) == Some(attributes)
    })
}

/// Whether a partition or an heir is told with its parent.
pub(in crate::schema::render) fn is_told_by_parent(sides: &Sides<'_>, id: &Id) -> bool {
    let is_told = |join: &Id| {
        let above = Id::new(Kind::Column, &[join.name(2), join.name(3), id.own_name()]);
        let is_set =
            |column: Option<&Attributes>| column.is_some_and(|column| column.has("not null"));
        let (old, new) = (sides.old.get(&above), sides.new.get(&above));
        old.is_some() && !is_set(old) && is_set(new)
    };
    let table = id.table(Kind::Table);
    let joins = sides.new.parts(&table, Kind::Inheritance);
    let mut joins = joins.filter(|(join, _)| sides.old.get(join).is_some());
    is_in_use(sides, id) && inheritance::stays(sides, id) && joins.any(|(join, _)| is_told(join))
}
