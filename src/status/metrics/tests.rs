use std::collections::{BTreeMap, BTreeSet};

use super::super::{Failure, Progress};
use super::*;

/// What is wrong with a page, by the rules of the format and of `promtool check metrics`.
fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut helps = BTreeSet::new();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut present = "";
    let mut series = BTreeSet::new();
    if !page.ends_with('\n') {
        faults.push("no end of line".to_owned());
    }
    for line in page.lines() {
        let mut fault = |what: &str| faults.push(format!("{what}: {line}"));
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap_or((help, ""));
            if text.is_empty() {
                fault("no help");
            }
            if !helps.insert(name) {
                fault("twice");
            }
            present = name;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap_or((kind, ""));
            if name != present || kinds.insert(name, kind).is_some() {
                fault("type without its help");
            }
            if (kind == "counter") != name.ends_with("_total") {
                fault("a counter ends with _total, and nothing else");
            }
            let units = ["milliseconds", "minutes", "hours", "days", "count", "sum"];
            if units.iter().any(|unit| name.ends_with(unit)) {
                fault("not a base unit");
            }
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap_or((line, ""));
            if value.parse::<f64>().is_err() {
                fault("no number");
            }
            if !series.insert(name.to_owned()) {
                fault("a series twice");
            }
            let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
            if name != present || !kinds.contains_key(name) {
                fault("outside its family");
            }
            if !name.starts_with("castoff_")
                || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            {
                fault("name");
            }
            if !are_labels(labels) {
                fault("labels");
            }
        }
    }
    faults
}

/// Whether a text is `name="value",…}` with everything escaped.
fn are_labels(text: &str) -> bool {
    let mut rest = text;
    loop {
        if rest == "}" {
            return true;
        }
        let Some((name, quoted)) = rest.split_once("=\"") else {
            return false;
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return false;
        }
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next() {
                Some((_, '\\')) => {
                    let escape = characters.next().map(|(_, escape)| escape);
                    if !matches!(escape, Some('\\' | '"' | 'n')) {
                        return false;
                    }
                }
                Some((at, '"')) => break at,
                Some((_, '\n')) | None => return false,
                Some(_) => {}
            }
        };
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let check = |page: &str, expected: &str| {
        let found = faults(page);
        assert!(
            found.iter().any(|fault| fault.starts_with(expected)),
            "{page}: {found:?}"
        );
    };
    let family =
        |rest: &str| format!("# HELP castoff_a_total x\n# TYPE castoff_a_total counter\n{rest}");
    assert_eq!(
        faults(&family("castoff_a_total{a=\"\\\"\\\\\\n\"} 1\n")),
        [""; 0]
    );
    check("castoff_a 1\n", "outside its family");
    check(&family("castoff_a_total 1"), "no end of line");
    check(&family("castoff_a_total x\n"), "no number");
    check(&family("castoff_b_total 1\n"), "outside its family");
    check(&family("castoff_a_total{a=\"\"\"} 1\n"), "labels");
    check(&family("castoff_a_total{a=\"\\x\"} 1\n"), "labels");
    check(
        &family("castoff_a_total 1\ncastoff_a_total 2\n"),
        "a series twice",
    );
    check(
        "# HELP castoff_a x\n# TYPE castoff_a counter\n",
        "a counter",
    );
    check("# HELP castoff_a \n", "no help");
    check("# TYPE castoff_a gauge\n", "type without");
    check("# HELP castoff_a x\n# HELP castoff_a x\n", "twice");
}

/// A status with everything in it.
fn full(began: Instant) -> Status {
    let at = |seconds| began + Duration::from_secs(seconds);
    let mut status = Status::new(began);
    status.started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_250);
    status.enter(Phase::Waiting, at(1));
    status.enter(Phase::Locking, at(3));
    status.enter(Phase::Migrating, at(6));
    status.step = Some((2, 7));
    status.retries = 3;
    status.applied = vec![("a\"1\\".to_owned(), Duration::from_millis(1500))];
    status.reverted = vec![
        ("b".to_owned(), Duration::from_millis(1)),
        ("b".to_owned(), Duration::from_millis(2)),
    ];
    status.progress = Some(Progress {
        what: "secret_table".to_owned(),
        done: Some(5),
        total: Some(9),
        unit: Some("rows".to_owned()),
        left_seconds: Some(40),
    });
    status.cause = Some("secret".to_owned());
    status
}

#[test]
fn every_page_keeps_the_rules() {
    let began = Instant::now();
    let now = began + Duration::from_secs(10);
    let mut failed = full(began);
    failed.error = Some(Failure {
        code: "apply-failed".to_owned(),
        exit_status: 15,
        phase: Phase::Migrating,
        lasted: Duration::ZERO,
        message: "secret".to_owned(),
    });
    for status in [Status::new(began), full(began), failed] {
        let page = render(&status, now);
        assert_eq!(faults(&page), [""; 0], "{page}");
        assert!(!page.contains("secret"), "{page}");
    }
}

#[test]
fn the_samples_say_what_the_status_says() {
    let began = Instant::now();
    let page = render(&full(began), began + Duration::from_secs(10));
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    expect_test::expect![[r#"
        castoff_info{version="0.1.0"} 1
        castoff_start_time_seconds 1790000000.250
        castoff_phase{phase="starting"} 0
        castoff_phase{phase="waiting"} 0
        castoff_phase{phase="locking"} 0
        castoff_phase{phase="migrating"} 1
        castoff_phase{phase="handing-over"} 0
        castoff_phase{phase="serving"} 0
        castoff_phase{phase="done"} 0
        castoff_phase{phase="failed"} 0
        castoff_phase_seconds{phase="starting"} 1.000
        castoff_phase_seconds{phase="waiting"} 2.000
        castoff_phase_seconds{phase="locking"} 3.000
        castoff_phase_seconds{phase="migrating"} 4.000
        castoff_phase_seconds{phase="handing-over"} 0.000
        castoff_wait_seconds 2.000
        castoff_lock_wait_seconds 3.000
        castoff_migration_duration_seconds{revision="a\"1\\",direction="upgrade"} 1.500
        castoff_migration_duration_seconds{revision="b",direction="downgrade"} 0.002
        castoff_migrations_total{direction="upgrade"} 1
        castoff_migrations_total{direction="downgrade"} 2
        castoff_migrations_total{direction="backfill"} 0
        castoff_lock_retries_total 3
        castoff_steps 7
        castoff_step 2
        castoff_progress_units{unit="rows"} 5
        castoff_progress_units_expected{unit="rows"} 9
        castoff_progress_left_seconds 40
        castoff_exit_status 0
    "#]]
    .assert_eq(&(samples.join("\n") + "\n"));
}
