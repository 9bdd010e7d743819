//! A directory with migrations, as a developer has it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::castoff::Castoff;

/// A directory that vanishes with the value. castoff runs in it.
#[derive(Debug)]
pub(crate) struct Project {
    directory: TempDir,
    files: usize,
}

impl Project {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("castoff-project-")
            .tempdir()
            .unwrap();
        Self {
            directory,
            files: 0,
        }
    }

    /// One migration a word, `id<parents`: `a<- b<a c<a d<b,c`. Each makes a table of its name
    /// with `t_` before it.
    pub(crate) fn with(graph: &str) -> Self {
        graph
            .split_whitespace()
            .fold(Self::empty(), |project, word| {
                let (id, parents) = word.split_once('<').expect("a word is id<parents");
                let table = format!("t_{id}");
                let migration = Migration::new(id)
                    .upgrade(&format!("create table {table} (id integer);"))
                    .downgrade(&format!("drop table {table};"));
                project.migration(&migration.after(parents.trim_matches('-')))
            })
    }

    /// Adds a migration file. Files are dated in the order they come.
    pub(crate) fn migration(mut self, migration: &Migration) -> Self {
        self.files += 1;
        let slug = migration.message.to_lowercase().replace(' ', "_");
        let minute = self.files % 60;
        let hour = self.files / 60 % 24;
        let day = 1 + self.files / 1440;
        let name = format!(
            "202601{day:02}{hour:02}{minute:02}_{}_{slug}.sql",
            migration.id
        );
        self.file(&format!("migrations/{name}"), migration.text())
    }

    /// Adds or replaces any file.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// castoff with these arguments, in this directory.
    pub(crate) fn castoff<const N: usize>(&self, arguments: [&str; N]) -> Castoff<'_> {
        Castoff::new(self.directory()).args(arguments)
    }
}

/// One migration file.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    id: String,
    message: String,
    parents: String,
    header: String,
    options: String,
    upgrade: String,
    downgrade: String,
}

impl Migration {
    /// A base without statements.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            message: format!("Make {id}"),
            parents: String::new(),
            header: String::new(),
            options: String::new(),
            upgrade: String::new(),
            downgrade: String::new(),
        }
    }

    /// Its parents, separated by commas.
    pub(crate) fn after(self, parents: &str) -> Self {
        Self {
            parents: parents.to_owned(),
            ..self
        }
    }

    /// What it does, in words.
    pub(crate) fn message(self, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..self
        }
    }

    /// More header lines, without the dashes.
    pub(crate) fn header(self, line: &str) -> Self {
        Self {
            header: format!("{}-- {line}\n", self.header),
            ..self
        }
    }

    /// What stands on the upgrade line.
    pub(crate) fn options(self, options: &str) -> Self {
        Self {
            options: format!(" {options}"),
            ..self
        }
    }

    /// The way forward.
    pub(crate) fn upgrade(self, sql: &str) -> Self {
        Self {
            upgrade: sql.to_owned(),
            ..self
        }
    }

    /// The way back.
    pub(crate) fn downgrade(self, sql: &str) -> Self {
        Self {
            downgrade: sql.to_owned(),
            ..self
        }
    }

    fn text(&self) -> String {
        let Self {
            id,
            message,
            parents,
            header,
            options,
            upgrade,
            downgrade,
        } = self;
        let parents = match parents.as_str() {
            "" => String::new(),
            parents => format!("-- down_revision: {}\n", parents.replace(',', ", ")),
        };
        format!(
            "-- {message}\n-- revision: {id}\n{parents}{header}\n\
             -- upgrade{options}\n{upgrade}\n\n-- downgrade\n{downgrade}\n"
        )
    }
}
