//! Batches give way: to those who stand in line, to maintenance, to an archiver that is behind.

use super::batch::{COUNT, met, project, table, up};
use super::support::database::Session;
use super::support::server::Server;
use super::support::transcript::run;
use super::support::{DEADLINE, until};

#[test]
fn it_waits_for_sessions_that_stand_in_line_and_for_maintenance() {
    let database = Server::shared().database();
    let project = project(&table(100), "table=t key=id size=50 deferred", COUNT);
    up(&project, &database);
    let reader = database.session();
    reader.sql("begin; select count(*) from t");
    let url = database.url();
    let writer = std::thread::spawn(move || {
        let session = Session::open(&url).unwrap();
        session.sql("alter table t add column late integer");
    });
    let waiting = "select count(*) from pg_locks where not granted and relation = 't'::regclass";
    until("the other stands in line", DEADLINE, || {
        (database.rows(waiting) == "1\n").then_some(())
    });
    let mut running = project.castoff(["backfill"]).database(&database).spawn();
    running.stderr_until("b waits: a session waits for a lock on the table", DEADLINE);
    let keeper = database.session();
    reader.sql("commit");
    writer.join().unwrap();
    running.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "1|100\n");

    database.sql("update castoff.batch set status = 'pending', last_key = null");
    keeper.sql("begin; lock table t in share update exclusive mode");
    let pid = keeper.pid();
    let mut running = project.castoff(["backfill"]).database(&database).spawn();
    running.stderr_until(&format!("b waits: pid {pid} keeps the table"), DEADLINE);
    keeper.sql("rollback");
    running.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "2|100\n");
}

#[test]
fn a_backlog_of_the_archiver_is_waited_for() {
    let server = Server::start(&["archive_mode=on", "archive_command=false"]);
    let database = server.database();
    let project = project(&table(100), "table=t key=id size=50", COUNT);
    run(&project, Some(&database), "upgrade a").status(0);
    // The archiver leaves files alone whose names are none of WAL.
    let files: Vec<String> = (0..43)
        .map(|number| format!("pg_wal/archive_status/test{number}.ready"))
        .collect();
    for file in &files {
        server.write(file, "");
    }
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    running.stderr_until("WAL files wait to be archived", DEADLINE);
    for file in &files {
        std::fs::remove_file(server.socket_directory().join("data").join(file)).unwrap();
    }
    running.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "1|100\n");
}

#[test]
fn it_waits_when_somebody_stood_in_line_for_a_row_of_the_batch() {
    let database = Server::shared().database();
    // A batch of fifty rows takes a second and a half.
    let statement = "update t set n = n + 1 \
        where id > :low and id <= :high and pg_sleep(0.03) is not null;";
    let project = project(&table(100), "table=t key=id size=50 target=1h", statement);
    run(&project, Some(&database), "upgrade a").status(0);
    let mut running = project.castoff(["upgrade"]).database(&database).spawn();
    let other = database.session();
    until("somebody stood in line for the first row", DEADLINE, || {
        other.sql("update t set n = n where id = 1");
        let said = running.stderr();
        let is_told = said.contains("b waits: a session waits for a lock on the table");
        assert!(is_told || running.is_running(), "{said}");
        is_told.then_some(())
    });
    running.wait(DEADLINE).status(0);
    assert_eq!(met(&database), "1|100\n");
}
