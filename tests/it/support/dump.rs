//! `pg_dump`, and dumps applied as migrations.

use std::process::Command;
use std::time::Duration;

use super::clients::client;
use super::database::Database;
use super::project::Project;
use super::server::Server;

/// A dump of megabytes takes its time on a busy machine.
const LONG: Duration = Duration::from_mins(5);

/// The database as SQL, without the lines that differ from dump to dump and without castoff's
/// ledger. Nothing where the machine's `pg_dump` is older than the server.
pub(crate) fn dump<const N: usize>(database: &Database<'_>, options: [&str; N]) -> Option<String> {
    let output = Command::new(client("pg_dump"))
        .args(options)
        .args(["--exclude-schema=castoff", "--dbname"])
        .arg(database.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("server version mismatch") {
        eprintln!("SKIPPED: no pg_dump for this server");
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Applies a dump to two empty databases, by psql and by castoff as a migration, and compares
/// dumps of both. Not with the first one: what PostgreSQL dumps it does not always make again in
/// the same order. Returns the number of lines that were compared.
pub(crate) fn assert_same_as_by_psql(server: &Server, dump_text: &str) -> usize {
    let (by_psql, by_castoff) = (server.database(), server.database());
    let project = Project::empty()
        .file(
            "migrations/202601010000_aaaa11_dump.sql",
            format!("-- Dump\n-- revision: aaaa11\n\n-- upgrade\n{dump_text}"),
        )
        .file("dump.sql", dump_text);
    project
        .castoff(["upgrade"])
        .database(&by_castoff)
        .spawn()
        .wait(LONG)
        .status(0);
    let psql = Command::new(client("psql"))
        .args(["--no-psqlrc", "--quiet", "--single-transaction"])
        .args(["--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file"])
        .arg(project.path("dump.sql"))
        .arg(by_psql.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&psql.stderr);
    assert!(psql.status.success(), "psql: {said}");

    let lines = |database: &Database<'_>| {
        let text = dump(database, []).expect("there was a pg_dump");
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (expected, found) = (lines(&by_psql), lines(&by_castoff));
    assert!(expected.len() > 100, "{} lines", expected.len());
    let differs = |(one, other): (&String, &String)| one != other;
    if let Some(line) = expected.iter().zip(&found).position(differs) {
        panic!("line {line}: `{}`, not `{}`", found[line], expected[line]);
    }
    assert_eq!(expected.len(), found.len());
    expected.len()
}
