//! The story on standard error: its levels, and its form for programs.

use expect_test::expect;
use serde_json::Value;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

#[test]
fn every_line_of_the_json_story_is_one_object() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .upgrade("select 'ä',\n nope;"),
    );
    let lines = [
        ("CASTOFF_TYPO=1 upgrade --log-format json", 15),
        ("CASTOFF_LOG_FORMAT=json CASTOFF_LOG=debug upgrade +1", 15),
        ("CASTOFF_LOG_FORMAT=json upgrade nope", 14),
        ("CASTOFF_LOG_FORMAT=json upgrade --wait-timeout soon", 10),
        ("CASTOFF_LOG_FORMAT=json DATABASE_URL=mysql://x upgrade", 10),
        ("CASTOFF_LOG_FORMAT=json upgrade --migrations nowhere", 17),
        ("--log-format json current", 0),
        ("--log-format json downgrade", 0),
    ];
    for (line, status) in lines {
        let finished = run(&project, Some(&database), line);
        finished.status(status);
        let mut last = Value::Null;
        for text in finished.stderr.lines() {
            last = serde_json::from_str(text).unwrap_or_else(|_| panic!("{line}: {text}"));
            assert!(
                last["timestamp"] == "[when]" && last["message"].is_string(),
                "{text}"
            );
        }
        if status != 0 {
            assert_eq!(last["exit_status"], status, "{line}");
            assert!(
                last["help"].is_string() && last["code"].is_string(),
                "{line}"
            );
        }
    }
    let said = run(&project, Some(&database), "upgrade --log-format json").stderr;
    let mut parts = said.split("milliseconds\":");
    let first = parts.next().unwrap().to_owned();
    let said = parts.fold(first, |said, part| {
        said + "milliseconds\":" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    expect![[r#"
        {"event":"phase","level":"info","message":"phase: waiting","phase":"waiting","previous":"starting","previous_milliseconds":,"timestamp":"[when]"}
        {"event":"phase","level":"info","message":"phase: locking","phase":"locking","previous":"waiting","previous_milliseconds":,"timestamp":"[when]"}
        {"event":"phase","level":"info","message":"phase: migrating","phase":"migrating","previous":"locking","previous_milliseconds":,"timestamp":"[when]"}
        {"event":"applying","level":"info","message":"1 of 2, aaaa11","revision":"aaaa11","step":1,"steps":2,"timestamp":"[when]"}
        {"event":"applied","level":"info","message":"applied aaaa11 Make aaaa11 ([time])","milliseconds":,"revision":"aaaa11","timestamp":"[when]"}
        {"event":"applying","level":"info","message":"2 of 2, bbbb22","revision":"bbbb22","step":2,"steps":2,"timestamp":"[when]"}
        {"causes":["42703 column \"nope\" does not exist"],"code":"apply-failed","event":"error","exit_status":15,"help":"correct the SQL and deploy again; the database is unchanged","level":"error","line":6,"message":"revision bbbb22 failed and was rolled back","path":"migrations/202601010002_bbbb22_make_bbbb22.sql","phase":"migrating","phase_milliseconds":,"timestamp":"[when]"}
    "#]].assert_eq(&said);
}

#[test]
fn the_levels_of_the_log_tell_more_or_less() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<- bbbb22<aaaa11");
    let lines = [
        "CASTOFF_TYPO=1 upgrade +1 --log error",
        "CASTOFF_TYPO=1 upgrade +1 --log warn",
        "downgrade --log debug",
    ];
    expect![[r#"
        $ castoff CASTOFF_TYPO=1 upgrade +1 --log error
        status 0

        $ castoff CASTOFF_TYPO=1 upgrade +1 --log warn
        status 0
        --- stderr
        castoff: warning: `CASTOFF_TYPO` is not an option of castoff, and is ignored

        $ castoff downgrade --log debug
        status 0
        --- stderr
        castoff: step 1 of 1: migrations/202601010002_bbbb22_make_bbbb22.sql
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: steps done: 1 ([time])
        castoff: database is at aaaa11

    "#]]
    .assert_eq(&transcript(&project, Some(&database), &lines));
}
