//! Views, and what watches tables: triggers, rules, policies and statistics.

use super::constraints::condition;
use super::tables::{TABLES, columns, tables};
use super::{Genome, Script, role, routines};

pub(super) fn all(genome: &Genome, script: &mut Script) {
    for table in tables(genome) {
        for name in ["g0", "g1"] {
            trigger(genome, script, table, name);
        }
        for name in ["y0", "y1"] {
            policy(genome, script, table, name);
        }
        rule(genome, script, table);
        statistics(genome, script, table);
    }
    for (name, below) in [
        ("v0", ["t0", "t1", "p0"]),
        ("v1", ["v0", "t1", "t2"]),
        ("m0", ["v1", "v0", "t0"]),
        ("v2", ["m0", "v1", "t3"]),
        ("m1", ["m0", "v2", "p1"]),
    ] {
        if genome.has(name) {
            view(genome, script, name, below);
        }
    }
    over_views(genome, script);
}

fn view(genome: &Genome, script: &mut Script, name: &str, below: [&str; 3]) {
    let gene = |what: &str| format!("{name}.{what}");
    let there: Vec<&str> = below.into_iter().filter(|one| genome.has(one)).collect();
    if there.is_empty() {
        return;
    }
    let from = genome.pick(&gene("from"), &there);
    let mut list = vec!["x.id".to_owned()];
    if from.starts_with('v') || from.starts_with('m') {
        list.push("x.more".to_owned());
    } else {
        for (column, _) in columns(genome, from) {
            if column != "id" && genome.yes(&gene(&column), 50) {
                list.push(format!("x.{column}"));
            }
        }
        list.push(
            genome
                .pick(
                    &gene("more"),
                    &["1 as more", "'a'::text as more", "null::integer as more"],
                )
                .to_owned(),
        );
    }
    match genome.number(&gene("what"), 6) {
        0 => list.push(format!("{} as called", routines::call(genome).0)),
        1 => list.push("x as whole".to_owned()),
        2 => list.push("count(*) over () as n".to_owned()),
        _ => {}
    }
    if genome.yes(&gene("turn"), 15) {
        list.reverse();
    }
    let mut filter = String::new();
    let table_columns = columns(genome, from);
    if genome.yes(&gene("filter"), 40)
        && let Some((column, kind)) =
            table_columns.get(genome.number(&gene("which"), table_columns.len()))
        && TABLES.contains(&from)
    {
        let condition = condition(
            genome,
            &(format!("x.{column}"), kind.clone()),
            &gene("where"),
        );
        filter = format!(" where {condition}");
    }
    let full = genome.full(name);
    let is_stored = name.starts_with('m');
    let word = if is_stored {
        "materialized view"
    } else {
        "view"
    };
    let with = match (is_stored, genome.number(&gene("with"), 6)) {
        (false, 0) => " with (security_barrier)",
        (false, 1) => " with (security_invoker)",
        (false, 2) => " with (check_option = local)",
        (true, 0) => " with (fillfactor = 50)",
        _ => "",
    };
    let data = if is_stored {
        genome.pick(&gene("data"), &["", "", " with no data"])
    } else {
        ""
    };
    script.add(
        name,
        format!(
            "create {word} {full}{with} as select {} from {} x{filter}{data}",
            list.join(", "),
            genome.full(from)
        ),
    );
    if is_stored && genome.yes(&gene("index"), 60) {
        let unique = genome.pick(&gene("unique"), &["unique ", ""]);
        let key = genome.pick(&gene("key"), &["id", "more", "id, more"]);
        script.add(
            gene("index"),
            format!("create {unique}index {name}_i on {full} ({key})"),
        );
    }
    if genome.yes(&gene("comment"), 25) {
        script.add(
            gene("comment"),
            format!(
                "comment on {word} {full} is '{}'",
                genome.number(&gene("note"), 3)
            ),
        );
        script.add(
            gene("column"),
            format!(
                "comment on column {full}.id is '{}'",
                genome.number(&gene("note2"), 3)
            ),
        );
    }
    if genome.yes(&gene("grant"), 30) {
        let to = role(genome, &gene("to"));
        let what = genome.pick(
            &gene("what"),
            &["select", "all", "insert, update", "select (id)"],
        );
        script.add(gene("grant"), format!("grant {what} on {full} to {to}"));
    }
    if !is_stored && genome.yes(&gene("default"), 15) {
        script.add(
            gene("default"),
            format!("alter view {full} alter column more set default null"),
        );
    }
}

/// What uses a view: a function of its rows, a trigger, a rule.
fn over_views(genome: &Genome, script: &mut Script) {
    let of = genome.full(genome.pick("vf.of", &["v0", "t0", "m0", "t1"]));
    if genome.has("vf") {
        let set = genome.pick("vf.set", &["", "setof "]);
        script.add(
            "vf",
            format!(
                "create function {}() returns {set}{of} language sql as $$select * from {of}$$",
                genome.full("vf")
            ),
        );
    }
    if genome.has("vg") {
        let argument = genome.pick("vg.argument", &["a", "b"]);
        script.add("vg", format!("create function {}({argument} {of}) returns text language sql begin atomic select ({argument}).id::text; end", genome.full("vg")));
    }
    if genome.has("vh") {
        script.add("vh", format!("create function {}() returns bigint language sql begin atomic select count(*) from {of} where id is not null; end", genome.full("vh")));
        script.add(
            "vw",
            format!(
                "create view {} as select {}() as n",
                genome.full("vw"),
                genome.full("vh")
            ),
        );
    }
    if genome.has("vt") {
        script.add(
            "vt",
            format!(
                "create trigger vt instead of insert on {} for each row execute function {}()",
                genome.full("v0"),
                genome.full("tf0")
            ),
        );
    }
    if genome.has("vr") {
        script.add(
            "vr",
            format!(
                "create rule vr as on delete to {} do instead nothing",
                genome.full("v1")
            ),
        );
    }
}

fn trigger(genome: &Genome, script: &mut Script, table: &str, name: &str) {
    let item = format!("{table}.{name}");
    if !genome.has(&item) {
        return;
    }
    let gene = |what: &str| format!("{item}.{what}");
    let full = genome.full(table);
    let function = genome.full(genome.pick(&gene("calls"), &["tf0", "tf1"]));
    let columns = columns(genome, table);
    let column = columns.get(genome.number(&gene("column"), columns.len()));
    let events = genome.pick(
        &gene("events"),
        &[
            "insert",
            "update",
            "insert or delete",
            "update of id",
            "truncate",
            "update of c0",
        ],
    );
    let when = match column {
        Some((column, kind)) if genome.yes(&gene("when"), 30) && !events.contains("delete") => {
            format!(
                " when ({})",
                condition(
                    genome,
                    &(format!("new.{column}"), kind.clone()),
                    &gene("if")
                )
            )
        }
        _ => String::new(),
    };
    let argument = genome.pick(&gene("argument"), &["", "", "'x'", "'it''s', '2'"]);
    let sql = match genome.number(&gene("how"), 5) {
        0 => format!(
            "create constraint trigger {name} after {events} on {full} deferrable initially deferred for each row{when} execute function {function}({argument})"
        ),
        1 => format!(
            "create trigger {name} after insert on {full} referencing new table as fresh for each statement execute function {function}({argument})"
        ),
        2 => format!(
            "create trigger {name} before {events} on {full} for each row{when} execute function {function}({argument})"
        ),
        3 => format!(
            "create trigger {name} after {events} on {full} for each row{when} execute function {function}({argument})"
        ),
        _ => format!(
            "create trigger {name} before {events} on {full} execute function {function}({argument})"
        ),
    };
    script.add(&item, sql);
    if genome.yes(&gene("state"), 25) {
        let how = genome.pick(
            &gene("enabled"),
            &[
                "disable trigger",
                "enable always trigger",
                "enable replica trigger",
            ],
        );
        script.add(gene("state"), format!("alter table {full} {how} {name}"));
    }
    if genome.yes(&gene("comment"), 10) {
        script.add(
            gene("comment"),
            format!("comment on trigger {name} on {full} is 'g'"),
        );
    }
}

fn policy(genome: &Genome, script: &mut Script, table: &str, name: &str) {
    let item = format!("{table}.{name}");
    let columns = columns(genome, table);
    let gene = |what: &str| format!("{item}.{what}");
    let Some(column) = columns.get(genome.number(&gene("column"), columns.len())) else {
        return;
    };
    if !genome.yes(&item, 30) {
        return;
    }
    let mut sql = format!("create policy {name} on {}", genome.full(table));
    sql += genome.pick(&gene("as"), &["", "", " as restrictive"]);
    sql += genome.pick(
        &gene("for"),
        &["", " for select", " for update", " for insert"],
    );
    sql += &format!(" to {}", role(genome, &gene("to")));
    let is_insert = sql.contains(" for insert");
    if genome.yes(&gene("using"), 70) && !is_insert {
        let inside = if genome.yes(&gene("query"), 30) {
            format!(
                "exists (select from {} o where o.id is not null)",
                genome.full(genome.pick(&gene("other"), &["t0", "t1", "v0"]))
            )
        } else {
            condition(genome, column, &gene("if"))
        };
        sql += &format!(" using ({inside})");
    }
    if genome.yes(&gene("check"), 50) && !sql.contains(" for select") {
        sql += &format!(" with check ({})", condition(genome, column, &gene("and")));
    }
    script.add(&item, sql);
    if genome.yes(&gene("comment"), 15) {
        script.add(
            gene("comment"),
            format!("comment on policy {name} on {} is 'y'", genome.full(table)),
        );
    }
}

fn rule(genome: &Genome, script: &mut Script, table: &str) {
    let item = format!("{table}.rule");
    if !genome.yes(&item, 20) {
        return;
    }
    let full = genome.full(table);
    let gene = |what: &str| format!("{item}.{what}");
    let columns = columns(genome, table);
    let filter = match columns.get(genome.number(&gene("column"), columns.len())) {
        Some((column, kind)) if genome.yes(&gene("where"), 50) => {
            format!(
                " where {}",
                condition(
                    genome,
                    &(format!("old.{column}"), kind.clone()),
                    &gene("if")
                )
            )
        }
        _ => String::new(),
    };
    let what = genome.pick(
        &gene("do"),
        &["instead nothing", "also select 1", "also notify castoff"],
    );
    script.add(
        &item,
        format!(
            "create rule ru as on {} to {full}{filter} do {what}",
            genome.pick(&gene("on"), &["update", "delete"])
        ),
    );
    if genome.yes(&gene("state"), 20) {
        script.add(gene("state"), format!("alter table {full} disable rule ru"));
    }
}

fn statistics(genome: &Genome, script: &mut Script, table: &str) {
    let name = format!("{table}_st");
    if !genome.yes(&name, 25) {
        return;
    }
    let gene = |what: &str| format!("{name}.{what}");
    let columns = columns(genome, table);
    if columns.len() < 2 {
        return;
    }
    let names: Vec<&str> = columns
        .iter()
        .map(|(column, _)| column.as_str())
        .take(2 + genome.number(&gene("count"), 2))
        .collect();
    let kinds = genome.pick(
        &gene("kinds"),
        &["", " (ndistinct)", " (dependencies, mcv)"],
    );
    let more = genome.pick(&gene("more"), &["", "", ", (id is null)"]);
    let full = genome.full(&name);
    script.add(
        &name,
        format!(
            "create statistics {full}{kinds} on {}{more} from {}",
            names.join(", "),
            genome.full(table)
        ),
    );
    if genome.yes(&gene("target"), 20) {
        script.add(
            gene("target"),
            format!(
                "alter statistics {full} set statistics {}",
                genome.number(&gene("number"), 3)
            ),
        );
    }
}
