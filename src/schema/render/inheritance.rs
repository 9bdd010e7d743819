//! Partitions and heirs: joining and leaving, and what they have of their own.

use super::table::{alter_only, alter_table, columns};
use super::{Sides, not_null, online, probes, table};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::statement::Statement;

fn of(schema: &Schema, id: &Id) -> Vec<(Id, Attributes)> {
    let joins = schema.parts(id, Kind::Inheritance);
    joins
        .map(|(join, attributes)| (join.clone(), attributes.clone()))
        .collect()
}

fn child(join: &Id) -> Id {
    join.table(Kind::Table)
}

pub(super) fn parent(join: &Id) -> Id {
    Id::new(Kind::Table, &[join.name(2), join.name(3)])
}

/// Whether the table of a part has a parent before and after, all the time: what happens to the
/// parent happens to it.
pub(super) fn stays(sides: &Sides<'_>, id: &Id) -> bool {
    let joins = sides.old.parts(id, Kind::Inheritance);
    let mut joins = joins.map(|(join, _)| join);
    joins.any(|join| is_kept(sides, join))
}

/// Whether the table of a part is a partition.
pub(super) fn is_partition(schema: &Schema, id: &Id) -> bool {
    let mut joins = schema.parts(id, Kind::Inheritance);
    joins.any(|(_, join)| join.has("bound"))
}

/// Whether a table is below a parent all the time. One that gets another bound in one stroke is away
/// for nothing else.
fn is_kept(sides: &Sides<'_>, join: &Id) -> bool {
    let bound = |schema: &Schema| {
        let join = schema.get(join)?;
        Some(join.get("bound").map(str::to_owned))
    };
    let is_same = bound(sides.old) == bound(sides.new) || online::may_swap(sides, join);
    sides.new.get(join).is_some() && is_same && !sides.is_rebuilt(&parent(join))
}

/// Whether a column changes its type with its parent's: it has it from there, all the time.
pub(super) fn comes_from_above(sides: &Sides<'_>, id: &Id, new: &Attributes) -> bool {
    let is_above = |join: &Id| {
        let names = [join.name(2), join.name(3), id.own_name()];
        let above = Id::new(Kind::Column, &names);
        sides.old.get(&above).is_some() && sides.new.get(&above).is_some()
    };
    let joins = sides.old.parts(id, Kind::Inheritance);
    let mut joins = joins.map(|(join, _)| join);
    (new.has("inherited") && stays(sides, id))
        || joins.any(|join| is_above(join) && is_kept(sides, join))
}

/// Whether a partition that goes has to leave first: a foreign key refers to a table above it.
pub(in crate::schema) fn leaves_first(sides: &Sides<'_>, join: &Id) -> bool {
    if join.kind != Kind::Inheritance {
        return false;
    }
    let above = parent(join);
    let is_from_elsewhere = |user: &Id| {
        let constraint = sides
            .old
            .get(user)
            .filter(|_| user.kind == Kind::Constraint);
        constraint.is_some_and(|one| one.get("type") == Some("f"))
            && user.names.get(..2) != Some(&above.names[..])
    };
    let mut columns = sides.old.parts(&above, Kind::Column);
    columns.any(|(column, _)| sides.old.needed_by(column).any(is_from_elsewhere))
        || of(sides.old, &above)
            .iter()
            .any(|(join, _)| leaves_first(sides, join))
}

/// Whether a table is made as a part of its parents. A partition with its columns in another order,
/// or with other names of `not null`, is made by itself and joins later; so is one whose parent has
/// a default partition with rows to look through.
pub(super) fn is_born_into(sides: &Sides<'_>, id: &Id) -> bool {
    let of_new = |table: &Id| columns(sides.new, table);
    let is_alike = |parent: &Id| {
        let (own, above) = (of_new(id), of_new(parent));
        let mut pairs = own.iter().zip(&above);
        own.len() == above.len()
            && pairs.all(|((own, attributes), (above, of_parent))| {
                let is_named_alike = sides.major < 18
                    || !of_parent.has("not null")
                    || not_null::name(own, attributes) == not_null::name(above, of_parent);
                own.own_name() == above.own_name() && is_named_alike
            })
    };
    of(sides.new, id).iter().all(|(join, attributes)| {
        !attributes.has("bound")
            || (is_alike(&parent(join)) && !online::is_beside_a_default(sides, join))
    })
}

pub(super) fn join(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let table = child(id);
    if sides.is_of_a_new_table(&table) && is_born_into(sides, &table) {
        return Vec::new();
    }
    let above = parent(id);
    // What the parent demands has to be there already; of several, the first brings it.
    let joins = of(sides.new, &table);
    let demands = |above: &Id, constraint: &Id| {
        let names = [above.name(0), above.name(1), constraint.own_name()];
        sides.new.get(&Id::new(Kind::Constraint, &names)).is_some()
    };
    let is_missing = |(constraint, attributes): &(&Id, &Attributes)| {
        let is_there = |old: &Attributes| old.get("definition") == attributes.get("definition");
        let mut demanding = joins
            .iter()
            .filter(|(join, _)| demands(&parent(join), constraint));
        attributes.has("inherited")
            && attributes.get("type") == Some("c")
            && demanding.next().is_none_or(|(first, _)| first == id)
            && (!sides.old.get(constraint).is_some_and(is_there) || sides.is_of_a_new_table(&table))
    };
    let constraints = sides.new.parts(&table, Kind::Constraint);
    let mut statements: Vec<Statement> = constraints
        .filter(is_missing)
        .map(|(constraint, attributes)| {
            let definition = attributes.get("definition").unwrap_or_default();
            let own = sides.own(constraint);
            alter_table(sides, &table, &format!("add constraint {own} {definition}"))
        })
        .collect();
    statements.push(match attributes.get("bound") {
        Some(bound) => Statement::new(format!(
            "alter table {} attach partition {} {bound}",
            sides.qualified(&above),
            sides.qualified(id)
        ))
        .probing(probes::attach(sides, &table, &above, bound))
        .probing(probes::in_the_default(sides, &table, &above, bound)),
        None => alter_table(sides, id, &format!("inherit {}", sides.qualified(&above))),
    });
    statements
}

/// A partition that leaves keeps its rows.
pub(super) fn leave(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let above = parent(id);
    if super::rebuild::goes_with_its_parent(sides, &child(id)) {
        return Vec::new();
    }
    let parent = sides.qualified(&above);
    vec![if attributes.has("bound") {
        Statement::new(format!(
            "alter table {parent} detach partition {}",
            sides.qualified(id)
        ))
    } else {
        alter_table(sides, id, &format!("no inherit {parent}"))
    }]
}

/// The columns of its parents that a column is.
fn above(schema: &Schema, id: &Id) -> Vec<Id> {
    let parents = of(schema, id);
    let parents = parents.iter();
    parents
        .map(|(join, _)| Id::new(Kind::Column, &[join.name(2), join.name(3), id.own_name()]))
        .collect()
}

/// Whether a parent's column has an attribute.
pub(super) fn says(schema: &Schema, id: &Id, name: &str) -> bool {
    let of_parent = |column: &Id| schema.get(column).is_some_and(|column| column.has(name));
    above(schema, id).iter().any(of_parent)
}

/// What a new table says of a column that it has from its parents or its type.
pub(super) fn own_column(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let own = sides.own(id);
    let above = above(sides.new, id);
    let says = |name: &str| says(sides.new, id, name);
    let mut statements = Vec::new();
    let is_from_type = above.is_empty() && !is_plain(sides, id);
    if attributes.has("not null") && !says("not null") && (is_from_type || !above.is_empty()) {
        statements.push(alter_table(
            sides,
            id,
            &format!("alter column {own} set not null"),
        ));
    }
    // A partition takes both from its parent when it is made.
    if !is_from_type && says("compression") && !attributes.has("compression") {
        let action = format!("alter column {own} set compression default");
        statements.push(alter_only(sides, id, &action));
    }
    if let (false, true, false, Some(usual)) = (
        is_from_type,
        says("storage"),
        attributes.has("storage"),
        attributes.get("usual storage"),
    ) {
        let action = format!("alter column {own} set storage {usual}");
        statements.push(alter_only(sides, id, &action));
    }
    let default = |column: &Id| Id {
        kind: Kind::Default,
        names: column.names.clone(),
    };
    let has_parents_default = above.iter().any(|column| {
        let default = default(column);
        sides.old.get(&default).is_some() || sides.new.get(&default).is_some()
    });
    if has_parents_default && sides.new.get(&default(id)).is_none() {
        statements.push(alter_only(
            sides,
            id,
            &format!("alter column {own} drop default"),
        ));
    }
    statements
}

fn is_plain(sides: &Sides<'_>, id: &Id) -> bool {
    let table = sides.new.get(&id.table(Kind::Table));
    !table.is_some_and(|table| table.has("of type"))
}

/// Whether a child that stays one keeps the column that its parent loses.
pub(super) fn is_kept_by_a_child(sides: &Sides<'_>, id: &Id) -> bool {
    let table = id.table(Kind::Table);
    let is_partitioned = |table: &Attributes| table.has("partition by");
    if sides.new.get(id).is_some() || sides.old.get(&table).is_some_and(is_partitioned) {
        return false;
    }
    let mut joins = sides.old.needed_by(&table);
    joins.any(|join| {
        let column = Id::new(Kind::Column, &[join.name(0), join.name(1), id.own_name()]);
        join.kind == Kind::Inheritance
            && parent(join) == table
            && sides.new.get(&column).is_some()
            && sides.old.get(&column).is_some()
    })
}

/// All columns become the table's own when it leaves its parents for a moment. That is done only
/// where all of them are to be, at the first of them.
pub(super) fn make_local(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let table = id.table(Kind::Table);
    let joins = of(sides.new, id);
    let was = |column: &Id| {
        sides
            .old
            .get(column)
            .is_some_and(|old| old.has("inherited"))
    };
    let from_parents = |column: &Id| {
        joins.iter().any(|(join, _)| {
            let above = Id::new(
                Kind::Column,
                &[join.name(2), join.name(3), column.own_name()],
            );
            sides.new.get(&above).is_some()
        })
    };
    let columns = columns(sides.new, &table);
    let first = columns.iter().find(|(column, _)| was(column));
    let all = columns.iter().all(|(_, new)| !new.has("inherited"));
    let is_heir = joins
        .iter()
        .all(|(join, attributes)| !attributes.has("bound") && sides.old.get(join).is_some());
    if !all || !is_heir || !from_parents(id) || first.is_none_or(|(first, _)| *first != id) {
        return Vec::new();
    }
    let parents: Vec<String> = joins
        .iter()
        .map(|(join, _)| sides.qualified(&parent(join)))
        .collect();
    let leave = parents
        .iter()
        .map(|parent| table::alter_table(sides, id, &format!("no inherit {parent}")));
    let join = parents
        .iter()
        .map(|parent| table::alter_table(sides, id, &format!("inherit {parent}")));
    leave.chain(join).collect()
}

/// An index that came with the parent's has the name that the server gave it.
pub(super) fn rename_index(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Statement> {
    let Some(usual) = unusual(id.own_name(), attributes) else {
        return Vec::new();
    };
    let index = sides.qualified(&Id::new(Kind::Index, &[id.name(0), usual]));
    let own = sides.own(id);
    vec![Statement::new(format!(
        "alter index {index} rename to {own}"
    ))]
}

/// The same of a constraint.
pub(super) fn rename_constraint(
    sides: &Sides<'_>,
    id: &Id,
    attributes: &Attributes,
) -> Vec<Statement> {
    let Some(usual) = unusual(id.own_name(), attributes) else {
        return Vec::new();
    };
    let (usual, own) = (sides.name(usual), sides.own(id));
    vec![alter_table(
        sides,
        id,
        &format!("rename constraint {usual} to {own}"),
    )]
}

/// The usual name, where the own one is another and not that with a number.
fn unusual<'a>(own: &str, attributes: &'a Attributes) -> Option<&'a str> {
    let usual = attributes.get("usual name")?;
    let rest = own.strip_prefix(usual);
    let is_usual = rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    (!is_usual && usual.len() < 63).then_some(usual)
}
