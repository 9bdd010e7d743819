//! Functions, procedures and aggregates.

use super::{Genome, Script};

const VALUES: [&str; 4] = ["integer", "text", "bigint", "boolean"];

/// The function that defaults, checks, indexes, policies and views call: what it takes and gives.
pub(super) fn call(genome: &Genome) -> (String, String) {
    let takes = genome.pick("fi.takes", &["integer", "text", "e0", "d1", "integer"]);
    let kind = match takes {
        "e0" | "d1" => genome.full(takes),
        other => other.to_owned(),
    };
    let given = super::types::literal(genome, &kind, "fi.given");
    (format!("{}({given})", genome.full("fi")), kind)
}

fn body(genome: &Genome, gene: &str, gives: &str) -> String {
    let value = match gives {
        "boolean" => "true".to_owned(),
        _ => (genome.number(&format!("{gene}.value"), 5) + 1).to_string(),
    };
    format!("'{value}'::{gives}")
}

pub(super) fn all(genome: &Genome, script: &mut Script) {
    plain(genome, script);
    let full = genome.full("tf0");
    for name in ["tf0", "tf1"] {
        let full = genome.full(name);
        let marks = genome.pick(
            &format!("{name}.marks"),
            &["", "security definer", "set search_path to 'public', 's0'"],
        );
        let note = genome.number(&format!("{name}.note"), 3);
        script.add(
            name,
            format!("create function {full}() returns trigger language plpgsql {marks} as $$begin /* {note} */ return new; end$$"),
        );
    }
    script.add(
        "ef",
        format!(
            "create function {}() returns event_trigger language plpgsql as 'begin end'",
            full.replace("tf0", "ef")
        ),
    );
    // Overloads.
    for (name, arguments) in [
        ("ov.int", "a integer"),
        ("ov.text", "a text"),
        ("ov.two", "a integer, b integer"),
        ("ov.array", "variadic a integer[]"),
        ("ov.poly", "a anyelement, b anyarray"),
    ] {
        if genome.has(name) {
            let home = genome.pick("ov.home", &["public", "s0"]);
            let gives = genome.pick(&format!("{name}.gives"), &["integer", "text"]);
            let body = body(genome, name, gives);
            script.add(name, format!("create function {home}.ov({arguments}) returns {gives} language sql as $$select {body}$$"));
        }
    }
    others(genome, script);
    aggregates(genome, script);
}

fn plain(genome: &Genome, script: &mut Script) {
    for name in ["fi", "fj", "fk"] {
        if name != "fi" && !genome.has(name) {
            continue;
        }
        let gene = |what: &str| format!("{name}.{what}");
        let full = genome.full(name);
        let gives = genome.pick(&gene("gives"), &VALUES);
        let body = body(genome, name, gives);
        let takes = if name == "fi" {
            call(genome).1
        } else {
            genome
                .pick(&gene("takes"), &["integer", "text", "text[]"])
                .to_owned()
        };
        let argument = genome.pick(&gene("argument"), &["a", "\"b B\"", ""]);
        let default = if genome.yes(&gene("default"), 30) {
            let value = super::types::literal(genome, &takes, &gene("default.value"));
            format!(" default {value}")
        } else {
            String::new()
        };
        let second = if default.is_empty() || genome.yes(&gene("second"), 60) {
            ""
        } else {
            ", z integer default 3"
        };
        let mut marks = vec![if name == "fi" {
            "immutable"
        } else {
            genome.pick(&gene("volatile"), &["", "stable", "immutable"])
        }];
        for (what, word) in [
            ("strict", "strict"),
            ("leakproof", "leakproof"),
            ("definer", "security definer"),
            ("parallel", "parallel safe"),
            ("cost", "cost 7"),
            (
                "set",
                "set work_mem to '1MB' set search_path to 'public', 'pg_temp'",
            ),
        ] {
            if genome.yes(&gene(what), 15) {
                marks.push(word);
            }
        }
        let text = match genome.number(&gene("language"), 3) {
            0 => format!("language sql as $$select {body}$$"),
            1 => format!("language plpgsql as $$begin return {body}; end$$"),
            _ if name != "fi" && genome.yes(&gene("calls"), 50) => {
                let call = call(genome).0;
                format!("language sql begin atomic select {call}; select {body}; end")
            }
            _ => format!("language sql return {body}"),
        };
        let marks = marks.join(" ");
        script.add(name, format!("create function {full}({argument} {takes}{default}{second}) returns {gives} {marks} {text}"));
    }
}

fn others(genome: &Genome, script: &mut Script) {
    let k0 = genome.full("k0");
    for name in ["out", "rows", "made"] {
        if !genome.has(name) {
            continue;
        }
        let full = genome.full(&format!("f_{name}"));
        let gene = |what: &str| format!("{name}.{what}");
        let sql = match name {
            "out" => format!(
                "create function {full}(a integer, out {} {}, inout c text default 'x') language plpgsql as 'begin end'",
                genome.pick(&gene("name"), &["b", "bb"]),
                genome.pick(&gene("type"), &["integer", "text"])
            ),
            "rows" => format!(
                "create function {full}() returns table (x integer, y {}) language plpgsql rows {} as 'begin end'",
                genome.pick(&gene("type"), &["integer", "text"]),
                genome.pick(&gene("rows"), &["10", "1000"])
            ),
            _ => format!(
                "create function {full}(a {}) returns {}{k0} language plpgsql as 'begin end'",
                genome.pick(&gene("type"), &["integer", "integer[]"]),
                genome.pick(&gene("set"), &["", "setof "])
            ),
        };
        script.add(name, sql);
    }
    if genome.has("pr") {
        let full = genome.full("pr");
        let how = genome.pick(
            "pr.how",
            &["(a integer)", "(inout a integer)", "(a integer default 5)"],
        );
        script.add(
            "pr",
            format!("create procedure {full}{how} language plpgsql as 'begin end'"),
        );
    }
    if genome.has("en") {
        let full = genome.full("en");
        let (e0, e1) = (genome.full("e0"), genome.full("e1"));
        let how = genome.pick("en.how", &["", "[]"]);
        let value = super::types::literal(genome, &e0, "en.value");
        script.add("en", format!("create function {full}(a {e0}{how}, b {e1}) returns {e0} language sql return {value}"));
    }
}

fn aggregates(genome: &Genome, script: &mut Script) {
    if genome.has("step") {
        let full = genome.full("step");
        let strict = genome.pick("step.strict", &["", "strict"]);
        script.add("step", format!("create function {full}(a integer, b integer) returns integer language sql {strict} immutable as 'select a + b'"));
        let parts = genome.pick(
            "ag.parts",
            &[
                "",
                ", initcond = '0'",
                ", initcond = '1', parallel = safe",
                ", finalfunc = int4abs",
            ],
        );
        let taken = genome.pick("ag.takes", &["integer", "integer", "a integer"]);
        script.add(
            "ag",
            format!(
                "create aggregate {}({taken}) (sfunc = {full}, stype = integer{parts})",
                genome.full("ag")
            ),
        );
    }
    if genome.has("hy") {
        script.add("hy", format!("create aggregate {}(float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra)", genome.full("hy")));
    }
}
