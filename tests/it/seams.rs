//! Where two parts of the engine meet: batches and ways back, hooks and locks, repairs and what is
//! half done.

use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{prepare, run};
use super::support::{DEADLINE, until};

/// Makes `t` with the rows 1 to 200.
const ROWS: &str = "create table t (id integer primary key, n integer not null default 0);\n\
    insert into t (id) select generate_series(1, 200);";

/// Counts each row; at number 60, which is in the second batch, it fails as long as `gate` is
/// empty.
const COUNT: &str = "-- batch table=t key=id size=50\n\
    update t set n = n + case when id = 60 then 1 / (select count(*) from gate) else 1 end\n\
    where id > :low and id <= :high;";

fn tables() -> Migration {
    Migration::new("aaaa11")
        .upgrade(&format!("create table gate ();\n{ROWS}"))
        .downgrade("drop table t;\ndrop table gate;")
}

fn open_gate(database: &Database<'_>) {
    database.sql("insert into gate default values");
}

fn met(database: &Database<'_>) -> String {
    database.rows("select n, count(*) from t group by n order by n")
}

#[test]
fn nobody_goes_back_past_batches_that_are_half_done() {
    let database = Server::shared().database();
    let batches = Migration::new("bbbb22").after("aaaa11").upgrade(COUNT);
    let project = Project::empty().migration(&tables()).migration(&batches);
    run(&project, Some(&database), "upgrade").status(16);
    assert_eq!(met(&database), "0|150\n1|50\n");
    let refused = run(&project, Some(&database), "downgrade");
    refused.status(16);
    assert!(refused.stderr.contains("error[half-done]"), "{refused}");
    assert!(refused.stderr.contains("1 batch"), "{refused}");
    // Somebody takes back what the batches did: then they begin again at the first row.
    for answer in ["done", "again"] {
        let line = format!("resolve bbbb22:1 {answer}");
        run(&project, Some(&database), &line).status(16);
    }
    database.sql("update t set n = 0");
    run(&project, Some(&database), "resolve bbbb22:1 undone").status(0);
    run(&project, Some(&database), "downgrade").status(0);
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    open_gate(&database);
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(met(&database), "1|200\n");
}

#[test]
fn nobody_starts_on_a_revision_that_batches_have_partly_taken_back() {
    let database = Server::shared().database();
    let batches = Migration::new("bbbb22")
        .after("aaaa11")
        .upgrade("select 1;")
        .downgrade(COUNT);
    let project = Project::empty().migration(&tables()).migration(&batches);
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "downgrade").status(16);
    let refused = run(&project, Some(&database), "upgrade");
    refused.status(16);
    assert!(refused.stderr.contains("error[half-done]"), "{refused}");
    open_gate(&database);
    run(&project, Some(&database), "downgrade").status(0);
    assert_eq!(met(&database), "1|200\n");
    run(&project, Some(&database), "upgrade").status(0);
}

#[test]
fn batches_find_their_table_whatever_the_revision_before_did_to_the_search_path() {
    for options in ["", " deferred"] {
        let database = Server::shared().database();
        // As pg_dump writes it.
        let baseline = format!("{ROWS}\nselect pg_catalog.set_config('search_path', '', false);");
        let line = format!("-- batch table=t key=id{options}");
        let batches = format!("{line}\nupdate t set n = 1 where id > :low and id <= :high;");
        let project = Project::empty()
            .migration(&Migration::new("aaaa11").upgrade(&baseline))
            .migration(&Migration::new("bbbb22").after("aaaa11").upgrade(&batches));
        run(&project, Some(&database), "upgrade").status(0);
        run(&project, Some(&database), "backfill").status(0);
        assert_eq!(met(&database), "1|200\n");
    }
}

/// A revision whose way back is half done: its last statement is `last`.
fn with_way_back(last: &str) -> Project {
    Project::empty().file(
        "migrations/202601010001_aaaa11_make_aaaa11.sql",
        format!(
            "-- Make aaaa11\n-- revision: aaaa11\n\n-- upgrade\ncreate table t ();\n\
             create table u ();\n\n-- downgrade autocommit\ndrop table u;\n{last}\n"
        ),
    )
}

#[test]
fn a_repair_does_not_hide_that_a_revision_is_partly_gone() {
    let database = Server::shared().database();
    let broken = with_way_back("drop table nobody;");
    run(&broken, Some(&database), "upgrade").status(0);
    run(&broken, Some(&database), "downgrade").status(16);
    let checked = run(&broken, Some(&database), "current --check-heads");
    checked.status(1);
    let corrected = with_way_back("drop table t;");
    let line = "repair --all --reason 'the way back is right now'";
    run(&corrected, Some(&database), line).status(0);
    let refused = run(&corrected, Some(&database), "upgrade");
    refused.status(16);
    assert!(refused.stderr.contains("error[half-done]"), "{refused}");
    run(&corrected, Some(&database), "downgrade").status(0);
    run(&corrected, Some(&database), "upgrade").status(0);
}

#[test]
fn an_older_image_does_not_start_on_a_newer_revision_that_is_partly_gone() {
    let database = Server::shared().database();
    let base = || Project::with("aaaa11<-");
    let newer = base().file(
        "migrations/202601010002_bbbb22_make_bbbb22.sql",
        "-- Make bbbb22\n-- revision: bbbb22\n-- down_revision: aaaa11\n\n-- upgrade\n\
         create table u ();\n\n-- downgrade autocommit\ndrop table u;\ndrop table nobody;\n",
    );
    run(&newer, Some(&database), "upgrade").status(0);
    let older = base();
    run(&older, Some(&database), "upgrade").status(0);
    run(&older, Some(&database), "downgrade head").status(16);
    let refused = run(&older, Some(&database), "upgrade");
    refused.status(16);
    assert!(refused.stderr.contains("error[half-done]"), "{refused}");
    database.sql("create table nobody ()");
    run(&older, Some(&database), "downgrade head").status(0);
    run(&older, Some(&database), "upgrade").status(0);
}

#[test]
fn a_procedure_that_has_committed_is_not_called_again_for_a_lock() {
    let database = Server::shared().database();
    let procedure = "create table met (id integer);\ncreate table held ();\n\
        create procedure p() language plpgsql as $$ begin \
        insert into met values (1); commit; lock table held in exclusive mode; end $$;";
    let project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade(procedure))
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options("autocommit")
                .upgrade("call p();"),
        );
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    let holder = database.session();
    holder.sql("begin; lock table held in share mode");
    let line = "upgrade --ddl-lock-budget 2s --ddl-lock-timeout 300ms";
    let stopped = run(&project, Some(&database), line);
    stopped.status(16);
    assert_eq!(database.rows("select count(*) from met"), "1\n");
    assert!(stopped.stderr.contains("resolve bbbb22:1"), "{stopped}");
}

#[test]
fn a_note_is_not_refused_by_the_timeout_of_the_statement_before_it() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .options("autocommit")
            .upgrade("vacuum full t_aaaa11;"),
    );
    run(&project, Some(&database), "upgrade aaaa11").status(0);
    database.sql(
        "create function public.gate() returns trigger language plpgsql as \
         $$ begin perform pg_advisory_xact_lock(7); return new; end $$; \
         create trigger gate before update on castoff.history for each row \
         execute function public.gate()",
    );
    let gate = database.session();
    gate.sql("select pg_advisory_lock(7)");
    let running = prepare(&project, Some(&database), "upgrade").spawn();
    // Ten times as long as the first attempt of a statement waits for a lock.
    until("castoff waits at the gate for a second", DEADLINE, || {
        let sql = "select count(*) from pg_stat_activity where wait_event = 'advisory' \
            and datname = current_database() and application_name like 'castoff on %' \
            and clock_timestamp() - query_start > '1 s'";
        (database.rows(sql) == "1\n").then_some(())
    });
    drop(gate);
    running.wait(DEADLINE).status(0);
}

#[test]
fn a_short_value_for_a_long_placeholder_waits_no_longer_for_a_lock() {
    let database = Server::shared().database();
    let name = "the_name_of_a_table_that_is_as_long_as_names_of_placeholders_can_be";
    let project = Project::empty().file(
        "migrations/202601010001_aaaa11_make_aaaa11.sql",
        format!(
            "-- Make aaaa11\n-- revision: aaaa11\n-- placeholders: {name} identifier\n\n\
             -- upgrade\nalter table ${{{name}}} add b integer"
        ),
    );
    database.sql("create table t ()");
    run(&project, Some(&database), "stamp base").status(0);
    let holder = database.session();
    holder.sql("begin; lock table t in share mode");
    let line =
        format!("upgrade --placeholder {name}=t --ddl-lock-budget 1s --concurrent-budget 5s");
    let refused = run(&project, Some(&database), &line);
    refused.status(13);
    assert!(refused.stderr.contains("error[lock-busy]"), "{refused}");
}

#[test]
fn a_value_that_commit_quotes_is_not_shown_or_kept() {
    let database = Server::shared().database();
    let make = "create table t (id integer primary key, s text unique deferrable initially deferred);\n\
        insert into t select n, n from generate_series(1, 10) as n;";
    let project = Project::empty()
        .migration(&Migration::new("aaaa11").upgrade(make))
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("placeholders: secret")
                .upgrade(
                    "-- batch table=t key=id\n\
                     update t set s = ${secret} where id > :low and id <= :high;",
                ),
        );
    let finished = prepare(&project, Some(&database), "upgrade")
        .env("CASTOFF_PLACEHOLDER_secret", "open sesame")
        .output();
    finished.status(16);
    assert!(finished.stderr.contains("(${secret})"), "{finished}");
    assert!(!finished.stderr.contains("sesame"), "{finished}");
    let kept = "select count(*) from castoff.batch where last_error like '%sesame%'";
    assert_eq!(database.rows(kept), "0\n");
}

#[test]
fn what_runs_in_batches_is_listed_so() {
    let batches = Migration::new("bbbb22")
        .after("aaaa11")
        .upgrade(&COUNT.replace("size=50", "size=50 deferred"))
        .downgrade(COUNT);
    let strict = Migration::new("cccc33")
        .after("bbbb22")
        .header("requires_backfill: bbbb22");
    let project = Project::empty()
        .migration(&tables())
        .migration(&batches)
        .migration(&strict);
    let shown = run(&project, None, "show bbbb22").stdout;
    for line in [
        "Upgrade:     1 statement in batches, left to `castoff backfill`\n",
        "Downgrade:   1 statement in batches\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // Only the way forward needs what the batches do.
    run(&project, None, "downgrade --sql cccc33:bbbb22").status(0);
    run(&project, None, "upgrade --sql bbbb22:cccc33").status(14);
    let shown = run(&project, None, "show cccc33").stdout;
    assert!(shown.contains("Requires:    bbbb22\n"), "{shown}");
}

#[test]
fn the_files_around_migrations_do_not_queue_for_locks_either() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<- bbbb22<aaaa11").file(
        "migrations/before.sql",
        "alter table t_aaaa11 add b integer;",
    );
    let first = Project::with("aaaa11<-");
    run(&first, Some(&database), "upgrade").status(0);
    let holder = database.session();
    holder.sql("begin; lock table t_aaaa11 in share mode");
    let line = "upgrade --ddl-lock-timeout 200ms --ddl-lock-budget 1s";
    let refused = run(&project, Some(&database), line);
    refused.status(18);
    assert!(refused.stderr.contains("55P03"), "{refused}");
    // One that goes away in time is waited for.
    let line = "upgrade --ddl-lock-timeout 200ms";
    let mut waiting = prepare(&project, Some(&database), line).spawn();
    waiting.stderr_until("before.sql was refused a lock", DEADLINE);
    holder.sql("commit");
    waiting.wait(DEADLINE).status(0);
}

#[test]
fn an_after_hook_that_is_done_is_done_whatever_becomes_of_the_server() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = Project::with("aaaa11<-").file(
        "hook.sh",
        "echo waiting >&2; until test -e go; do sleep 0.05; done",
    );
    let mut running = prepare(
        &project,
        Some(&database),
        "upgrade --after '/bin/sh hook.sh'",
    )
    .spawn();
    running.stderr_until("waiting", DEADLINE);
    server.restart();
    std::fs::write(project.path("go"), "").unwrap();
    running.wait(DEADLINE).status(0);
}

#[test]
fn an_after_hook_that_the_server_took_along_is_not_passed_over() {
    let server = Server::start(&[]);
    let database = server.database();
    let project = Project::with("aaaa11<-").file("migrations/after.sql", "select pg_sleep(600);");
    let running = prepare(&project, Some(&database), "upgrade").spawn();
    until("after.sql runs", DEADLINE, || {
        let sql = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' \
            and pid <> pg_backend_pid() and state = 'active'";
        (database.rows(sql) == "1\n").then_some(())
    });
    server.restart();
    let finished = running.wait(DEADLINE);
    assert_ne!(finished.stderr, "");
    finished.status(18);
    assert!(
        finished.stderr.contains("error[after-hook-failed]"),
        "{finished}"
    );
}
