//! Batch lines, and what they make of a statement.

use std::fmt::Write as _;

use super::*;

fn check(line: &str, expected: &str) {
    let shown = match parse(line) {
        Ok(None) => "prose".to_owned(),
        Ok(Some(batch)) => {
            let mut shown = batch.identity().trim_end().to_owned();
            write!(
                shown,
                " {} {:?} {:?}",
                batch.size, batch.pause, batch.target
            )
            .unwrap();
            if batch.deferred {
                shown += " deferred";
            }
            if let Some(query) = &batch.throttle {
                write!(shown, " [{query}]").unwrap();
            }
            shown
        }
        Err(problem) => format!("error: {problem}"),
    };
    assert_eq!(shown, expected, "{line}");
}

#[test]
fn a_batch_line_is_read() {
    check(
        "-- batch table=time_entry key=id size=10000 pause=50ms",
        "batch table=time_entry key=id 10000 50ms 500ms",
    );
    check(
        "--batch  key=Tenant,\"Id 2\" table=a.\"B c\" target=2s deferred pause=0",
        "batch table=a.\"B c\" key=tenant,Id 2 10000 0ns 2s deferred",
    );
    check(
        "-- batch repeat throttle=\"select \"\"a\"\" > 1\" size=5",
        "batch repeat 5 50ms 500ms [select \"a\" > 1]",
    );
}

#[test]
fn other_comments_are_prose() {
    for line in [
        "-- batches of rows",
        "-- batch: slow",
        "-- Batch it",
        "-- a batch",
        "--",
    ] {
        check(line, "prose");
    }
}

#[test]
fn what_would_be_ignored_is_refused() {
    for (line, expected) in [
        ("-- batch the rows", "unknown option `the` after `-- batch`"),
        (
            "-- batch table=t kye=id",
            "unknown option `kye` after `-- batch`",
        ),
        (
            "-- batch table=t key=id limit=5",
            "unknown option `limit` after `-- batch`",
        ),
        ("-- batch", "`-- batch` has no `table`"),
        ("-- batch table=t", "`-- batch` has no `key`"),
        (
            "-- batch repeat key=id",
            "option `key` does not go with `-- batch repeat`",
        ),
        (
            "-- batch repeat repeat",
            "option `repeat` of `-- batch` stands twice",
        ),
        (
            "-- batch repeat size=0",
            "`0` is not a number from 1 to 1000000, as `size` needs it",
        ),
        (
            "-- batch repeat size=4294967297",
            "`4294967297` is not a number from 1 to 1000000, as `size` needs it",
        ),
        (
            "-- batch repeat pause=5",
            "`5` is not a duration such as 500ms or 2s, as `pause` needs it",
        ),
        (
            "-- batch repeat target=0",
            "`0` is not longer than nothing, as `target` needs it",
        ),
        (
            "-- batch repeat deferred=yes",
            "`=yes` is not without a value, as `deferred` needs it",
        ),
        (
            "-- batch repeat throttle=1",
            "`1` is not a query between double quotes, as `throttle` needs it",
        ),
        (
            "-- batch repeat throttle=\"x",
            "`\"x` is not a value whose quotes are closed, as `throttle` needs it",
        ),
        (
            "-- batch table=t;x key=id",
            "`t;x` is not a name, as `table` needs it",
        ),
        (
            "-- batch table=t key=a,a",
            "`a,a` is not different columns, as `key` needs it",
        ),
        (
            "-- batch table=t key=a,",
            "`a,` is not names of columns, as `key` needs it",
        ),
    ] {
        check(line, &format!("error: {expected}"));
    }
}

fn check_statement(line: &str, statement: &str, expected: &str) {
    let batch = parse(line).unwrap().unwrap();
    let shown = match batch.check(statement, std::slice::from_ref(&(0..statement.len()))) {
        Ok(()) => "good".to_owned(),
        Err((problem, _)) => problem.to_string(),
    };
    assert_eq!(shown, expected, "{statement}");
}

#[test]
fn the_bounds_have_one_form() {
    let check = |statement, expected| {
        check_statement("-- batch table=t key=id", statement, expected);
    };
    check("update t set a = 1 where id > :low and id <= :high", "good");
    check(
        "delete from t where (a, b) > (:low) and (a, b) <= (:high)",
        "good",
    );
    let low = "`:low` does not stand behind `>`";
    check("update t set a = 1 where id >= :low and id <= :high", low);
    check("update t set a = 1 where id between :low and :high", low);
    check("select f(:low, :high)", low);
    check(
        "update t set a = 1 where id > :low and id < :high",
        "`:high` does not stand behind `<=`",
    );
    check(
        "update t set a = 1 where id > :low",
        "the statement has no `:high`",
    );
    check(
        "update t set a = ':low :high'",
        "the statement has no `:low`",
    );
    check("create table t ()", "`create` cannot run in batches");
    check("do 'x'", "`do` cannot run in batches");
    check_statement("-- batch repeat", "delete from t", "good");
    check_statement(
        "-- batch repeat size=7",
        "delete from t limit :size",
        "good",
    );
    check_statement(
        "-- batch repeat size=7",
        "delete from t",
        "the statement has no `:size`",
    );
}

#[test]
fn a_batch_gets_its_range() {
    let batch = parse("-- batch table=t key=id").unwrap().unwrap();
    let fill = |statement, is_first| {
        let bounds = Bounds {
            low: "'1'::int4".into(),
            high: "'9'::int4".into(),
            is_first,
        };
        batch.over_range(statement, &bounds).text
    };
    let statement = "delete from t where id > :low and id <= :high and x > 1";
    assert_eq!(
        fill(statement, false),
        "delete from t where id > '1'::int4 and id <= '9'::int4 and x > 1"
    );
    assert_eq!(
        fill(statement, true),
        "delete from t where id >= '1'::int4 and id <= '9'::int4 and x > 1"
    );
    assert_eq!(
        fill("… (id) > (:low) and (id) <= (:high)", true),
        "… (id) >= ('1'::int4) and (id) <= ('9'::int4)"
    );
    let batch = parse("-- batch repeat").unwrap().unwrap();
    assert_eq!(batch.repeated("… limit :size", 7).text, "… limit 7");
}
