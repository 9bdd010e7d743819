//! `pg_dump`, and a dump as a migration.

use std::process::Command;

use super::clients::client;
use super::database::Database;
use super::project::Project;

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

/// Applies a dump to an empty database as a migration, and compares a dump of that with one of the
/// database it came from.
pub(crate) fn assert_same_after_castoff(source: &Database<'_>, dump_text: &str) {
    let target = source.server().database();
    let project = Project::empty().file(
        "migrations/202601010000_aaaa11_dump.sql",
        format!("-- Dump\n-- revision: aaaa11\n\n-- upgrade\n{dump_text}"),
    );
    project
        .castoff(["upgrade"])
        .database(&target)
        .output()
        .status(0);
    let lines = |database: &Database<'_>| {
        let text = dump(database, ["--no-blobs"]).expect("there was a pg_dump");
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, after) = (lines(source), lines(&target));
    assert!(before.len() > 100, "{} lines", before.len());
    let difference = before.iter().zip(&after).position(|(one, other)| one != other);
    if let Some(line) = difference {
        panic!("line {line}: `{}` became `{}`", before[line], after[line]);
    }
    assert_eq!(before.len(), after.len());
}
