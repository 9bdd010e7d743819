//! What the user wants done around the migrations: commands, and files of SQL.

use expect_test::expect;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use super::support::DEADLINE;
use super::support::castoff::{Castoff, Running};
use super::support::project::{Migration, Project};
use super::support::server::{Server, is_gone};
use super::support::transcript::{prepare, run, transcript};
use super::support::until;

/// A shell script as a hook, called with a word.
fn with_hook(project: Project, script: &str) -> Project {
    project.file("hook.sh", script)
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path(name)).unwrap_or_default()
}

/// Signals 32 and 33 belong to the C library.
const LIBC: u64 = 0x1_8000_0000;

const BOTH: &str = "CASTOFF_BEFORE='/bin/sh hook.sh before' CASTOFF_AFTER='/bin/sh hook.sh after'";

#[test]
fn hooks_run_around_what_is_applied_and_know_the_plan() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .options("destructive")
            .upgrade("drop table t_aaaa11;")
            .downgrade("create table t_aaaa11 ();"),
    );
    let project = with_hook(
        project,
        "echo \"$1 says hello\"; /bin/cat > $1.json; env > $1.env; grep Sig /proc/self/status > $1.sig",
    );
    let line = format!("CASTOFF_DATABASE_URL={} {BOTH} upgrade", database.url());
    let finished = prepare(&project, Some(&database), &line)
        .env("CASTOFF_PLACEHOLDER_X", "shh, a value")
        .env("PATH", "/bin:/usr/bin")
        .output();
    finished.check(&expect![[r#"
        status 0
        --- stderr
        before says hello
        castoff: before hook `/bin/sh` is done ([time])
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: applied bbbb22 Make bbbb22 ([time])
        after says hello
        castoff: after hook `/bin/sh` is done ([time])
        castoff: database is at bbbb22
    "#]]);
    let before: Value = serde_json::from_str(&read(&project, "before.json")).unwrap();
    let after: Value = serde_json::from_str(&read(&project, "after.json")).unwrap();
    assert_eq!(before["hook"], "before");
    assert_eq!(before["position"], serde_json::json!([]));
    assert_eq!(after["position"], serde_json::json!(["bbbb22"]));
    assert!(
        before["database"]
            .as_str()
            .unwrap()
            .contains(database.name())
    );
    for document in [&before, &after] {
        assert!(!document.to_string().contains(super::support::PASSWORD));
        assert_eq!(document["steps"][0]["destructive"], serde_json::json!([]));
        assert_eq!(document["steps"][1]["revision"], "bbbb22");
        assert_eq!(document["steps"][1]["destructive"][0]["loss"], "drop table");
    }
    let environment = read(&project, "before.env");
    assert!(
        environment.contains("DATABASE_URL=postgres"),
        "{environment}"
    );
    for hidden in ["CASTOFF_DATABASE_URL", "CASTOFF_PLACEHOLDER_X"] {
        assert!(!environment.contains(hidden), "{environment}");
    }
    for line in read(&project, "before.sig").lines() {
        let (name, mask) = line.split_once(":\t").unwrap();
        if ["SigBlk", "SigIgn"].contains(&name) {
            let mask = u64::from_str_radix(mask, 16).unwrap();
            assert_eq!(mask & !LIBC, 0, "{line}");
        }
    }
    // Nothing to do, nothing to run.
    std::fs::remove_file(project.path("before.json")).unwrap();
    run(&project, Some(&database), &format!("{BOTH} upgrade")).status(0);
    assert_eq!(read(&project, "before.json"), "");
    // A way back has a plan as well.
    run(&project, Some(&database), &format!("{BOTH} downgrade")).status(0);
    let before: Value = serde_json::from_str(&read(&project, "before.json")).unwrap();
    assert_eq!(before["position"], serde_json::json!(["bbbb22"]));
    assert_eq!(before["steps"][0]["direction"], "downgrade");
    let stamp = format!("{BOTH} stamp head");
    std::fs::remove_file(project.path("before.json")).unwrap();
    run(&project, Some(&database), &stamp).status(0);
    assert_eq!(read(&project, "before.json"), "");
}

#[test]
fn a_failing_hook_says_what_it_means_for_the_database() {
    let database = Server::shared().database();
    let project = with_hook(
        Project::with("aaaa11<-"),
        "echo 'no room on the device' >&2; exit 7",
    )
    .file("not-executable", "");
    let before = database.contents();
    let lines = [
        "upgrade --before '/bin/sh hook.sh'",
        "upgrade --before ./no-such-program",
        "upgrade --after no-such-program",
        "upgrade --before ./not-executable",
        "upgrade --before '/bin/sh -c \"kill -9 $$\"'",
        "upgrade --before \"pg_dump",
        "upgrade --hook-timeout soon",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade --before '/bin/sh hook.sh'
        status 18
        --- stderr
        no room on the device
        error[hook-failed]: the `before` hook failed: `/bin/sh` ended with status 7
          help: correct what it says; no migration was applied

        $ castoff upgrade --before ./no-such-program
        status 18
        --- stderr
        error[hook-failed]: the `before` hook cannot be started
          caused by: `./no-such-program` is not found
          help: correct the path in CASTOFF_BEFORE

        $ castoff upgrade --after no-such-program
        status 18
        --- stderr
        error[hook-failed]: the `after` hook cannot be started
          caused by: `no-such-program` is not found
          help: write the full path in CASTOFF_AFTER, or correct PATH

        $ castoff upgrade --before ./not-executable
        status 18
        --- stderr
        error[hook-failed]: the `before` hook cannot be started
          caused by: `./not-executable` cannot be executed
          caused by: permission denied
          help: make it executable with `chmod +x`, and check that it is built for this machine

        $ castoff upgrade --before '/bin/sh -c "kill -9 $$"'
        status 18
        --- stderr
        error[hook-failed]: the `before` hook failed: `/bin/sh` ended with signal 9
          help: correct what it says; no migration was applied

        $ castoff upgrade --before "pg_dump
        status 10
        --- stderr
        error[config-value]: `--before`: `"pg_dump` is not a program and its arguments, with every quote closed
          help: set `--before` to a program and its arguments, with every quote closed

        $ castoff upgrade --hook-timeout soon
        status 10
        --- stderr
        error[config-value]: `--hook-timeout`: `soon` is not a duration such as 90s, 500ms or 2m
          help: set `--hook-timeout` to a duration such as 90s, 500ms or 2m

    "#]].assert_eq(&said);
    database.assert_unchanged(&before);
    let lines = ["run --after '/bin/sh hook.sh' -- /bin/echo served"; 2];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff run --after '/bin/sh hook.sh' -- /bin/echo served
        status 18
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        no room on the device
        error[after-hook-failed]: the `after` hook failed: `/bin/sh` ended with status 7
          help: correct what it says; the migrations are applied and stay, and the next start does not run it again

        $ castoff run --after '/bin/sh hook.sh' -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: up to date at aaaa11

    "#]].assert_eq(&said);
}

/// Starts castoff with a hook that runs until it is ended, and returns its number and that of a
/// process that it started.
fn start_endless(castoff: Castoff<'_>, project: &Project) -> (Running, [Pid; 2]) {
    let running = castoff.spawn();
    let pids = until("the hook runs", DEADLINE, || {
        let text = read(project, "pids");
        let mut pids = text.strip_suffix('\n')?.split(' ');
        let mut next = || Some(Pid::from_raw(pids.next()?.parse().ok()?));
        Some([next()?, next()?])
    });
    (running, pids)
}

fn until_gone(pids: [Pid; 2]) {
    until("the hook and what it started are gone", DEADLINE, || {
        pids.iter().all(|pid| is_gone(*pid)).then_some(())
    });
}

/// Ends castoff while its hook runs, and returns what the hook said to that.
fn end_with(trap: &str) -> String {
    let database = Server::shared().database();
    let script = format!(
        "{trap}; (while :; do sleep 0.05; done) & echo $$ $! > pids.new; \
         mv pids.new pids; while :; do sleep 0.05; done"
    );
    let project = with_hook(Project::with("aaaa11<-"), &script);
    let before = database.contents();
    let line = format!("{BOTH} run -- /bin/true");
    let castoff = prepare(&project, Some(&database), &line);
    let (running, pids) = start_endless(castoff.env("PATH", "/bin:/usr/bin"), &project);
    let locks = "select count(*) from pg_locks where locktype = 'advisory' \
                 and database = (select oid from pg_database where datname = current_database())";
    assert_eq!(database.rows(locks), "1\n", "the lock is held meanwhile");
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
    until_gone(pids);
    database.assert_unchanged(&before);
    read(&project, "ended")
}

#[test]
fn a_hook_is_ended_with_castoff() {
    assert_eq!(end_with("trap '' TERM"), "");
    // It has a quarter of a second, in which a busy machine may not get to it.
    let told = (0..10).any(|_| end_with("trap 'echo $1 >> ended; exit' TERM") == "before\n");
    assert!(told, "the signal never reached the hook");
}

#[test]
fn a_hook_has_its_time() {
    let database = Server::shared().database();
    let project = with_hook(
        Project::with("aaaa11<-"),
        "(while :; do sleep 0.05; done) & echo $$ $! > pids.new; mv pids.new pids; wait",
    );
    let line = "upgrade --hook-timeout 5s --before '/bin/sh hook.sh'";
    let castoff = prepare(&project, Some(&database), line).env("PATH", "/bin:/usr/bin");
    let (running, pids) = start_endless(castoff, &project);
    running.wait(DEADLINE).check(&expect![[r#"
        status 18
        --- stderr
        error[hook-failed]: the `before` hook failed: `/bin/sh` had not ended after 5 s
          help: see what keeps it, or raise --hook-timeout (CASTOFF_HOOK_TIMEOUT); no migration was applied
    "#]]);
    until_gone(pids);
}

#[test]
fn a_hook_need_not_read_what_it_is_told() {
    let database = Server::shared().database();
    // More than a pipe holds.
    let long = format!("select '{}';", "x".repeat(300_000));
    let project = Project::empty().migration(&Migration::new("aaaa11").upgrade(&long));
    let line = "upgrade --before /bin/true --after /bin/true";
    run(&project, Some(&database), line).status(0);
}

#[test]
fn files_of_sql_run_around_the_migrations() {
    let server = Server::shared();
    let project = Project::with("aaaa11<- bbbb22<aaaa11")
        .file("migrations/before.sql", "-- upgrade\nselect set_config('a.b', 'c', true);\ncreate table if not exists noted (what text);\ninsert into noted values ('before ' || current_setting('a.b'));\n")
        .file("migrations/after.sql", "copy noted from stdin;\nafter\n\\.\ninsert into noted select 'tables ' || count(*) from pg_tables where tablename like 't_%'");
    let database = server.database();
    let said = transcript(
        &project,
        Some(&database),
        &[
            "upgrade aaaa11",
            "upgrade",
            "upgrade",
            "bundle -o app",
            "history",
        ],
    );
    expect![[r#"
        $ castoff upgrade aaaa11
        status 0
        --- stderr
        castoff: before.sql is done ([time])
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: after.sql is done ([time])
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: postgres: relation "noted" already exists, skipping
        castoff: before.sql is done ([time])
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: after.sql is done ([time])
        castoff: database is at bbbb22

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at bbbb22

        $ castoff bundle -o app
        status 0
        --- stderr
        castoff: embedded 2 migrations in app

        $ castoff history
        status 0
        --- stdout
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11

    "#]]
    .assert_eq(&said);
    assert_eq!(
        database.rows("select what from noted"),
        "before c\nafter\ntables 1\nbefore c\nafter\ntables 2\n"
    );
    let bundled = server.database();
    let finished = Castoff::program(project.directory(), &project.path("app"))
        .args(["upgrade"])
        .database(&bundled)
        .output();
    finished.status(0);
    assert_eq!(
        bundled.rows("select what from noted"),
        "before c\nafter\ntables 2\n"
    );
}

#[test]
fn a_file_of_sql_that_fails_is_shown_with_its_place() {
    let database = Server::shared().database();
    let before = database.contents();
    for (name, sql) in [
        ("before", "create table x ();\nselect 1,\n    nope;"),
        ("before", "select 1;\nvacuum;"),
        ("before", "begin;"),
        ("after", "select '"),
    ] {
        let project = Project::with("aaaa11<-").file(&format!("migrations/{name}.sql"), sql);
        let finished = run(&project, Some(&database), "upgrade");
        assert_ne!(finished.status, super::support::castoff::Status::Code(0));
        database.assert_unchanged(&before);
    }
    let failing = Project::with("aaaa11<-").file(
        "migrations/before.sql",
        "create table x ();\nselect 1,\n    nope;",
    );
    let said = transcript(&failing, Some(&database), &["upgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 18
        --- stderr
        error[hook-failed]: `before.sql` failed and was rolled back
          --> migrations/before.sql:3 (statement 2 of 2)
           3 |     nope;
          caused by: 42703 column "nope" does not exist
          help: correct what it says; no migration was applied

    "#]]
    .assert_eq(&said);
    let failing = Project::with("aaaa11<-").file("migrations/after.sql", "drop table nobodys;");
    let said = transcript(&failing, Some(&database), &["upgrade", "upgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 18
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        error[after-hook-failed]: `after.sql` failed and was rolled back
          --> migrations/after.sql:1 (statement 1 of 1)
           1 | drop table nobodys;
          caused by: 42P01 table "nobodys" does not exist
          help: correct what it says; the migrations are applied and stay, and the next start does not run it again

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at aaaa11

    "#]].assert_eq(&said);
    let unsuitable = Project::with("aaaa11<-").file("migrations/before.sql", "select 1;\nvacuum;");
    let said = transcript(&unsuitable, None, &["bundle -o app"]);
    expect![[r#"
        $ castoff bundle -o app
        status 17
        --- stderr
        error[autocommit-in-hook]: `vacuum` in a hook, which runs in a transaction
          --> migrations/before.sql:2 (statement 2 of 2)
           2 | vacuum;
          help: move it to a migration of its own, or to a command in CASTOFF_BEFORE

    "#]]
    .assert_eq(&said);
}
