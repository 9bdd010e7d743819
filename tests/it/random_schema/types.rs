//! Enums, domains, composite types, ranges and collations; and what a column can be.

use super::{Genome, Script};

/// The types of columns.
const TYPES: [&str; 34] = [
    "integer",
    "bigint",
    "smallint",
    "integer",
    "text",
    "text",
    "varchar(20)",
    "varchar(10)",
    "char(3)",
    "numeric(10,2)",
    "numeric",
    "boolean",
    "date",
    "timestamp",
    "timestamptz(3)",
    "jsonb",
    "uuid",
    "text[]",
    "integer[]",
    "bytea",
    "interval",
    "inet",
    "e0",
    "e0",
    "e0[]",
    "e1",
    "d0",
    "d0[]",
    "d1",
    "k0",
    "r0",
    "r1",
    "varchar",
    "double precision",
];

/// The type of a gene, with the schema where it has one.
pub(super) fn column(genome: &Genome, gene: &str) -> String {
    named(genome, genome.pick(gene, &TYPES))
}

fn named(genome: &Genome, kind: &str) -> String {
    match kind.as_bytes() {
        [b'e' | b'd' | b'k' | b'r', b'0' | b'1', ..] => {
            let (name, array) = kind.split_at(2);
            format!("{}{array}", genome.full(name))
        }
        _ => kind.to_owned(),
    }
}

/// The base type of a type, as it was in the list.
fn short(kind: &str) -> &str {
    kind.rsplit('.').next().unwrap_or(kind)
}

/// A value of a type.
pub(super) fn literal(genome: &Genome, kind: &str, gene: &str) -> String {
    let number = genome.number(gene, 9) + 1;
    let text = match short(kind) {
        "text[]" | "integer[]" => format!("{{{number}}}"),
        "boolean" => ["true", "false"][number % 2].to_owned(),
        "date" | "timestamp" | "timestamptz(3)" => format!("2020-01-0{number}"),
        "jsonb" => format!("{{\"a\": {number}}}"),
        "uuid" => format!("00000000-0000-0000-0000-00000000000{number}"),
        "bytea" => format!("\\x0{number}"),
        "interval" => format!("{number} days"),
        "inet" => format!("10.0.0.{number}"),
        "e0" | "e1" => {
            let labels = labels(genome, short(kind));
            labels[number % labels.len()].to_owned()
        }
        "e0[]" => format!("{{{}}}", labels(genome, "e0")[0]),
        "d0[]" => "{5}".to_owned(),
        "k0" => return format!("null::{kind}"),
        "r0" | "r1" => format!("[{number},)"),
        _ => number.to_string(),
    };
    format!("'{text}'::{kind}")
}

fn labels(genome: &Genome, name: &str) -> Vec<&'static str> {
    let list = ["a", "b", "c d", "it's", "e", "F"];
    let labels = genome.some(&format!("{name}.labels"), &list);
    labels
        .iter()
        .map(|label| if *label == "it's" { "it''s" } else { *label })
        .collect()
}

pub(super) fn all(genome: &Genome, script: &mut Script) {
    for name in ["l0", "l1"] {
        let full = genome.full(name);
        if genome.has(name) {
            let what = genome.pick(
                &format!("{name}.of"),
                &[
                    "(provider = libc, locale = 'C')",
                    "(provider = libc, lc_collate = 'C', lc_ctype = 'POSIX')",
                    "(provider = icu, locale = 'und')",
                    "(provider = icu, locale = 'de', deterministic = false)",
                ],
            );
            script.add(name, format!("create collation {full} {what}"));
        }
    }
    for name in ["e0", "e1"] {
        let labels = labels(genome, name);
        let labels = labels.iter().map(|label| format!("'{label}'")).collect();
        script.list(
            name,
            format!("create type {} as enum", genome.full(name)),
            labels,
            "",
        );
    }
    for name in ["d0", "d1"] {
        domain(genome, script, name);
    }
    for name in ["k0", "k1"] {
        let parts = genome.some(
            &format!("{name}.parts"),
            &["x", "y", "z", "e", "d", "\"o o\""],
        );
        let parts = parts
            .iter()
            .map(|part| {
                let gene = format!("{name}.{part}");
                let kind = match *part {
                    "e" => genome.full("e0"),
                    "d" => genome.full("d1"),
                    _ => genome
                        .pick(
                            &gene,
                            &["integer", "text", "bigint", "numeric(8,2)", "text[]"],
                        )
                        .to_owned(),
                };
                format!("{part} {kind}")
            })
            .collect();
        script.list(
            name,
            format!("create type {} as", genome.full(name)),
            parts,
            "",
        );
    }
    for name in ["r0", "r1"] {
        let kind = genome.pick(
            &format!("{name}.of"),
            &["integer", "numeric", "bigint", "text"],
        );
        let mut parts = vec![format!("subtype = {kind}")];
        if kind == "text" && genome.yes(&format!("{name}.collation"), 50) {
            parts.push("collation = \"C\"".to_owned());
        }
        if kind == "integer" && genome.yes(&format!("{name}.diff"), 50) {
            parts.push("subtype_diff = int4range_subdiff".to_owned());
        }
        if genome.yes(&format!("{name}.multi"), 40) {
            let full = genome.full(&format!("{name}m"));
            parts.push(format!("multirange_type_name = {full}"));
        }
        script.list(
            name,
            format!("create type {} as range", genome.full(name)),
            parts,
            "",
        );
    }
    for name in ["q0", "q1", "q2"] {
        sequence(genome, script, name);
    }
}

fn domain(genome: &Genome, script: &mut Script, name: &str) {
    let full = genome.full(name);
    let of = if name == "d0" {
        ["integer", "bigint", "numeric", "text"]
    } else {
        ["text", "varchar(30)", "text", "e1"]
    };
    let kind = named(genome, genome.pick(&format!("{name}.of"), &of));
    let mut sql = format!("create domain {full} as {kind}");
    if kind == "text" && genome.yes(&format!("{name}.collation"), 30) {
        sql += &format!(
            " collate {}",
            genome.pick(&format!("{name}.collate"), &["\"C\"", "\"POSIX\""])
        );
    }
    if genome.yes(&format!("{name}.default"), 40) {
        sql += &format!(
            " default {}",
            literal(genome, &kind, &format!("{name}.value"))
        );
    }
    if genome.yes(&format!("{name}.not null"), 20) {
        sql += " not null";
    }
    script.add(name, sql);
    for check in ["one", "two"] {
        let gene = format!("{name}.{check}");
        if genome.yes(&gene, 40) {
            let value = literal(genome, &kind, &format!("{gene}.value"));
            let valid = genome.pick(&format!("{gene}.valid"), &["", "", " not valid"]);
            script.add(
                &gene,
                format!(
                    "alter domain {full} add constraint {check} check (value <> {value}){valid}"
                ),
            );
        }
    }
}

fn sequence(genome: &Genome, script: &mut Script, name: &str) {
    if !genome.has(name) {
        return;
    }
    let gene = |what: &str| format!("{name}.{what}");
    let mut sql = format!(
        "create {}sequence {} as {}",
        genome.pick(&gene("unlogged"), &["", "", "unlogged "]),
        genome.full(name),
        genome.pick(&gene("as"), &["integer", "bigint", "smallint"])
    );
    for (what, words, percent) in [
        ("by", "increment by", 40),
        ("from", "minvalue", 30),
        ("to", "maxvalue", 30),
        ("start", "start with", 30),
        ("cache", "cache", 30),
    ] {
        if genome.yes(&gene(what), percent) {
            let number = match what {
                "by" => ["2", "-1", "10"][genome.number(&gene("step"), 3)].to_owned(),
                "to" => (100 + genome.number(&gene("high"), 50)).to_string(),
                _ => (genome.number(&gene(&format!("{what}.number")), 7) + 3).to_string(),
            };
            sql += &format!(" {words} {number}");
        }
    }
    if genome.yes(&gene("cycle"), 30) {
        sql += " cycle";
    }
    script.add(name, sql);
}
