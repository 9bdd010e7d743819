use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::status::{Failure, Progress};

/// castoff began this long before the moment at which it is asked.
const AGE: Duration = Duration::from_secs(130);

/// A status in a phase that began a quarter of a minute ago, whose every text is a secret.
fn status(phase: Phase) -> (Status, Instant) {
    let start = Instant::now();
    let mut status = Status::new(start);
    status.enter(phase, start + AGE.saturating_sub(Duration::from_secs(15)));
    if phase == Phase::Starting {
        status.since = start;
    }
    status.cause = Some("waiting for secret_host: select secret".to_owned());
    status.revision = Some("secret_revision".to_owned());
    let took = Duration::from_secs(1);
    status.applied.push(("secret_applied".to_owned(), took));
    status.error = Some(Failure {
        code: "secret-code".to_owned(),
        exit_status: 1,
        phase: Phase::Migrating,
        lasted: AGE,
        message: "secret_error at secret_host".to_owned(),
    });
    (status, start + AGE)
}

fn progress(done: u64, total: Option<u64>, unit: &str, left_seconds: Option<u64>) -> Progress {
    Progress {
        what: "backfill secret_table".to_owned(),
        done: Some(done),
        total,
        unit: Some(unit.to_owned()),
        left_seconds,
    }
}

/// In the middle of the third of seven steps.
fn migrating() -> (Status, Instant) {
    let (mut status, now) = status(Phase::Migrating);
    status.step = Some((3, 7));
    status.progress = Some(progress(30_000, Some(100_000), "rows", Some(125)));
    (status, now)
}

/// What a person reads, a line for each piece of text, and what the bar says.
fn text(html: &str) -> String {
    let (_, body) = html.split_once("<main>").unwrap();
    let mut lines = String::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        if tag.starts_with("progress") {
            writeln!(lines, "[{tag}]").unwrap();
        }
        if !text.trim().is_empty() {
            writeln!(lines, "{text}").unwrap();
        }
    }
    lines
}

fn check((status, now): &(Status, Instant), expected: &Expect) {
    let html = html(status, *now);
    expected.assert_eq(&text(&html));
    let (_, title) = html.split_once("<title>").unwrap();
    let (title, _) = title.split_once("</title>").unwrap();
    assert!(html.contains(&format!("<h1>{title}</h1>")), "{html}");
}

#[test]
fn each_phase_is_told_in_plain_words() {
    check(
        &status(Phase::Starting),
        &expect![[r#"
        Starting
        The application will be here in a moment.
        [progress aria-label="Starting"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &status(Phase::Waiting),
        &expect![[r#"
        Waiting for the database
        The application starts as soon as everything it needs is there.
        [progress aria-label="Waiting for the database"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &status(Phase::Locking),
        &expect![[r#"
        Another instance is updating
        It prepares the data for the new version. The application starts when that is done.
        [progress aria-label="Another instance is updating"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &status(Phase::Migrating),
        &expect![[r#"
        Updating
        The data is being prepared for the new version. The application starts when that is done.
        [progress aria-label="Updating"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &migrating(),
        &expect![[r#"
            Updating: step 3 of 7
            The data is being prepared for the new version. The application starts when that is done.
            [progress aria-label="Updating: step 3 of 7" value="30" max="100"]
            30,000 of about 100,000 rows (30%)
            About 2 minutes left in this step
            Under way for 2 minutes. This page refreshes itself.
        "#]],
    );
    check(
        &status(Phase::HandingOver),
        &expect![[r#"
        Starting
        Everything is up to date. The application will be here in a moment.
        [progress aria-label="Starting"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &status(Phase::Serving),
        &expect![[r#"
        Starting
        Everything is up to date. The application will be here in a moment.
        [progress aria-label="Starting"]
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
    check(
        &status(Phase::Failed),
        &expect![[r#"
        Not available
        The application could not start just now. Those who run it find the reason in its log.
        Under way for 2 minutes. This page refreshes itself.
    "#]],
    );
}

/// What is told of how far it is, in one line.
#[track_caller]
fn check_far(step: Option<(u64, u64)>, progress: Progress, expected: &str) {
    let (mut status, now) = status(Phase::Migrating);
    status.step = step;
    status.progress = Some(progress);
    let text = text(&html(&status, now));
    let told: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("The ") && !line.starts_with("Under way"))
        .collect();
    let value = |line: &&str| line.starts_with('[');
    let bar = told.iter().find(|line| value(line)).unwrap();
    let bar = bar.split_once(" value=\"").map(|(_, rest)| rest);
    let bar = bar.and_then(|rest| rest.split('"').next()).unwrap_or("?");
    let told: Vec<&str> = told.into_iter().filter(|line| !value(line)).collect();
    assert_eq!(format!("{} | bar at {bar}", told.join(" | ")), expected);
}

#[test]
fn how_far_it_is_depends_on_what_is_known() {
    let check = check_far;
    let last = Some((2, 2));
    let all = progress(5, Some(10), "rows", Some(30));
    let rows = |done, total| progress(done, total, "rows", None);
    check(
        last,
        all.clone(),
        "Updating: step 2 of 2 | 5 of about 10 rows (50%) | About 30 seconds left | bar at 50",
    );
    check(
        None,
        all.clone(),
        "Updating | 5 of about 10 rows (50%) | About 30 seconds left | bar at ?",
    );
    check(
        Some((1, 1)),
        all.clone(),
        "Updating | 5 of about 10 rows (50%) | About 30 seconds left | bar at 50",
    );
    // A status that cannot be is no reason to show nonsense.
    check(
        Some((0, 3)),
        all.clone(),
        "Updating | 5 of about 10 rows (50%) | About 30 seconds left | bar at ?",
    );
    check(
        Some((4, 3)),
        all.clone(),
        "Updating | 5 of about 10 rows (50%) | About 30 seconds left | bar at ?",
    );
    // Too many for parts: one bar for all of them.
    check(
        Some((11, 40)),
        all,
        "Updating: step 11 of 40 | 5 of about 10 rows (50%) | About 30 seconds left in this step | bar at 26",
    );
    check(
        last,
        rows(5, None),
        "Updating: step 2 of 2 | 5 rows so far | bar at ?",
    );
    // The estimate is refuted.
    check(
        last,
        rows(11, Some(10)),
        "Updating: step 2 of 2 | 11 rows so far | bar at ?",
    );
    check(
        last,
        rows(0, Some(0)),
        "Updating: step 2 of 2 | 0 rows so far | bar at ?",
    );
    // Not done before it says so.
    check(
        last,
        rows(10, Some(10)),
        "Updating: step 2 of 2 | 10 of about 10 rows (99%) | bar at 99",
    );
    // What means nothing to visitors is a share, or nothing.
    check(
        last,
        progress(u64::MAX, Some(u64::MAX), "bytes", None),
        "Updating: step 2 of 2 | 99% of this step | bar at 99",
    );
    check(
        last,
        progress(5, None, "blocks", None),
        "Updating: step 2 of 2 | bar at ?",
    );
    check(
        last,
        progress(1, Some(9), "transactions", Some(3)),
        "Updating: step 2 of 2 | bar at ?",
    );
    check(
        last,
        progress(1, Some(9), "secret_unit", Some(3)),
        "Updating: step 2 of 2 | bar at ?",
    );
}

#[test]
fn what_is_waited_for_is_told_by_its_kind() {
    let check = |phase, awaited: &[Option<&str>], expected: &str| {
        let (mut status, now) = status(phase);
        let awaited = awaited.iter().map(|target| target.map(str::to_owned));
        status.awaited = awaited.collect();
        let shown = json(&status, now);
        let text = text(&html(&status, now));
        assert_eq!(text.lines().next(), Some(expected));
        assert!(text.contains(shown["message"].as_str().unwrap()), "{text}");
        assert!(!text.contains("secret"), "{text}");
    };
    let other = Some("tcp://secret_redis:6379");
    check(Phase::Waiting, &[None], "Waiting for the database");
    check(Phase::Waiting, &[None, other], "Waiting for the database");
    check(Phase::Waiting, &[other], "Waiting for another service");
    check(Phase::HandingOver, &[other], "Waiting for another service");
    check(Phase::HandingOver, &[], "Starting");
}

#[test]
fn each_part_of_the_bar_is_a_step() {
    let (status, now) = migrating();
    let html = html(&status, now);
    let (_, bar) = html.split_once("<div id=\"bar\">").unwrap();
    let (bar, _) = bar.split_once("</div>").unwrap();
    assert_eq!(
        bar,
        "<i class=\"done\"></i><i class=\"done\"></i>\
         <progress aria-label=\"Updating: step 3 of 7\" value=\"30\" max=\"100\"></progress>\
         <i></i><i></i><i></i><i></i>"
    );
}

#[test]
fn nothing_that_is_not_for_the_public_gets_out() {
    const ALL: &str =
        "{{left}}{{message}}{{percent}}{{phase}}{{progress}}{{refresh}}{{step}}{{steps}}{{title}}";
    super::check(ALL).unwrap();
    let others = Phase::ALL.into_iter().map(status);
    for (mut status, now) in others.chain([migrating()]) {
        let mut units = vec![status.progress.take()];
        units.push(Some(progress(1, Some(2), "secret_unit", Some(3))));
        units.push(Some(progress(1, Some(2), "rows", Some(3))));
        for progress in units {
            status.progress = progress;
            let shown = [
                html(&status, now),
                json(&status, now).to_string(),
                with(ALL, &status, now),
            ];
            for shown in shown {
                assert!(!shown.contains("secret"), "{shown}");
                assert!(!shown.contains("backfill"), "{shown}");
            }
        }
        // The status itself does hold them.
        assert!(format!("{status:?}").matches("secret").count() >= 6);
    }
}

#[test]
fn programs_get_the_same() {
    let check = |(status, now): (Status, Instant), expected: &Expect| {
        let mut text = serde_json::to_string_pretty(&json(&status, now)).unwrap();
        text.push('\n');
        expected.assert_eq(&text);
    };
    check(
        migrating(),
        &expect![[r#"
        {
          "left_seconds": 125,
          "message": "The data is being prepared for the new version. The application starts when that is done.",
          "percent": 32,
          "phase": "migrating",
          "progress": {
            "done": 30000,
            "percent": 30,
            "total": 100000,
            "unit": "rows"
          },
          "retry_after": 7,
          "status": "unavailable",
          "step": 3,
          "steps": 7
        }
    "#]],
    );
    check(
        status(Phase::Failed),
        &expect![[r#"
        {
          "left_seconds": null,
          "message": "The application could not start just now. Those who run it find the reason in its log.",
          "percent": null,
          "phase": "failed",
          "progress": null,
          "retry_after": 10,
          "status": "unavailable",
          "step": null,
          "steps": null
        }
    "#]],
    );
    // Keys are there in every phase.
    let keys = |phase| {
        let (status, now) = status(phase);
        let Value::Object(object) = json(&status, now) else {
            panic!("no object");
        };
        object.keys().cloned().collect::<Vec<_>>()
    };
    for phase in Phase::ALL {
        assert_eq!(keys(phase), keys(Phase::Migrating));
    }
}

#[test]
fn asking_again_is_worth_it_when_something_may_have_changed() {
    let start = Instant::now();
    let check = |phase, step, left, elapsed: u64, expected| {
        let mut status = Status::new(start);
        status.enter(phase, start);
        status.step = step;
        status.progress = Some(progress(1, Some(2), "rows", left));
        let now = start + Duration::from_secs(elapsed);
        assert_eq!(retry_after(&status, now), expected, "{phase:?} {left:?}");
    };
    check(Phase::Starting, None, None, 60, 1);
    check(Phase::Waiting, None, None, 0, 1);
    check(Phase::Waiting, None, None, 8, 4);
    check(Phase::Locking, None, None, 3600, 10);
    check(Phase::Migrating, Some((7, 7)), Some(0), 60, 1);
    check(Phase::Migrating, Some((7, 7)), Some(12), 60, 12);
    check(Phase::Migrating, Some((7, 7)), Some(3600), 60, 30);
    // More steps follow, and how long they take nobody knows.
    check(Phase::Migrating, Some((6, 7)), Some(12), 60, 10);
    check(Phase::HandingOver, None, None, 60, 1);
    check(Phase::Failed, None, None, 0, 10);
    // A clock that goes back is not an underflow.
    let mut status = Status::new(start + AGE);
    status.enter(Phase::Waiting, start + AGE);
    assert_eq!(retry_after(&status, start), 1);
}

#[test]
fn a_page_of_the_users_is_filled() {
    let (status, now) = migrating();
    let check = |template, expected: &str| {
        super::check(template).unwrap();
        assert_eq!(with(template, &status, now), expected);
    };
    check("", "");
    check("<b>é</b> {x} }}", "<b>é</b> {x} }}");
    check("<h1>{{title}}</h1>\n", "<h1>Updating: step 3 of 7</h1>\n");
    check(
        "{{phase}}, {{ step }}/{{steps}}: {{percent}}%",
        "migrating, 3/7: 32%",
    );
    check(
        "{{progress}}; {{left}}",
        "30,000 of about 100,000 rows (30%); About 2 minutes left",
    );
    check("content={{refresh}}", "content=7");
    // What nobody knows is empty.
    let (status, now) = super::tests::status(Phase::Waiting);
    let template = "[{{step}}{{steps}}{{percent}}{{progress}}{{left}}]";
    assert_eq!(with(template, &status, now), "[]");
}

#[test]
fn a_misspelled_placeholder_is_found() {
    let check = |template: &str, expected: &str| {
        let error = super::check(template).unwrap_err();
        assert_eq!(error.text, expected);
        assert_eq!(template[error.span.clone()], error.text);
        assert!(error.help().contains("`{{percent}}`"), "{}", error.help());
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("{{title}} {{tilte}}", "{{tilte}}");
    check("é{{Title}}", "{{Title}}");
    check("{{{title}}}", "{{{title}}");
    check("{{}}", "{{}}");
    check("a {{title\n}}", "{{title");
    check("a {{", "{{");
}

#[test]
fn the_policy_allows_the_style_and_the_script_of_the_page() {
    let (status, now) = migrating();
    let html = html(&status, now);
    for (kind, element) in [("script-src", "script"), ("style-src", "style")] {
        let (_, rest) = html.split_once(&format!("<{element}>")).unwrap();
        let (content, _) = rest.split_once(&format!("</{element}>")).unwrap();
        let source = format!("{kind} 'sha256-{}'", base64(&Sha256::digest(content)));
        assert!(CONTENT_SECURITY_POLICY.contains(&source), "write {source}");
    }
}

#[test]
fn the_page_is_small() {
    let (mut status, now) = migrating();
    status.step = Some((8, 16));
    let html = html(&status, now);
    assert!(html.len() < 4096, "{} bytes", html.len());
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0;
        for index in 0..3 {
            bits = bits << 8 | u32::from(three.get(index).copied().unwrap_or(0));
        }
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let known = digit <= three.len();
            text.push(if known {
                char::from(DIGITS[value as usize])
            } else {
                '='
            });
        }
    }
    text
}
