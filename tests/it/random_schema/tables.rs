//! Tables: ordinary ones, heirs, typed ones and partitions, with their columns, constraints and
//! indexes.

use super::{Genome, Script, constraints, routines, types};

/// A column: its name and its type.
pub(super) type Column = (String, String);

/// The ordinary tables and what is like one.
pub(super) const TABLES: [&str; 8] = ["t0", "t1", "t2", "t3", "t4", "p0", "p1", "ft"];

/// Those that are there.
pub(super) fn tables(genome: &Genome) -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().filter(|table| genome.has(table))
}

/// The columns that a table would have: those of its parent first.
pub(super) fn columns(genome: &Genome, table: &str) -> Vec<Column> {
    if table == "t4" {
        return Vec::new();
    }
    let mut columns = vec![("id".to_owned(), id_type(genome, table))];
    for name in ["c0", "c1", "c2", "\"C 3\""] {
        let gene = format!("{table}.{name}");
        if genome.yes(&gene, 75) {
            columns.push((
                name.to_owned(),
                types::column(genome, &format!("{gene}.type")),
            ));
        }
    }
    if genome.yes(&format!("{table}.turn"), 20) {
        columns.rotate_left(1);
    }
    columns
}

pub(super) fn id_type(genome: &Genome, table: &str) -> String {
    let kinds = ["integer", "bigint", "bigint", "text"];
    genome.pick(&format!("{table}.id"), &kinds).to_owned()
}

pub(super) fn all(genome: &Genome, script: &mut Script) {
    for table in ["t0", "t1", "t2", "t3"] {
        if genome.has(table) {
            ordinary(genome, script, table);
        }
    }
    typed(genome, script);
    for table in ["p0", "p1"] {
        if genome.has(table) {
            partitioned(genome, script, table);
        }
    }
    for table in tables(genome) {
        said(genome, script, table);
        for name in ["pk", "uq", "ck", "ck2", "ex"] {
            constraints::constraint(genome, script, table, name);
        }
        for name in ["i0", "i1", "i2"] {
            constraints::index(genome, script, table, name);
        }
    }
    for table in tables(genome) {
        for name in ["fk", "fk2"] {
            constraints::foreign_key(genome, script, table, name);
        }
        marks(genome, script, table);
    }
}

/// What stands behind the type where a column is declared.
fn rest(genome: &Genome, table: &str, (name, kind): &Column, others: &[Column]) -> String {
    let gene = |what: &str| format!("{table}.{name}.{what}");
    let mut text = String::new();
    let is_text = kind.contains("text") || kind.contains("char");
    if is_text && genome.yes(&gene("collation"), 20) {
        let collations = ["\"C\"", "\"POSIX\"", "l0", "l1"];
        let collation = genome.pick(&gene("collate"), &collations);
        let own = collation.starts_with('l');
        let collation = if own {
            genome.full(collation)
        } else {
            collation.to_owned()
        };
        text += &format!(" collate {collation}");
    }
    let is_number = ["integer", "bigint", "smallint"].contains(&kind.as_str());
    match genome.number(&gene("value"), 12) {
        0 | 1 => {
            text += &format!(
                " default {}",
                types::literal(genome, kind, &gene("literal"))
            );
        }
        2 if is_number || kind == "text" => {
            text += &format!(" default ({})::text::{kind}", routines::call(genome).0);
        }
        3 if is_number => {
            let sequence = genome.pick(&gene("sequence"), &["q0", "q1", "q2"]);
            text += &format!(
                " default nextval('{}')",
                genome.full(sequence).replace('\'', "''")
            );
        }
        4 | 5 if is_number && !table.starts_with("p1") => {
            let how = genome.pick(&gene("identity"), &["always", "by default"]);
            let more = genome.pick(
                &gene("options"),
                &["", " (start with 10)", " (increment by 5 cache 3 cycle)"],
            );
            text += &format!(" generated {how} as identity{more}");
        }
        6 if name != "id" => {
            let other = &others[genome.number(&gene("of"), others.len())].0;
            let call = routines::call(genome).0;
            let virtually = genome.pick(
                &gene("virtual"),
                &[
                    "stored", "stored", "stored", "stored", "stored", "stored", "stored", "virtual",
                ],
            );
            text += &match genome.number(&gene("formula"), 3) {
                0 if kind == "text" => format!(" generated always as ({other}::text) {virtually}"),
                1 if is_number || kind == "text" => {
                    format!(" generated always as (({call})::text::{kind}) {virtually}")
                }
                _ if kind == "boolean" => {
                    format!(" generated always as ({other} is null) {virtually}")
                }
                _ => format!(
                    " generated always as ({}) {virtually}",
                    types::literal(genome, kind, &gene("literal"))
                ),
            };
        }
        7 if kind == "timestamptz(3)" || kind == "date" => text += " default now()",
        8 if kind == "uuid" => text += " default gen_random_uuid()",
        9 if is_text => text += " default null",
        _ => {}
    }
    if genome.yes(&gene("not null"), 30) {
        if genome.yes(&gene("not null name"), 20) {
            text += &format!(
                " constraint {table}_{}",
                genome.pick(&gene("nn"), &["nn1", "nn2"])
            );
        }
        text += " not null";
    }
    text
}

fn definitions(genome: &Genome, table: &str) -> Vec<String> {
    let columns = columns(genome, table);
    columns
        .iter()
        .map(|column| {
            let rest = rest(genome, table, column, &columns);
            format!("{} {}{rest}", column.0, column.1)
        })
        .collect()
}

fn options(genome: &Genome, table: &str) -> String {
    let mut options = Vec::new();
    if genome.yes(&format!("{table}.fill"), 25) {
        options.push(format!(
            "fillfactor = {}",
            50 + genome.number(&format!("{table}.factor"), 40)
        ));
    }
    if genome.yes(&format!("{table}.vacuum"), 15) {
        options.push("autovacuum_enabled = false".to_owned());
    }
    if genome.yes(&format!("{table}.toast"), 15) {
        options.push(format!(
            "toast.autovacuum_vacuum_threshold = {}",
            genome.number(&format!("{table}.threshold"), 4)
        ));
    }
    if options.is_empty() {
        String::new()
    } else {
        format!(" with ({})", options.join(", "))
    }
}

fn ordinary(genome: &Genome, script: &mut Script, table: &str) {
    let unlogged = genome.pick(&format!("{table}.unlogged"), &["", "", "", "", "unlogged "]);
    let head = format!("create {unlogged}table {}", genome.full(table));
    let mut tail = String::new();
    if ["t2", "t3"].contains(&table) {
        let parents = genome.pick(&format!("{table}.inherits"), &["", "t0", "t1", "t0 t1", ""]);
        let parents: Vec<String> = parents
            .split_whitespace()
            .filter(|one| genome.has(one))
            .map(|one| genome.full(one))
            .collect();
        if !parents.is_empty() {
            tail += &format!(" inherits ({})", parents.join(", "));
        }
    }
    tail += &options(genome, table);
    script.list(table, head, definitions(genome, table), tail);
}

fn typed(genome: &Genome, script: &mut Script) {
    if genome.has("t4") {
        let of = genome.full(genome.pick("t4.of", &["k0", "k1"]));
        let how = genome.pick("t4.how", &["", " (x default null)", " (x not null)"]);
        script.add(
            "t4",
            format!("create table {} of {of}{how}", genome.full("t4")),
        );
    }
}

/// How the table is split: `list (id)`, and the bounds of three partitions.
fn strategy(genome: &Genome, table: &str) -> (&'static str, [String; 3]) {
    let kind = id_type(genome, table);
    let number = |which: usize| genome.number(&format!("{table}.bound{which}"), 4);
    match genome.number(&format!("{table}.by"), 8) {
        0..=2 => (
            "list (id)",
            [
                format!("for values in ('{}')", 1 + number(0)),
                format!("for values in ('1{}', '2{}')", number(1), number(1)),
                "default".to_owned(),
            ],
        ),
        3..=5 => (
            "range (id)",
            [
                "for values from (minvalue) to ('1')".to_owned(),
                format!("for values from ('1') to ('{}')", 3 + number(1)),
                format!(
                    "for values from ('8') to ({})",
                    ["maxvalue", "'9'"][number(2) % 2]
                ),
            ],
        ),
        6 if kind != "text" => (
            "range (id, abs(id))",
            [
                format!("for values from ('1', '1') to ('1', '{}')", 2 + number(0)),
                "for values from ('2', minvalue) to ('3', maxvalue)".to_owned(),
                "default".to_owned(),
            ],
        ),
        _ => (
            "hash (id)",
            [0, 1, 2].map(|rest| format!("for values with (modulus 3, remainder {rest})")),
        ),
    }
}

fn partitioned(genome: &Genome, script: &mut Script, table: &str) {
    let full = genome.full(table);
    let (key, bounds) = strategy(genome, table);
    let is = genome.yes(&format!("{table}.partitioned"), 85);
    let tail = if is {
        format!(" partition by {key}")
    } else {
        String::new()
    };
    script.list(
        table,
        format!("create table {full}"),
        definitions(genome, table),
        tail,
    );
    if !is {
        return;
    }
    for (which, bound) in bounds.iter().enumerate() {
        let name = format!("{table}_{which}");
        if !genome.has(&name) {
            continue;
        }
        let part = genome.full(&name);
        let sub = genome.pick(
            &format!("{name}.sub"),
            &[
                "",
                "",
                "",
                " partition by hash (id)",
                " partition by list (id)",
            ],
        );
        let how = genome.number(&format!("{name}.how"), 6);
        match how {
            // It stands on its own.
            0 => script.list(
                &name,
                format!("create table {part}"),
                definitions(genome, table),
                "",
            ),
            // It has its columns in another order, and joins.
            1 => {
                let mut columns = definitions(genome, table);
                columns.reverse();
                script.list(&name, format!("create table {part}"), columns, sub);
                script.add(
                    format!("{name}.join"),
                    format!("alter table {full} attach partition {part} {bound}"),
                );
            }
            _ => script.add(
                &name,
                format!("create table {part} partition of {full} {bound}{sub}"),
            ),
        }
        if how > 0 && sub.contains("hash") {
            for rest in 0..2 {
                script.add(
                    format!("{name}.{rest}"),
                    format!("create table {} partition of {part} for values with (modulus 2, remainder {rest})", genome.full(&format!("{name}_{rest}"))),
                );
            }
        }
        // What a partition has of its own.
        if genome.yes(&format!("{name}.default"), 15) {
            let columns = columns(genome, table);
            if let Some((column, kind)) = columns.get(1) {
                let value = types::literal(genome, kind, &format!("{name}.value"));
                script.add(
                    format!("{name}.set"),
                    format!("alter table {part} alter column {column} set default {value}"),
                );
            }
        }
        if genome.yes(&format!("{name}.index"), 15) {
            script.add(
                format!("{name}.ix"),
                format!("create index {name}_own on {part} (id)"),
            );
        }
    }
}

/// What is said of columns and of the table behind it.
fn said(genome: &Genome, script: &mut Script, table: &str) {
    let full = genome.full(table);
    for (column, _) in columns(genome, table) {
        let gene = |what: &str| format!("{table}.{column}.{what}");
        let about = format!("alter table {full} alter column {column}");
        if genome.yes(&gene("storage"), 12) {
            let how = genome.pick(&gene("store"), &["external", "main", "plain", "extended"]);
            script.add(gene("storage"), format!("{about} set storage {how}"));
        }
        if genome.yes(&gene("compression"), 8) {
            let how = genome.pick(&gene("compress"), &["pglz", "lz4"]);
            script.add(
                gene("compression"),
                format!("{about} set compression {how}"),
            );
        }
        if genome.yes(&gene("statistics"), 10) {
            let target = genome.number(&gene("target"), 3) * 100;
            script.add(
                gene("statistics"),
                format!("{about} set statistics {target}"),
            );
        }
        if genome.yes(&gene("distinct"), 8) {
            script.add(
                gene("distinct"),
                format!(
                    "{about} set (n_distinct = {})",
                    3 + genome.number(&gene("n"), 3)
                ),
            );
        }
        if genome.yes(&gene("comment"), 12) {
            let note = genome.number(&gene("note"), 3);
            script.add(
                gene("comment"),
                format!("comment on column {full}.{column} is 'it''s {note}'"),
            );
        }
        if genome.yes(&gene("grant"), 10) {
            let role = super::role(genome, &gene("to"));
            let what = genome.pick(&gene("what"), &["select", "insert", "update", "references"]);
            let option = if role == "public" {
                ""
            } else {
                genome.pick(&gene("option"), &["", " with grant option"])
            };
            script.add(
                gene("grant"),
                format!("grant {what} ({column}) on {full} to {role}{option}"),
            );
        }
    }
}

/// What is said of the table when its indexes are there.
fn marks(genome: &Genome, script: &mut Script, table: &str) {
    let full = genome.full(table);
    let gene = |what: &str| format!("{table}.{what}");
    let index = genome.pick(&gene("marked"), &["i0", "pk", "uq"]);
    if genome.yes(&gene("replica"), 25) {
        let how = genome.pick(&gene("identity"), &["full", "nothing", "using index"]);
        let index = if how == "using index" {
            format!(" {table}_{index}")
        } else {
            String::new()
        };
        script.add(
            gene("replica"),
            format!("alter table {full} replica identity {how}{index}"),
        );
    }
    if genome.yes(&gene("cluster"), 15) {
        script.add(
            gene("cluster"),
            format!("alter table {full} cluster on {table}_{index}"),
        );
    }
    if genome.yes(&gene("secure"), 30) {
        let how = genome.pick(
            &gene("security"),
            &["enable row level security", "force row level security"],
        );
        script.add(gene("secure"), format!("alter table {full} {how}"));
    }
    if genome.yes(&gene("comment"), 20) {
        script.add(
            gene("comment"),
            format!(
                "comment on table {full} is 'table {}'",
                genome.number(&gene("note"), 3)
            ),
        );
    }
    let sequence = genome.pick(&gene("owns"), &["q0", "q1", "q2"]);
    let home = |full: &str| full.split('.').next().map(str::to_owned);
    let is_at_home = home(&full) == home(&genome.full(sequence));
    if is_at_home && genome.yes(&gene("owner"), 40) {
        script.add(
            gene("owner"),
            format!(
                "alter sequence {} owned by {full}.id",
                genome.full(sequence)
            ),
        );
    }
}
