//! Constraints and indexes.

use super::tables::{Column, columns, id_type};
use super::{Genome, Script, routines, types};

/// Two columns of a table.
fn two(genome: &Genome, table: &str, gene: &str) -> Option<(Column, Column)> {
    let columns = columns(genome, table);
    let one = columns.get(genome.number(&format!("{gene}.one"), columns.len()))?;
    let other = columns.get(genome.number(&format!("{gene}.other"), columns.len()))?;
    Some((one.clone(), other.clone()))
}

/// A condition about a column of any type.
pub(super) fn condition(genome: &Genome, (column, kind): &Column, gene: &str) -> String {
    let value = types::literal(genome, kind, &format!("{gene}.value"));
    let second = types::literal(genome, kind, &format!("{gene}.second"));
    match genome.number(&format!("{gene}.condition"), 6) {
        0 => format!("{column} is not null"),
        1 => format!("{column} <> {value}"),
        2 => format!("{column} in ({value}, {second})"),
        3 => format!(
            "{} is not null or {column} = {value}",
            routines::call(genome).0
        ),
        4 => format!("({column} > {value}) is not false and {column} is distinct from {second}"),
        _ => format!("case when {column} = {value} then true else {column} is null end"),
    }
}

pub(super) fn constraint(genome: &Genome, script: &mut Script, table: &str, name: &str) {
    let item = format!("{table}.{name}");
    let usual = match (table, name) {
        ("t4", _) => 0,
        (_, "pk") => 60,
        ("p0" | "p1" | "ft", "ex") => 5,
        _ => 45,
    };
    if !genome.yes(&item, usual) {
        return;
    }
    let Some((one, other)) = two(genome, table, &item) else {
        return;
    };
    let gene = |what: &str| format!("{item}.{what}");
    let full = genome.full(table);
    let defer = genome.pick(
        &gene("defer"),
        &["", "", "", " deferrable", " deferrable initially deferred"],
    );
    let both = if one.0 == other.0 {
        one.0.clone()
    } else {
        format!("{}, {}", one.0, other.0)
    };
    let what = match name {
        "pk" => {
            let key = genome.pick(&gene("key"), &["id", "id", "id", "id", "id", "id, c0"]);
            let include = genome.pick(&gene("include"), &["", "", " include (c1)"]);
            let with = genome.pick(&gene("fill"), &["", "", " with (fillfactor = 70)"]);
            format!("primary key ({key}){include}{with}{defer}")
        }
        "uq" => {
            let nulls = genome.pick(&gene("nulls"), &["", "", " nulls not distinct"]);
            let key = if both.contains("id") || !table.starts_with('p') {
                both
            } else {
                format!("id, {}", one.0)
            };
            format!("unique{nulls} ({key}){defer}")
        }
        "ex" => format!(
            "exclude using {} ({} with =){defer}",
            genome.pick(&gene("method"), &["btree", "hash"]),
            one.0
        ),
        _ => {
            let more = genome.pick(&gene("more"), &["", "", " not valid", " no inherit"]);
            format!("check ({}){more}", condition(genome, &one, &item))
        }
    };
    script.add(
        &item,
        format!("alter table {full} add constraint {table}_{name} {what}"),
    );
    if genome.yes(&gene("comment"), 10) {
        script.add(
            gene("comment"),
            format!(
                "comment on constraint {table}_{name} on {full} is '{}'",
                genome.number(&gene("note"), 3)
            ),
        );
    }
}

pub(super) fn index(genome: &Genome, script: &mut Script, table: &str, name: &str) {
    let item = format!("{table}.{name}");
    if !genome.has(&item) {
        return;
    }
    let Some((one, other)) = two(genome, table, &item) else {
        return;
    };
    let gene = |what: &str| format!("{item}.{what}");
    let full = genome.full(table);
    let order = genome.pick(
        &gene("order"),
        &[
            "",
            "",
            " desc",
            " asc nulls first",
            " collate \"C\"",
            " text_pattern_ops",
        ],
    );
    let key = match genome.number(&gene("key"), 6) {
        0 => format!("{}{order}, {}", one.0, other.0),
        1 => format!(
            "({}) {}",
            condition(genome, &one, &item),
            order
                .trim_start_matches(" collate \"C\"")
                .replace("text_pattern_ops", "")
        ),
        2 => format!("lower({}::text){order}", one.0),
        _ => format!("{}{order}", one.0),
    };
    let unique = genome.pick(&gene("unique"), &["", "", "", "unique "]);
    let method = genome.pick(
        &gene("method"),
        &["btree", "btree", "btree", "hash", "brin"],
    );
    let include = genome.pick(&gene("include"), &["", "", " include (id)"]);
    let with = genome.pick(&gene("fill"), &["", "", " with (fillfactor = 60)"]);
    let filter = if genome.yes(&gene("filter"), 30) {
        format!(" where {}", condition(genome, &other, &gene("where")))
    } else {
        String::new()
    };
    script.add(&item, format!("create {unique}index {table}_{name} on {full} using {method} ({key}){include}{with}{filter}"));
    if genome.yes(&gene("comment"), 10) {
        let home = full.rsplit_once('.').map_or("public", |(home, _)| home);
        script.add(
            gene("comment"),
            format!(
                "comment on index {home}.{table}_{name} is '{}'",
                genome.number(&gene("note"), 3)
            ),
        );
    }
}

pub(super) fn foreign_key(genome: &Genome, script: &mut Script, table: &str, name: &str) {
    let item = format!("{table}.{name}");
    if table == "t4" || !genome.has(&item) {
        return;
    }
    let gene = |what: &str| format!("{item}.{what}");
    let full = genome.full(table);
    let keyed = |to: &&str| genome.has(to) && genome.yes(&format!("{to}.pk"), 60);
    let there: Vec<&str> = ["t0", "t1", "p0", "p1", table]
        .into_iter()
        .filter(keyed)
        .collect();
    if there.is_empty() {
        return;
    }
    let to = genome.pick(&gene("to"), &there);
    let target = genome.full(to);
    let columns = columns(genome, table);
    // One that can refer, if there is one.
    let fits: Vec<&Column> = columns
        .iter()
        .filter(|(_, kind)| *kind == id_type(genome, to))
        .collect();
    let Some((column, _)) = fits.get(genome.number(&gene("from"), fits.len())) else {
        return;
    };
    let mut text = format!("foreign key ({column}) references {target} (id)");
    text += genome.pick(&gene("match"), &["", "", "", " match full"]);
    text += genome.pick(
        &gene("delete"),
        &[
            "",
            " on delete cascade",
            " on delete set null",
            " on delete restrict",
        ],
    );
    text += genome.pick(&gene("update"), &["", "", " on update cascade"]);
    text += genome.pick(
        &gene("defer"),
        &["", "", " deferrable", " deferrable initially deferred"],
    );
    text += genome.pick(&gene("valid"), &["", "", "", " not valid"]);
    script.add(
        &item,
        format!("alter table {full} add constraint {table}_{name} {text}"),
    );
}
