//! `castoff diff`: the statements from one schema to another.

use std::cell::OnceCell;

use tracing::warn;

use crate::cli::Diff;
use crate::config::Config;
use crate::database::conninfo::Sources;
use crate::error::Error;
use crate::migrations::{self, Migrations};
use crate::revision::target::Target;
use crate::run::Context;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::schema::migration::Changes;
use crate::scratch::declared::{self, Declaration};
use crate::scratch::{self, Scratch, Snapshot, proof};
use crate::{report, sql::ident::Ident};

pub(super) fn diff(config: &Config, stop: &Stop, arguments: &Diff) -> Result<(), Error> {
    let online = config.declared.online;
    let changes = between(config, stop, &arguments.from, &arguments.to, online)?;
    report::print(&as_text(&changes))
}

/// What leads from one schema to another, each named as `castoff diff` takes it.
pub(super) fn between(
    config: &Config,
    stop: &Stop,
    from: &str,
    to: &str,
    online: bool,
) -> Result<Changes, Error> {
    let workshop = Workshop::new(config, stop);
    // A mistake in the declaration is told before anything is built.
    let declaration = [from, to]
        .contains(&"declared")
        .then(|| declared::find(config, stop))
        .transpose()?;
    let side = |name: &str| match (name, &declaration) {
        ("declared", Some(declaration)) => workshop.build_declared(declaration),
        (url, _) if url.contains("://") => Ok(Place::Url(url.to_owned())),
        (target, _) => Ok(Place::Made(workshop.build(&target.parse()?)?)),
    };
    let places = [side(from)?, side(to)?];
    let (from, to) = (workshop.way(&places[0])?, workshop.way(&places[1])?);
    let (old, new) = scratch::read_both(&from, &to)?;
    tell_unknown(&[&old, &new]);
    proof::changes(workshop.scratch.get(), &old, &new, online)
}

/// Statements as they can be run one after the other.
pub(super) fn as_text(changes: &Changes) -> String {
    if changes.statements.is_empty() {
        return String::new();
    }
    changes
        .texts()
        .iter()
        .fold(String::new(), |text, statement| text + statement + ";\n")
}

/// Warns of what nobody compares.
pub(super) fn tell_unknown(sides: &[&Snapshot]) {
    let mut unknown: Vec<&String> = sides.iter().flat_map(|side| &side.schema.unknown).collect();
    unknown.sort();
    unknown.dedup();
    for object in unknown {
        warn!("{object} is not compared: castoff does not know its kind");
    }
}

/// Where schemas are built; a server for it is looked for when the first has to be.
pub(super) struct Workshop<'c> {
    config: &'c Config,
    stop: &'c Stop,
    scratch: OnceCell<Scratch<'c>>,
}

impl<'c> Workshop<'c> {
    pub(super) fn new(config: &'c Config, stop: &'c Stop) -> Self {
        Self {
            config,
            stop,
            scratch: OnceCell::new(),
        }
    }

    pub(super) fn scratch(&self) -> Result<&Scratch<'c>, Error> {
        if let Some(scratch) = self.scratch.get() {
            return Ok(scratch);
        }
        let scratch = Scratch::open(self.config, self.stop)?;
        Ok(self.scratch.get_or_init(|| scratch))
    }

    /// A database as the migrations make it.
    fn build(&self, target: &Target) -> Result<Ident, Error> {
        let migrations = migrations::find(&self.config.migrations)?
            .files()?
            .migrations;
        let scratch = self.scratch()?;
        let database = scratch.create(None)?;
        let goal = Goal::Upgrade(target.clone());
        scratch.apply(&database, &Migrations::Given(migrations), &goal)?;
        Ok(database)
    }

    /// A database as it is declared.
    fn build_declared(&self, declaration: &Declaration) -> Result<Place, Error> {
        let sources = match declaration {
            Declaration::Database(url) => return Ok(Place::Url(url.clone())),
            Declaration::Texts(sources) => sources,
        };
        let scratch = self.scratch()?;
        let database = scratch.create(None)?;
        scratch.load(&database, sources)?;
        Ok(Place::Made(database))
    }

    /// The way to a database, which is only read.
    fn way(&self, place: &Place) -> Result<Context<'_>, Error> {
        match place {
            Place::Made(database) => self.scratch()?.context(database),
            Place::Url(url) => {
                let sources = Sources {
                    url: Some((url.clone(), "the command line".to_owned())),
                    ..self.config.database.clone()
                };
                Context::to(self.config, self.stop, &sources)
            }
        }
    }

    /// The schema that the migrations make, and the database it is in.
    pub(super) fn revision(&self, target: &Target) -> Result<(Ident, Snapshot), Error> {
        let database = self.build(target)?;
        let snapshot = self.scratch()?.read(&database)?;
        Ok((database, snapshot))
    }

    /// The declared schema.
    pub(super) fn declared(&self, declaration: &Declaration) -> Result<Snapshot, Error> {
        let place = self.build_declared(declaration)?;
        scratch::read(&self.way(&place)?)
    }
}

/// Where a schema is that is compared.
enum Place {
    /// In a database that was made for it.
    Made(Ident),
    /// In one that somebody named.
    Url(String),
}
