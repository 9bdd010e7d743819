//! Where migrations come from: the archive in the executable, or a directory.
//!
//! Reads files and hands their bytes to [`crate::revision`], which gives them a meaning.

use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::{self, Bundle};
use crate::config::MigrationsFrom;
use crate::error::Error;
use crate::revision::checksum::Lineage;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::revision::script::hook_file::{HookFile, NAMES};
use crate::revision::squash;

/// The migrations of this run, not yet read.
#[derive(Debug)]
pub enum Migrations {
    /// Embedded in the executable.
    Embedded(Bundle),
    /// The `*.sql` files of a directory.
    Directory(PathBuf),
    /// Files that need not be written yet, by the paths they are to have, without hooks.
    Given(Vec<NamedBytes>),
}

/// Why the files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is no such directory, and nothing is embedded.
    #[error("no migrations: none are embedded, and `{}` is not there", directory.display())]
    None {
        /// The directory that was looked for.
        directory: PathBuf,
    },
    /// The directory has no `*.sql` files.
    #[error("no migrations: `{}` has no `*.sql` files", directory.display())]
    Empty {
        /// The directory.
        directory: PathBuf,
        /// Whether it has what `flask db init` or `alembic init` puts there.
        is_alembic: bool,
    },
    /// The migrations are embedded, and there are no files to change.
    #[error("`{}` is not there: the migrations are embedded in this executable", directory.display())]
    Embedded {
        /// The directory that was looked for.
        directory: PathBuf,
    },
    /// A file or the directory cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl FilesError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::None { .. } | Self::Empty { .. } => "no-migrations",
            Self::Embedded { .. } => "migrations-embedded",
            Self::Unreadable { .. } => "files-unreadable",
            Self::Unwritable { .. } => "files-unwritable",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::None { .. } => {
                "name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`".into()
            }
            Self::Empty {
                is_alembic: true, ..
            } => "this directory is Alembic's: move it away with `git mv migrations alembic`, then run `castoff init`".into(),
            Self::Empty { .. } => "write the first one with `castoff migrate -m` or `castoff revision -m`, or name another directory with --migrations".into(),
            Self::Embedded { .. } => "name the directory of their files with --migrations".into(),
            Self::Unreadable { .. } => {
                "check the name in --migrations or CASTOFF_MIGRATIONS, and that this user may read it".into()
            }
            Self::Unwritable { .. } => "check that this user may write there".into(),
        }
    }
}

/// Finds the migrations: the named directory, the embedded archive, or `./migrations`.
pub fn find(from: &MigrationsFrom) -> Result<Migrations, Error> {
    match from {
        MigrationsFrom::Directory(directory) => Ok(Migrations::Directory(directory.clone())),
        MigrationsFrom::EmbeddedOr(directory) => match bundle::embedded()? {
            Some(bundle) => Ok(Migrations::Embedded(bundle)),
            None if directory.is_dir() => Ok(Migrations::Directory(directory.clone())),
            None => Err(FilesError::None {
                directory: directory.clone(),
            }
            .into()),
        },
    }
}

/// The directory that new migrations are written to.
pub fn directory(from: &MigrationsFrom) -> &Path {
    match from {
        MigrationsFrom::Directory(directory) | MigrationsFrom::EmbeddedOr(directory) => directory,
    }
}

impl Migrations {
    /// The heads with their lineages, at a cost that does not depend on how many migrations an
    /// executable carries. A directory is read and checked whole. To have none is an error: a start
    /// that silently does nothing hides that the files were left out of an image.
    pub fn heads(&self) -> Result<Heads, Error> {
        let heads = self.read_heads()?;
        if heads.heads.is_empty() {
            return Err(self.is_empty_error().into());
        }
        Ok(heads)
    }

    fn read_heads(&self) -> Result<Heads, Error> {
        match self {
            Self::Embedded(bundle) => Ok(Heads {
                heads: bundle.heads()?,
                contents: None,
            }),
            Self::Directory(_) | Self::Given(_) => {
                let contents = self.read()?;
                let history = &contents.history;
                let heads = history.heads().into_iter();
                let heads = heads.filter_map(|id| Some((id.clone(), *history.lineage(id)?)));
                let heads = heads.collect();
                Ok(Heads {
                    heads,
                    contents: Some(contents),
                })
            }
        }
    }

    /// The error of having no migrations at all.
    pub fn is_empty_error(&self) -> FilesError {
        let directory = match self {
            Self::Embedded(_) => PathBuf::from("this executable"),
            Self::Directory(directory) => directory.clone(),
            Self::Given(_) => PathBuf::from("the list"),
        };
        let is_alembic = is_alembic(&directory);
        FilesError::Empty {
            directory,
            is_alembic,
        }
    }

    /// All migrations, parsed and joined to a graph.
    pub fn history(&self) -> Result<History, Error> {
        Ok(self.read()?.history)
    }

    /// All there is, in one pass over it.
    pub fn read(&self) -> Result<Contents, Error> {
        let Files { migrations, hooks } = self.files()?;
        let mut scripts = Vec::new();
        for (path, bytes) in migrations {
            scripts.push(Script::parse(&path, bytes)?);
        }
        Ok(Contents {
            history: History::new(squash::without_replaced(scripts))?,
            hooks,
        })
    }

    /// All files, in the order of their names.
    pub fn files(&self) -> Result<Files, Error> {
        let files = match self {
            Self::Embedded(bundle) => bundle.files()?,
            Self::Directory(directory) => read_directory(directory)?,
            Self::Given(files) => files.clone(),
        };
        let (hooks, migrations) = files
            .into_iter()
            .partition(|(path, _)| hook(path).is_some());
        Ok(Files { migrations, hooks })
    }
}

/// A file: its path as people see it, and its content.
pub type NamedBytes = (String, Vec<u8>);

/// Files that nobody parsed yet.
#[derive(Debug)]
pub struct Files {
    /// The migrations.
    pub migrations: Vec<NamedBytes>,
    /// Those that run around the migrations.
    pub hooks: Vec<NamedBytes>,
}

/// What a start works with. The hooks are parsed only where something is to be done.
#[derive(Debug)]
pub struct Contents {
    /// The graph.
    pub history: History,
    hooks: Vec<NamedBytes>,
}

impl Contents {
    /// The files that run around the migrations.
    pub fn hooks(&self) -> Result<HookFiles, Error> {
        HookFiles::parse(&self.hooks)
    }
}

/// The files that run around the migrations.
#[derive(Debug, Default)]
pub struct HookFiles {
    /// `before.sql`, if it is there.
    pub before: Option<HookFile>,
    /// `after.sql`, if it is there.
    pub after: Option<HookFile>,
}

impl HookFiles {
    /// Reads them.
    pub fn parse(files: &[NamedBytes]) -> Result<Self, Error> {
        let mut hooks = Self::default();
        for (path, bytes) in files {
            let file = HookFile::parse(path, bytes.clone())?;
            if hook(path) == Some("before.sql") {
                hooks.before = Some(file);
            } else {
                hooks.after = Some(file);
            }
        }
        Ok(hooks)
    }
}

/// The name of a file that is a hook and no migration.
fn hook(path: &str) -> Option<&'static str> {
    let name = Path::new(path).file_name()?;
    NAMES.into_iter().find(|known| name == *known)
}

/// The heads, and all the rest where it had to be read to know them.
#[derive(Debug)]
pub struct Heads {
    /// The head revisions and their lineages.
    pub heads: Vec<(RevisionId, Lineage)>,
    /// The rest, when it was read on the way.
    pub contents: Option<Contents>,
}

/// Reads the `*.sql` files of a directory, not of its folders. Each is a migration: a stray file is
/// an error when it is parsed, not a migration that silently never runs.
fn read_directory(directory: &Path) -> Result<Vec<NamedBytes>, FilesError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| FilesError::Unreadable { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let shown = path.display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => Ok((shown, bytes)),
            Err(source) => Err(FilesError::Unreadable { path, source }),
        }
    };
    paths.into_iter().map(read).collect()
}

/// Whether a directory is what `alembic init` and `flask db init` make.
pub fn is_alembic(directory: &Path) -> bool {
    directory.join("env.py").is_file() || directory.join("versions").is_dir()
}
