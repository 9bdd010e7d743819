//! The splitter on scripts that were changed at random: against what must hold for any text, and
//! against the server. `fuzz/` has the same for cargo-fuzz, which needs a nightly compiler.
//!
//! Each run is the same. `CASTOFF_FUZZ_SEED` makes another, `CASTOFF_FUZZ_ROUNDS` a longer one.

use std::path::Path;

use castoff::sql::split::split;

use super::splitter::{MISLEADING, RICH, RICH_SINCE_14};
use super::support::wire::{self, Verdict, Wire};

#[path = "../../fuzz/invariants.rs"]
mod invariants;

/// What opens, closes, escapes or separates something.
const FRAGMENTS: &[&str] = &[
    ";",
    "'",
    "''",
    "\"",
    "$$",
    "$a$",
    "$",
    "\\",
    "\\'",
    "--",
    "-- x\n",
    "/*",
    "*/",
    "(",
    ")",
    "[",
    "]",
    ":",
    "::",
    "\n",
    "\r",
    "\r\n",
    "\u{c}",
    " ",
    "E'",
    "e'",
    "U&'",
    "N'",
    "b'",
    "1",
    "1.",
    ".",
    "e",
    "ä",
    "\u{1F600}",
    "@",
    "+",
    "-",
    "*",
    "/",
    "create ",
    "function f() ",
    "begin ",
    "atomic ",
    " end",
    " case ",
    " as ",
    "copy t from stdin;\n",
    "\n\\.\n",
    "\\restrict x\n",
    "set standard_conforming_strings = off;",
    "reset all;",
    "alter type e add value 'a';",
];

/// A small generator (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    /// Says its seed, for a test that fails.
    fn new() -> Self {
        let seed = setting("CASTOFF_FUZZ_SEED").unwrap_or(0x9E37_79B9_7F4A_7C15);
        println!("CASTOFF_FUZZ_SEED={seed}");
        Self(seed.max(1))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn pick<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.below(all.len())]
    }

    /// A part of a text, of any bytes.
    fn part<'t>(&mut self, bytes: &'t [u8], longest: usize) -> &'t [u8] {
        let start = self.below(bytes.len() + 1);
        let length = self.below(longest.min(bytes.len() - start) + 1);
        &bytes[start..start + length]
    }

    /// A text with a few parts removed, doubled, or put in from elsewhere.
    fn mutate(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.pick(seeds).to_vec();
        if bytes.len() > 2_000 {
            bytes = self.part(&bytes, 2_000).to_vec();
        }
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => {
                    let end = (at + self.below(12)).min(bytes.len());
                    bytes.drain(at..end);
                }
                1 => {
                    let part = self.part(&bytes, 40).to_vec();
                    bytes.splice(at..at, part);
                }
                2 => {
                    let seed = self.pick(seeds);
                    let part = self.part(seed, 120).to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let fragment = self.pick(FRAGMENTS);
                    bytes.splice(at..at, fragment.bytes());
                }
            }
        }
        bytes
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own setting, not castoff's"
)]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value}")),
    )
}

fn rounds(usual: u64) -> u64 {
    setting("CASTOFF_FUZZ_ROUNDS").unwrap_or(usual)
}

/// The scripts that are changed: those of the tests, and the project's own migrations.
fn seeds() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut paths: Vec<_> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| std::fs::read(path).unwrap());
    let misleading = MISLEADING
        .iter()
        .map(|(_, _, text)| text.as_bytes().to_vec());
    let rich = [RICH, RICH_SINCE_14].map(|text| text.as_bytes().to_vec());
    files.chain(misleading).chain(rich).collect()
}

#[test]
fn what_holds_for_any_text_holds_for_changed_scripts() {
    let seeds = seeds();
    let seeds: Vec<_> = seeds.iter().map(Vec::as_slice).collect();
    let mut dice = Dice::new();
    let (rounds, mut statements) = (rounds(20_000), 0);
    for _ in 0..rounds {
        statements += invariants::hold_for_bytes(&dice.mutate(&seeds));
    }
    println!("{statements} statements in {rounds} scripts");
    // Refusals alone would prove little.
    assert!(statements as u64 > rounds, "{statements} statements");
}

#[test]
fn the_server_takes_no_piece_of_a_changed_script_for_several_statements() {
    let server = wire::trusting(&[]);
    let database = server.database();
    let mut wire = Wire::open(&database);
    let seeds = seeds();
    let seeds: Vec<_> = seeds.iter().map(Vec::as_slice).collect();
    let mut dice = Dice::new();
    let (mut one, mut pairs) = (0, 0);
    for _ in 0..rounds(4_000) {
        let text = String::from_utf8_lossy(&dice.mutate(&seeds)).into_owned();
        // How strings are read is the business of another test.
        if text.to_ascii_lowercase().contains("conforming") {
            continue;
        }
        let Ok(statements) = split(&text, 0..text.len()) else {
            continue;
        };
        let pieces = statements
            .iter()
            .map(|statement| &text[statement.span.clone()]);
        let known = wire.verdicts(pieces.clone());
        for (piece, verdict) in pieces.zip(&known) {
            match verdict {
                Verdict::One => one += 1,
                Verdict::Syntax(message) if !message.starts_with("unterminated") => {}
                Verdict::Syntax(_) | Verdict::Nothing | Verdict::Several => {
                    panic!("{verdict:?}: {piece:?}\nof {text:?}")
                }
            }
        }
        for (index, both) in statements.windows(2).enumerate() {
            let gap = &text[both[0].span.end..both[1].span.start];
            let is_sql = both[0].copy_data.is_none() && !gap.contains('\\');
            if is_sql && known[index] == Verdict::One && known[index + 1] == Verdict::One {
                let pair = &text[both[0].span.start..both[1].span.end];
                assert_eq!(wire.verdicts([pair]), [Verdict::Several], "{pair:?}");
                pairs += 1;
            }
        }
    }
    println!("{one} statements, {pairs} pairs");
    assert!(
        one > 2_000 && pairs > 500,
        "{one} statements, {pairs} pairs"
    );
}
