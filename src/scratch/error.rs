//! Why two schemas cannot be compared, or a migration cannot be made of their difference.

use std::io;
use std::path::PathBuf;

use crate::database::failure::Refusal;
use crate::place::Place;
use crate::schema::order::Cycle;
use crate::schema::rename::error::RenameError;

/// Why two schemas cannot be compared, or a migration cannot be made of their difference.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// Nobody says what the schema is to be.
    #[error("no schema is declared: `{}` {why}", path.display())]
    NotDeclared {
        /// Where it was looked for.
        path: PathBuf,
        /// What is the matter there.
        why: &'static str,
    },
    /// A file of the declared schema, or a folder of it, cannot be read.
    #[error("`{}` cannot be read", path.display())]
    NotReadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the declared schema cannot be cut into statements.
    #[error("the declared schema cannot be read: {reason}")]
    Unreadable {
        /// Where.
        place: Box<Place>,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        help: String,
    },
    /// A statement of the declared schema changes rows, or drops something.
    #[error("the declared schema says `{word}`, which declares nothing")]
    DeclaresNothing {
        /// Where.
        place: Box<Place>,
        /// Its first word.
        word: String,
    },
    /// Statements of the declared schema fail, in whatever order they are run.
    #[error("{count} of the declared schema's statements cannot be run")]
    Unloadable {
        /// How many.
        count: usize,
        /// The first of them.
        place: Box<Place>,
        /// What the server says to it.
        #[source]
        refusal: Box<Refusal>,
        /// The others, a line each.
        others: Vec<String>,
        /// What waits for each other, by name.
        circle: Vec<String>,
    },
    /// The command that prints the schema did not.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// The command.
        command: String,
        /// How.
        reason: String,
    },
    /// There is no server for scratch databases.
    #[error("there is no server for scratch databases: {why}")]
    NoServer {
        /// What was looked for, and why it will not do.
        why: String,
    },
    /// A private server does not start.
    #[error("a private server for scratch databases could not be started: {doing} failed")]
    Private {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A scratch database could not be made.
    #[error("a scratch database could not be created")]
    NotCreated(#[source] Box<Refusal>),
    /// No order of the changes satisfies all that they need.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// The migration would lose data, and nobody said that this is meant.
    #[error("the migration would lose data: {}", losses.first().map_or("", |loss| loss))]
    LosesData {
        /// The statements, with what each loses.
        losses: Vec<String>,
        /// What may have another name, as options.
        candidates: Vec<String>,
    },
    /// Something cannot be renamed as somebody said.
    #[error(transparent)]
    Rename(#[from] RenameError),
    /// A schema has what castoff does not compare, and nothing may be left out.
    #[error("not everything is compared: {}", objects.first().map_or("", |object| object))]
    NotCompared {
        /// Kinds and names.
        objects: Vec<String>,
    },
    /// Roles that the schema names are not on the server for scratch databases.
    #[error("the server for scratch databases does not have the {} {}", if roles.len() == 1 { "role" } else { "roles" }, quoted(roles))]
    RolesMissing {
        /// Their names.
        roles: Vec<String>,
    },
    /// The generated migration does not do what it should.
    #[error("the generated {movement} does not lead to {target}: nothing was written")]
    NotProved {
        /// `upgrade` or `downgrade`.
        movement: &'static str,
        /// `the declared schema` or `the head`.
        target: &'static str,
        /// The statements that would still be needed.
        left: Vec<String>,
    },
    /// A statement that is to be kept does not run behind the others.
    #[error("a statement that is kept is refused behind the others: nothing was written")]
    NotKept {
        /// The statement.
        statement: String,
        /// What the server says to it.
        #[source]
        refusal: Box<Refusal>,
    },
    /// The generated migration does not run.
    #[error("a generated statement is refused: nothing was written")]
    NotRunnable {
        /// The statement.
        statement: String,
        /// What the server says to it.
        #[source]
        refusal: Box<Refusal>,
    },
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

impl ScratchError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotDeclared { .. } => "schema-not-declared",
            Self::NotReadable { .. } => "files-unreadable",
            Self::Unreadable { .. } => "schema-unreadable",
            Self::DeclaresNothing { .. } => "schema-declares-nothing",
            Self::Unloadable { .. } => "schema-unloadable",
            Self::Command { .. } => "schema-command-failed",
            Self::NoServer { .. } => "no-scratch-server",
            Self::Private { .. } => "scratch-server-failed",
            Self::NotCreated(_) => "scratch-not-created",
            Self::Cycle(_) => "schema-cycle",
            Self::LosesData { .. } => "would-lose-data",
            Self::Rename(error) => error.code(),
            Self::NotCompared { .. } => "not-compared",
            Self::RolesMissing { .. } => "roles-missing",
            Self::NotProved { .. } => "not-proved",
            Self::NotKept { .. } => "squash-not-kept",
            Self::NotRunnable { .. } => "not-runnable",
        }
    }

    /// The exit status: nothing was changed by any of them.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotDeclared { .. }
            | Self::NotReadable { .. }
            | Self::Unreadable { .. }
            | Self::DeclaresNothing { .. }
            | Self::Unloadable { .. }
            | Self::NotCompared { .. }
            | Self::Command { .. } => 17,
            Self::Rename(error) => error.exit_status(),
            Self::NoServer { .. } | Self::RolesMissing { .. } => 10,
            Self::Private { .. } | Self::NotCreated(_) => 12,
            Self::LosesData { .. } => 14,
            Self::Cycle(_)
            | Self::NotProved { .. }
            | Self::NotKept { .. }
            | Self::NotRunnable { .. } => 1,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotDeclared { .. } => {
                "write the schema as `create` statements into ./schema, or name it with --schema or --schema-command".into()
            }
            Self::NotReadable { .. } => {
                "check that this user may read it, and that it is text in UTF-8".into()
            }
            Self::Unreadable { help, .. } => help.clone(),
            Self::DeclaresNothing { word, .. } if word.contains(' ') => {
                "leave it out: it belongs to the server, and not to the schema of one database".into()
            }
            Self::DeclaresNothing { .. } => {
                "leave it out: a declaration says what there is to be; rows are the work of a migration".into()
            }
            Self::Unloadable { circle, .. } if circle.len() > 1 => format!(
                "declare what leads back by a statement of its own, such as `alter table … add foreign key`: {} need each other",
                quoted(circle)
            ),
            Self::Unloadable { .. } => "correct the declared schema".into(),
            Self::Command { .. } => "correct --schema-command (CASTOFF_SCHEMA_COMMAND), so that it prints DDL and ends with status 0".into(),
            Self::NoServer { .. } => {
                "name one with --scratch-url (CASTOFF_SCRATCH_URL), or install PostgreSQL's server, such as `postgresql-17`".into()
            }
            Self::Private { .. } => "name a server with --scratch-url (CASTOFF_SCRATCH_URL)".into(),
            Self::NotCreated(_) => {
                "grant the role `createdb`, or name another server with --scratch-url (CASTOFF_SCRATCH_URL)".into()
            }
            Self::Cycle(_) => "make the change in two migrations, and write one of them by hand with `castoff revision`".into(),
            Self::LosesData { candidates, .. } if candidates.is_empty() => {
                "if it is meant, run it again with --allow-destructive".into()
            }
            Self::LosesData { .. } => {
                "if something has another name now, say so with such an option; if the loss is meant, run it again with --allow-destructive".into()
            }
            Self::Rename(error) => error.help(),
            Self::NotCompared { .. } => {
                "leave out --strict (CASTOFF_STRICT), and look after these by hand".into()
            }
            Self::RolesMissing { .. } => {
                "create them there with `create role`, or compare on a private server with --scratch-url private".into()
            }
            Self::NotKept { .. } => {
                "end the range before the migration that changes what it needs, or leave it out with `--data drop`".into()
            }
            Self::NotProved { .. } | Self::NotRunnable { .. } => {
                "write the migration by hand with `castoff revision`, beginning with what `castoff check` prints, and report the difference".into()
            }
        }
    }

    /// Where in a file it is.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most are not in a file")]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unreadable { place, .. }
            | Self::DeclaresNothing { place, .. }
            | Self::Unloadable { place, .. } => Some(place),
            Self::Rename(error) => error.place(),
            _ => None,
        }
    }

    /// What else there is to know, by name.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most say all in their message"
    )]
    pub fn notes(&self) -> Vec<(String, String)> {
        let note = |name: &str, lines: &[String]| {
            if lines.is_empty() {
                return Vec::new();
            }
            vec![(name.to_owned(), lines.join("\n"))]
        };
        match self {
            Self::Unloadable {
                refusal, others, ..
            } => {
                let mut notes = refusal.notes();
                notes.extend(note("also", others));
                notes
            }
            Self::NotCreated(refusal) => refusal.notes(),
            Self::LosesData { losses, candidates } => {
                let mut notes = note("also", losses.get(1..).unwrap_or_default());
                notes.extend(note("perhaps renamed", candidates));
                notes
            }
            Self::NotCompared { objects } => note("also", objects.get(1..).unwrap_or_default()),
            Self::NotProved { left, .. } => note("still different", left),
            Self::NotKept { statement, refusal } | Self::NotRunnable { statement, refusal } => {
                let mut notes = refusal.notes();
                notes.extend(note("statement", std::slice::from_ref(statement)));
                notes
            }
            _ => Vec::new(),
        }
    }
}
