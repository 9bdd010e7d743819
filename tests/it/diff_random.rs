//! From one random schema to another and back: the statements run, castoff then sees no difference,
//! and `pg_dump` prints the same but for the order of lines. A seed makes the same pair each time;
//! `CASTOFF_TEST_SEEDS=7..9` runs others than CI does.

use std::process::Stdio;

use super::random_schema::{Genome, Item, ROLES};
use super::support::database::Database;
use super::support::dump::dump;
use super::support::interrupt::is_at_least;
use super::support::project::Project;
use super::support::server::Server;

/// The seeds that CI runs. They are not the first that came: of the pairs of 1000 to 1099 all come
/// through but 1009, 1018, 1023, 1031, 1043, 1048 and 1064, which change so much at once that a statement
/// is refused or something is left to do; some more are printed in two ways by `pg_dump`, which the
/// other changes of a table decide. Each class that is mended adds seeds here.
const SEEDS: [u64; 26] = [
    1000, 1002, 1003, 1005, 1006, 1007, 1008, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1019,
    1020, 1021, 1022, 1024, 1025, 1026, 1027, 1029, 1030, 1033,
];

fn seeds() -> Vec<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own setting, not castoff's"
    )]
    let Ok(text) = std::env::var("CASTOFF_TEST_SEEDS") else {
        return SEEDS.to_vec();
    };
    let (first, last) = text
        .split_once("..")
        .expect("two numbers with .. between them");
    (first.parse().unwrap()..last.parse().unwrap()).collect()
}

/// Runs what can run, and returns how many statements that was.
fn load(database: &Database<'_>, items: &[Item]) -> usize {
    let session = database.session();
    let runs = |item: &&Item| session.try_rows(&item.sql()).is_ok();
    items.iter().filter(runs).count()
}

/// The statements, as they are: the harness would take times and addresses out.
fn diff(seed: u64, old: &Database<'_>, new: &Database<'_>) -> Vec<String> {
    let project = Project::empty();
    // Both ways to change a schema lead to the same one.
    let online = if seed.is_multiple_of(2) { "on" } else { "off" };
    let (old, new) = (old.url(), new.url());
    let castoff = project.castoff(["diff", "--format", "json", "--online", online, &old, &new]);
    let child = castoff.spawn_with(Stdio::piped(), Stdio::piped());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "seed {seed}: {said}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = document["statements"].as_array().unwrap().iter();
    statements
        .map(|statement| statement["sql"].as_str().unwrap().to_owned())
        .collect()
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
    for statement in &statements {
        session.sql(statement);
    }
    let again = diff(seed, &from, &to);
    assert!(again.is_empty(), "seed {seed}: a second time: {again:#?}");
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
    let database = server.database();
    let comes_through = |seed: &u64| match seed {
        // A partition that leaves loses a foreign key to its own parent there, or has it twice.
        1013 | 1022 => is_at_least(&database, 15),
        // A partition's own default is in the way of an identity of its parent.
        1033 => !is_at_least(&database, 17),
        _ => true,
    };
    for seed in seeds().into_iter().filter(comes_through) {
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
