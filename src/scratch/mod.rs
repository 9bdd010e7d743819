//! Databases for a moment: where the migrations and the declared schema are built, to be compared,
//! and where a generated migration is tried before it is written.
//!
//! They are on a server that somebody named, on the server of the configured database, or on a
//! private one. All have names of their own, `castoff_scratch_<pid>_<random>`, and go with the
//! [`Scratch`] that made them: at the end, after an error, and after a signal.

mod canonical;
pub mod declared;
pub mod error;
mod execute;
mod load;
mod measure;
mod private;
pub mod proof;
pub mod renamed;
mod roles;
pub mod rows;
mod sequence;
mod sweep;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use tracing::subscriber::NoSubscriber;
use tracing::{info, warn};

use crate::config::{Config, OnNewer};
use crate::database::conninfo::{self, Sources};
use crate::database::conninfo_error::ConninfoError;
use crate::database::failure::Failure;
use crate::error::Error;
use crate::migrations::Migrations;
use crate::revision::target::Target;
use crate::run::migrate::{self, Goal};
use crate::run::signal::Stop;
use crate::run::{self, Context, backfill};
use crate::schema::catalog;
use crate::schema::model::{Origin, Schema};
use crate::sql::ident::{Ident, Literal};
use declared::Source;
use error::ScratchError;
use private::Private;

/// How long the removal of all that was made may take, also after a signal.
const CLEANUP: Duration = Duration::from_secs(8);

/// What a scratch database's name begins with.
const PREFIX: &str = "castoff_scratch_";

/// The setting that a scratch database has for itself.
const CARELESS: &str = "synchronous_commit";

/// What `--scratch-url` says to have a private server.
const PRIVATE: &str = "private";

/// A schema, and what is needed to write about it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The schema.
    pub schema: Schema,
    /// Words that the server quotes when they are names.
    pub keywords: BTreeSet<String>,
    /// The server's major version.
    pub major: u32,
    /// Objects with their expressions as the server keeps them, once they were needed.
    printed: Rc<RefCell<canonical::Printed>>,
}

impl Snapshot {
    /// Another schema on the same server.
    #[must_use]
    pub fn with(&self, schema: Schema) -> Self {
        Self {
            schema,
            keywords: self.keywords.clone(),
            major: self.major,
            printed: Rc::default(),
        }
    }
}

impl Snapshot {
    /// The same, read in a scratch database.
    #[must_use]
    pub fn made(mut self) -> Self {
        self.schema.origin = Origin::Made;
        let own = format!("setting of the database {CARELESS}");
        self.schema.unknown.retain(|object| *object != own);
        self.schema.leave_role_unsaid();
        self
    }
}

/// The server for scratch databases, and those that were made on it. Must not be dropped inside a
/// runtime.
pub struct Scratch<'c> {
    config: Config,
    stop: &'c Stop,
    sources: Sources,
    made: RefCell<Vec<Ident>>,
    // Ends behind the databases on it.
    private: Option<Private>,
}

impl<'c> Scratch<'c> {
    /// Finds a server; starts a private one when there is no other.
    pub fn open(config: &Config, stop: &'c Stop) -> Result<Self, Error> {
        let config = quiet(config);
        let named = config.declared.scratch.clone();
        let wants_private = named.as_ref().is_some_and(|(url, _)| url == PRIVATE);
        let (sources, may_create) = match named {
            Some(named) if !wants_private => {
                let sources = Sources {
                    url: Some(named),
                    ..config.database.clone()
                };
                (Some(sources), true)
            }
            Some(_) | None => match conninfo::resolve(&config.database) {
                Ok(_) => (Some(config.database.clone()), false),
                Err(ConninfoError::Missing) => (None, false),
                Err(error) => return Err(error.into()),
            },
        };
        // What is built elsewhere is to be as it would be on the configured server. That may be out
        // of reach from here.
        let is_elsewhere = config.declared.scratch.is_some();
        let configured = (is_elsewhere && conninfo::resolve(&config.database).is_ok())
            .then(|| {
                let at_once = Config {
                    wait_timeout: Duration::ZERO,
                    ..config.clone()
                };
                quietly(|| look(&at_once, stop, &config.database)).ok()
            })
            .flatten();
        let server = match &sources {
            Some(sources) if !wants_private => Some(look(&config, stop, sources)?),
            Some(_) | None => configured.clone(),
        };
        if let (Some(configured), Some(server)) = (&configured, &server) {
            warn_of_version(server.major, configured.major);
        }
        let scratch = match (sources, &server) {
            (Some(sources), Some(server)) if may_create || server.may_create => Self {
                config,
                stop,
                sources,
                made: RefCell::default(),
                private: None,
            },
            (_, server) => Self::with_private(config, stop, server.as_ref())?,
        };
        sweep::sweep(&scratch);
        Ok(scratch)
    }

    fn with_private(
        config: Config,
        stop: &'c Stop,
        server: Option<&Server>,
    ) -> Result<Self, Error> {
        let major = server.map(|server| server.major);
        let private = Private::start(config.path.as_deref(), stop, major)?;
        let scratch = Self {
            sources: private.sources(),
            config,
            stop,
            made: RefCell::default(),
            private: Some(private),
        };
        let roles = server.map_or(&[][..], |server| &server.roles);
        // It may still be starting up: nobody need be told.
        let found = quietly(|| {
            scratch.maintenance(async |client| {
                for role in roles {
                    // The superuser's own name is taken.
                    let sql = format!("create role {}", Ident::new(role).map_err(Error::Name)?);
                    client.batch_execute(&sql).await.ok();
                }
                let asking = Error::asking("asking for the server's version");
                Ok(catalog::words(client).await.map_err(asking)?.1)
            })
        })?;
        if let Some(major) = major {
            warn_of_version(found, major);
        }
        Ok(scratch)
    }

    /// Runs something on the server, in the database that the URL names.
    fn maintenance<T>(
        &self,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let context = Context::to(&self.config, self.stop, &self.sources)?;
        context.block_on(async {
            let session = context.session().await?;
            work(session.client()).await
        })
    }

    /// The way to one of the databases.
    pub fn context(&self, database: &Ident) -> Result<Context<'_>, Error> {
        let mut context = Context::to(&self.config, self.stop, &self.sources)?;
        database.as_str().clone_into(&mut context.conninfo.database);
        Ok(context)
    }

    /// A new database: empty, or a copy of another, which nobody may be connected to.
    pub fn create(&self, copy_of: Option<&Ident>) -> Result<Ident, Error> {
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random)
            .map_err(|error| Error::System(std::io::Error::other(error.to_string())))?;
        let name = Ident::new(&sweep::name(u32::from_ne_bytes(random)))?;
        // Noted first: castoff may be told to stop when the server has created it already.
        self.made.borrow_mut().push(name.clone());
        let template = copy_of.map_or("template0".to_owned(), ToString::to_string);
        let statements = [
            format!("create database {name} template {template}"),
            // Nobody will miss what was committed last.
            format!(
                "comment on database {name} is {}; \
                 alter database {name} set {CARELESS} = off",
                Literal(&sweep::mark(&self.config.host))
            ),
        ];
        self.maintenance(async |client| {
            for statement in &statements {
                let done = client.batch_execute(statement).await;
                done.map_err(Failure::from)
                    .map_err(|failure| match failure {
                        Failure::Refused(refusal) => ScratchError::NotCreated(refusal).into(),
                        failure @ (Failure::Lost(_) | Failure::Protocol(_)) => {
                            Error::asking("creating a scratch database")(failure)
                        }
                    })?;
            }
            Ok(())
        })?;
        Ok(name)
    }

    /// Applies migrations with the engine that a start uses, up or down to a target. Deferred
    /// batches are done at once.
    pub fn apply(
        &self,
        database: &Ident,
        migrations: &Migrations,
        goal: &Goal,
    ) -> Result<(), Error> {
        let history = migrations.history()?;
        if history.is_empty() {
            // The target is looked up all the same: it may be a word that means nothing.
            if let Goal::Upgrade(target) | Goal::Downgrade(target) = goal {
                history.revisions(target)?;
            }
            return Ok(());
        }
        let context = self.context(database)?;
        quietly(|| {
            let is_all = |target: &Target| matches!(&*target.to_string(), "head" | "heads");
            if matches!(goal, Goal::Upgrade(target) if is_all(target)) {
                for script in history.iter() {
                    let batch = &script.upgrade.options.batch;
                    if batch.as_ref().is_some_and(|batch| batch.deferred) {
                        let goal = Goal::Upgrade(script.id.as_str().parse()?);
                        context.block_on(async {
                            migrate::migrate(&context, migrations, &goal, &[]).await?;
                            backfill::backfill(&context, &history, None).await
                        })?;
                    }
                }
            }
            context.block_on(migrate::migrate(&context, migrations, goal, &[]))
        })
    }

    /// Runs statements one by one.
    pub fn execute(
        &self,
        database: &Ident,
        statements: &[String],
        together: bool,
    ) -> Result<(), Error> {
        let context = self.context(database)?;
        quietly(|| {
            context.block_on(async {
                let session = context.session().await?;
                let client = session.client();
                execute::execute(client, statements, together).await
            })
        })
    }

    /// Builds a declared schema in an empty database, and warns of functions that cannot work.
    pub fn load(&self, database: &Ident, sources: &[Source]) -> Result<(), Error> {
        let context = self.context(database)?;
        let odd = quietly(|| {
            context.block_on(async {
                let session = context.session().await?;
                load::load(session.client(), sources, || context.go_on()).await
            })
        })?;
        for line in odd {
            warn!("{line}");
        }
        Ok(())
    }

    /// A new database with a schema that was read elsewhere.
    pub fn build(&self, snapshot: &Snapshot) -> Result<Ident, Error> {
        canonical::built_again(self, &snapshot.schema)
    }

    /// Whether the server is castoff's own, and anything may be made on it.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Sees to the roles that statements name: on a private server they are made, and elsewhere they
    /// have to be there.
    pub fn provide_roles(&self, texts: &[&str]) -> Result<(), Error> {
        let named = roles::named(texts);
        if named.is_empty() {
            return Ok(());
        }
        let is_private = self.is_private();
        let roles = self.maintenance(async |client| {
            let mut missing = Vec::new();
            for role in named {
                let sql = "select from pg_catalog.pg_roles where rolname = $1";
                let parameter: (&(dyn tokio_postgres::types::ToSql + Sync), _) =
                    (&role, tokio_postgres::types::Type::TEXT);
                let found = client.query_typed(sql, &[parameter]).await;
                let found = found.map_err(Failure::from);
                let found = found.map_err(Error::asking("looking for roles"))?;
                if !found.is_empty() {
                    continue;
                }
                if is_private {
                    let sql = format!("create role {}", Ident::new(&role).map_err(Error::Name)?);
                    let made = client.batch_execute(&sql).await.map_err(Failure::from);
                    made.map_err(Error::asking("creating a role"))?;
                } else {
                    missing.push(role);
                }
            }
            Ok(missing)
        })?;
        if roles.is_empty() {
            return Ok(());
        }
        Err(ScratchError::RolesMissing { roles }.into())
    }

    /// The schema of one of the databases.
    pub fn read(&self, database: &Ident) -> Result<Snapshot, Error> {
        Ok(read(&self.context(database)?)?.made())
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let made = std::mem::take(self.made.get_mut());
        if made.is_empty() || self.private.is_some() {
            return;
        }
        let Ok(context) = Context::to(&self.config, self.stop, &self.sources) else {
            return;
        };
        // Not by the context, which does nothing more when castoff was told to stop.
        let removed = quietly(|| {
            run::block_on(async {
                let work = async {
                    let session = context.session().await?;
                    let mut left = Ok(true);
                    for name in &made {
                        let sql = format!("drop database if exists {name} with (force)");
                        let dropped = session.client().batch_execute(&sql).await;
                        // One that stays, for whatever reason, does not keep the others.
                        if let Err(failure) = dropped.map_err(Failure::from) {
                            left = Err(Error::asking("dropping a scratch database")(failure));
                        }
                    }
                    left
                };
                tokio::time::timeout(CLEANUP, work)
                    .await
                    .unwrap_or(Ok(false))
            })
        });
        if !matches!(removed, Ok(true)) {
            let names: Vec<String> = made.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            let why = removed
                .err()
                .map_or("the server is slow".to_owned(), |error| error.in_one_line());
            warn!("scratch databases may be left over: {names}: {why}");
        }
    }
}

/// A schema may be printed and read otherwise by another version.
fn warn_of_version(found: u32, configured: u32) {
    if found != configured {
        warn!(
            "the schemas are compared on PostgreSQL {found}, and the database is on {configured}: name a server of that version with --scratch-url"
        );
    }
}

/// What is known of a server before anything is made on it.
#[derive(Clone)]
struct Server {
    may_create: bool,
    major: u32,
    roles: Vec<String>,
}

fn look(config: &Config, stop: &Stop, sources: &Sources) -> Result<Server, Error> {
    let context = Context::to(config, stop, sources)?;
    context.block_on(async {
        let session = context.session().await?;
        let asking = Error::asking("asking what the role may do");
        let sql = "select (rolcreatedb or rolsuper) and not pg_is_in_recovery() \
            from pg_catalog.pg_roles where rolname = current_user";
        let row = session.client().query_typed_opt(sql, &[]).await;
        let row = row.map_err(Failure::from).map_err(&asking)?;
        let may_create = row.is_some_and(|row| row.get(0));
        let sql =
            "select rolname::text from pg_catalog.pg_roles where rolname !~ '^pg_' order by 1";
        let roles = session.client().query_typed(sql, &[]).await;
        let roles = roles.map_err(Failure::from).map_err(&asking)?;
        Ok(Server {
            may_create,
            major: catalog::words(session.client()).await.map_err(&asking)?.1,
            roles: roles.iter().map(|row| row.get(0)).collect(),
        })
    })
}

/// Reads the schema of a database.
pub fn read(context: &Context<'_>) -> Result<Snapshot, Error> {
    context.block_on(snapshot(context))
}

/// Reads two at once: the one is taken in while the server is busy with the other.
pub fn read_both(one: &Context<'_>, other: &Context<'_>) -> Result<(Snapshot, Snapshot), Error> {
    one.block_on(async { tokio::try_join!(snapshot(one), snapshot(other)) })
}

async fn snapshot(context: &Context<'_>) -> Result<Snapshot, Error> {
    let session = context.session().await?;
    let reading = Error::asking("reading the schema");
    let ledger = context.config.ledger_schema.as_str();
    let schema = catalog::read(session.client(), ledger).await;
    let mut schema = schema.map_err(&reading)?;
    for aspect in &context.config.declared.without {
        schema.forget(*aspect);
    }
    let words = catalog::words(session.client()).await;
    let (keywords, major) = words.map_err(&reading)?;
    Ok(Snapshot {
        schema,
        keywords,
        major,
        printed: Rc::default(),
    })
}

/// What castoff was told, for a database that nobody works with: no commands of the user's run,
/// nothing is refused for the rows that are not there, and everything belongs to one role.
fn quiet(config: &Config) -> Config {
    let mut quiet = config.clone();
    quiet.hooks.before = None;
    quiet.hooks.after = None;
    quiet.allow_destructive = true;
    quiet.create_database = false;
    quiet.baseline = None;
    quiet.on_newer = OnNewer::Fail;
    quiet.role = None;
    quiet
}

/// Leaves the story of scratch databases untold: errors are returned.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(NoSubscriber::default(), work)
}

/// Says where schemas are compared, once.
fn told(place: &str) {
    info!(event = "scratch", "comparing schemas on {place}");
}
