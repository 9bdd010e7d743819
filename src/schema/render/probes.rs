//! Which rows would make a statement fail, as queries: for constraints and unique indexes that come
//! to tables with rows, and for partitions.

use super::Sides;
use super::scan::{Parts, group_after, items, primary};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::probe::Probe;

fn is_with_rows(sides: &Sides<'_>, id: &Id) -> bool {
    !sides.is_of_a_new_table(id) && super::table::word(sides, id) == "table"
}

/// A column that is to have a value in each row.
pub(super) fn not_null(sides: &Sides<'_>, column: &Id) -> Option<Probe> {
    let (table, own) = (sides.qualified(column), sides.own(column));
    is_with_rows(sides, column).then(|| {
        Probe::exists(
            &format!("{table} where {own} is null"),
            format!("rows of {table} have no value in {own}"),
        )
    })
}

/// A constraint that comes to a table with rows.
pub fn constraint(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Vec<Probe> {
    let definition = attributes.get("definition").unwrap_or_default();
    let is_checked = !definition.ends_with(" NOT VALID") && !definition.ends_with(" NOT ENFORCED");
    if !is_with_rows(sides, id) || !is_checked {
        return Vec::new();
    }
    let probe = match attributes.get("type") {
        Some("c") => check(sides, id, definition),
        Some("f") => foreign_key(sides, id, definition),
        Some("p" | "u") => key(sides, id, definition),
        Some("x") => Some(Probe::none(format!(
            "rows of {} may exclude each other",
            sides.qualified(id)
        ))),
        _ => None,
    };
    probe.into_iter().collect()
}

fn check(sides: &Sides<'_>, id: &Id, definition: &str) -> Option<Probe> {
    let table = sides.qualified(id);
    let only = if definition.ends_with(" NO INHERIT") {
        "only "
    } else {
        ""
    };
    let expression = group_after(definition, "CHECK")?;
    Some(Probe::exists(
        &format!("{only}{table} where not ({expression})"),
        format!("rows of {table} do not pass {}", sides.own(id)),
    ))
}

/// The columns that can be without a value before.
fn nullable<'c>(sides: &Sides<'_>, id: &Id, columns: &[&'c str]) -> Vec<&'c str> {
    let is_not_null = |name: &&&str| {
        let mut own = sides.old.parts(id, Kind::Column);
        own.any(|(column, old)| sides.own(column) == **name && old.has("not null"))
    };
    columns
        .iter()
        .filter(|name| !is_not_null(name))
        .copied()
        .collect()
}

fn all_of(columns: &[&str], what: &str) -> String {
    let conditions: Vec<String> = columns.iter().map(|own| format!("{own} {what}")).collect();
    conditions.join(" and ")
}

fn key(sides: &Sides<'_>, id: &Id, definition: &str) -> Option<Probe> {
    let table = sides.qualified(id);
    let columns = definition.find('(').map(|at| &definition[at..])?;
    let columns = group_after(columns, "")?;
    if columns.contains("WITHOUT OVERLAPS") {
        let says = format!("rows of {table} may overlap");
        return Some(Probe::none(says));
    }
    let columns = items(columns);
    let nullable = nullable(sides, id, &columns);
    let list = columns.join(", ");
    let is_primary = definition.starts_with("PRIMARY KEY");
    let says = format!("rows of {table} have the same {list}");
    let filter = if nullable.is_empty() || is_primary || definition.contains("NULLS NOT DISTINCT") {
        String::new()
    } else {
        format!(" where {}", all_of(&nullable, "is not null"))
    };
    let same = Probe::exists(
        &format!("{table}{filter} group by {list} having count(*) > 1"),
        says,
    );
    if !is_primary || nullable.is_empty() {
        return Some(same);
    }
    let any = nullable.join(" is null or ");
    Some(Probe {
        query: same
            .query
            .map(|query| format!("{query} or exists (select from {table} where {any} is null)")),
        says: format!("{}, or none", same.says),
    })
}

fn foreign_key(sides: &Sides<'_>, id: &Id, definition: &str) -> Option<Probe> {
    let table = sides.qualified(id);
    let (own, behind) = definition.split_once(" REFERENCES ")?;
    let columns = items(group_after(own, "FOREIGN KEY")?);
    let at = behind.find('(')?;
    let referenced = behind[..at].trim();
    let others = items(group_after(&behind[at..], "")?);
    if columns.len() != others.len() || own.contains("PERIOD") {
        let says = format!("rows of {table} may lead to no row of {referenced}");
        return Some(Probe::none(says));
    }
    let of = |side: &str, columns: &[&str]| -> Vec<String> {
        columns.iter().map(|own| format!("{side}.{own}")).collect()
    };
    let (from, to) = (of("a", &columns), of("b", &others));
    let is_set: Vec<&str> = from.iter().map(String::as_str).collect();
    let is_set = all_of(&is_set, "is not null");
    let pairs: Vec<String> = to
        .iter()
        .zip(&from)
        .map(|(b, a)| format!("{b} = {a}"))
        .collect();
    let has_rows = |kind| {
        let known = sides.old.objects.keys();
        let mut known = known.filter(|other| other.kind == kind);
        known.any(|other| sides.qualified(other) == referenced)
    };
    // To a table that is not there yet nothing can lead.
    let leads = if has_rows(Kind::Table) {
        let pairs = pairs.join(" and ");
        format!(" and not exists (select from {referenced} b where {pairs})")
    } else {
        String::new()
    };
    let mut condition = format!("{is_set}{leads}");
    if definition.contains(" MATCH FULL") && from.len() > 1 {
        let list = from.join(", ");
        condition = format!(
            "({condition}) or num_nulls({list}) not in (0, {})",
            from.len()
        );
    }
    Some(Probe::exists(
        &format!("{table} a where {condition}"),
        format!("rows of {table} lead to no row of {referenced}"),
    ))
}

/// A unique index that comes to a table with rows.
pub fn index(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> Option<Probe> {
    let definition = attributes.get("definition").unwrap_or_default();
    let table = attributes.get("table")?;
    let view = Id::new(Kind::MaterializedView, &[id.name(0), table]);
    let table = Id::new(Kind::Table, &[id.name(0), table]);
    // A view that is made anew has other rows.
    let rows_of = |schema: &Schema| {
        let view = schema.get(&view)?;
        view.get("definition").map(str::to_owned)
    };
    let is_with_rows = if sides.new.get(&view).is_some() {
        rows_of(sides.old) == rows_of(sides.new)
    } else {
        !sides.is_of_a_new_table(&table)
    };
    if !definition.starts_with("CREATE UNIQUE INDEX ") || !is_with_rows {
        return None;
    }
    let behind = definition.split_once(" USING ")?.1;
    let at = behind.find('(')?;
    let Parts { inside, rest } = Parts::of(&behind[at..])?;
    let values: Vec<&str> = items(inside)
        .iter()
        .filter_map(|item| primary(item))
        .collect();
    let list = values.join(", ");
    let mut conditions = Vec::new();
    if let Some((_, predicate)) = rest.split_once(" WHERE ") {
        conditions.push(format!("({predicate})"));
    }
    let nullable = nullable(sides, &table, &values);
    if !rest.contains(" NULLS NOT DISTINCT") && !nullable.is_empty() {
        conditions.push(all_of(&nullable, "is not null"));
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    };
    let table = sides.qualified(&table);
    Some(Probe::exists(
        &format!("{table}{filter} group by {list} having count(*) > 1"),
        format!("rows of {table} have the same {list}"),
    ))
}

/// The rows that belong into a partition, where that can be said: by the key of its parent and its
/// bound.
fn belongs(sides: &Sides<'_>, schema: &Schema, parent: &Id, bound: &str) -> Option<String> {
    let by = schema.get(parent)?.get("partition by")?;
    let (strategy, _) = by.split_once(' ')?;
    let list = group_after(by, strategy)?;
    let keys: Vec<&str> = items(list)
        .iter()
        .filter_map(|item| primary(item))
        .collect();
    if strategy.eq_ignore_ascii_case("hash") {
        let numbers = group_after(bound, "WITH")?;
        let number = |word| {
            Some(
                numbers
                    .split_once(word)?
                    .1
                    .split(',')
                    .next()?
                    .trim()
                    .to_owned(),
            )
        };
        let (modulus, remainder) = (number("modulus")?, number("remainder")?);
        return Some(format!(
            "satisfies_hash_partition({}::regclass, {modulus}, {remainder}, {})",
            crate::sql::ident::Literal(&sides.qualified(parent)),
            keys.join(", ")
        ));
    }
    let [key] = keys.as_slice() else {
        return None;
    };
    if strategy.eq_ignore_ascii_case("list") {
        let values = items(group_after(bound, "IN")?);
        let (nulls, some): (Vec<&str>, Vec<&str>) = values
            .into_iter()
            .partition(|value| value.eq_ignore_ascii_case("null"));
        let mut conditions = Vec::new();
        if !some.is_empty() {
            conditions.push(format!("{key} in ({})", some.join(", ")));
        }
        if !nulls.is_empty() {
            conditions.push(format!("{key} is null"));
        }
        return Some(conditions.join(" or "));
    }
    let (from, to) = (group_after(bound, "FROM")?, group_after(bound, ") TO")?);
    let mut conditions = Vec::new();
    if from != "MINVALUE" {
        conditions.push(format!("{key} >= {from}"));
    }
    if to != "MAXVALUE" {
        conditions.push(format!("{key} < {to}"));
    }
    if conditions.is_empty() {
        conditions.push(format!("{key} is not null"));
    }
    Some(conditions.join(" and "))
}

/// A table that becomes a partition: all its rows have to belong there.
pub(super) fn attach(sides: &Sides<'_>, child: &Id, parent: &Id, bound: &str) -> Option<Probe> {
    if bound.eq_ignore_ascii_case("default") || sides.is_of_a_new_table(child) {
        return None;
    }
    let table = sides.qualified(child);
    let says = format!("rows of {table} belong to no partition with its bound");
    let Some(belongs) = belongs(sides, sides.new, parent, bound) else {
        return Some(Probe::none(says));
    };
    let rest = format!("{table} where ({belongs}) is not true");
    Some(Probe::exists(&rest, says))
}

/// Rows of the default partition that belong into a new one.
pub(super) fn in_the_default(
    sides: &Sides<'_>,
    child: &Id,
    parent: &Id,
    bound: &str,
) -> Option<Probe> {
    let is_default = |join: &&Id| {
        let bound = sides.old.get(join).and_then(|join| join.get("bound"));
        let stays = sides
            .new
            .get(join)
            .is_some_and(|join| join.get("bound") == bound);
        join.kind == Kind::Inheritance
            && stays
            && bound.is_some_and(|bound| bound.eq_ignore_ascii_case("default"))
    };
    let default = sides.old.needed_by(parent).find(is_default)?;
    let default = default.table(Kind::Table);
    if default == child.table(Kind::Table) || bound.eq_ignore_ascii_case("default") {
        return None;
    }
    let belongs = belongs(sides, sides.new, parent, bound)?;
    let table = sides.qualified(&default);
    Some(Probe::exists(
        &format!("{table} where {belongs}"),
        format!("rows of {table} belong into {}", sides.qualified(child)),
    ))
}

/// Rows of a table that becomes partitioned, and belong into none of its partitions.
pub(super) fn without_partition(sides: &Sides<'_>, table: &Id) -> Option<Probe> {
    sides.new.get(table)?.get("partition by")?;
    let mut conditions = Vec::new();
    let joins = sides.new.needed_by(table).filter(|join| {
        join.kind == Kind::Inheritance && join.names.get(2..) == Some(&table.names[..])
    });
    let name = sides.qualified(table);
    let says = format!("rows of {name} belong into none of its new partitions");
    for join in joins {
        let bound = sides.new.get(join)?.get("bound")?;
        if bound.eq_ignore_ascii_case("default") {
            return None;
        }
        let Some(belongs) = belongs(sides, sides.new, table, bound) else {
            return Some(Probe::none(says));
        };
        conditions.push(format!("({belongs})"));
    }
    let rest = if conditions.is_empty() {
        name.clone()
    } else {
        format!("{name} where ({}) is not true", conditions.join(" or "))
    };
    // The function that tells knows the new table alone, which is not there yet.
    if rest.contains("satisfies_hash_partition") {
        return Some(Probe::none(says));
    }
    Some(Probe::exists(&rest, says))
}
