//! Batch lines: `-- batch table=time_entry key=id size=10000 pause=50ms`, `-- batch repeat`.
//!
//! A comment below a section line and before its first statement whose first word is exactly
//! `batch` makes the section *batched*: its one statement runs many times, each time on a few rows
//! and in a transaction of its own. As on a section line, each further word must be an option.
//!
//! Over a key, the statement says which rows by `key > :low and key <= :high`, and in no other
//! way: whoever could write `>=` would sooner or later change the row between two batches twice,
//! or with `>` on a range that includes its first key, never.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use crate::sql::lexer::{Kind, Lexer};
use crate::sql::variable::{self, Filled};

/// How a section runs in batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What tells the rows of one batch from those of the next.
    pub over: Over,
    /// Rows of the first batch; the size then follows the time that batches take.
    pub size: u32,
    /// The shortest pause between two batches.
    pub pause: Duration,
    /// How long a batch should take.
    pub target: Duration,
    /// Whether it is left to `castoff backfill`, and the revision counts as applied before.
    pub deferred: bool,
    /// A query of the user's own: batches pause while it returns true, or more than 0.
    pub throttle: Option<String>,
    /// How far a standby may be behind; zero for any.
    pub max_lag: Duration,
}

/// What tells the rows of one batch from those of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Ranges of a unique key, from the smallest value to the largest one there is at the start.
    Key {
        /// The table as it is written in SQL, with its schema and quotes where it needs them.
        table: String,
        /// The names of the key's columns.
        columns: Vec<String>,
    },
    /// The statement itself: it is repeated until it changes no row.
    Repeat {
        /// The table as it is written in SQL, if it is known.
        table: Option<String>,
        /// Repetitions after which one start gives up.
        limit: u64,
    },
}

/// The range of one batch, as SQL: constants with commas between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The key below the first row; in the first batch, where nothing is below, that of the first row.
    pub low: String,
    /// The key of the last row.
    pub high: String,
    /// Whether this is the first batch: `>` is then sent as `>=`.
    pub is_first: bool,
}

/// What is wrong with a batched section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchProblem {
    /// A word that is no option, or prose that starts like a batch line.
    #[error("unknown option `{0}` after `-- batch`")]
    UnknownOption(String),
    /// The same option twice.
    #[error("option `{0}` of `-- batch` stands twice")]
    DuplicateOption(String),
    /// A value that the option does not take.
    #[error("`{value}` is not {wanted}, as `{option}` needs it")]
    OptionValue {
        /// The option.
        option: String,
        /// The value as written.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// Neither a key nor `repeat`.
    #[error("`-- batch` has no `{0}`")]
    NoOption(&'static str),
    /// An option of the other kind of batch.
    #[error("option `{0}` does not go with `-- batch repeat`")]
    NotWithRepeat(&'static str),
    /// It would be overlooked there.
    #[error("a `-- batch` line behind a statement")]
    Late,
    /// Which of the two would count?
    #[error("a second `-- batch` line")]
    Twice,
    /// A batch is a transaction of its own already.
    #[error("`autocommit` and `-- batch` in one section")]
    Autocommit,
    /// A way back cannot count as gone while it is not.
    #[error("`deferred` in a downgrade section")]
    DeferredDowngrade,
    /// Progress is kept of one statement.
    #[error("a batched section has one statement, this one has {0}")]
    Statements(usize),
    /// DDL and the like: nothing of which there could be many small parts.
    #[error("`{0}` cannot run in batches")]
    Command(String),
    /// Every batch would change every row.
    #[error("the statement has no `:{0}`")]
    NoVariable(&'static str),
    /// Rows would be met twice, or never.
    #[error("`:{variable}` does not stand behind `{operator}`")]
    Bound {
        /// `low` or `high`.
        variable: &'static str,
        /// The operator that must stand before it.
        operator: &'static str,
    },
}

impl BatchProblem {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownOption(_)
            | Self::DuplicateOption(_)
            | Self::OptionValue { .. }
            | Self::NoOption(_)
            | Self::NotWithRepeat(_) => "batch-option",
            Self::Late | Self::Twice | Self::Autocommit | Self::DeferredDowngrade => "batch-line",
            Self::Statements(_) | Self::Command(_) => "batch-statement",
            Self::NoVariable(_) | Self::Bound { .. } => "batch-variable",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownOption(_) => format!(
                "use {}, or start a mere comment with another word than `batch`",
                OPTIONS.map(|option| format!("`{option}`")).join(", ")
            ),
            Self::DuplicateOption(option) => format!("remove one `{option}`"),
            Self::OptionValue { option, .. } => match option.as_str() {
                "size" | "limit" => format!("write a number: `{option}=10000`"),
                "table" => "write `table=orders` or `table=shop.orders`".into(),
                "key" => "write `key=id`, or `key=tenant_id,id` for a key of two columns".into(),
                "throttle" => "write a query between double quotes: `throttle=\"select …\"`".into(),
                _ => format!("write a number with a unit (ms, s, min, h): `{option}=500ms`"),
            },
            Self::NoOption(_) => {
                "write `-- batch table=orders key=id`, or `-- batch repeat`".into()
            }
            Self::NotWithRepeat(option) => format!("remove `{option}`, or `repeat`"),
            Self::Late => "write the line before the statement".into(),
            Self::Twice => "join the two lines".into(),
            Self::Autocommit => {
                "remove `autocommit`: each batch is a transaction of its own".into()
            }
            Self::DeferredDowngrade => "remove `deferred`".into(),
            Self::Statements(_) => "move the others to a revision of their own".into(),
            Self::Command(_) => {
                "write one `update`, `delete`, `insert`, `merge` or `select`, and move the rest to a revision of its own".into()
            }
            Self::NoVariable("size") => {
                "write `limit :size` into it, or remove `size` from the `-- batch` line".into()
            }
            Self::NoVariable(_) | Self::Bound { .. } => {
                "write `key > :low and key <= :high`, or `(a, b) > (:low) and (a, b) <= (:high)` for a key of two columns".into()
            }
        }
    }
}

const OPTIONS: [&str; 10] = [
    "table", "key", "repeat", "size", "pause", "target", "deferred", "throttle", "max_lag", "limit",
];

/// What may stand in a statement over a key.
pub(super) const BOUNDS: &[&str] = &["low", "high"];
/// What may stand in a statement that is repeated.
pub(super) const SIZE: &[&str] = &["size"];

const SIZE_BY_DEFAULT: u32 = 10_000;

const COMMANDS: [&str; 6] = ["update", "delete", "insert", "merge", "select", "with"];

impl Batch {
    /// The table as it is written, if it is known.
    pub fn table(&self) -> Option<&str> {
        match &self.over {
            Over::Key { table, .. } => Some(table),
            Over::Repeat { table, .. } => table.as_deref(),
        }
    }

    /// The variables that the statement may have.
    pub(super) fn variables(&self) -> &'static [&'static str] {
        match self.over {
            Over::Key { .. } => BOUNDS,
            Over::Repeat { .. } => SIZE,
        }
    }

    /// What of the options makes another migration of it, as the canonical checksum has it. How
    /// fast it goes is not part of that.
    pub fn identity(&self) -> String {
        match &self.over {
            Over::Key { table, columns } => {
                format!("batch table={table} key={}\n", columns.join(","))
            }
            Over::Repeat { .. } => "batch repeat\n".to_owned(),
        }
    }

    /// Checks the statements of the section. The place is the byte range to blame, or nothing for
    /// the whole section.
    pub(super) fn check(
        &self,
        text: &str,
        statements: &[Range<usize>],
    ) -> Result<(), (BatchProblem, Option<Range<usize>>)> {
        let [span] = statements else {
            let second = statements.get(1).cloned();
            return Err((BatchProblem::Statements(statements.len()), second));
        };
        let statement = &text[span.clone()];
        let blame = |problem| (problem, Some(span.clone()));
        let command = first_word(statement);
        if !COMMANDS.contains(&command.as_str()) {
            return Err(blame(BatchProblem::Command(command)));
        }
        let found = variable::find(statement, self.variables());
        let is_there = |name| found.iter().any(|variable| variable.name == name);
        if matches!(self.over, Over::Repeat { .. }) {
            // A size that nothing uses would be ignored.
            return if is_there("size") || self.size == SIZE_BY_DEFAULT {
                Ok(())
            } else {
                Err(blame(BatchProblem::NoVariable("size")))
            };
        }
        for (name, operator) in [("low", ">"), ("high", "<=")] {
            if !is_there(name) {
                return Err(blame(BatchProblem::NoVariable(name)));
            }
            for one in found.iter().filter(|one| one.name == name) {
                let before = one.operator.clone().map(|range| &statement[range]);
                if before != Some(operator) {
                    let place = span.start + one.span.start..span.start + one.span.end;
                    let problem = BatchProblem::Bound {
                        variable: name,
                        operator,
                    };
                    return Err((problem, Some(place)));
                }
            }
        }
        Ok(())
    }

    /// The statement of one batch over a key.
    pub fn over_range(&self, statement: &str, bounds: &Bounds) -> Filled {
        let mut texts = Vec::new();
        for found in variable::find(statement, BOUNDS) {
            let is_low = found.name == "low";
            if let Some(operator) = found.operator.filter(|_| is_low && bounds.is_first) {
                texts.push((operator, ">=".to_owned()));
            }
            let value = if is_low { &bounds.low } else { &bounds.high };
            texts.push((found.span, value.clone()));
        }
        variable::fill(statement, &texts)
    }

    /// The statement of one repetition.
    pub fn repeated(&self, statement: &str, size: u32) -> Filled {
        let found = variable::find(statement, SIZE).into_iter();
        let texts: Vec<_> = found.map(|found| (found.span, size.to_string())).collect();
        variable::fill(statement, &texts)
    }
}

fn first_word(statement: &str) -> String {
    let mut lexer = Lexer::new(statement.as_bytes(), 0);
    while let Ok(Some(token)) = lexer.next_token() {
        // `(select …)` is a statement too.
        if !matches!(token.kind, Kind::LineComment | Kind::Open) {
            return statement[token.start..token.end].to_ascii_lowercase();
        }
    }
    String::new()
}

/// Reads a comment with its `--` and without its line end. Nothing, if it is no batch line.
pub(super) fn parse(comment: &str) -> Result<Option<Batch>, BatchProblem> {
    let content = comment.strip_prefix("--").unwrap_or(comment).trim();
    let rest = match content.strip_prefix("batch") {
        Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t']) => rest,
        _ => return Ok(None),
    };
    let given = Given::read(rest)?;
    let value = |option| given.value(option);
    let table = value("table").map(table).transpose()?;
    let duration = |option, default| match value(option) {
        Some(text) => duration(option, text),
        None => Ok(default),
    };
    let over = if given.has("repeat") {
        if given.has("key") {
            return Err(BatchProblem::NotWithRepeat("key"));
        }
        let limit = value("limit").map_or(Ok(100_000), |text| number("limit", text))?;
        Over::Repeat { table, limit }
    } else {
        if given.has("limit") {
            return Err(BatchProblem::UnknownOption("limit".into()));
        }
        Over::Key {
            table: table.ok_or(BatchProblem::NoOption("table"))?,
            columns: columns(value("key").ok_or(BatchProblem::NoOption("key"))?)?,
        }
    };
    let size = value("size").map_or(Ok(SIZE_BY_DEFAULT.into()), |text| number("size", text))?;
    Ok(Some(Batch {
        over,
        size: u32::try_from(size).map_err(|_| refused("size", &size.to_string(), A_SIZE))?,
        pause: duration("pause", Duration::from_millis(50))?,
        target: match duration("target", Duration::from_millis(500))? {
            Duration::ZERO => return Err(refused("target", "0", "longer than nothing")),
            target => target,
        },
        deferred: given.has("deferred"),
        throttle: value("throttle").map(str::to_owned),
        max_lag: duration("max_lag", Duration::from_secs(10))?,
    }))
}

const A_SIZE: &str = "a number from 1 to 1000000";

fn refused(option: &str, value: &str, wanted: &'static str) -> BatchProblem {
    BatchProblem::OptionValue {
        option: option.to_owned(),
        value: value.to_owned(),
        wanted,
    }
}

/// The options of one line, with their values as text.
struct Given(Vec<(&'static str, Option<String>)>);

impl Given {
    fn read(text: &str) -> Result<Self, BatchProblem> {
        let mut given: Vec<(&'static str, Option<String>)> = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find([' ', '\t', '=']).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let Some(option) = OPTIONS.into_iter().find(|option| *option == word) else {
                return Err(BatchProblem::UnknownOption(word.to_owned()));
            };
            let is_flag = matches!(option, "repeat" | "deferred");
            let (value, behind) = match behind.strip_prefix('=') {
                Some(_) if is_flag => {
                    return Err(refused(option, behind, "without a value"));
                }
                Some(behind) => {
                    let (value, behind) = value_of(option, behind)?;
                    (Some(value), behind)
                }
                None if is_flag => (None, behind),
                None => return Err(refused(option, "", "a value")),
            };
            if given.iter().any(|(known, _)| *known == option) {
                return Err(BatchProblem::DuplicateOption(option.to_owned()));
            }
            given.push((option, value));
            rest = behind.trim_start();
        }
        Ok(Self(given))
    }

    fn has(&self, option: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == option)
    }

    fn value(&self, option: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == option)?;
        value.as_deref()
    }
}

/// A value up to the next blank, and what follows. That of `throttle` stands between double
/// quotes, a doubled one meaning itself; those in a name are SQL's own, and hold blanks together.
fn value_of<'t>(option: &str, text: &'t str) -> Result<(String, &'t str), BatchProblem> {
    let mut quoted = false;
    let blank = |c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ' ' | '\t')
    };
    let end = text.find(blank).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    if quoted && end == text.len() {
        return Err(refused(option, value, "a value whose quotes are closed"));
    }
    if option != "throttle" {
        return Ok((value.to_owned(), rest));
    }
    let query = value
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    match query.map(|query| query.replace("\"\"", "\"")) {
        Some(query) if !query.trim().is_empty() => Ok((query, rest)),
        _ => Err(refused(option, value, "a query between double quotes")),
    }
}

fn number(option: &str, text: &str) -> Result<u64, BatchProblem> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err(refused(option, text, A_SIZE)),
    }
}

fn duration(option: &str, text: &str) -> Result<Duration, BatchProblem> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        // Without a unit, nothing but 0 is clear.
        "" if digits == "0" => 1,
        _ => 0,
    };
    match digits.parse::<u64>() {
        Ok(number @ 0..=1_000_000) if milliseconds > 0 => {
            Ok(Duration::from_millis(number * milliseconds))
        }
        _ => Err(refused(option, text, "a duration such as 500ms or 2s")),
    }
}

/// A table's name as SQL has it. The server looks it up; here it only must be one.
fn table(text: &str) -> Result<String, BatchProblem> {
    let parts = names(text, '.');
    match parts.map(|parts| parts.len()) {
        Some(1 | 2) => Ok(text.to_owned()),
        _ => Err(refused("table", text, "a name")),
    }
}

fn columns(text: &str) -> Result<Vec<String>, BatchProblem> {
    let names = names(text, ',').ok_or_else(|| refused("key", text, "names of columns"))?;
    let is_twice = |(index, name): (usize, &String)| names[..index].contains(name);
    if names.iter().enumerate().any(is_twice) {
        return Err(refused("key", text, "different columns"));
    }
    Ok(names)
}

/// The names in a list, without their quotes and in lower case where they have none.
fn names(text: &str, separator: char) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            let (name, behind) = quoted.split_once('"')?;
            (name.to_owned(), behind)
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            let starts = |c: char| c.is_alphabetic() || c == '_';
            let plain = name.starts_with(starts)
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
            if !plain {
                return None;
            }
            (name.to_ascii_lowercase(), behind)
        };
        if name.is_empty() {
            return None;
        }
        names.push(name);
        if behind.is_empty() {
            return Some(names);
        }
        rest = behind.strip_prefix(separator)?;
    }
}
