//! What a step writes into the ledger, as values and as SQL: which rows of `revision` it moves, and
//! its row of `history`.
//!
//! The values stand in the statements as constants, not as parameters: the runner sends them in one
//! message with the statements around them, which parameters do not allow, and `--sql` prints the
//! very same statements. [`Literal`] quotes every one of them.

use std::fmt::Write as _;
use std::ops::Range;

use crate::revision::checksum::Lineage;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::{Downgrade, Script};
use crate::sql::ident::{Ident, Literal};

/// Longest section, and longest frame around the sections, whose text is kept, in bytes. Data loads beyond that would double the size of
/// backups for a text that nobody reads in a table.
const LONGEST_TEXT: usize = 1 << 20;

/// The version of castoff, as recorded.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The way a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The upgrade section ran.
    Upgrade,
    /// The downgrade section ran.
    Downgrade,
    /// Nothing ran; the revision was declared to be there.
    Stamp,
    /// Nothing ran; the file was recorded again as it is now.
    Repair,
}

impl Movement {
    /// The word in the `direction` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
            Self::Stamp => "stamp",
            Self::Repair => "repair",
        }
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An autocommit section is under way.
    Running,
    /// All statements are done.
    Done,
    /// An autocommit section stopped.
    Failed,
}

impl Outcome {
    /// The word in the `outcome` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Who is doing this, for the record.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The host's name.
    pub host: String,
    /// The image or release, if somebody named it.
    pub image: Option<String>,
}

/// The rows of `revision` that one step takes away and puts in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// Rows that go.
    pub leaves: Vec<String>,
    /// Rows that come, with their lineages.
    pub enters: Vec<(RevisionId, Lineage)>,
}

impl Move {
    /// The rows that go and come, with the lineages that the files give them.
    pub fn of(history: &History, leaves: &[RevisionId], enters: &[RevisionId]) -> Self {
        let with_lineage = |id: &RevisionId| Some((id.clone(), *history.lineage(id)?));
        Self {
            leaves: leaves.iter().map(ToString::to_string).collect(),
            enters: enters.iter().filter_map(with_lineage).collect(),
        }
    }

    /// Deletes the rows that go and inserts those that come, each in a statement of its own where
    /// there are any.
    pub fn statements(&self, schema: &Ident) -> String {
        let list = |values: Vec<String>| values.join(", ");
        let mut text = String::new();
        if !self.leaves.is_empty() {
            let ids = self.leaves.iter().map(|id| literal(id)).collect();
            // Writing to a String cannot fail.
            let ids = list(ids);
            writeln!(
                text,
                "delete from {schema}.revision where revision in ({ids});"
            )
            .ok();
        }
        if !self.enters.is_empty() {
            let row = |(id, lineage): &(RevisionId, Lineage)| {
                let (id, lineage) = (literal(id.as_str()), literal(&lineage.to_string()));
                format!("({id}, {lineage}, pg_catalog.clock_timestamp())")
            };
            let rows = list(self.enters.iter().map(row).collect());
            let columns = "revision, lineage, since";
            writeln!(
                text,
                "insert into {schema}.revision ({columns}) values {rows};"
            )
            .ok();
        }
        text
    }

    /// How many rows each of [`Move::statements`] must change.
    pub fn counts(&self) -> Vec<u64> {
        let counts = [self.leaves.len(), self.enters.len()];
        let counts = counts.into_iter().filter(|&count| count > 0);
        counts.map(|count| count as u64).collect()
    }
}

/// One row of `history`.
#[derive(Clone, Debug)]
pub struct Record<'s> {
    /// The revision, or `base`.
    pub revision: &'s str,
    /// What was done.
    pub movement: Movement,
    /// How it stands.
    pub outcome: Outcome,
    /// The parents, as the file had them.
    pub parents: Vec<&'s str>,
    /// The dependencies, as the file had them.
    pub depends_on: Vec<&'s str>,
    /// What the migration does.
    pub message: &'s str,
    /// The raw checksum, hexadecimal.
    pub raw: String,
    /// The canonical checksum, hexadecimal.
    pub canonical: String,
    /// The file without the SQL of its sections, unless it is too long to keep.
    pub frame_text: Option<String>,
    /// The upgrade section, unless it is too long to keep.
    pub upgrade_text: Option<&'s str>,
    /// The downgrade section, unless it is too long to keep, or missing.
    pub downgrade_text: Option<&'s str>,
    /// Why images without this revision must not start, if they must not.
    pub breaking: Option<&'s str>,
    /// Why it was recorded again, if it was.
    pub reason: Option<&'s str>,
    /// Statements of the section that runs.
    pub statements: usize,
    /// Statements of it that are done.
    pub last_statement: usize,
}

impl<'s> Record<'s> {
    /// The record of a script whose section runs.
    pub fn of(
        script: &'s Script,
        movement: Movement,
        outcome: Outcome,
        last_statement: usize,
    ) -> Self {
        let text = |span: &Range<usize>| {
            script
                .text
                .get(span.clone())
                .filter(|text| text.len() <= LONGEST_TEXT)
        };
        let (downgrade_text, downgrade_statements) = match &script.downgrade {
            Downgrade::Script(section) => (text(&section.span), section.statements.len()),
            Downgrade::Irreversible { .. } | Downgrade::Missing => (None, 0),
        };
        Self {
            revision: script.id.as_str(),
            movement,
            outcome,
            parents: script
                .down_revisions
                .iter()
                .map(RevisionId::as_str)
                .collect(),
            depends_on: script.depends_on.iter().map(RevisionId::as_str).collect(),
            message: &script.message,
            raw: script.checksums.raw.to_string(),
            canonical: script.checksums.canonical.to_string(),
            frame_text: Some(script.frame()).filter(|text| text.len() <= LONGEST_TEXT),
            upgrade_text: text(&script.upgrade.span),
            downgrade_text,
            breaking: script.breaking.as_deref(),
            reason: None,
            statements: match movement {
                Movement::Upgrade => script.upgrade.statements.len(),
                Movement::Downgrade => downgrade_statements,
                Movement::Stamp | Movement::Repair => 0,
            },
            last_statement,
        }
    }

    /// The record of a revision that is declared to be there.
    pub fn stamp(script: &'s Script) -> Self {
        Self::of(script, Movement::Stamp, Outcome::Done, 0)
    }

    /// The record of a file that was edited after it was applied.
    pub fn repair(script: &'s Script, reason: &'s str) -> Self {
        Self {
            reason: Some(reason),
            ..Self::of(script, Movement::Repair, Outcome::Done, 0)
        }
    }

    /// The record of a database that is declared to be before the first revision.
    pub fn base() -> Self {
        Self {
            revision: "base",
            movement: Movement::Stamp,
            outcome: Outcome::Done,
            parents: Vec::new(),
            depends_on: Vec::new(),
            message: "",
            raw: String::new(),
            canonical: String::new(),
            frame_text: None,
            upgrade_text: None,
            downgrade_text: None,
            breaking: None,
            reason: None,
            statements: 0,
            last_statement: 0,
        }
    }
}

impl Record<'_> {
    /// The statement that writes this row, without a semicolon. In the step's own transaction,
    /// `now()` is when it began.
    pub fn statement(&self, schema: &Ident, operator: &Operator, when: When) -> String {
        let optional = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), literal);
        let finished = match self.outcome {
            Outcome::Running => "null",
            Outcome::Done | Outcome::Failed => "pg_catalog.clock_timestamp()",
        };
        let values = [
            literal(self.revision),
            literal(self.movement.as_str()),
            literal(self.outcome.as_str()),
            array(&self.parents),
            array(&self.depends_on),
            literal(self.message),
            literal(&self.raw),
            literal(&self.canonical),
            optional(self.frame_text.as_deref()),
            optional(self.upgrade_text),
            optional(self.downgrade_text),
            optional(self.breaking),
            optional(self.reason),
            self.statements.to_string(),
            self.last_statement.to_string(),
            literal(&operator.host),
            optional(operator.image.as_deref()),
            literal(VERSION),
        ];
        let values = values.join(", ");
        let columns = "revision, direction, outcome, parents, depends_on, message, raw_checksum, \
                       canonical_checksum, frame_text, upgrade_text, downgrade_text, breaking, \
                       reason, statements, last_statement, host, image, castoff";
        let condition = match when {
            When::Always => String::new(),
            When::Unknown => format!(
                "\nwhere not exists (select from {schema}.history h where h.revision = {} \
                 and h.direction <> 'downgrade' and h.outcome = 'done')",
                literal(self.revision)
            ),
        };
        format!(
            "insert into {schema}.history ({columns}, started_at, finished_at)\nselect {values}, \
             pg_catalog.now(), {finished}::timestamptz{condition}"
        )
    }
}

/// When a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In any case.
    Always,
    /// Only if the ledger says nothing of the revision.
    Unknown,
}

/// Texts as a constant of type `text[]`.
pub(crate) fn array(values: &[&str]) -> String {
    let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
    format!("array[{}]::text[]", values.join(", "))
}

/// A text as a constant.
pub(crate) fn literal(text: &str) -> String {
    Literal(text).to_string()
}
