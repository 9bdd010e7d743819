//! Partitions that join and leave while their rows are in use.
//!
//! A partition that joins is not looked at where a validated check says what its bound says; one that
//! leaves `concurrently` gets such a check, where it has none (`ALTER TABLE` in PostgreSQL's manual).

use super::{constraint, free_name, is_in_use};
use crate::schema::model::{Id, Kind, Schema};
use crate::schema::probe::Probe;
use crate::schema::render::table::alter_table;
use crate::schema::render::{Sides, probes};
use crate::schema::statement::{Runs, Statement};
use crate::sql::ident::{Literal, dollar_quoted};

/// The attribute of a partition that says as an expression which rows are its.
const ROWS: &str = "rows";

/// What the rows of a partition have in common, as the server says it. It says the parent's number
/// where the rows are divided by a hash; that is another one in each database.
fn rows_of(sides: &Sides<'_>, schema: &Schema, join: &Id) -> Option<String> {
    let rows = schema.get(join)?.get(ROWS)?;
    let hashed = "satisfies_hash_partition('";
    let Some((before, rest)) = rows.split_once(hashed) else {
        return Some(rows.to_owned());
    };
    let parent = parent(join);
    let (_, behind) = rest.split_once("'::oid")?;
    let is_partition = schema.get(&parent)?.has("bound");
    let parent = sides.qualified(&parent);
    let parent = Literal(&parent);
    (!is_partition && !behind.contains(hashed))
        .then(|| format!("{before}satisfies_hash_partition({parent}::regclass{behind}"))
}

fn parent(join: &Id) -> Id {
    Id::new(Kind::Table, &[join.name(2), join.name(3)])
}

fn default_partition<'s>(schema: &'s Schema, parent: &Id) -> Option<&'s Id> {
    let bound = |join: &Id| schema.get(join)?.get("bound");
    partitions(schema, parent).find(|join| bound(join) == Some("DEFAULT"))
}

/// A check that is there for a while: what brings it, and what takes it away.
fn check(sides: &Sides<'_>, table: &Id, expression: &str) -> [Vec<Statement>; 2] {
    let name = free_name(sides, table, table.name(1), "bound");
    let quoted = sides.name(&name);
    let alone = |action: &str| Statement {
        runs: Runs::Alone,
        ..alter_table(sides, table, action)
    };
    let bring = vec![
        alone(&format!(
            "add constraint {quoted} check ({expression}) not valid"
        )),
        constraint::validate(sides, table, &name),
    ];
    [bring, vec![alone(&format!("drop constraint {quoted}"))]]
}

pub(super) fn join(sides: &Sides<'_>, id: &Id) -> Option<Vec<Statement>> {
    let attributes = sides.new.get(id)?;
    let (table, parent) = (id.table(Kind::Table), parent(id));
    let bound = attributes.get("bound")?;
    // What one leaves another may take: then both happen in one transaction, without a gap.
    let leaves = !only_in(sides.old, sides.new, &parent).is_empty();
    if leaves || is_below_one_made_anew(sides, &parent) {
        return None;
    }
    let [mut statements, take] = checks(sides, id)?;
    let attach = format!("attach partition {} {bound}", sides.qualified(&table));
    statements.push(alter_table(sides, &parent, &attach));
    statements.extend(take);
    let statements = super::probing_first(statements, in_the_way(sides, id, bound));
    Some(super::alone(statements))
}

/// The rows that belong elsewhere: of the partition, and of the default one.
fn in_the_way(sides: &Sides<'_>, id: &Id, bound: &str) -> Vec<Probe> {
    let (table, parent) = (id.table(Kind::Table), parent(id));
    let own = probes::attach(sides, &table, &parent, bound);
    let others = probes::in_the_default(sides, &table, &parent, bound);
    own.into_iter().chain(others).collect()
}

pub(super) fn partitions<'s>(schema: &'s Schema, parent: &Id) -> impl Iterator<Item = &'s Id> {
    let names = parent.names.clone();
    let is_join = move |join: &&Id| join.kind == Kind::Inheritance && join.names[2..] == names[..];
    schema.needed_by(parent).filter(is_join)
}

/// The partitions that one schema has and the other has not.
fn only_in(schema: &Schema, other: &Schema, parent: &Id) -> Vec<Id> {
    let partitions = partitions(schema, parent);
    partitions
        .filter(|join| other.get(join).is_none())
        .cloned()
        .collect()
}

/// The checks for a partition that joins: what brings them, and what takes them away.
fn checks(sides: &Sides<'_>, id: &Id) -> Option<[Vec<Statement>; 2]> {
    // The rows of the default partition must not be the new one's.
    let default = default_partition(sides.new, &parent(id));
    let default = default.filter(|default| *default != id && sides.old.get(default).is_some());
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    for join in [id].into_iter().chain(default) {
        if is_in_use(sides, join)
            && let Some(rows) = rows_of(sides, sides.new, join)
        {
            let [bring, take] = check(sides, &join.table(Kind::Table), &rows);
            before.extend(bring);
            behind.extend(take);
        }
    }
    (!before.is_empty()).then_some([before, behind])
}

/// Whether a partition's bound changes, and no other's of the same parent, which might be in the
/// way, and it need not be away for anything else.
pub(super) fn may_swap(sides: &Sides<'_>, id: &Id) -> bool {
    let parent = parent(id);
    let joins = |schema: &Schema| -> Vec<(Id, Option<String>)> {
        let joins = partitions(schema, &parent).filter(|join| *join != id);
        let bound = |join: &Id| schema.get(join)?.get("bound").map(str::to_owned);
        joins.map(|join| (join.clone(), bound(join))).collect()
    };
    let is_bound = |schema: &Schema| schema.get(id).is_some_and(|join| join.has("bound"));
    is_in_use(sides, id)
        && is_in_use(sides, &parent)
        && !is_below_one_made_anew(sides, &parent)
        && is_bound(sides.old)
        && is_bound(sides.new)
        && joins(sides.old) == joins(sides.new)
        && checks(sides, id).is_some()
}

/// Leaves and joins in one transaction, by a bound of which it is known that it holds.
pub(super) fn swap(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let Some([mut statements, take]) = checks(sides, id) else {
        return Vec::new();
    };
    let (parent, own) = (sides.qualified(&parent(id)), sides.qualified(id));
    let bound = sides.new.get(id).and_then(|join| join.get("bound"));
    let bound = bound.unwrap_or_default();
    let body = format!(
        " begin alter table {parent} detach partition {own}; alter table {parent} attach partition {own} {bound}; end "
    );
    statements.push(Statement::new(format!("do {}", dollar_quoted(&body))));
    statements.extend(take);
    super::probing_first(statements, in_the_way(sides, id, bound))
}

/// The rows of a table that is made anew move when all its partitions are there, in one transaction.
fn is_below_one_made_anew(sides: &Sides<'_>, table: &Id) -> bool {
    let mut joins = sides.new.parts(table, Kind::Inheritance);
    sides.is_rebuilt(table) || joins.any(|(join, _)| is_below_one_made_anew(sides, &parent(join)))
}

pub(super) fn leave(sides: &Sides<'_>, id: &Id) -> Option<Vec<Statement>> {
    let (table, parent) = (id.table(Kind::Table), parent(id));
    let may = sides.major >= 14
        && is_in_use(sides, &table)
        && is_in_use(sides, &parent)
        && sides.new.get(id).is_none()
        && only_in(sides.new, sides.old, &parent).is_empty()
        && default_partition(sides.old, &parent).is_none();
    let rows = rows_of(sides, sides.old, id).filter(|_| may)?;
    let [mut statements, take] = check(sides, &table, &rows);
    let detach = format!("detach partition {} concurrently", sides.qualified(&table));
    statements.push(alter_table(sides, &parent, &detach));
    statements.extend(take);
    Some(super::alone(statements))
}
