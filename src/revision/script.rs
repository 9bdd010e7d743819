//! One migration file as a value: its header, its two sections and their statements.
//!
//! The only parser of migration files. It never opens one: bytes come in, a [`Script`] or a
//! [`ScriptError`] with its line goes out.

use std::ops::Range;

use super::checksum::Checksums;
use super::id::RevisionId;

/// One migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it was read from, as shown to people: `migrations/202611021014_3f2a9c1b7d04_x.sql`.
    pub path: String,
    /// The whole file, decoded, without a byte order mark, line ends as they are.
    pub text: String,
    /// The revision this file makes.
    pub id: RevisionId,
    /// The first comment line: what the migration does.
    pub message: String,
    /// The parents: none makes a base, several make a merge.
    pub down_revisions: Vec<RevisionId>,
    /// Revisions on other branches that must be applied before. Full ids only.
    pub depends_on: Vec<RevisionId>,
    /// Names for the branch that starts here, for targets such as `LABEL@head`.
    pub branch_labels: Vec<String>,
    /// The way forward.
    pub upgrade: Section,
    /// The way back.
    pub downgrade: Downgrade,
    /// What tells an edited file from the one that was applied.
    pub checksums: Checksums,
}

/// The statements below one section line, and how they are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The options of the section line.
    pub options: SectionOptions,
    /// Byte range in [`Script::text`], from the line after the section line to the next section.
    pub span: Range<usize>,
    /// The statements, in order. Ranges are into [`Script::text`].
    pub statements: Vec<crate::sql::split::Statement>,
}

/// The options of a section line: `-- upgrade autocommit lock_timeout=2s statement_timeout=0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionOptions {
    /// Whether the section runs in one transaction or statement by statement.
    pub mode: Mode,
    /// `lock_timeout` in PostgreSQL's own syntax (`2s`, `500ms`, `0`), as written.
    pub lock_timeout: Option<String>,
    /// `statement_timeout` in PostgreSQL's own syntax, as written.
    pub statement_timeout: Option<String>,
}

/// How the statements of a section run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All statements and the record in one transaction.
    #[default]
    Transaction,
    /// Each statement on its own, for what PostgreSQL refuses inside a transaction.
    Autocommit,
}

/// The way back. `Irreversible` is a decision somebody wrote down, not a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// Statements that undo the upgrade.
    Script(Section),
    /// `-- downgrade irreversible: <reason>`.
    Irreversible {
        /// Why there is no way back.
        reason: String,
    },
    /// The file has no downgrade section.
    Missing,
}
