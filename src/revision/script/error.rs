//! Why a migration file is refused.

use crate::place::Place;
use crate::revision::id::{InvalidRevisionId, RevisionId};
use crate::sql::ident::Literal;
use crate::sql::split_error::SplitError;

use super::batch::BatchProblem;
use super::section::Name;

/// A migration file that cannot be used, and where to look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ScriptError {
    /// What is wrong.
    pub problem: Problem,
    /// Where. In a box, so that every `Result` here stays small.
    pub place: Box<Place>,
}

/// What is wrong with a migration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another encoding, or no text at all.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// The SQL cannot be cut into statements.
    #[error(transparent)]
    Sql(SplitError),
    /// No header line names the revision.
    #[error("the header has no `revision`")]
    NoRevision,
    /// The file has no way forward.
    #[error("the file has no `-- upgrade` section")]
    NoUpgrade,
    /// It would belong to no section.
    #[error("SQL before the first section")]
    SqlBeforeSection,
    /// Which of the two would count?
    #[error("a second `-- {name}` section")]
    DuplicateSection {
        /// The section.
        name: Name,
    },
    /// The statement around the line is not finished.
    #[error("section line inside an unfinished statement")]
    SectionInsideStatement,
    /// `-- Upgrade` does nothing, which cannot be what was meant.
    #[error("`{line}` is no section line in this case")]
    SectionCase {
        /// The line as it stands.
        line: String,
    },
    /// A word that is no option, or prose that starts like a section line.
    #[error("unknown option `{option}` after `-- {name}`")]
    UnknownOption {
        /// The section.
        name: Name,
        /// The word.
        option: String,
    },
    /// The same option twice on one section line.
    #[error("option `{option}` stands twice")]
    DuplicateOption {
        /// The option's name.
        option: String,
    },
    /// PostgreSQL would not take the value as a duration.
    #[error("`{value}` is not a value for `{option}`")]
    OptionValue {
        /// The option's name.
        option: String,
        /// The value as written.
        value: String,
    },
    /// `irreversible` is a decision, and a decision has a reason.
    #[error("`-- downgrade irreversible` gives no reason")]
    NoReason,
    /// Either there is a way back or there is none.
    #[error("SQL in an irreversible downgrade section")]
    IrreversibleWithSql,
    /// A header key that nobody reads.
    #[error("unknown header key `{key}`")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The key that was probably meant.
        meant: Option<&'static str>,
    },
    /// To lock older images out is a decision, and a decision has a reason.
    #[error("header key `breaking` gives no reason")]
    BreakingWithoutReason,
    /// The same key twice.
    #[error("header key `{key}` stands twice")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A value of `revision`, `down_revision` or `depends_on` that names no revision.
    #[error("header key `{key}`: {error}")]
    RevisionId {
        /// The key.
        key: &'static str,
        /// What is wrong with the value.
        error: InvalidRevisionId,
    },
    /// The same revision twice under one key.
    #[error("header key `{key}` names `{id}` twice")]
    DuplicateValue {
        /// The key.
        key: &'static str,
        /// The value.
        id: String,
    },
    /// A target such as `LABEL@head` could not name it.
    #[error(
        "`{0}` is not a branch label (letters, digits, `_`, `-`, `.`; not `base`, `head`, `heads`)"
    )]
    BranchLabel(String),
    /// Something that is no name, or more than that.
    #[error(
        "`{0}` does not declare a placeholder (a name of letters, digits and `_`, then `literal` or `identifier`)"
    )]
    PlaceholderDeclaration(String),
    /// `${` is no SQL, so this was meant for castoff.
    #[error("`{0}` is not a placeholder that the header declares")]
    Placeholder(String),
    /// Name and header disagree.
    #[error("the file name carries revision `{named}`, the header `{id}`")]
    FileName {
        /// The revision in the name.
        named: String,
        /// The revision in the header.
        id: RevisionId,
    },
    /// A statement that PostgreSQL refuses in a transaction, among others that need one.
    #[error("`{command}` cannot run in a transaction with other statements")]
    NeedsAutocommit {
        /// The command.
        command: &'static str,
    },
    /// A value of an enum that its own transaction may not use yet.
    #[error("value `{label}` of type `{of}` is used in the transaction that adds it")]
    NewEnumValue {
        /// The value.
        label: String,
        /// The type, without its schema.
        of: String,
    },
    /// There is nobody who could take the data.
    #[error("`copy … to stdout` in a migration")]
    CopyToClient,
    /// A start that goes on half way has a session of its own.
    #[error("`{command}` in an autocommit section")]
    KeptInSession {
        /// The command.
        command: &'static str,
    },
    /// A statement that PostgreSQL refuses in a transaction, in `before.sql` or `after.sql`.
    #[error("`{command}` in a hook, which runs in a transaction")]
    AutocommitInHook {
        /// The command.
        command: &'static str,
    },
    /// Transactions are castoff's business: the record is written in the same one.
    #[error("`{command}` in a migration")]
    TransactionControl {
        /// The command.
        command: &'static str,
    },
    /// A question to the rows that nobody could ask.
    #[error("`{line}` is no query")]
    Probe {
        /// The line as it stands.
        line: String,
    },
    /// A section that runs in batches.
    #[error(transparent)]
    Batch(#[from] BatchProblem),
}

impl ScriptError {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        match &self.problem {
            Problem::NotUtf8 => "not-utf8",
            Problem::Sql(error) => error.code(),
            Problem::NoRevision => "revision-key-missing",
            Problem::NoUpgrade => "upgrade-section-missing",
            Problem::SqlBeforeSection => "sql-before-section",
            Problem::DuplicateSection { .. } => "duplicate-section",
            Problem::SectionInsideStatement => "section-inside-statement",
            Problem::SectionCase { .. } => "section-case",
            Problem::UnknownOption { .. } => "unknown-section-option",
            Problem::DuplicateOption { .. } => "duplicate-section-option",
            Problem::OptionValue { .. } => "section-option-value",
            Problem::NoReason => "irreversible-without-reason",
            Problem::IrreversibleWithSql => "irreversible-with-sql",
            Problem::UnknownKey { .. } => "unknown-header-key",
            Problem::BreakingWithoutReason => "breaking-without-reason",
            Problem::DuplicateKey { .. } => "duplicate-header-key",
            Problem::RevisionId { .. } => "invalid-revision-id",
            Problem::DuplicateValue { .. } => "duplicate-header-value",
            Problem::BranchLabel(_) => "invalid-branch-label",
            Problem::PlaceholderDeclaration(_) => "placeholder-declaration",
            Problem::Placeholder(_) => "placeholder-unknown",
            Problem::FileName { .. } => "file-name-mismatch",
            Problem::NeedsAutocommit { .. } => "needs-autocommit",
            Problem::NewEnumValue { .. } => "new-enum-value",
            Problem::CopyToClient => "copy-to-stdout",
            Problem::KeptInSession { .. } => "kept-in-session",
            Problem::AutocommitInHook { .. } => "autocommit-in-hook",
            Problem::TransactionControl { .. } => "transaction-control",
            Problem::Probe { .. } => "probe-not-a-query",
            Problem::Batch(problem) => problem.code(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match &self.problem {
            Problem::NotUtf8 => "save the file as UTF-8".into(),
            Problem::Sql(error) => error.help(),
            Problem::NoRevision => {
                "add a line `-- revision: <id>`, or make the file with `castoff revision`".into()
            }
            Problem::NoUpgrade => "add a line `-- upgrade` before the SQL".into(),
            Problem::SqlBeforeSection => "write the line `-- upgrade` above it".into(),
            Problem::DuplicateSection { .. } => {
                "join the two sections, or write the comment in other words".into()
            }
            Problem::SectionInsideStatement => {
                "close the parenthesis or the body above it, or write the comment in other words"
                    .into()
            }
            Problem::SectionCase { line } => {
                format!(
                    "write `{}`, or the comment in other words",
                    line.to_ascii_lowercase()
                )
            }
            Problem::UnknownOption { name, .. } => format!(
                "use `autocommit`, `repeatable`, `lock_timeout=…`, `statement_timeout=…`{}, or start a mere \
                 comment with another word than `{name}`",
                match name {
                    Name::Upgrade => ", `destructive`",
                    Name::Downgrade => ", `irreversible: <reason>`",
                }
            ),
            Problem::DuplicateOption { option } => format!("remove one `{option}`"),
            Problem::OptionValue { option, .. } => format!(
                "write a number with a unit (us, ms, s, min, h, d), or 0 for none: `{option}=2s`"
            ),
            Problem::NoReason => "write `-- downgrade irreversible: <reason>`".into(),
            Problem::IrreversibleWithSql => {
                "remove the SQL, or write `-- downgrade` without `irreversible`".into()
            }
            Problem::UnknownKey {
                meant: Some(meant), ..
            } => format!("write `{meant}:`"),
            Problem::BreakingWithoutReason => {
                "write `-- breaking: <why older images must not start>`".into()
            }
            Problem::UnknownKey { key, meant: None } => format!(
                "use revision, down_revision, depends_on, branch_labels, breaking, placeholders or requires_backfill, or start a mere comment \
                 with another word than `{key}:`"
            ),
            Problem::DuplicateKey { key } => {
                format!("write one `{key}`, several values with commas between")
            }
            Problem::RevisionId {
                key: "revision", ..
            } => "choose another id, or make the file with `castoff revision`".into(),
            Problem::RevisionId { .. } => {
                "write the full id of a revision; `castoff history` lists them".into()
            }
            Problem::DuplicateValue { id, .. } => format!("remove one `{id}`"),
            Problem::BranchLabel(_) => "choose another label, such as `billing`".into(),
            Problem::PlaceholderDeclaration(_) => {
                "write `-- placeholders: app_password, app_role identifier`".into()
            }
            Problem::Placeholder(_) => {
                "declare it in the header with `-- placeholders: NAME`, and write `${NAME}` with \
                 nothing before it that is part of a word"
                    .into()
            }
            Problem::FileName { id, .. } => {
                format!("name the file `<yyyymmddhhmm>_{id}_<slug>.sql`, or correct the header")
            }
            Problem::NeedsAutocommit { .. } => {
                "move it to a revision of its own, or write `autocommit` on the section line".into()
            }
            Problem::NewEnumValue { label, .. } => format!(
                "move the use to a following revision, or write `{}::text` where a text is meant",
                Literal(label)
            ),
            Problem::CopyToClient => "remove it, or copy to a file on the server".into(),
            Problem::KeptInSession { .. } => {
                "use a table that stays, and drop it at the end: a start that goes on half way \
                 has another session"
                    .into()
            }
            Problem::AutocommitInHook { .. } => {
                "move it to a migration of its own, or to a command in CASTOFF_BEFORE".into()
            }
            Problem::TransactionControl { .. } => {
                "remove it: castoff begins and ends the transaction; `autocommit` on the section \
                 line runs each statement on its own"
                    .into()
            }
            Problem::Probe { .. } => {
                "write one query, such as `-- probe: select exists (select from t) -- t has rows`, or \
                 a mere comment without the colon"
                    .into()
            }
            Problem::Batch(problem) => problem.help(),
        }
    }

    /// Where to look.
    pub fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}
