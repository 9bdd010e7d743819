//! Flags, environment and `castoff.toml`, joined into types. The only reader of the environment.
//!
//! A flag wins over the environment, which wins over the file. A value keeps the name of the
//! place it came from until it is parsed, so that the error names what to correct.

pub mod awaited;
pub mod declared;
mod environment;
pub mod error;
pub mod holding;
mod init;
mod layer;
mod layers;
pub mod observed;
pub mod privileges;
pub mod secret_file;
mod value;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use castoff_process::supervision::Supervision;

use crate::cli::Cli;
use crate::database::conninfo::Sources;
use crate::database::secret::Secret;
use crate::sql::ident::Ident;
use awaited::Awaited;
use declared::Declared;
pub use environment::RUN_BY_CASTOFF;
use environment::{environment, file};
use error::ConfigError;
use holding::{Activation, Holding};
use layer::Layer;
use layers::Layers;
use observed::Observed;
use privileges::Privileges;
use secret_file::SecretFile;
use value::Setting;

/// Everything castoff was told, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database is said to be. Parsed when a command needs a database.
    pub database: Sources,
    /// Where the server's own database is said to be, if it is another one than castoff's and they
    /// might share a password that only one of them should have.
    pub server_database: Option<Sources>,
    /// Where the migrations are.
    pub migrations: MigrationsFrom,
    /// The schema of the ledger.
    pub ledger_schema: Ident,
    /// Total time for the database to become ready, connecting included.
    pub wait_timeout: Duration,
    /// Total time to wait for the migration lock.
    pub lock_timeout: Duration,
    /// How locks on tables are taken.
    pub locks: Locks,
    /// Whether a missing database is created.
    pub create_database: bool,
    /// The revision that a database with tables and no ledger is at.
    pub baseline: Option<String>,
    /// What to do when the database is ahead of these migrations.
    pub on_newer: OnNewer,
    /// The role that castoff works as after the login.
    pub role: Option<Ident>,
    /// Whether an upgrade may drop tables and columns without the mark `destructive`.
    pub allow_destructive: bool,
    /// What runs before the first migration and after the last.
    pub hooks: Hooks,
    /// Values for `${NAME}` in migrations, by name. They may be secrets.
    pub placeholders: BTreeMap<String, Secret>,
    /// Variables that are castoff's alone, and are taken out of the environment of others.
    pub secret_variables: Vec<String>,
    /// What is waited for besides the database, before the migrations.
    pub wait_for: Vec<Awaited>,
    /// What is waited for between the migrations and the server's start.
    pub before_exec: Vec<Awaited>,
    /// The page that is shown until the server serves.
    pub holding: Option<Holding>,
    /// The sockets that castoff itself was given.
    pub activation: Activation,
    /// What the server may do and see.
    pub privileges: Privileges,
    /// The files that it gets as variables.
    pub secret_files: Vec<SecretFile>,
    /// Whether castoff stays as the server's init.
    pub stays: bool,
    /// How it looks after the server then.
    pub init: Supervision,
    /// The files that castoff keeps for others to look at.
    pub observed: Observed,
    /// What the schema is to be.
    pub declared: Declared,
    /// How much of the story is told.
    pub log: LogLevel,
    /// How the story is told.
    pub log_format: LogFormat,
    /// Host name, as recorded in the ledger and shown to those who wait.
    pub host: String,
    /// Image or release, as recorded in the ledger.
    pub image: Option<String>,
    /// Search path for the server and for `pg_dump`.
    pub path: Option<std::ffi::OsString>,
    /// What is odd, but no error.
    pub warnings: Vec<String>,
}

/// How a migration takes locks on tables that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locks {
    /// The longest that one attempt waits for a lock: the end of the schedule.
    pub timeout: Duration,
    /// Total time for the attempts that follow the first refusal.
    pub budget: Duration,
    /// Total time for a statement that stalls nobody while it waits.
    pub concurrent_budget: Duration,
    /// How long a session in the way may idle in a transaction before it is ended. Nothing: none
    /// is ever ended.
    pub terminate_idle: Option<Duration>,
    /// Whether the statements of sessions in the way are shown.
    pub show_queries: bool,
}

/// No attempt waits longer for a lock, whatever anybody says: for so long everybody else who needs
/// the table waits behind it.
pub const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Commands of the user's, as words: a program and its arguments.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// Before the first migration.
    pub before: Option<Vec<String>>,
    /// After the last.
    pub after: Option<Vec<String>>,
    /// How long each may take.
    pub timeout: Duration,
}

/// Where the migrations are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationsFrom {
    /// A directory that somebody named.
    Directory(PathBuf),
    /// The embedded ones; without any, `./migrations`.
    EmbeddedOr(PathBuf),
}

/// What to do when the database is ahead of these migrations, as it is behind an older image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNewer {
    /// Start the server and say nothing of it.
    Ok,
    /// Start the server with a warning.
    Warn,
    /// Do not start.
    Fail,
}

/// How much of the story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing but the error that ends the run.
    Error,
    /// Also what should be looked at.
    Warn,
    /// One line a step.
    Info,
    /// Also every decision.
    Debug,
}

/// How the story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line a step, for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the environment and `castoff.toml`, and joins them with the flags.
    pub fn read(cli: &Cli) -> Result<Self, ConfigError> {
        let environment = environment()?;
        let (file_name, file) = file(&cli.options, &environment)?;
        let file_layer = match &file {
            Some(text) => Layer::of_file(&file_name, text)?,
            None => Layer::default(),
        };
        let mut layers = Layers {
            flags: Layer::of_flags(cli),
            environment: Layer::of_environment(&environment)?,
            file: file_layer,
            file_name: file_name.display().to_string(),
        };
        if environment.contains_key(RUN_BY_CASTOFF) {
            layers.environment = layers.environment.without_the_start();
            layers.file = layers.file.without_the_start();
        }
        let text = |key| layers.pick(key).map(|setting| setting.value);
        let awaited = |key| -> Result<Vec<Awaited>, ConfigError> {
            layers.list(key)?.iter().map(Awaited::read).collect()
        };
        let database = environment::sources(&layers, &environment)?;
        let holding = Holding::read(&layers)?;
        let stays = layers.flag("init")?;
        let mut warnings = environment::strangers(&environment);
        warnings.extend(layers.idle_flags(holding.is_some(), stays));
        let privileges = Privileges::read(&layers)?;
        Ok(Self {
            server_database: environment::server_sources(&layers, &environment, &database),
            database,
            migrations: match text("migrations") {
                Some(directory) => MigrationsFrom::Directory(directory.into()),
                None => MigrationsFrom::EmbeddedOr("migrations".into()),
            },
            ledger_schema: layers.schema()?,
            wait_timeout: layers.duration("wait_timeout", Duration::from_mins(1))?,
            lock_timeout: layers.duration("lock_timeout", Duration::from_mins(10))?,
            locks: Locks {
                timeout: layers.parse(
                    "ddl_lock_timeout",
                    Duration::from_secs(2),
                    Setting::table_lock_timeout,
                )?,
                budget: layers.duration("ddl_lock_budget", Duration::from_mins(10))?,
                concurrent_budget: layers.duration("concurrent_budget", Duration::from_mins(30))?,
                terminate_idle: layers.parse(
                    "terminate_blockers",
                    None,
                    Setting::terminate_blockers,
                )?,
                show_queries: layers.flag("show_queries")?,
            },
            create_database: layers.flag("create_database")?,
            baseline: text("baseline"),
            on_newer: layers.parse("on_newer", OnNewer::Warn, Setting::on_newer)?,
            role: layers.parse("role", None, |setting| setting.name().map(Some))?,
            allow_destructive: layers.flag("allow_destructive")?,
            hooks: Hooks {
                before: layers.parse("before", None, |setting| setting.words().map(Some))?,
                after: layers.parse("after", None, |setting| setting.words().map(Some))?,
                timeout: layers.duration("hook_timeout", Duration::from_mins(10))?,
            },
            placeholders: environment::placeholders(&cli.options, &environment, &layers.file)?,
            secret_variables: environment::secret_variables(&environment),
            wait_for: awaited("for")?,
            before_exec: awaited("before_exec")?,
            holding,
            activation: Activation::of(&environment),
            secret_files: environment::secret_files(&privileges.expand),
            privileges,
            stays,
            init: init::read(&layers)?,
            observed: Observed::read(&layers),
            declared: Declared::read(&layers)?,
            log: layers.parse("log", LogLevel::Info, Setting::log_level)?,
            log_format: layers.parse("log_format", LogFormat::Text, Setting::log_format)?,
            host: nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            image: text("image"),
            path: environment::path(),
            warnings,
        })
    }
}

/// How `supervise` looks after its command. Flags and variables say so; `castoff.toml` belongs to the
/// application in whose directory it stands, and is not read.
pub fn supervision(cli: &Cli) -> Result<Supervision, ConfigError> {
    let variables = environment::of_keys(&init::KEYS)?;
    let layers = Layers {
        flags: Layer::of_flags(cli),
        environment: Layer::of_environment(&variables)?,
        file: Layer::default(),
        file_name: String::new(),
    };
    init::read(&layers)
}

/// Where commands are looked for.
pub fn path() -> Option<std::ffi::OsString> {
    environment::path()
}

/// The sockets that somebody was given, as systemd does it: `LISTEN_PID` says who.
pub fn activation() -> Activation {
    environment::activation()
}

/// A variable of tini's, which counts under tini's name alone.
pub fn tini_variable(name: &str) -> Option<std::ffi::OsString> {
    environment::of_tini(name)
}

/// How errors are told, and which files get them, as far as that can be known when the rest of the
/// configuration is wrong, or the command line itself.
pub fn telling(cli: Option<&Cli>) -> (LogFormat, Observed) {
    let environment = environment().unwrap_or_default();
    let options = cli.map(|cli| cli.options.clone()).unwrap_or_default();
    let file_layer = file(&options, &environment).ok().and_then(|(name, text)| {
        let layer = Layer::of_file(&name, &text?).ok()?;
        Some(layer)
    });
    let layers = Layers {
        flags: cli.map(Layer::of_flags).unwrap_or_default(),
        environment: Layer::of_environment(&environment).unwrap_or_default(),
        file: file_layer.unwrap_or_default(),
        file_name: String::new(),
    };
    let format = layers
        .parse("log_format", LogFormat::Text, Setting::log_format)
        .unwrap_or(LogFormat::Text);
    (format, Observed::read(&layers))
}
