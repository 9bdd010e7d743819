//! `castoff wait --revision`: until another Job or pod has applied it.

use expect_test::expect;
use nix::sys::signal::Signal;

use super::support::castoff::{Castoff, Running};
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::{Server, free_port};
use super::support::transcript::{prepare, run, transcript};
use super::support::{AT_GATE, DEADLINE, PASSWORD, until};

fn older() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11")
}

fn newer() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22")
}

fn wait<'p>(project: &'p Project, database: &Database<'_>, revision: &str) -> Castoff<'p> {
    let line = format!("wait --wait-timeout 1h --revision {revision}");
    prepare(project, Some(database), &line)
}

fn connections(database: &Database<'_>) -> String {
    database.rows(
        "select count(*) from pg_stat_activity where application_name like 'castoff on %' \
         and datname = current_database()",
    )
}

#[test]
fn it_waits_while_another_castoff_migrates() {
    let database = Server::shared().database();
    let gate = Migration::new("bbbb22").after("aaaa11").upgrade(AT_GATE);
    let project = Project::with("aaaa11<-").migration(&gate);
    let mut waiting = wait(&project, &database, "head").spawn();
    waiting.stderr_until("no ledger yet", DEADLINE);
    let castoff = project.castoff(["upgrade", "aaaa11"]).database(&database);
    castoff.output().status(0);
    waiting.stderr_until("the database is at aaaa11", DEADLINE);
    database.sql("create table gate ()");
    let gate = database.session();
    gate.sql("begin; lock table gate in share mode");
    let migrating = project.castoff(["upgrade"]).database(&database).spawn();
    let at_gate = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' \
        and datname = current_database()";
    until("castoff waits at the gate", DEADLINE, || {
        (database.rows(at_gate) == "1\n").then_some(())
    });
    // Neither the lock, nor the migration that is under way, is in its way or ends its wait.
    assert!(waiting.is_running());
    let locks = "select count(distinct pid) from pg_locks where locktype = 'advisory' and database = \
        (select oid from pg_database where datname = current_database())";
    assert_eq!(database.rows(locks), "1\n");
    drop(gate);
    migrating.wait(DEADLINE).status(0);
    let finished = waiting.wait(DEADLINE);
    finished.status(0);
    // Between the two it may have seen the ledger that was just made, and is empty.
    let expected = [
        "castoff: waiting for revision bbbb22: the database has no ledger yet\n",
        "castoff: waiting for revision bbbb22: the database is at aaaa11\n\
         castoff: revision bbbb22 is applied ([time])\n",
    ];
    assert!(finished.stderr.starts_with(expected[0]), "{finished}");
    assert!(finished.stderr.ends_with(expected[1]), "{finished}");
    let lines = [
        "wait --revision head",
        "wait --revision aaaa",
        "wait --revision heads",
    ];
    expect![[r#"
        $ castoff wait --revision head
        status 0
        --- stderr
        castoff: revision bbbb22 is applied

        $ castoff wait --revision aaaa
        status 0
        --- stderr
        castoff: revision aaaa11 is applied

        $ castoff wait --revision heads
        status 0
        --- stderr
        castoff: revision bbbb22 is applied

    "#]]
    .assert_eq(&transcript(&project, Some(&database), &lines));
}

#[test]
fn the_deadline_says_where_the_database_is() {
    let database = Server::shared().database();
    let project = newer();
    let late = |revision: &str| format!("wait --wait-timeout 3s --revision {revision}");
    let lines = [late("head"), "upgrade bbbb22".to_owned(), late("cccc")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    expect![[r#"
        $ castoff wait --wait-timeout 3s --revision head
        status 11
        --- stderr
        castoff: waiting for revision cccc33: the database has no ledger yet
        error[revision-not-applied]: revision cccc33 is not applied after 3 s: the database has no ledger yet
          help: see what became of the Job or pod that migrates, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

        $ castoff upgrade bbbb22
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22

        $ castoff wait --wait-timeout 3s --revision cccc
        status 11
        --- stderr
        castoff: waiting for revision cccc33: the database is at bbbb22
        error[revision-not-applied]: revision cccc33 is not applied after 3 s: the database is at bbbb22
          help: see what became of the Job or pod that migrates, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

    "#]].assert_eq(&transcript(&project, Some(&database), &lines));
    // Together with what else is late, and with a database that is not there.
    let line = "wait --wait-timeout 3s --revision head --for file:never";
    let finished = run(&project, Some(&database), line);
    finished.status(11);
    let error = "error[target-not-ready]: not ready after 3 s: \
        revision cccc33 (the database is at bbbb22), file:never (it does not exist)\n";
    assert!(finished.stderr.contains(error), "{finished}");
    let url = format!("postgres://x@127.0.0.1:{}/x", free_port());
    let castoff = prepare(&project, None, &late("head")).env("DATABASE_URL", url);
    let finished = castoff.output();
    finished.status(11);
    assert!(finished.stderr.contains("error[not-ready]"), "{finished}");
}

#[test]
fn an_older_image_is_content_with_a_newer_database() {
    let database = Server::shared().database();
    run(&newer(), Some(&database), "upgrade").status(0);
    let lines = [
        "wait --revision head",
        "wait --revision bbbb22",
        "wait --revision cccc --on-newer ok",
        "wait --revision head --on-newer fail",
    ];
    expect![[r#"
        $ castoff wait --revision head
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33
        castoff: revision bbbb22 is applied

        $ castoff wait --revision bbbb22
        status 0
        --- stderr
        castoff: warning: the database is ahead of these migrations: it also has cccc33
        castoff: revision bbbb22 is applied

        $ castoff wait --revision cccc --on-newer ok
        status 0
        --- stderr
        castoff: revision cccc33 is applied

        $ castoff wait --revision head --on-newer fail
        status 14
        --- stderr
        error[database-newer]: the database is ahead of these migrations: it also has `cccc33`
          help: deploy a newer image, set --on-newer to warn (CASTOFF_ON_NEWER), or take the newer revisions back with `castoff downgrade heads`

    "#]].assert_eq(&transcript(&older(), Some(&database), &lines));
}

#[test]
fn an_older_image_is_not_let_in_where_a_revision_is_breaking() {
    let database = Server::shared().database();
    let breaking = Migration::new("cccc33")
        .after("bbbb22")
        .header("breaking: bbbb22 reads what is gone");
    run(&older().migration(&breaking), Some(&database), "upgrade").status(0);
    let lines = ["wait --revision head"];
    expect![[r#"
        $ castoff wait --revision head
        status 14
        --- stderr
        error[breaking-revision]: the database has revision cccc33, and images without it must not start: bbbb22 reads what is gone
          help: deploy an image that has it, or take it back with `castoff downgrade heads`

    "#]].assert_eq(&transcript(&older(), Some(&database), &lines));
}

#[test]
fn a_revision_that_only_a_newer_image_has_is_waited_for() {
    let database = Server::shared().database();
    run(&older(), Some(&database), "upgrade").status(0);
    let older = older();
    // With migrations that do not have it, and without any: castoff alone is enough.
    let empty = Project::empty();
    let mut waits: Vec<Running> = [&older, &empty]
        .map(|project| wait(project, &database, "cccc").spawn())
        .into();
    for waiting in &mut waits {
        waiting.stderr_until(
            "waiting for revision cccc: the database is at bbbb22",
            DEADLINE,
        );
    }
    run(&newer(), Some(&database), "upgrade").status(0);
    for waiting in waits {
        let finished = waiting.wait(DEADLINE);
        finished.status(0);
        let last = "castoff: revision cccc33 is applied ([time])\n";
        assert!(finished.stderr.ends_with(last), "{finished}");
    }
}

#[test]
fn a_name_that_nobody_knows_is_told_when_the_time_is_over() {
    let database = Server::shared().database();
    let older = older();
    run(&older, Some(&database), "upgrade").status(0);
    let lines = [
        "wait --wait-timeout 3s --revision dddd44",
        "wait --revision A-label",
        "wait --revision +1",
        "wait --revision a@b@c",
        "wait --revision bbbb22+1",
    ];
    expect![[r#"
        $ castoff wait --wait-timeout 3s --revision dddd44
        status 14
        --- stderr
        castoff: waiting for revision dddd44: the database is at bbbb22
        error[no-such-revision]: no revision or branch label is called `dddd44`
          help: see `castoff history` for the ids

        $ castoff wait --revision A-label
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `A-label`
          help: see `castoff history` for the ids

        $ castoff wait --revision +1
        status 14
        --- stderr
        error[no-current]: `+1` counts from where the database is, which has no meaning here
          help: name the revision: see `castoff history`

        $ castoff wait --revision a@b@c
        status 2
        --- stderr
        error[invalid-target]: `a@b@c` is not a target
          help: write `head`, `heads`, `base`, a revision id, `+1`, `-1`, `3f2a+1` or `LABEL@head`

        $ castoff wait --revision bbbb22+1
        status 14
        --- stderr
        error[target-beyond-end]: `bbbb22+1` leads beyond the last revision: only 0 that way
          help: say `head` to apply all

    "#]]
    .assert_eq(&transcript(&older, Some(&database), &lines));
    let lines = [
        "wait --wait-timeout 3s --revision dddd44",
        "wait --revision head",
        "wait --revision A-label",
    ];
    expect![[r#"
        $ castoff wait --wait-timeout 3s --revision dddd44
        status 11
        --- stderr
        castoff: waiting for revision dddd44: the database is at bbbb22
        error[revision-not-applied]: revision dddd44 is not applied after 3 s: the database is at bbbb22
          help: see what became of the Job or pod that migrates, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

        $ castoff wait --revision head
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`

        $ castoff wait --revision A-label
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `migrations` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`

    "#]].assert_eq(&transcript(&Project::empty(), Some(&database), &lines));
}

#[test]
fn a_branch_can_be_waited_for_alone() {
    let database = Server::shared().database();
    let project = Project::empty()
        .migration(&Migration::new("aaaa11"))
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("branch_labels: api"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("aaaa11")
                .header("branch_labels: web"),
        );
    run(&project, Some(&database), "upgrade api@head").status(0);
    run(&project, Some(&database), "wait --revision api@head").status(0);
    run(&project, Some(&database), "wait --revision api").status(0);
    let line = "wait --wait-timeout 3s --revision web@head";
    run(&project, Some(&database), line).status(11);
    run(&project, Some(&database), "upgrade heads").status(0);
    run(&project, Some(&database), "wait --revision heads").status(0);
    // There are two of it.
    run(&project, Some(&database), "wait --revision head").status(14);
}

#[test]
fn it_reads_only_and_needs_no_other_right() {
    let database = Server::shared().database();
    let project = older();
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    let role = format!("reader_{}", database.name());
    database.sql(&format!(
        "set password_encryption = 'scram-sha-256'; \
         create role {role} login password '{PASSWORD}'; \
         grant usage on schema castoff to {role}; \
         grant select on castoff.revision, castoff.history to {role}"
    ));
    let url = database.url().replace("tester:", &format!("{role}:"));
    let before = database.contents();
    let castoff = wait(&project, &database, "head").env("DATABASE_URL", &url);
    let mut waiting = castoff.spawn();
    waiting.stderr_until("the database is at aaaa11", DEADLINE);
    database.assert_unchanged(&before);
    run(&project, Some(&database), "upgrade").status(0);
    waiting.wait(DEADLINE).status(0);
    let empty = Project::empty();
    let castoff = wait(&empty, &database, "bbbb").env("DATABASE_URL", &url);
    castoff.output().status(0);
    database.sql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn one_connection_is_kept_and_made_again_when_it_is_lost() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = older();
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    let mut waiting = wait(&project, &database, "head").spawn();
    waiting.stderr_until("the database is at aaaa11", DEADLINE);
    assert_eq!(connections(&database), "1\n");
    database.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where application_name like 'castoff on %'",
    );
    until("it is connected again", DEADLINE, || {
        (connections(&database) == "1\n").then_some(())
    });
    server.restart();
    until("it is connected again", DEADLINE, || {
        (connections(&database) == "1\n").then_some(())
    });
    assert!(waiting.is_running());
    run(&project, Some(&database), "upgrade").status(0);
    waiting.wait(DEADLINE).status(0);
}

#[test]
fn it_ends_when_it_is_told_to_stop() {
    let database = Server::shared().database();
    let project = older();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut waiting = wait(&project, &database, "head").spawn();
        waiting
            .stderr_until("no ledger yet", DEADLINE)
            .signal(signal);
        waiting.wait(DEADLINE).status(128 + signal as i32);
    }
}

#[test]
fn a_revision_that_was_taken_back_in_part_is_not_applied() {
    let database = Server::shared().database();
    let project = older();
    run(&project, Some(&database), "upgrade").status(0);
    // As an autocommit downgrade marks it until it is done.
    database.sql("update castoff.revision set lineage = upper(lineage)");
    let line = "wait --wait-timeout 3s --revision";
    let finished = run(&project, Some(&database), &format!("{line} head"));
    finished.status(11);
    let reason = "revision bbbb22 is not applied after 3 s: bbbb22 was taken back in part\n";
    assert!(finished.stderr.contains(reason), "{finished}");
    run(&project, Some(&database), &format!("{line} aaaa11")).status(0);
}
