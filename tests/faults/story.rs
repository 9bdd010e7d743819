//! What castoff is doing when it is disturbed. Every statement that changes rows adds to what is
//! there, so that running twice shows.

use super::support::project::{Migration, Project};

/// A project, a command, and what an undisturbed run of it comes to.
pub(crate) struct Story {
    /// As a failure names it.
    pub(crate) name: &'static str,
    /// The migrations.
    pub(crate) project: Project,
    /// What is run undisturbed before.
    pub(crate) before: Option<[&'static str; 2]>,
    /// What is disturbed.
    pub(crate) command: [&'static str; 2],
}

/// All of them.
pub(crate) fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "transactions",
            project: transactions(),
            before: None,
            command: ["upgrade", "head"],
        },
        Story {
            name: "transactions, back",
            project: transactions(),
            before: Some(["upgrade", "head"]),
            command: ["downgrade", "base"],
        },
        Story {
            name: "autocommit",
            project: autocommit(),
            before: Some(["upgrade", "table"]),
            command: ["upgrade", "head"],
        },
        Story {
            name: "batches",
            project: batches(),
            before: Some(["upgrade", "table"]),
            command: ["upgrade", "head"],
        },
        Story {
            name: "branches",
            project: Project::with("a<- b<a c<a d<b,c e<d f<d g<e,f"),
            before: None,
            command: ["upgrade", "head"],
        },
    ]
}

fn lines(numbers: std::ops::Range<u32>, line: impl Fn(u32) -> String) -> String {
    numbers.fold(String::new(), |text, number| text + &line(number) + "\n")
}

fn transactions() -> Project {
    let rows = lines(0..400, |id| {
        format!("insert into t (id, note) values ({id}, repeat('x', 200));")
    });
    let copied = lines(400..900, |id| format!("{id}\tcopied"));
    let steps = [
        (
            "create table t (id integer primary key, note text, n integer not null default 0);\n\
             create table ran (id text);"
                .to_owned(),
            "drop table ran;\ndrop table t;",
        ),
        (rows, "delete from t where id < 400;"),
        (
            format!("copy t (id, note) from stdin;\n{copied}\\.\ninsert into ran values ('copy');"),
            "delete from t where id between 400 and 899;\ndelete from ran where id = 'copy';",
        ),
        (
            "update t set n = n + 1;\ninsert into ran values ('update');".to_owned(),
            "update t set n = n - 1;\ndelete from ran where id = 'update';",
        ),
        (
            "create function f() returns integer language sql begin_body;\n\
             create index t_note on t (note);\n\
             alter table t add column late integer not null default 7;"
                .replace("begin_body", "as 'select 1; select 2'"),
            "alter table t drop column late;\ndrop index t_note;\ndrop function f();",
        ),
        (
            // Larger than what the server keeps of a table in memory, for the sake of full disks.
            "insert into t (id, note) select g, repeat(g::text, 50) from generate_series(1000, 9000) g;"
                .to_owned(),
            "delete from t where id >= 1000;",
        ),
    ];
    let mut project = Project::empty();
    for (number, (up, down)) in steps.iter().enumerate() {
        let mut migration = Migration::new(&format!("r{number}"))
            .upgrade(up)
            .downgrade(down);
        if let Some(parent) = number.checked_sub(1) {
            migration = migration.after(&format!("r{parent}"));
        }
        project = project.migration(&migration);
    }
    project
}

fn batches() -> Project {
    let table = "create table t (id integer primary key, n integer not null);\n\
                 insert into t select g, 0 from generate_series(1, 3000) g;\n\
                 create table ran (id text);";
    let batches = "-- batch table=t key=id size=200 pause=0ms\n\
                   update t set n = n + 1 where id > :low and id <= :high;";
    Project::empty()
        .migration(&Migration::new("table").upgrade(table))
        .migration(&Migration::new("batch").after("table").upgrade(batches))
        .migration(
            &Migration::new("after")
                .after("batch")
                .upgrade("insert into ran values ('after');"),
        )
}

fn autocommit() -> Project {
    let table = "create table t (id integer primary key, a integer, b text, n integer not null);\n\
                 insert into t select g, g % 10, g::text, 0 from generate_series(1, 2000) g;\n\
                 create index t_old on t (b);\n\
                 create type mood as enum ('ok');\n\
                 create table ran (id text);";
    let section = "create index concurrently t_a on t (a);\n\
                   insert into ran values ('between');\n\
                   create unique index concurrently t_b on t (b, id);\n\
                   drop index concurrently t_old;\n\
                   update t set n = n + 1;\n\
                   vacuum t;\n\
                   alter type mood add value 'good';\n\
                   insert into ran values ('last');";
    Project::empty()
        .migration(&Migration::new("table").upgrade(table))
        .migration(
            &Migration::new("index")
                .after("table")
                .options("autocommit")
                .upgrade(section),
        )
        .migration(
            &Migration::new("after")
                .after("index")
                .upgrade("insert into ran values ('after');"),
        )
}
