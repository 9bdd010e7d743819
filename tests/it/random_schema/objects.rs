//! Schemas, and everything that is no table, type, routine or view: privileges, operators, text
//! search, foreign data, publications and the rest.

use super::{Genome, Script, role, routines, tables, types};

/// The schemas, and the foreign data that tables need.
pub(super) fn homes(genome: &Genome, script: &mut Script) {
    for (name, home) in [("s0", "s0"), ("s1", "\"S 1\""), ("s2", "s2")] {
        if name != "s2" || genome.has("s2") {
            script.add(name, format!("create schema {home}"));
        }
        said(
            genome,
            script,
            name,
            "schema",
            home,
            &["usage", "create", "all"],
        );
    }
    for (name, what) in [
        ("x0", "tables"),
        ("x1", "functions"),
        ("x2", "sequences"),
        ("x3", "types"),
        ("x4", "schemas"),
    ] {
        if genome.yes(name, 20) {
            let to = role(genome, &format!("{name}.to"));
            let home = if what == "schemas" {
                ""
            } else {
                genome.pick(
                    &format!("{name}.in"),
                    &["", " in schema s0", " in schema public"],
                )
            };
            let verb = genome.pick(
                &format!("{name}.verb"),
                &["grant all", "grant all", "revoke all"],
            );
            let between = if verb.starts_with('g') { "to" } else { "from" };
            script.add(
                name,
                format!("alter default privileges{home} {verb} on {what} {between} {to}"),
            );
        }
    }
}

/// Comments and privileges of something.
fn said(genome: &Genome, script: &mut Script, name: &str, word: &str, full: &str, rights: &[&str]) {
    let gene = |what: &str| format!("{name}.{what}");
    if genome.yes(&gene("said"), 20) {
        let note = genome.pick(&gene("words"), &["one", "it''s two", "three\\ and"]);
        script.add(
            gene("said"),
            format!("comment on {word} {full} is '{note}'"),
        );
    }
    if !rights.is_empty() && genome.yes(&gene("rights"), 25) {
        let word = match word {
            "domain" => "type",
            "server" => "foreign server",
            other => other,
        };
        let right = genome.pick(&gene("right"), rights);
        let to = role(genome, &gene("rightly"));
        let sql = match genome.number(&gene("how"), 4) {
            0 => format!("revoke {right} on {word} {full} from {to}"),
            1 if to != "public" => {
                format!("grant {right} on {word} {full} to {to} with grant option")
            }
            _ => format!("grant {right} on {word} {full} to {to}"),
        };
        script.add(gene("rights"), sql);
    }
}

pub(super) fn all(genome: &Genome, script: &mut Script) {
    for name in ["e0", "e1", "k0", "k1", "r0", "r1"] {
        said(genome, script, name, "type", &genome.full(name), &["usage"]);
    }
    for name in ["d0", "d1"] {
        said(
            genome,
            script,
            name,
            "domain",
            &genome.full(name),
            &["usage"],
        );
    }
    for name in ["q0", "q1", "q2"] {
        said(
            genome,
            script,
            name,
            "sequence",
            &genome.full(name),
            &["usage", "select", "all"],
        );
    }
    let takes = routines::call(genome).1;
    said(
        genome,
        script,
        "fi1",
        "function",
        &format!("{}({takes})", genome.full("fi")),
        &["execute"],
    );
    said(
        genome,
        script,
        "pr1",
        "procedure",
        &format!("{}(integer)", genome.full("pr")),
        &["execute"],
    );
    for table in tables::tables(genome) {
        said(
            genome,
            script,
            &format!("{table}1"),
            "table",
            &genome.full(table),
            &["select", "insert, update", "all", "references", "trigger"],
        );
    }
    said(genome, script, "l01", "collation", &genome.full("l0"), &[]);
    casts(genome, script);
    operators(genome, script);
    search(genome, script);
    publications(genome, script);
    if genome.yes("et", 30) {
        let event = genome.pick("et.on", &["ddl_command_end", "sql_drop", "ddl_command_end"]);
        let tags = genome.pick(
            "et.tags",
            &[
                "",
                " when tag in ('CREATE TABLE')",
                " when tag in ('DROP TABLE', 'ALTER TABLE')",
            ],
        );
        let function = genome.full("tf0").replace("tf0", "ef");
        script.add(
            "et",
            format!(
                "create event trigger castoff_et on {event}{tags} execute function {function}()"
            ),
        );
        if genome.yes("et.state", 30) {
            script.add("et.state", "alter event trigger castoff_et disable");
        }
    }
    if genome.yes("cv", 20) {
        let default = genome.pick("cv.default", &["", "default "]);
        script.add(
            "cv",
            format!(
                "create {default}conversion {} for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8",
                genome.full("cv")
            ),
        );
    }
    if genome.yes("la", 20) {
        let trusted = genome.pick("la.trusted", &["", "trusted "]);
        script.add("la", format!("create {trusted}language castoff_la handler plpgsql_call_handler validator plpgsql_validator"));
        said(genome, script, "la1", "language", "castoff_la", &["usage"]);
    }
    if genome.yes("am", 20) {
        script.add(
            "am",
            "create access method castoff_am type table handler heap_tableam_handler",
        );
    }
}

fn casts(genome: &Genome, script: &mut Script) {
    let (e0, e1, k0) = (genome.full("e0"), genome.full("e1"), genome.full("k0"));
    let how = genome.pick("ca.how", &["", " as assignment", " as implicit"]);
    if genome.yes("ca", 25) {
        script.add("ca", format!("create cast ({e0} as {e1}) with inout{how}"));
        if genome.yes("ca.said", 20) {
            script.add("ca.said", format!("comment on cast ({e0} as {e1}) is 'c'"));
        }
    }
    if genome.yes("cb", 25) {
        let full = genome.full("cb");
        let value = types::literal(genome, "integer", "cb.value");
        script.add("cbf", format!("create function {full}(a {k0}) returns integer language sql immutable as $$select {value}$$"));
        // An implicit one would make operators ambiguous.
        let how = how.replace("implicit", "assignment");
        script.add(
            "cb",
            format!("create cast ({k0} as integer) with function {full}({k0}){how}"),
        );
    }
}

fn operators(genome: &Genome, script: &mut Script) {
    let (e0, of) = (genome.full("e0"), genome.full("of"));
    if !genome.has("op") {
        return;
    }
    let kind = genome.pick("op.kind", &["integer", "text", "e0"]);
    let kind = if kind == "e0" { e0 } else { kind.to_owned() };
    script.add("of", format!("create function {of}(a {kind}, b {kind}) returns boolean language sql immutable as 'select true'"));
    let home = genome.pick("op.home", &["public", "s0"]);
    let more = genome.pick(
        "op.more",
        &[
            "",
            ", commutator = ===",
            ", restrict = eqsel, join = eqjoinsel",
            ", hashes, merges",
        ],
    );
    script.add("op", format!("create operator {home}.=== (leftarg = {kind}, rightarg = {kind}, function = {of}{more})"));
    said(
        genome,
        script,
        "op1",
        "operator",
        &format!("{home}.=== ({kind}, {kind})"),
        &[],
    );
    if genome.yes("oc", 50) {
        let oc = genome.full("oc");
        if genome.yes("oc.family", 50) {
            script.add(
                "oy",
                format!("create operator family {} using hash", genome.full("oy")),
            );
        }
        let family = if genome.yes("oc.family", 50) {
            format!(" family {}", genome.full("oy"))
        } else {
            String::new()
        };
        let default = if kind.contains("e0") {
            ""
        } else {
            genome.pick("oc.default", &["", ""])
        };
        let more = genome.pick("oc.more", &["", ", function 1 hashint4(integer)"]);
        script.add("oc", format!("create operator class {oc} {default}for type {kind} using hash{family} as operator 1 {home}.==={more}"));
        if genome.yes("oc.used", 40) {
            script.add(
                "oc.used",
                format!(
                    "create index oc_used on {} using hash (id {oc})",
                    genome.full("t0")
                ),
            );
        }
    }
    if genome.yes("op.used", 40) {
        let value = types::literal(genome, &kind, "op.value");
        script.add(
            "op.used",
            format!(
                "create view {} as select {value} operator({home}.===) {value} as same",
                genome.full("ov")
            ),
        );
    }
}

fn search(genome: &Genome, script: &mut Script) {
    let (di, cf) = (genome.full("di"), genome.full("cf"));
    if genome.yes("di", 30) {
        let what = genome.pick(
            "di.what",
            &[
                "template = simple",
                "template = simple, accept = false",
                "template = snowball, language = english",
            ],
        );
        script.add("di", format!("create text search dictionary {di} ({what})"));
        said(genome, script, "di1", "text search dictionary", &di, &[]);
    }
    if genome.yes("cf", 30) {
        let what = genome.pick(
            "cf.what",
            &[
                "copy = pg_catalog.english",
                "copy = pg_catalog.simple",
                "parser = pg_catalog.default",
            ],
        );
        script.add(
            "cf",
            format!("create text search configuration {cf} ({what})"),
        );
        if genome.yes("cf.map", 60) {
            let verb = if what.starts_with("copy") {
                "alter"
            } else {
                "add"
            };
            let list = genome.pick("cf.list", &["simple", "english_stem, simple", ""]);
            let list = if list.is_empty() {
                di.clone()
            } else {
                list.to_owned()
            };
            script.add("cf.map", format!("alter text search configuration {cf} {verb} mapping for word, asciiword with {list}"));
        }
        said(genome, script, "cf1", "text search configuration", &cf, &[]);
        if genome.yes("cf.used", 40) {
            script.add(
                "cf.used",
                format!(
                    "create index cf_used on {} using gin (to_tsvector('{}', id::text))",
                    genome.full("t1"),
                    cf.replace('\'', "''")
                ),
            );
        }
    }
}

/// Foreign data: there before the tables, of which one is foreign.
pub(super) fn foreign(genome: &Genome, script: &mut Script) {
    if !genome.has("fw") {
        return;
    }
    let options = |gene: &str| {
        genome.pick(
            gene,
            &["", " options (a '1')", " options (b 'it''s', a '2')"],
        )
    };
    script.add(
        "fw",
        format!(
            "create foreign data wrapper castoff_fw{}{}",
            genome.pick(
                "fw.validator",
                &[
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    " validator postgresql_fdw_validator"
                ]
            ),
            ""
        ),
    );
    said(
        genome,
        script,
        "fw1",
        "foreign data wrapper",
        "castoff_fw",
        &["usage"],
    );
    let version = genome.pick(
        "fs.version",
        &["", "", " type 'x' version '1'", " version '2'"],
    );
    script.add(
        "fs",
        format!(
            "create server castoff_fs{version} foreign data wrapper castoff_fw{}",
            options("fs.options")
        ),
    );
    said(genome, script, "fs1", "server", "castoff_fs", &["usage"]);
    if genome.yes("fu", 50) {
        let to = role(genome, "fu.to");
        script.add(
            "fu",
            format!(
                "create user mapping for {to} server castoff_fs{}",
                options("fu.options")
            ),
        );
    }
    if genome.has("ft") {
        let columns = tables::columns(genome, "ft");
        let parts = columns
            .iter()
            .map(|(column, kind)| {
                let gene = |what: &str| format!("ft.{column}.{what}");
                let option = genome.pick(&gene("option"), &["", "", " options (n 'x')"]);
                let null = genome.pick(&gene("null"), &["", "", " not null"]);
                format!("{column} {kind}{option}{null}")
            })
            .collect();
        script.list(
            "ft",
            format!("create foreign table {}", genome.full("ft")),
            parts,
            format!(" server castoff_fs{}", options("ft.options")),
        );
    }
}

fn publications(genome: &Genome, script: &mut Script) {
    for name in ["pb0", "pb1"] {
        if !genome.has(name) {
            continue;
        }
        let gene = |what: &str| format!("{name}.{what}");
        let with = genome.pick(
            &gene("with"),
            &[
                "",
                " with (publish = 'insert, update')",
                " with (publish_via_partition_root)",
            ],
        );
        let what = match genome.number(&gene("what"), 6) {
            0 => " for all tables".to_owned(),
            1 => String::new(),
            2 => format!(" for tables in schema s0, table {}", genome.full("t1")),
            3 => format!(
                " for table {} (id), {}",
                genome.full("t0"),
                genome.full("t1")
            ),
            4 => format!(" for table {} where (id is not null)", genome.full("t2")),
            _ => format!(" for table {}", genome.full("p0")),
        };
        script.add(
            name,
            format!("create publication castoff_{name}{what}{with}"),
        );
        if genome.yes(&gene("said"), 20) {
            script.add(
                gene("said"),
                format!("comment on publication castoff_{name} is 'p'"),
            );
        }
    }
}
