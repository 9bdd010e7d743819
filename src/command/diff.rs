//! `castoff diff`: the statements from one schema to another.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::warn;

use super::Finding;
use crate::cli::{Diff, Format};
use crate::config::Config;
use crate::database::conninfo::Sources;
use crate::error::Error;
use crate::migrations::{self, Migrations};
use crate::report;
use crate::revision::target::Target;
use crate::run::Context;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::schema::migration::{self, Changes};
use crate::schema::model::Origin;
use crate::schema::probe::Probe;
use crate::schema::rename::annotation;
use crate::schema::rename::candidate::Candidate;
use crate::schema::rename::wish::Wish;
use crate::schema::statement::Runs;
use crate::scratch::declared::{self, Declaration};
use crate::scratch::error::ScratchError;
use crate::scratch::renamed::{self, Comments};
use crate::scratch::{self, Scratch, Snapshot, proof};
use crate::sql::ident::Ident;

pub(super) fn diff(config: &Config, stop: &Stop, arguments: &Diff) -> Result<Finding, Error> {
    let online = config.declared.online;
    let compared = between(config, stop, &arguments.from, &arguments.to, online)?;
    compared.print(arguments.format)?;
    Ok((arguments.exit_status && compared.differ()).into())
}

/// What leads from one schema to another.
pub(super) struct Compared {
    changes: Changes,
    /// What nobody compares.
    unknown: Vec<String>,
    /// What may have another name, as options.
    candidates: Vec<String>,
}

impl Compared {
    /// Whether there is anything to do.
    pub(super) fn differ(&self) -> bool {
        !self.changes.statements.is_empty()
    }

    /// Prints the statements, as they can be run one after the other, or one document.
    pub(super) fn print(&self, format: Format) -> Result<(), Error> {
        match format {
            Format::Text => report::print(&as_text(&self.changes)),
            Format::Json => report::print_json(&self.as_json()),
        }
    }

    fn as_json(&self) -> Value {
        let settings = self.changes.setting();
        let settings = settings
            .iter()
            .map(|sql| json!({ "sql": sql, "runs": "together", "loses": null, "probes": [] }));
        let statements = self.changes.statements.iter().map(|statement| {
            let runs = match statement.runs {
                Runs::Together => "together",
                Runs::Before => "before",
                Runs::Alone => "alone",
            };
            json!({
                "sql": statement.sql,
                "runs": runs,
                "loses": migration::loss(statement),
                "probes": statement.probes.iter().map(probe).collect::<Vec<_>>(),
            })
        });
        json!({
            "difference": self.differ(),
            "statements": settings.chain(statements).collect::<Vec<_>>(),
            "not_compared": self.unknown,
            "perhaps_renamed": self.candidates,
        })
    }
}

/// A question to the rows; without a query where none can tell.
fn probe(probe: &Probe) -> Value {
    json!({ "query": probe.query, "says": probe.says })
}

/// What leads from one schema to another, each named as `castoff diff` takes it.
pub(super) fn between(
    config: &Config,
    stop: &Stop,
    from: &str,
    to: &str,
    online: bool,
) -> Result<Compared, Error> {
    let workshop = Workshop::new(config, stop);
    // A mistake in the declaration is told before anything is built.
    let declaration = [from, to]
        .contains(&"declared")
        .then(|| declared::find(config, stop))
        .transpose()?;
    let mut wishes = config.declared.renames.clone();
    if to == "declared" {
        wishes.extend(comments(declaration.as_ref())?);
    }
    let place = |name: &str| match (name, &declaration) {
        ("declared", Some(declaration)) => workshop.build_declared(declaration),
        (url, _) if declared::names_a_database(url) => Ok(Place::Url {
            url: url.to_owned(),
            origin: if name == from { "FROM" } else { "TO" },
        }),
        (target, _) => Ok(Place::Made(workshop.build(&target.parse()?)?)),
    };
    let places = (place(from)?, place(to)?);
    let (mut old, mut new) = workshop.read_both(&places.0, &places.1)?;
    fit(&mut old, &mut new);
    let unknown = unknown(config, &[&old, &new])?;
    let renamed = if wishes.is_empty() {
        None
    } else {
        let scratch = workshop.scratch()?;
        let database = match places.0 {
            Place::Made(database) => database,
            Place::Url { .. } => scratch.build(&old)?,
        };
        let comments = if from == "head" || declared::names_a_database(from) {
            Comments::MustFit
        } else {
            Comments::MayFit
        };
        renamed::rename(scratch, &database, (&old, &new), &wishes, comments)?
    };
    let at = renamed.as_ref().map_or(&old, |renamed| &renamed.snapshot);
    let scratch = workshop.scratch.get();
    let mut changes = proof::changes(scratch, at, &new, online)?;
    let candidates = renamed::candidates(at, &new);
    if let Some(renamed) = renamed {
        changes.statements.splice(..0, renamed.upgrade);
    }
    Ok(Compared {
        changes,
        unknown,
        candidates: candidates.iter().map(Candidate::option).collect(),
    })
}

/// Makes two schemas of different places comparable, as far as they are.
pub(super) fn fit(old: &mut Snapshot, new: &mut Snapshot) {
    match (old.schema.origin, new.schema.origin) {
        (Origin::Found, Origin::Made) => old.schema.leave_role_unsaid(),
        (Origin::Made, Origin::Found) => new.schema.leave_role_unsaid(),
        (Origin::Found, Origin::Found) | (Origin::Made, Origin::Made) => {}
    }
    if old.major != new.major {
        warn!(
            "the schemas are of PostgreSQL {} and {}: what only one of them knows counts as a difference",
            old.major, new.major
        );
    }
}

/// The renames that comments of a declaration speak of.
pub(super) fn comments(declaration: Option<&Declaration>) -> Result<Vec<Wish>, Error> {
    let Some(Declaration::Texts(sources)) = declaration else {
        return Ok(Vec::new());
    };
    let mut wishes = Vec::new();
    for source in sources {
        let found = annotation::find(&source.path, &source.text);
        wishes.extend(found.map_err(ScratchError::from)?);
    }
    Ok(wishes)
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

/// What nobody compares: a warning for each, or an error.
pub(super) fn unknown(config: &Config, sides: &[&Snapshot]) -> Result<Vec<String>, Error> {
    let unknown = sides.iter().flat_map(|side| &side.schema.unknown);
    let unknown: BTreeSet<String> = unknown.cloned().collect();
    let objects: Vec<String> = unknown.into_iter().collect();
    if config.declared.strict && !objects.is_empty() {
        return Err(ScratchError::NotCompared { objects }.into());
    }
    for object in &objects {
        warn!(
            event = "not-compared",
            "{object} is not compared: castoff does not change such things"
        );
    }
    Ok(objects)
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
        if scratch.is_private() {
            let texts = migrations
                .iter()
                .map(|(_, bytes)| std::str::from_utf8(bytes));
            scratch.provide_roles(&texts.filter_map(Result::ok).collect::<Vec<_>>())?;
        }
        let database = scratch.create(None)?;
        let goal = Goal::Upgrade(target.clone());
        scratch.apply(&database, &Migrations::Given(migrations), &goal)?;
        Ok(database)
    }

    /// A database as it is declared.
    fn build_declared(&self, declaration: &Declaration) -> Result<Place, Error> {
        let sources = match declaration {
            Declaration::Database(url) => {
                return Ok(Place::Url {
                    url: url.clone(),
                    origin: "--schema",
                });
            }
            Declaration::Texts(sources) => sources,
        };
        let scratch = self.scratch()?;
        let texts: Vec<&str> = sources.iter().map(|source| &*source.text).collect();
        scratch.provide_roles(&texts)?;
        let database = scratch.create(None)?;
        scratch.load(&database, sources)?;
        Ok(Place::Made(database))
    }

    /// The way to a database, which is only read.
    fn way(&self, place: &Place) -> Result<Context<'_>, Error> {
        match place {
            Place::Made(database) => self.scratch()?.context(database),
            Place::Url { url, origin } => {
                let sources = Sources {
                    url: Some((url.clone(), (*origin).to_owned())),
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
        Ok(place.snapshot(scratch::read(&self.way(&place)?)?))
    }

    /// Both at once.
    fn read_both(&self, one: &Place, other: &Place) -> Result<(Snapshot, Snapshot), Error> {
        let (old, new) = scratch::read_both(&self.way(one)?, &self.way(other)?)?;
        Ok((one.snapshot(old), other.snapshot(new)))
    }
}

/// Where a schema is that is compared.
enum Place {
    /// In a database that was made for it.
    Made(Ident),
    /// In one that somebody named.
    Url {
        url: String,
        /// What said so: an argument or an option.
        origin: &'static str,
    },
}

impl Place {
    /// What was read there, with what that means for its owners.
    fn snapshot(&self, snapshot: Snapshot) -> Snapshot {
        match self {
            Self::Made(_) => snapshot.made(),
            Self::Url { .. } => snapshot,
        }
    }
}
