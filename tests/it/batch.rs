//! Sections in batches: every row exactly once, whatever happens in between.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::database::{Database, Session};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::run;
use super::support::{DEADLINE, until, within};

/// Counts how often a row was met.
pub(super) const COUNT: &str = "update t set n = n + 1 where id > :low and id <= :high;";

/// `a` makes the table `t`, `b` counts its rows in batches.
pub(super) fn project(table: &str, line: &str, statement: &str) -> Project {
    project_with(table, "", line, statement)
}

pub(super) fn project_with(table: &str, options: &str, line: &str, statement: &str) -> Project {
    let first = Migration::new("a").upgrade(table);
    let mut batches = Migration::new("b")
        .after("a")
        .upgrade(&format!("-- batch {line}\n{statement}"));
    if !options.is_empty() {
        batches = batches.options(options);
    }
    Project::empty().migration(&first).migration(&batches)
}

/// A table of so many rows, with ids from 1.
pub(super) fn table(rows: u32) -> String {
    format!(
        "create table t (id integer primary key, n integer not null default 0);\n\
         insert into t (id) select generate_series(1, {rows});"
    )
}

/// How many rows were met how often: `n|rows`.
pub(super) fn met(database: &Database<'_>) -> String {
    database.rows("select n, count(*) from t group by n order by n")
}

pub(super) fn up(project: &Project, database: &Database<'_>) {
    run(project, Some(database), "upgrade").status(0);
}

/// Waits for the row of `b` to be so.
pub(super) fn until_batch(database: &Database<'_>, condition: &str) {
    let session = database.session();
    let sql = format!("select count(*) from castoff.batch where revision = 'b' and {condition}");
    until(condition, DEADLINE, || {
        (session.try_rows(&sql).ok()? == "1\n").then_some(())
    });
}

/// Holds row `id` of `t` until the session is dropped.
pub(super) fn hold_row(database: &Database<'_>, id: u32) -> Session {
    let session = database.session();
    session.sql(&format!("begin; update t set n = n where id = {id}"));
    session
}

/// Waits until castoff waits for somebody's lock, and returns its backend.
pub(super) fn until_blocked(database: &Database<'_>) -> String {
    let session = database.session();
    let sql = "select pid from pg_stat_activity where datname = current_database() \
        and application_name like 'castoff on %' and wait_event_type = 'Lock'";
    until("castoff waits for a lock", DEADLINE, || {
        let pid = session.rows(sql);
        (!pid.is_empty()).then(|| pid.trim().to_owned())
    })
}

/// Numbers that look random, and the seed to repeat them with.
fn chances() -> impl Iterator<Item = u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = now.as_secs();
    eprintln!("seed {seed}");
    std::iter::successors(Some(seed), |number| {
        Some(
            number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    })
    .skip(1)
    .map(|number| number >> 33)
}

#[test]
fn killed_five_times_at_random_every_row_is_changed_exactly_once() {
    for (rows, deferred) in [(200_000_u32, ""), (40_000, " deferred")] {
        let database = Server::shared().database();
        let size = rows / 100;
        let line = format!("table=t key=id size={size} pause=1ms target=1s{deferred}");
        let project = project(&table(rows), &line, COUNT);
        let command = if deferred.is_empty() {
            run(&project, Some(&database), "upgrade a").status(0);
            "upgrade"
        } else {
            up(&project, &database);
            "backfill"
        };
        let most = u64::from(rows) * 7 / 10;
        let mut thresholds: Vec<u64> = chances().take(5).map(|chance| chance % most).collect();
        thresholds.sort_unstable();
        let session = database.session();
        let mut killed = 0;
        for threshold in thresholds {
            let mut running = project.castoff([command]).database(&database).spawn();
            let reached = format!(
                "select count(*) from castoff.batch where rows > {threshold} and status = 'running'"
            );
            until("it is far enough to be killed, or done", DEADLINE, || {
                let is_far = session.rows(&reached) == "1\n";
                (is_far || !running.is_running()).then_some(())
            });
            // Not only when a batch has just begun.
            let moment = Duration::from_micros(threshold * 7_919 % 10_000);
            within(moment, || (!running.is_running()).then_some(()));
            if running.is_running() {
                running.signal(Signal::SIGKILL);
                killed += 1;
            }
            running.wait(DEADLINE);
        }
        run(&project, Some(&database), command).status(0);
        assert_eq!(met(&database), format!("1|{rows}\n"));
        let state = "select status, rows, changed, last_key = end_key from castoff.batch";
        assert_eq!(database.rows(state), format!("done|{rows}|{rows}|t\n"));
        assert_eq!(
            database.rows("select revision from castoff.revision"),
            "b\n"
        );
        // Had the kills met nothing at work, this would show nothing.
        assert!(killed >= 2, "{killed}");
    }
}

#[test]
fn keys_of_every_type_are_covered_from_the_first_to_the_last() {
    for (columns, key, values) in [
        (
            "id integer primary key",
            "id",
            "values (-2147483648), (-2147483647), (-1), (0), (1), (2147483646), (2147483647)",
        ),
        (
            "id bigint primary key",
            "id",
            "values (-9223372036854775808), (0), (9223372036854775807), (5), (6), (7)",
        ),
        (
            "id text primary key",
            "id",
            "values (''), (' '), ('it''s'), (E'back\\\\slash'), ('$$'), ('ä'), ('Z'), (':low')",
        ),
        (
            "id char(3) primary key",
            "id",
            "values ('a'), ('ab'), ('abc'), ('b'), ('c'), ('')",
        ),
        (
            "id uuid primary key",
            "id",
            "select ('00000000-0000-0000-0000-00000000000' || g)::uuid from generate_series(0, 9) g",
        ),
        (
            "id numeric primary key",
            "id",
            "values (-1e30), (0), (0.1), (1.25), (1e30), ('NaN')",
        ),
        (
            "id double precision primary key",
            "id",
            "values ('-Infinity'), (0.1), (0.30000000000000004), (1e300), ('Infinity'), (0.3)",
        ),
        (
            "id timestamptz primary key",
            "id",
            "select '2026-03-29 00:00+00'::timestamptz + g * interval '13 minutes 1.000001 s' \
             from generate_series(0, 9) g",
        ),
        (
            "id date not null unique",
            "id",
            "select date '2026-01-05' + g from generate_series(0, 20) g",
        ),
        (
            "id bytea primary key",
            "id",
            "values (''), ('\\x00'), ('\\xff00'), ('\\x5c')",
        ),
        (
            "tenant smallint, \"Id\" text, primary key (tenant, \"Id\")",
            "tenant,\"Id\"",
            "select g % 3, 'x' || g from generate_series(1, 20) g",
        ),
    ] {
        let database = Server::shared().database();
        let name = database.name().to_owned();
        // What a key is printed as must not depend on what the database likes.
        database.sql(&format!(
            "alter database {name} set datestyle = 'SQL, DMY'; \
             alter database {name} set extra_float_digits = -10; \
             alter database {name} set bytea_output = 'escape'; \
             alter database {name} set timezone = 'Europe/Berlin'"
        ));
        let names = key.to_owned();
        let insert = if key == "id" { "id" } else { "tenant, \"Id\"" };
        let table = format!(
            "create table t ({columns}, n integer not null default 0);\ninsert into t ({insert}) {values};"
        );
        let statement =
            format!("update t set n = n + 1 where ({names}) > (:low) and ({names}) <= (:high);");
        let line = format!("table=t key={key} size=2 pause=0");
        up(&project(&table, &line, &statement), &database);
        let count = database.rows("select count(*) from t").trim().to_owned();
        assert_eq!(met(&database), format!("1|{count}\n"), "{columns}");
        let rows: i64 = count.parse().unwrap();
        let batches = "select rows, changed from castoff.batch";
        assert_eq!(
            database.rows(batches),
            format!("{rows}|{rows}\n"),
            "{columns}"
        );
        let several = "select batches > 1 from castoff.batch";
        assert_eq!(database.rows(several), "t\n", "{columns}");
    }
}

#[test]
fn an_empty_table_and_a_table_of_one_row_are_done_at_once() {
    for rows in [0, 1] {
        let database = Server::shared().database();
        let project = project(&table(rows), "table=t key=id", COUNT);
        up(&project, &database);
        let state = "select status, rows, changed, batches from castoff.batch";
        let expected = format!("done|{rows}|{rows}|{rows}\n");
        assert_eq!(database.rows(state), expected);
        let again = run(&project, Some(&database), "upgrade");
        assert_eq!(again.stderr, "castoff: up to date at b\n");
    }
}

#[test]
fn it_ends_while_rows_are_added_and_leaves_the_new_ones_alone() {
    let database = Server::shared().database();
    let project = project(
        &table(2_000),
        "table=t key=id size=50 target=1ms pause=1ms",
        COUNT,
    );
    run(&project, Some(&database), "upgrade a").status(0);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    let session = database.session();
    let mut next = 2_001;
    until("castoff ends", DEADLINE, || {
        let to = next + 500;
        session.sql(&format!(
            "insert into t (id) select generate_series({next}, {to})"
        ));
        next = to + 1;
        (!running.is_running()).then_some(())
    });
    running.wait(DEADLINE).status(0);
    let old = "select min(n), max(n) from t where id <= 2000";
    assert_eq!(database.rows(old), "1|1\n");
    let end = "select min(n) = 1 and max(n) = 1 from t, castoff.batch where id <= end_key[1]::int";
    assert_eq!(database.rows(end), "t\n");
    let new = "select coalesce(max(n), 0) from t, castoff.batch where id > end_key[1]::int";
    assert_eq!(database.rows(new), "0\n");
}

/// A section that waits for locks as long as it takes.
pub(super) fn patient(rows: u32) -> Project {
    let line = "table=t key=id size=50 pause=0";
    project_with(
        &table(rows),
        "lock_timeout=0 statement_timeout=0",
        line,
        COUNT,
    )
}

#[test]
fn a_terminated_backend_loses_the_batch_under_way_and_nothing_else() {
    let database = Server::shared().database();
    let project = patient(200);
    run(&project, Some(&database), "upgrade a").status(0);
    let holder = hold_row(&database, 120);
    let running = project.castoff(["upgrade"]).database(&database).spawn();
    let pid = until_blocked(&database);
    database.rows(&format!("select pg_terminate_backend({pid})"));
    running.wait(DEADLINE).status(12);
    let before = database.rows("select max(id) filter (where n = 1) from t");
    let last = database.rows("select last_key[1] from castoff.batch");
    assert_eq!(before, last);
    drop(holder);
    let finished = run(&project, Some(&database), "upgrade");
    finished.status(0);
    assert!(finished.stderr.contains("resuming b after"), "{finished}");
    assert_eq!(met(&database), "1|200\n");
}

#[test]
fn a_signal_rolls_the_batch_under_way_back() {
    for (command, deferred) in [("upgrade", ""), ("backfill", " deferred")] {
        let database = Server::shared().database();
        let line = format!("table=t key=id size=50 pause=0{deferred}");
        let options = "lock_timeout=0 statement_timeout=0";
        let project = project_with(&table(200), options, &line, COUNT);
        let before = if deferred.is_empty() {
            "upgrade a"
        } else {
            "upgrade"
        };
        run(&project, Some(&database), before).status(0);
        let holder = hold_row(&database, 60);
        let running = project.castoff([command]).database(&database).spawn();
        until_blocked(&database);
        running.signal(Signal::SIGTERM);
        let finished = running.wait(DEADLINE);
        finished.status(143);
        drop(holder);
        // Nobody failed: it was told to stop.
        let state = "select status, attempts, rows from castoff.batch";
        assert_eq!(database.rows(state), "running|0|50\n");
        assert_eq!(met(&database), "0|150\n1|50\n");
        run(&project, Some(&database), command).status(0);
        assert_eq!(met(&database), "1|200\n");
    }
}

#[test]
fn a_batch_that_cannot_be_done_stays_out_and_those_before_it_stay() {
    let database = Server::shared().database();
    let table = "create table t (id integer primary key, n integer not null default 0 check (n <> 5));\n\
        insert into t (id, n) select g, case g when 130 then 4 else 0 end from generate_series(1, 200) g;";
    let project = project(table, "table=t key=id size=50 pause=0 target=1h", COUNT);
    let failed = run(&project, Some(&database), "upgrade");
    failed.check(&expect![[r#"
        status 16
        --- stderr
        castoff: applied a Make a ([time])
        castoff: running b in batches
        error[batch-failed]: revision b stopped after 2 batches (110 rows)
          --> migrations/202601010002_b_make_b.sql:7 (statement 1 of 1)
           7 | update t set n = n + 1 where id > :low and id <= :high;
          caused by: 23514 new row for relation "t" violates check constraint "t_n_check"
          postgres detail: Failing row contains (130, 5).
          help: correct the cause and deploy again: the next start goes on where this one stopped
    "#]]);
    let outcome = "select outcome from castoff.history where revision = 'b'";
    assert_eq!(database.rows(outcome), "failed\n");
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "a\n"
    );
    database.sql("update t set n = 0 where id = 130");
    let mended = run(&project, Some(&database), "upgrade");
    mended.check(&expect![[r#"
        status 0
        --- stderr
        castoff: resuming b after 2 batches (110 rows)
        castoff: applied b Make b ([time])
        castoff: database is at b
    "#]]);
    assert_eq!(met(&database), "1|200\n");
}

#[test]
fn a_place_in_the_statement_is_shown_where_it_stands() {
    let database = Server::shared().database();
    let statement = "update t\nset n = n + 1\nwhere id > :low\n  and id <= :high\n  and nn = 0;";
    let project = project(&table(5), "table=t key=id", statement);
    let failed = run(&project, Some(&database), "upgrade");
    failed.status(16);
    let place = "  --> migrations/202601010002_b_make_b.sql:7 (statement 1 of 1)\n";
    assert!(failed.stderr.contains(place), "{failed}");
}

#[test]
fn a_key_that_would_leave_rows_out_is_refused_before_anything_runs() {
    let tables = "create table t (id integer, x integer not null, y integer not null, n integer);\n\
        create unique index on t (id);\ncreate unique index on t (x) where x > 0;\n\
        create unique index on t (x, y);\ncreate index on t (y);";
    for (line, expected) in [
        ("table=t key=id", "`id` of `t` may be null"),
        ("table=t key=x", "`t` has no unique index on (x)"),
        ("table=t key=y", "`t` has no unique index on (y)"),
        ("table=t key=y,x", "`t` has no unique index on (y, x)"),
        ("table=t key=z", "`t` has no column `z`"),
        ("table=u key=id", "there is no table `u`"),
    ] {
        let database = Server::shared().database();
        let project = project(tables, line, COUNT);
        run(&project, Some(&database), "upgrade a").status(0);
        let before = database.contents();
        let refused = run(&project, Some(&database), "upgrade");
        refused.status(15);
        let message = format!("error[batch-key]: revision b cannot run in batches: {expected}\n");
        assert!(refused.stderr.contains(&message), "{refused}");
        database.assert_unchanged(&before);
    }
}

#[test]
fn a_statement_is_repeated_until_it_changes_nothing() {
    let database = Server::shared().database();
    let statement = "delete from t where id in (select id from t where id % 2 = 0 limit :size);";
    let project = project(&table(1_000), "repeat table=t size=60 pause=0", statement);
    up(&project, &database);
    assert_eq!(
        database.rows("select count(*), max(id) from t"),
        "500|999\n"
    );
    let state = "select status, rows, changed, batches > 3 from castoff.batch";
    assert_eq!(database.rows(state), "done|500|500|t\n");
}

#[test]
fn a_statement_that_always_changes_something_is_ended() {
    let database = Server::shared().database();
    let statement = "update t set n = n + 1;";
    let project = project(&table(3), "repeat limit=5 pause=0", statement);
    run(&project, Some(&database), "upgrade a").status(0);
    let failed = run(&project, Some(&database), "upgrade");
    failed.check(&expect![[r#"
        status 16
        --- stderr
        castoff: running b in batches
        error[batch-endless]: revision b was repeated 5 times and still changes rows
          --> migrations/202601010002_b_make_b.sql:7 (statement 1 of 1)
           7 | update t set n = n + 1;
          help: make the statement leave out the rows that it has changed, or raise `limit=` on the `-- batch` line
    "#]]);
    assert_eq!(met(&database), "5|3\n");
}

#[test]
fn a_downgrade_section_may_run_in_batches_too_and_again() {
    let database = Server::shared().database();
    let batch = "-- batch table=t key=id size=50 pause=0\n";
    let back = "update t set n = n - 1 where id > :low and id <= :high;";
    let first = Migration::new("a").upgrade(&table(200));
    let second = Migration::new("b").after("a");
    let second = second
        .upgrade(&format!("{batch}{COUNT}"))
        .downgrade(&format!("{batch}{back}"));
    let project = Project::empty().migration(&first).migration(&second);
    for _ in 0..2 {
        up(&project, &database);
        assert_eq!(met(&database), "1|200\n");
        run(&project, Some(&database), "downgrade").status(0);
        assert_eq!(met(&database), "0|200\n");
    }
}

#[test]
fn how_fast_it_goes_may_be_changed_and_what_it_does_may_not() {
    let database = Server::shared().database();
    let stopped = |line: &str, statement: &str| {
        let options = "lock_timeout=10ms";
        project_with(&table(300), options, line, statement)
    };
    let line = "table=t key=id size=50 pause=0";
    let project = stopped(line, COUNT);
    run(&project, Some(&database), "upgrade a").status(0);
    let holder = hold_row(&database, 100);
    run(&project, Some(&database), "upgrade").status(16);
    drop(holder);
    let met_before = met(&database);
    assert!(met_before.contains("1|"), "{met_before}");
    let other = COUNT.replace("n + 1", "n + 2");
    let edited = stopped(line, &other);
    let refused = run(&edited, Some(&database), "upgrade");
    refused.status(16);
    assert!(refused.stderr.contains("error[batch-edited]"), "{refused}");
    assert_eq!(met(&database), met_before);
    let tuned = stopped("table=t key=id size=70 pause=1ms target=1s", COUNT);
    run(&tuned, Some(&database), "upgrade").status(0);
    assert_eq!(met(&database), "1|300\n");
    // And after it was applied.
    up(&project, &database);
    let refused = run(&edited, Some(&database), "upgrade");
    refused.status(14);
    assert!(
        refused.stderr.contains("error[checksum-mismatch]"),
        "{refused}"
    );
}

#[test]
fn what_is_wrong_with_a_batch_line_is_shown() {
    let project = project(
        &table(5),
        "table=t key=id",
        "update t set n = 1 where id >= :low;",
    );
    let refused = run(&project, None, "history");
    refused.check(&expect![[r#"
        status 17
        --- stderr
        error[batch-variable]: `:low` does not stand behind `>`
          --> migrations/202601010002_b_make_b.sql:7
           7 | update t set n = 1 where id >= :low;
          help: write `key > :low and key <= :high`, or `(a, b) > (:low) and (a, b) <= (:high)` for a key of two columns
    "#]]);
}

#[test]
fn a_partitioned_table_is_walked_along_as_one() {
    let database = Server::shared().database();
    let tables = "create table t (id integer primary key, n integer not null default 0) \
            partition by range (id);\n\
        create table t_low partition of t for values from (minvalue) to (40);\n\
        create table t_high partition of t for values from (40) to (maxvalue);\n\
        insert into t (id) select generate_series(1, 100);";
    let project = project(tables, "table=t key=id size=30 pause=0", COUNT);
    up(&project, &database);
    assert_eq!(met(&database), "1|100\n");
}
