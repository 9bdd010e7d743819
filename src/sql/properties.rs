//! What holds for any input: checked on texts joined from fragments, the same on every run. What
//! must hold is written once, beside the fuzz target.

use crate::sql::classify::classify;
use crate::sql::effect::{Effect, kept_in_session};
use crate::sql::split::split;
use crate::sql::variable;
use invariants::{form, hold_for, hold_for_bytes};

#[path = "../../fuzz/invariants.rs"]
mod invariants;

/// Pieces that open, close, escape or separate something.
const FRAGMENTS: &[&str] = &[
    "select",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    ";",
    ";",
    ";",
    "'",
    "'",
    "''",
    "\"",
    "\"",
    "$$",
    "$a$",
    "$",
    "$1",
    "1",
    "1.",
    ".",
    "e",
    "E'",
    "U&'",
    "u&\"",
    "\\",
    "\\'",
    "\\\\",
    "--",
    "-- x\n",
    "/*",
    "*/",
    "/",
    "*",
    "(",
    ")",
    "[",
    "]",
    ":",
    "::",
    ":=",
    ",",
    "+",
    "-",
    "@",
    "=",
    "create ",
    "create function f() ",
    "or replace ",
    "procedure ",
    "begin atomic ",
    "begin",
    " end",
    " case ",
    " as ",
    "copy t from stdin",
    "copy t from stdin;\n1\n\\.\n",
    "\n\\.\n",
    "\\restrict x\n",
    "ä",
    "\u{1F600}",
    "a",
    "x$y",
    "prepare ",
    "transaction ",
    "reindex ",
    "concurrently",
    "alter type e add value 'a';",
    "set standard_conforming_strings = off;",
    "reset all;",
    "drop ",
    "alter ",
    "table ",
    "delete from ",
    "truncate ",
    "\0",
];

/// A small generator (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn text(&mut self, longest: usize) -> String {
        let count = self.below(longest);
        (0..count)
            .map(|_| FRAGMENTS[self.below(FRAGMENTS.len())])
            .collect()
    }
}

#[test]
fn every_statement_alone_is_that_statement() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut statements = 0;
    for _ in 0..60_000 {
        statements += hold_for(&dice.text(14));
    }
    // The generator must not produce refusals only.
    assert!(statements > 10_000, "{statements}");
}

#[test]
fn statements_apart_are_statements_together() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut joined = 0;
    for _ in 0..20_000 {
        let (one, other) = (dice.text(8) + "\n;\n", dice.text(8));
        let (Ok(first), Ok(second)) = (split(&one, 0..one.len()), split(&other, 0..other.len()))
        else {
            continue;
        };
        // An open parenthesis or body in the first text swallows the second.
        let probe = format!("{one}x");
        let is_closed = split(&probe, 0..probe.len()).is_ok_and(|all| all.len() > first.len());
        if is_closed {
            let text = format!("{one}{other}");
            let both = split(&text, 0..text.len()).unwrap();
            let parts = [form(&one, &first), form(&other, &second)].concat();
            assert_eq!(form(&text, &both), parts, "{text:?}");
            joined += 1;
        }
    }
    assert!(joined > 3_000, "{joined}");
}

#[test]
fn any_range_of_any_text_is_answered() {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    for _ in 0..20_000 {
        let text = dice.text(20);
        let (start, end) = (dice.below(text.len() + 3), dice.below(text.len() + 3));
        let _ = split(&text, start..end).is_ok();
        classify(&text);
        Effect::of(&text);
        kept_in_session(&text);
    }
}

#[test]
fn any_bytes_are_answered() {
    let mut dice = Dice(0xA076_1D64_78BD_642F);
    for _ in 0..20_000 {
        let mut bytes = dice.text(20).into_bytes();
        for _ in 0..dice.below(4) {
            let at = dice.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(dice.below(256)).unwrap());
        }
        hold_for_bytes(&bytes);
    }
}

#[test]
fn variables_of_any_text_are_found_and_filled() {
    let mut dice = Dice(0x5851_F42D_4C95_7F2D);
    let mut count = 0;
    for _ in 0..20_000 {
        // The fragments alone seldom make one.
        let text = format!("{}:select{}", dice.text(10), dice.text(10));
        let found = variable::find(&text, &["select"]);
        count += found.len();
        let same = found
            .into_iter()
            .map(|found| (found.span.clone(), text[found.span].to_owned()));
        let filled = variable::fill(&text, &same.collect::<Vec<_>>());
        assert_eq!(filled.text, text);
    }
    assert!(count > 1_000, "{count}");
}
