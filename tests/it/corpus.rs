//! castoff cuts scripts where PostgreSQL does: proved on PostgreSQL's own regression suite, against
//! the server's parser and the server's answers.
//!
//! The suite is made for psql. Lines that are psql's are blanked out, by the place where castoff
//! refuses them; everything else is compared. `tests/corpus.sh` downloads it. A run that cannot
//! must say so and leave this module out: these tests never pass without it.

use super::support::dump::{assert_same_as_by_psql, dump};
use super::support::suite::{self, Script};
use super::support::wire::{self, Verdict, Wire};

/// Fewer statements than these would mean that the comparison has become empty.
const FILES: usize = 480;
const STATEMENTS: usize = 50_000;

/// What the suite gets wrong on purpose, and what PostgreSQL 13 does not know yet.
const SYNTAX_ERRORS: usize = 1_500;

/// That each piece is one statement, and each two neighbours are several, is the whole proof: read
/// alone or in its place, a piece consists of the same tokens, and what stands between two pieces
/// is what parts them.
#[test]
fn the_server_sees_the_same_statements() {
    let server = wire::trusting(&[]);
    let database = server.database();
    let scripts = suite::scripts();
    assert!(scripts.len() >= FILES, "{} files", scripts.len());
    let (mut one, mut pairs, mut syntax) = (0, 0, 0);
    let mut wrong = Vec::new();
    for script in &scripts {
        let mut wire = Wire::open(&database);
        let known = script.verdicts(&mut wire, 1);
        let together = script.verdicts(&mut wire, 2);
        for (index, verdict) in known.iter().enumerate() {
            let complaint = match verdict {
                Verdict::One => {
                    one += 1;
                    let has_data = script.statements[index].copy_data.is_some();
                    if has_data || known.get(index + 1) != Some(&Verdict::One) {
                        continue;
                    }
                    pairs += 1;
                    if together[index] == Verdict::Several {
                        continue;
                    }
                    format!("with the next: {:?}", together[index])
                }
                Verdict::Syntax(message) if !message.starts_with("unterminated") => {
                    syntax += 1;
                    // Cut too early, the rest would be in the next piece.
                    if together.get(index) != Some(&Verdict::One) {
                        continue;
                    }
                    "goes on in the next".to_owned()
                }
                Verdict::Syntax(_) | Verdict::Nothing | Verdict::Several => {
                    format!("{verdict:?}")
                }
            };
            let line = script.line(script.statements[index].span.start);
            wrong.push(format!("{}:{line}: {complaint}", script.name));
        }
    }
    let files = scripts.len();
    println!("{files} files, {one} statements, {pairs} pairs, {syntax} syntax errors");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(one >= STATEMENTS, "{one} statements");
    assert!(pairs >= STATEMENTS, "{pairs} pairs");
    assert!(syntax <= SYNTAX_ERRORS, "{syntax} syntax errors");
}

/// Statements in one message.
const MESSAGE: usize = 12;

/// Statements that must have been answered, all files together. More would take minutes.
const ANSWERED: usize = 12_000;

/// The suite's main part is run, in its order, many statements in a message: as many answers must
/// come, and an error must point into the statement behind those that were answered. What it made
/// is dumped then, and the dump applied as a migration.
#[test]
fn the_server_answers_each_statement_of_a_message() {
    let server = wire::trusting(&["max_locks_per_transaction = 1024"]);
    let database = server.database();
    // Some of the tests wait, or work for long. What is ended is refused, as other statements are.
    database.sql(&format!(
        "alter database {} set statement_timeout = '2s'",
        database.name()
    ));
    let (mut answered, mut refused, mut pointed, mut elsewhere) = (0, 0, 0, 0);
    for script in suite::schedule() {
        if answered >= ANSWERED {
            break;
        }
        let mut wire = Wire::open(&database);
        let known = script.verdicts(&mut wire, 1);
        for run in script.runs(&known) {
            let mut rest = &run[..];
            while let Some((&first, _)) = rest.split_first() {
                let statements = &script.statements[first..first + rest.len()];
                let text = script.slice(statements);
                let data = statements[0].copy_data.clone().unwrap_or(0..0);
                let answer = wire.query(text, &script.text[data.clone()]);
                let line = script.line(statements[0].span.start);
                let place = format!("{}:{line}: {answer:?}", script.name);
                let Some(error) = &answer.error else {
                    assert_eq!(answer.done, statements.len(), "{place}");
                    answered += answer.done;
                    break;
                };
                assert!(answer.done <= statements.len(), "{place}");
                // What is refused at the end of the message, when it commits, has no place.
                let Some(statement) = statements.get(answer.done) else {
                    break;
                };
                if let Some(position) = error.position {
                    let offset = text.char_indices().nth(position - 1).map(|(at, _)| at);
                    let offset = offset.unwrap_or(text.len()) + statements[0].span.start;
                    let (start, end) = (statement.span.start, statement.span.end);
                    if (start..=end).contains(&offset) {
                        pointed += 1;
                    } else {
                        // `execute` points into what was prepared.
                        elsewhere += 1;
                    }
                }
                refused += 1;
                // Those before it were rolled back with it, unless they stand in a block.
                if answer.done > 0 {
                    wire.query(script.slice(&statements[..answer.done]), "");
                    answered += answer.done;
                }
                rest = &rest[answer.done + 1..];
            }
        }
    }
    println!("{answered} statements answered, {refused} refused, {pointed} pointed at");
    assert!(elsewhere * 100 <= pointed, "{elsewhere} point elsewhere");
    assert!(answered >= ANSWERED, "{answered} statements");
    let (mut lines, mut bytes) = (0, 0);
    // A dump writes large objects in transactions of their own, which no migration has.
    for options in [
        ["--no-blobs", "--format=plain", "--quote-all-identifiers"],
        ["--no-blobs", "--column-inserts", "--rows-per-insert=50"],
    ] {
        if let Some(text) = dump(&database, options) {
            bytes += text.len();
            lines += assert_same_as_by_psql(&server, &text);
        }
    }
    println!("dumps of {bytes} bytes, {lines} lines compared");
}

impl Script {
    /// The server's verdicts on each group of so many neighbours.
    fn verdicts(&self, wire: &mut Wire, group: usize) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let groups: Vec<_> = self.statements.windows(group).collect();
        let escapes = |index: usize| self.escapes[index + group - 1];
        let indexes: Vec<_> = (0..groups.len()).collect();
        for alike in indexes.chunk_by(|one, next| escapes(*one) == escapes(*next)) {
            let setting = if escapes(alike[0]) { "off" } else { "on" };
            wire.query(&format!("set standard_conforming_strings = {setting}"), "");
            verdicts.extend(wire.verdicts(alike.iter().map(|index| self.slice(groups[*index]))));
        }
        wire.query("reset all", "");
        verdicts
    }

    /// Statements that follow one another and that the server knows, as indexes.
    fn runs(&self, known: &[Verdict]) -> Vec<Vec<usize>> {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        let mut goes_on = false;
        for (index, statement) in self.statements.iter().enumerate() {
            if known[index] != Verdict::One {
                goes_on = false;
                continue;
            }
            let alone = statement.copy_data.is_some();
            match runs.last_mut() {
                Some(run) if goes_on && !alone && run.len() < MESSAGE => run.push(index),
                _ => runs.push(vec![index]),
            }
            goes_on = !alone && self.escapes.get(index + 1) == Some(&self.escapes[index]);
        }
        runs
    }
}
