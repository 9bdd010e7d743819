//! One migration file as a value: its header, its two sections and their statements.
//!
//! The only parser of migration files. It never opens one: bytes come in, a [`Script`] or a
//! [`ScriptError`] with its line goes out.
//!
//! A file is read in one walk over its SQL, so that a header or section line counts only where SQL
//! sees a comment. Such a line stands alone on its line, blanks before it allowed. The parts:
//! `header` the lines before the first section, `section` the section lines, `batch` the line that
//! makes a section run in batches, `probe` the lines that ask the rows, `draft` the other way round:
//! the text of a new file, `rewrite` the text of a file with other parents, `replaced` what a
//! squashed file stands for, and `kept` a file as the ledger keeps it.

pub mod batch;
pub mod draft;
pub mod error;
mod header;
pub mod hook_file;
pub mod kept;
pub mod placeholder;
pub mod probe;
pub mod replaced;
pub(super) mod rewrite;
mod section;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::checksum::{Checksum, Checksums};
use super::id::RevisionId;
use crate::place::Place;
use crate::sql::classify::{Class, classify};
use crate::sql::effect::kept_in_session;
use crate::sql::enum_value::{NewValues, Use};
use crate::sql::split::{Piece, Splitter, Statement};
use crate::sql::split_error::SplitError;
use batch::{Batch, BatchProblem};
use error::{Problem, ScriptError};
use header::Header;
use placeholder::Placeholder;
use probe::Probe;
use replaced::Replaced;
use section::{Name, SectionLine};

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
    /// Why images that do not have this revision must not start once it is applied.
    pub breaking: Option<String>,
    /// The placeholders that its SQL may have.
    pub placeholders: Vec<Placeholder>,
    /// Revisions whose deferred batches must be done before this one. Full ids only.
    pub requires_backfill: Vec<RevisionId>,
    /// The revisions that were squashed into it, as they were; itself among them.
    pub replaces: Vec<Replaced>,
    /// What its upgrade was when they were.
    pub squashed: Option<Checksum>,
    /// The way forward.
    pub upgrade: Section,
    /// What the way forward asks the rows that are there, in order.
    pub probes: Vec<Probe>,
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
    pub statements: Vec<Statement>,
}

/// The options of a section line: `-- upgrade autocommit lock_timeout=2s statement_timeout=0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionOptions {
    /// Whether the section runs in one transaction or statement by statement.
    pub mode: Mode,
    /// Whether a statement whose outcome nobody knows may run again.
    pub repeat: Repeat,
    /// `lock_timeout` in PostgreSQL's own syntax (`2s`, `500ms`, `0`), as written.
    pub lock_timeout: Option<String>,
    /// `statement_timeout` in PostgreSQL's own syntax, as written.
    pub statement_timeout: Option<String>,
    /// Whether somebody decided that this upgrade may lose data. No part of the checksum: it says
    /// nothing of what the statements do, and may be added when they ran elsewhere already.
    pub destructive: bool,
    /// How the section runs in batches, if it has a line `-- batch`.
    pub batch: Option<Batch>,
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

/// What becomes of a statement that committed, as far as anybody knows, a part of its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// A person decides.
    #[default]
    Ask,
    /// It is run again: its author wrote `repeatable` on the section line.
    Always,
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

/// A section before its statements are judged.
#[derive(Debug)]
struct Part {
    line: SectionLine,
    span: Range<usize>,
    statements: Vec<Statement>,
    probes: Vec<Probe>,
}

impl Script {
    /// Reads the bytes of one migration file. `path` is what people see, and its last part is
    /// compared with the header: `<12 digits>_<revision>_<slug>.sql` must name the same revision.
    pub fn parse(path: &str, bytes: Vec<u8>) -> Result<Self, ScriptError> {
        let raw = Checksum::of(&bytes);
        let text = decode(path, bytes)?;
        let file = File { path, text: &text };

        let (header, parts) = file.parts()?;
        let Some(id) = header.id else {
            return Err(file.blame_all(Problem::NoRevision));
        };
        let name = FileName::of(path);
        if let Some(named) = name.other_than(&id) {
            return Err(file.blame_all(Problem::FileName { named, id }));
        }
        let message = header.message.unwrap_or_else(|| name.message(&id));

        let (mut upgrade, mut downgrade) = (None, Downgrade::Missing);
        for Part {
            line,
            span,
            statements,
            probes,
        } in parts
        {
            let section =
                |options, statements| file.section(options, span, statements, &header.placeholders);
            match line {
                SectionLine::Script(Name::Upgrade, options) => {
                    upgrade = Some((section(options, statements)?, probes));
                }
                SectionLine::Script(Name::Downgrade, options) => {
                    downgrade = Downgrade::Script(section(options, statements)?);
                }
                SectionLine::Irreversible { reason } => match statements.first() {
                    Some(first) => {
                        return Err(file.blame(Problem::IrreversibleWithSql, &first.span));
                    }
                    None => downgrade = Downgrade::Irreversible { reason },
                },
            }
        }
        let Some((upgrade, probes)) = upgrade else {
            return Err(file.blame_all(Problem::NoUpgrade));
        };
        let checksums = Checksums::of(raw, &text, &upgrade.options, &upgrade.statements)
            .map_err(|error| file.blame_sql(error.into()))?;

        Ok(Self {
            path: path.to_owned(),
            id,
            message,
            down_revisions: header.down_revisions,
            depends_on: header.depends_on,
            branch_labels: header.branch_labels,
            breaking: header.breaking,
            placeholders: header.placeholders,
            requires_backfill: header.requires_backfill,
            replaces: header.replaces,
            squashed: header.squashed,
            upgrade,
            probes,
            downgrade,
            checksums,
            text,
        })
    }
}

/// The text of a file without a byte order mark, which some editors write.
fn decode(path: &str, bytes: Vec<u8>) -> Result<String, ScriptError> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let shown = String::from_utf8_lossy(error.as_bytes());
        let place = Place::of(path, &shown, offset, offset + 1);
        ScriptError {
            problem: Problem::NotUtf8,
            place: Box::new(place),
        }
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    if let Some(offset) = text.bytes().position(|byte| byte == 0) {
        return Err(File { path, text: &text }.blame_sql(SplitError::Nul { offset }));
    }
    Ok(text)
}

/// A file being read: what every error needs to show its place.
#[derive(Clone, Copy, Debug)]
struct File<'t> {
    path: &'t str,
    text: &'t str,
}

impl File<'_> {
    /// The header and the sections, in one walk.
    fn parts(self) -> Result<(Header, Vec<Part>), ScriptError> {
        let mut header = Header::default();
        let mut parts: Vec<Part> = Vec::new();
        let mut splitter = Splitter::new(self.text.as_bytes(), 0);
        while let Some(piece) = splitter
            .next_piece()
            .map_err(|error| self.blame_sql(error))?
        {
            let comment = match piece {
                Piece::Statement(statement) => {
                    self.add(&header, &mut parts, statement)?;
                    continue;
                }
                Piece::LineComment(span) => span,
            };
            let Some(line_start) = self.starts_line(comment.start) else {
                continue;
            };
            let content = &self.text[comment.clone()];
            match section::parse(content).map_err(|problem| self.blame(problem, &comment))? {
                Some(line) => {
                    if splitter.is_inside() {
                        return Err(self.blame(Problem::SectionInsideStatement, &comment));
                    }
                    if parts.iter().any(|part| part.line.name() == line.name()) {
                        let name = line.name();
                        return Err(self.blame(Problem::DuplicateSection { name }, &comment));
                    }
                    let last = splitter.cut().map_err(|error| self.blame_sql(error))?;
                    if let Some(statement) = last {
                        self.add(&header, &mut parts, statement)?;
                    }
                    if let Some(before) = parts.last_mut() {
                        before.span.end = line_start;
                    }
                    splitter.allow_placeholders(&[]);
                    let rest = &self.text[comment.end..];
                    let line_end = if rest.starts_with("\r\n") {
                        2
                    } else {
                        rest.len().min(1)
                    };
                    let span = comment.end + line_end..self.text.len();
                    parts.push(Part {
                        line,
                        span,
                        statements: Vec::new(),
                        probes: Vec::new(),
                    });
                }
                None if parts.is_empty() => {
                    header
                        .read(content)
                        .map_err(|problem| self.blame(problem, &comment))?;
                }
                None => {
                    if let Some(part) = parts.last_mut() {
                        Self::batch_line(part, &mut splitter, content)
                            .map_err(|problem| self.blame(problem.into(), &comment))?;
                        let probe = probe::parse(content)
                            .map_err(|problem| self.blame(problem, &comment))?;
                        part.probes.extend(probe.map(|(query, says)| Probe {
                            query,
                            says,
                            offset: comment.start,
                            behind: part.statements.len(),
                        }));
                    }
                }
            }
        }
        Ok((header, parts))
    }

    /// A comment of a section that may make it run in batches.
    fn batch_line(
        part: &mut Part,
        splitter: &mut Splitter<'_>,
        comment: &str,
    ) -> Result<(), BatchProblem> {
        let SectionLine::Script(name, options) = &mut part.line else {
            return Ok(());
        };
        if !part.statements.is_empty() || !splitter.is_between() {
            // Only a whole batch line is out of place here; prose is not.
            return match batch::parse(comment) {
                Ok(Some(_)) => Err(BatchProblem::Late),
                Ok(None) | Err(_) => Ok(()),
            };
        }
        let Some(batch) = batch::parse(comment)? else {
            return Ok(());
        };
        if options.batch.is_some() {
            return Err(BatchProblem::Twice);
        }
        if options.mode == Mode::Autocommit {
            return Err(BatchProblem::Autocommit);
        }
        if *name == Name::Downgrade && batch.deferred {
            return Err(BatchProblem::DeferredDowngrade);
        }
        splitter.allow_placeholders(batch.variables());
        options.batch = Some(batch);
        Ok(())
    }

    fn add(
        self,
        header: &Header,
        parts: &mut [Part],
        statement: Statement,
    ) -> Result<(), ScriptError> {
        match parts.last_mut() {
            Some(part) => {
                part.statements.push(statement);
                Ok(())
            }
            // A file of mere SQL lacks more than a section line.
            None if header.id.is_none() => Err(self.blame(Problem::NoRevision, &statement.span)),
            None => Err(self.blame(Problem::SqlBeforeSection, &statement.span)),
        }
    }

    /// Where the line starts if only blanks stand before `offset`.
    fn starts_line(self, offset: usize) -> Option<usize> {
        let before = &self.text[..offset];
        let blanks = before.trim_end_matches([' ', '\t']);
        (blanks.is_empty() || blanks.ends_with(['\n', '\r'])).then_some(blanks.len())
    }

    /// Judges the statements of a section, and lets them decide how it runs if they agree.
    fn section(
        self,
        mut options: SectionOptions,
        span: Range<usize>,
        mut statements: Vec<Statement>,
        placeholders: &[Placeholder],
    ) -> Result<Section, ScriptError> {
        placeholder::check(self.text, &statements, placeholders)
            .map_err(|(problem, range)| self.blame(problem, &range))?;
        if let Some(batch) = &options.batch {
            let spans: Vec<Range<usize>> = statements.iter().map(|one| one.span.clone()).collect();
            batch.check(self.text, &spans).map_err(|(problem, place)| {
                let place = place.unwrap_or(span.start..span.start);
                self.blame(problem.into(), &place)
            })?;
        }
        let mut ordinary = 0;
        let mut alone = None;
        for (index, statement) in statements.iter().enumerate() {
            match classify(&placeholder::any_values(
                self.text,
                &statement.span,
                placeholders,
            )) {
                Class::Ordinary => ordinary += 1,
                Class::NeedsAutocommit(command) => {
                    alone.get_or_insert((index, command));
                }
                Class::TransactionControl(command) => {
                    let problem = Problem::TransactionControl { command };
                    return Err(self.blame_statement(problem, &statements, index));
                }
                Class::ToClient => {
                    let problem = Problem::CopyToClient;
                    return Err(self.blame_statement(problem, &statements, index));
                }
            }
        }
        match alone {
            Some((index, command)) if ordinary > 0 && options.mode == Mode::Transaction => {
                let problem = Problem::NeedsAutocommit { command };
                return Err(self.blame_statement(problem, &statements, index));
            }
            Some(_) => options.mode = Mode::Autocommit,
            None => {}
        }
        if options.mode == Mode::Transaction {
            self.refuse_new_values(&statements)?;
        }
        if options.mode == Mode::Autocommit {
            for (index, statement) in statements.iter().enumerate() {
                if let Some(command) = kept_in_session(&self.text[statement.span.clone()]) {
                    let problem = Problem::KeptInSession { command };
                    return Err(self.blame_statement(problem, &statements, index));
                }
            }
        }
        statements.shrink_to_fit();
        Ok(Section {
            options,
            span,
            statements,
        })
    }

    /// PostgreSQL refuses the use of an enum value in the transaction that adds it.
    fn refuse_new_values(self, statements: &[Statement]) -> Result<(), ScriptError> {
        let mut values = NewValues::default();
        for (index, statement) in statements.iter().enumerate() {
            let text = &self.text[statement.span.clone()];
            if let Some(Use { label, of, offset }) = values.follow(text) {
                let start = statement.span.start + offset;
                let note = format!("statement {} of {}", index + 1, statements.len());
                let place = Place::of(self.path, self.text, start, statement.span.end);
                return Err(ScriptError {
                    problem: Problem::NewEnumValue { label, of },
                    place: Box::new(place.with_note(note)),
                });
            }
        }
        Ok(())
    }

    fn blame(self, problem: Problem, span: &Range<usize>) -> ScriptError {
        let place = Place::of(self.path, self.text, span.start, span.end);
        ScriptError {
            problem,
            place: Box::new(place),
        }
    }

    fn blame_statement(self, problem: Problem, all: &[Statement], index: usize) -> ScriptError {
        let span = &all[index].span;
        let note = format!("statement {} of {}", index + 1, all.len());
        let place = Place::of(self.path, self.text, span.start, span.end).with_note(note);
        ScriptError {
            problem,
            place: Box::new(place),
        }
    }

    fn blame_sql(self, error: SplitError) -> ScriptError {
        let offset = error.offset();
        self.blame(Problem::Sql(error), &(offset..offset + 1))
    }

    fn blame_all(self, problem: Problem) -> ScriptError {
        ScriptError {
            problem,
            place: Box::new(Place::file(self.path)),
        }
    }
}

/// What the name of a file says about its revision.
#[derive(Clone, Copy, Debug)]
struct FileName<'t> {
    /// What follows the twelve digits, without the extension.
    rest: Option<&'t str>,
}

impl<'t> FileName<'t> {
    fn of(path: &'t str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let rest = stem.split_once('_').and_then(|(time, rest)| {
            let is_time = time.len() == 12 && time.bytes().all(|byte| byte.is_ascii_digit());
            is_time.then_some(rest)
        });
        Self { rest }
    }

    /// The slug, if the name is made for this revision. An id may hold `_` itself.
    fn slug(self, id: &RevisionId) -> Option<&'t str> {
        match self.rest?.strip_prefix(id.as_str())? {
            "" => Some(""),
            rest => rest.strip_prefix('_'),
        }
    }

    /// The revision that the name carries if it is another one. Names of another pattern carry
    /// none, and are accepted.
    fn other_than(self, id: &RevisionId) -> Option<String> {
        let rest = self.rest?;
        match self.slug(id) {
            Some(_) => None,
            None => rest.split('_').next().map(str::to_owned),
        }
    }

    fn message(self, id: &RevisionId) -> String {
        match self.slug(id) {
            Some(slug) if !slug.is_empty() => slug.replace('_', " "),
            _ => id.to_string(),
        }
    }
}
