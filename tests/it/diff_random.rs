//! From one random schema to another and back: the statements run, castoff then sees no difference,
//! and `pg_dump` prints the same but for the order of lines. A seed makes the same pair each time;
//! `CASTOFF_TEST_SEEDS=7..9` runs others than CI does.

use super::random_schema::{Genome, Item, ROLES};
use super::support::database::Database;
use super::support::dump::dump;
use super::support::project::Project;
use super::support::server::Server;

/// The seeds that CI runs: as many as it has time for.
const SEEDS: std::ops::Range<u64> = 1009..1021;

fn seeds() -> std::ops::Range<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own setting, not castoff's"
    )]
    let Ok(text) = std::env::var("CASTOFF_TEST_SEEDS") else {
        return SEEDS;
    };
    let (first, last) = text
        .split_once("..")
        .expect("two numbers with .. between them");
    first.parse().unwrap()..last.parse().unwrap()
}

/// Runs what can run, and returns how many statements that was.
fn load(database: &Database<'_>, items: &[Item]) -> usize {
    let session = database.session();
    let runs = |item: &&Item| session.try_rows(&item.sql()).is_ok();
    items.iter().filter(runs).count()
}

fn diff(seed: u64, old: &Database<'_>, new: &Database<'_>) -> String {
    let project = Project::empty();
    // Both ways to change a schema lead to the same one.
    let online = if seed.is_multiple_of(2) { "on" } else { "off" };
    let (old, new) = (old.url(), new.url());
    let finished = project
        .castoff(["diff", "--online", online, &old, &new])
        .output();
    finished.status(0);
    finished.stdout
}

fn lines(database: &Database<'_>) -> Option<Vec<String>> {
    let text = dump(database, ["--schema-only"])?;
    let lines = text.lines().filter(|line| !line.starts_with(['\\', '-']));
    let mut lines: Vec<String> = lines
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect();
    lines.sort();
    Some(lines)
}

fn check(seed: u64, server: &Server, old: &[Item], new: &[Item]) {
    eprintln!("seed {seed}");
    let (from, to) = (server.database(), server.database());
    let ran = load(&from, old) + load(&to, new);
    let all = old.len() + new.len();
    assert!(
        ran * 2 > all,
        "seed {seed}: only {ran} of {all} statements ran"
    );
    let statements = diff(seed, &from, &to);
    let session = from.session();
    for statement in statements.split(";\n").filter(|one| !one.is_empty()) {
        session.sql(statement);
    }
    assert_eq!(diff(seed, &from, &to), "", "seed {seed}: a second time");
    assert_eq!(lines(&from), lines(&to), "seed {seed}");
}

#[test]
fn random_schemas_become_each_other() {
    let server = Server::start(&[]);
    for role in ROLES {
        server
            .session("postgres")
            .sql(&format!("create role \"{role}\""));
    }
    for seed in seeds() {
        let (old, new) = Genome::pair(seed);
        let (old, new) = (old.items(), new.items());
        check(seed, &server, &old, &new);
        check(seed, &server, &new, &old);
    }
}

#[test]
fn a_seed_makes_the_same_pair_each_time() {
    let (old, new) = Genome::pair(2);
    assert_eq!(old.items(), Genome::pair(2).0.items());
    assert_ne!(old.items(), new.items());
}
