use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::*;

fn event(message: &str, fields: &Value) -> Fields {
    Fields {
        message: message.to_owned(),
        others: fields.as_object().unwrap().clone(),
    }
}

#[test]
fn phases_and_steps_are_folded_from_the_story() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut status = Status::new(start);
    let mut tell = |seconds, fields: Value| {
        status.observe(&event("refused", &fields), at(seconds));
        status.clone()
    };
    tell(1, json!({"event": "phase", "phase": "waiting"}));
    let waiting = tell(2, json!({"event": "waiting"}));
    assert_eq!(waiting.cause.as_deref(), Some("refused"));
    let both = tell(3, json!({"event": "waiting", "target": "tcp://redis:6379"}));
    assert_eq!(both.awaited.len(), 2);
    let other = tell(3, json!({"event": "ready"}));
    let redis = Some("tcp://redis:6379".to_owned());
    assert_eq!(other.awaited.into_iter().collect::<Vec<_>>(), [redis]);
    let locking = tell(4, json!({"event": "phase", "phase": "locking"}));
    assert_eq!(locking.cause, None);
    assert!(locking.awaited.is_empty());
    tell(5, json!({"event": "phase", "phase": "migrating"}));
    tell(
        5,
        json!({"event": "applying", "revision": "a1", "step": 1, "steps": 3}),
    );
    let under_way = tell(
        6,
        json!({"event": "progress", "what": "x", "done": 5, "total": 9}),
    );
    assert_eq!(under_way.step, Some((1, 3)));
    assert_eq!(under_way.progress.unwrap().done, Some(5));
    let done = tell(
        7,
        json!({"event": "applied", "revision": "a1", "milliseconds": 1500}),
    );
    assert_eq!(done.progress, None);
    assert_eq!(
        done.applied,
        [("a1".to_owned(), Duration::from_millis(1500))]
    );
    let spent = |phase| done.time_in(phase, at(9)).as_secs();
    assert_eq!(spent(Phase::Waiting), 3);
    assert_eq!(spent(Phase::Locking), 1);
    assert_eq!(spent(Phase::Migrating), 4);
    assert_eq!(spent(Phase::Serving), 0);
}

/// Folds what a real run said, in JSON, and shows the status after each line that changed it.
fn check(recorded: &str, expected: &Expect) {
    let start = Instant::now();
    let mut status = Status::new(start);
    let mut shown = String::new();
    for line in recorded.lines() {
        let mut others: Map<String, Value> = serde_json::from_str(line).unwrap();
        let message = others.remove("message").unwrap();
        let event = event(message.as_str().unwrap(), &Value::Object(others));
        let before = format!("{status:?}");
        let change = status.observe(&event, start);
        let is_news = change != Change::Nothing;
        assert!(is_news || format!("{status:?}") == before, "{line}");
        if is_news {
            shown += &brief(&status);
        }
    }
    expected.assert_eq(&shown);
}

/// `migrating 2/3 b: cause | applied 1`.
fn brief(status: &Status) -> String {
    let mut line = status.phase.name().to_owned();
    if let Some((step, steps)) = status.step {
        write!(line, " {step}/{steps}").unwrap();
    }
    if let Some(revision) = &status.revision {
        write!(line, " {revision}").unwrap();
    }
    if let Some(cause) = &status.cause {
        write!(line, ": {}", cause.chars().take(50).collect::<String>()).unwrap();
    }
    let counts = [
        ("applied", status.applied.len()),
        ("reverted", status.reverted.len()),
        ("backfilled", status.backfilled.len()),
        ("retries", usize::try_from(status.retries).unwrap()),
    ];
    for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
        write!(line, " | {name} {count}").unwrap();
    }
    line + "\n"
}

#[test]
fn an_upgrade_that_waits_for_the_lock_and_has_batches() {
    check(
        include_str!("recorded/upgrade.jsonl"),
        &expect![[r#"
        waiting
        locking
        locking: waiting for the migration lock: held by `psql` (12
        migrating
        migrating 1/2 aaaa11
        migrating 1/2 aaaa11 | applied 1
        migrating 2/2 bbbb22 | applied 1
        migrating 2/2 bbbb22 | applied 1
        migrating 2/2 bbbb22 | applied 2
        done | applied 2
    "#]],
    );
}

#[test]
fn an_autocommit_section_that_is_blocked_and_one_that_is_deferred() {
    check(
        include_str!("recorded/autocommit.jsonl"),
        &expect![[r#"
        waiting
        locking
        migrating
        migrating 1/2 cccc33
        migrating 1/2 cccc33: waiting for a lock of `psql` (127.0.0.1, pid 22983
        migrating 1/2 cccc33 | applied 1
        migrating 2/2 dddd44 | applied 1
        migrating 2/2 dddd44 | applied 2
        done | applied 2
    "#]],
    );
}

#[test]
fn a_busy_table() {
    check(
        include_str!("recorded/locks.jsonl"),
        &expect![[r#"
        waiting
        locking
        migrating
        migrating 1/1 eeee55
        migrating 1/1 eeee55: eeee55 was refused a lock by `psql` (127.0.0.1, pi | retries 1
        migrating 1/1 eeee55: eeee55 was refused a lock by `psql` (127.0.0.1, pi | retries 2
        migrating 1/1 eeee55: eeee55 was refused a lock by `psql` (127.0.0.1, pi | retries 3
        migrating 1/1 eeee55: eeee55 was refused a lock by `psql` (127.0.0.1, pi | retries 4
        migrating 1/1 eeee55: eeee55 does not queue for `t` behind `psql` (127.0 | retries 4
        migrating 1/1 eeee55 | applied 1 | retries 4
        done | applied 1 | retries 4
    "#]],
    );
}

#[test]
fn a_server_that_is_restarted_in_the_middle() {
    check(
        include_str!("recorded/restart.jsonl"),
        &expect![[r#"
        waiting
        locking
        migrating
        migrating 1/3 cccc33
        migrating 1/3 cccc33 | applied 1
        migrating 2/3 dddd44 | applied 1
        migrating 2/3 dddd44 | applied 2
        migrating 3/3 eeee55 | applied 2
        waiting | applied 2
        waiting: waiting for database t@127.0.0.1:54999/app: connec | applied 2
        waiting: waiting for database t@127.0.0.1:54999/app: connec | applied 2
        waiting: waiting for database t@127.0.0.1:54999/app: the da | applied 2
        waiting | applied 2
        locking | applied 2
        migrating | applied 2
        migrating 1/1 eeee55 | applied 2
        migrating 1/1 eeee55 | applied 3
        done | applied 3
    "#]],
    );
}

#[test]
fn a_backfill_that_is_paused() {
    check(
        include_str!("recorded/paused.jsonl"),
        &expect![[r#"
        waiting
        locking
        migrating
        migrating dddd44
        migrating dddd44: dddd44 is paused: it goes on after `castoff backfi
        migrating dddd44
        migrating | backfilled 1
        done | backfilled 1
    "#]],
    );
}

#[test]
fn a_downgrade() {
    check(
        include_str!("recorded/downgrade.jsonl"),
        &expect![[r#"
        waiting
        locking
        migrating
        migrating 1/3 eeee55
        migrating 1/3 eeee55 | reverted 1
        migrating 2/3 dddd44 | reverted 1
        migrating 2/3 dddd44 | reverted 2
        migrating 3/3 cccc33 | reverted 2
        migrating 3/3 cccc33 | reverted 3
        done | reverted 3
    "#]],
    );
}

#[test]
fn what_is_waited_for_is_over_when_something_moves_on() {
    let now = Instant::now();
    let mut status = Status::new(now);
    let mut cause = |fields: Value| {
        status.observe(&event("why", &fields), now);
        status.cause.is_some()
    };
    let progress =
        |done, unit| json!({"event": "progress", "what": "b", "done": done, "unit": unit});
    assert!(cause(json!({"event": "blocked"})));
    assert!(cause(progress(1, "transactions")));
    assert!(
        cause(progress(2, "transactions")),
        "others are still waited for"
    );
    assert!(cause(progress(2, "blocks")), "nothing moved on");
    assert!(!cause(progress(3, "blocks")));
    assert!(cause(json!({"event": "throttled", "reason": "lag"})));
    assert!(!cause(json!({"event": "throttled"})));
    assert!(cause(json!({"event": "waiting"})));
    assert!(!cause(json!({"event": "ready"})));
    assert!(cause(json!({"event": "required"})));
    assert!(!cause(json!({"event": "backfilled", "revision": "b"})));
}

#[test]
fn an_error_keeps_the_step_in_which_it_came() {
    let start = Instant::now();
    let mut status = Status::new(start);
    status.enter(Phase::Migrating, start);
    status.observe(
        &event(
            "",
            &json!({"event": "applying", "revision": "b", "step": 2, "steps": 3}),
        ),
        start,
    );
    let later = start + Duration::from_secs(4);
    let failure = status.fail("apply-failed", 15, "no".to_owned(), later);
    assert_eq!(
        (failure.phase, failure.lasted.as_secs()),
        (Phase::Migrating, 4)
    );
    assert_eq!((status.phase, status.step), (Phase::Failed, Some((2, 3))));
    assert_eq!(status.revision.as_deref(), Some("b"));
    assert_eq!(status.error, Some(failure));
}
