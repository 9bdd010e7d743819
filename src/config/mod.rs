//! Flags, environment and `castoff.toml`, joined into types. The only reader of the environment.
//!
//! A flag wins over the environment, which wins over the file. A value keeps the name of the
//! place it came from until it is parsed, so that the error names what to correct.

mod layer;
mod value;
mod words;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Options;
use crate::database::conninfo::Sources;
use crate::database::secret::Secret;
use crate::place::Place;
use crate::sql::ident::Ident;
use layer::{KEYS, Layer};
use value::Setting;

/// Everything castoff was told, resolved.
#[derive(Debug)]
pub struct Config {
    /// Where the database is said to be. Parsed when a command needs a database.
    pub database: Sources,
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

/// Variables that are castoff's alone, and are taken out of the server's environment.
const SECRET_VARIABLES: [&str; 2] = ["CASTOFF_DATABASE_URL", "CASTOFF_DATABASE_URL_FILE"];

/// What the names of variables with values for placeholders begin with.
const PLACEHOLDER: &str = "CASTOFF_PLACEHOLDER_";

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

/// Why castoff cannot tell what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `castoff.toml` has something that castoff does not understand.
    #[error("{reason}")]
    File {
        /// Where in the file.
        place: Box<Place>,
        /// The parser's own words.
        reason: String,
    },
    /// The configuration file or a secret file cannot be read.
    #[error("`{}` (named by {named_by}) cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The variable, flag or key that names it.
        named_by: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A variable and its `_FILE` twin are both set.
    #[error("`{name}` and `{name}_FILE` are both set")]
    Twice {
        /// The variable.
        name: String,
    },
    /// A value that its option cannot take.
    #[error("{origin}: `{value}` is not {wanted}")]
    Value {
        /// The flag, variable or key.
        origin: String,
        /// What was given.
        value: String,
        /// What the option takes.
        wanted: &'static str,
    },
    /// A variable of castoff's is not UTF-8.
    #[error("`{name}` is not valid UTF-8")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// The environment's values do not fit.
    #[error("{reason}")]
    Environment {
        /// The reader's own words.
        reason: String,
    },
}

impl ConfigError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "config-file",
            Self::Unreadable { .. } => "config-unreadable",
            Self::Twice { .. } => "config-twice",
            Self::Value { .. } | Self::NotUtf8 { .. } | Self::Environment { .. } => "config-value",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::File { reason, .. } if reason.starts_with("unknown field") => {
                format!("the keys of castoff.toml are: {}", KEYS.join(", "))
            }
            Self::File { .. } => "write it as `key = \"value\"`, each key once".into(),
            Self::Unreadable { named_by, .. } => {
                format!("check that {named_by} names a file that this user may read")
            }
            Self::Twice { name } => format!("unset one of `{name}` and `{name}_FILE`"),
            Self::Value { origin, wanted, .. } => format!("set {origin} to {wanted}"),
            Self::NotUtf8 { name } => format!("set `{name}` to UTF-8 text"),
            Self::Environment { .. } => "correct the CASTOFF_* variables".into(),
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        if let Self::File { place, .. } = self {
            Some(place)
        } else {
            None
        }
    }
}

impl Config {
    /// Reads the environment and `castoff.toml`, and joins them with the flags.
    pub fn read(flags: &Options) -> Result<Self, ConfigError> {
        let environment = environment()?;
        let (file_name, file) = file(flags, &environment)?;
        let file_layer = match &file {
            Some(text) => Layer::of_file(&file_name, text)?,
            None => Layer::default(),
        };
        let layers = Layers {
            flags: Layer::of_flags(flags),
            environment: Layer::of_environment(&environment)?,
            file: file_layer,
            file_name: file_name.display().to_string(),
        };
        let text = |key| layers.pick(key).map(|setting| setting.value);
        Ok(Self {
            database: sources(&layers, &environment)?,
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
                show_queries: layers.parse("show_queries", false, Setting::flag)?,
            },
            create_database: layers.parse("create_database", false, Setting::flag)?,
            baseline: text("baseline"),
            on_newer: layers.parse("on_newer", OnNewer::Warn, Setting::on_newer)?,
            role: layers.parse("role", None, |setting| setting.name().map(Some))?,
            allow_destructive: layers.parse("allow_destructive", false, Setting::flag)?,
            hooks: Hooks {
                before: layers.parse("before", None, |setting| setting.words().map(Some))?,
                after: layers.parse("after", None, |setting| setting.words().map(Some))?,
                timeout: layers.duration("hook_timeout", Duration::from_mins(10))?,
            },
            placeholders: placeholders(flags, &environment, &layers.file)?,
            secret_variables: secret_variables(&environment),
            log: layers.parse("log", LogLevel::Info, Setting::log_level)?,
            log_format: layers.parse("log_format", LogFormat::Text, Setting::log_format)?,
            host: nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            image: text("image"),
            path: path(),
            warnings: strangers(&environment),
        })
    }
}

/// How errors are told, as far as that can be known when the rest of the configuration is wrong.
pub fn log_format(flags: &Options) -> LogFormat {
    let environment = environment().unwrap_or_default();
    let file_layer = file(flags, &environment).ok().and_then(|(name, text)| {
        let layer = Layer::of_file(&name, &text?).ok()?;
        Some(layer)
    });
    let layers = Layers {
        flags: Layer::of_flags(flags),
        environment: Layer::of_environment(&environment).unwrap_or_default(),
        file: file_layer.unwrap_or_default(),
        file_name: String::new(),
    };
    layers
        .parse("log_format", LogFormat::Text, Setting::log_format)
        .unwrap_or(LogFormat::Text)
}

/// The three layers, strongest first.
struct Layers {
    flags: Layer,
    environment: Layer,
    file: Layer,
    file_name: String,
}

impl Layers {
    /// The strongest value of an option, with the name of where it stood.
    fn pick(&self, key: &str) -> Option<Setting> {
        let flag = || self.flags.get(key).map(|value| (flag_name(key), value));
        let variable = || {
            self.environment
                .get(key)
                .map(|value| (format!("`{}`", variable_name(key)), value))
        };
        let line = || {
            self.file
                .get(key)
                .map(|value| (format!("`{key}` in {}", self.file_name), value))
        };
        let (origin, value) = flag().or_else(variable).or_else(line)?;
        Some(Setting {
            origin,
            value: value.to_owned(),
        })
    }

    fn parse<T>(
        &self,
        key: &str,
        default: T,
        parse: impl FnOnce(&Setting) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.pick(key)
            .map_or(Ok(default), |setting| parse(&setting))
    }

    fn schema(&self) -> Result<Ident, ConfigError> {
        let setting = self.pick("schema").unwrap_or_else(|| Setting {
            origin: String::new(),
            value: "castoff".to_owned(),
        });
        setting.name()
    }

    fn duration(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        self.parse(key, default, Setting::duration)
    }
}

fn variable_name(key: &str) -> String {
    format!("CASTOFF_{}", key.to_ascii_uppercase())
}

fn flag_name(key: &str) -> String {
    let key = if key == "schema" {
        "ledger_schema"
    } else {
        key
    };
    format!("`--{}`", key.replace('_', "-"))
}

/// Finds the one place that says where the database is: the flag, castoff's own variable, the
/// application's variable, the file; and passes libpq's variables along.
fn sources(
    layers: &Layers,
    environment: &BTreeMap<String, String>,
) -> Result<Sources, ConfigError> {
    let variable = |name: &str| {
        environment
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let mut url = layers
        .flags
        .database_url
        .clone()
        .map(|url| (url, "--database-url".to_owned()));
    for name in ["CASTOFF_DATABASE_URL", "DATABASE_URL"] {
        let file_name = format!("{name}_FILE");
        if url.is_some() {
            break;
        }
        url = match (variable(name), variable(&file_name)) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::Twice {
                    name: name.to_owned(),
                });
            }
            (Some(value), None) => Some((value, name.to_owned())),
            (None, Some(path)) => Some((secret_file(&path, &file_name)?, path)),
            (None, None) => None,
        };
    }
    if url.is_none() {
        url = match (&layers.file.database_url, &layers.file.database_url_file) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::Twice {
                    name: "database_url".into(),
                });
            }
            (Some(value), None) => {
                let origin = format!("database_url in {}", layers.file_name);
                Some((value.clone(), origin))
            }
            (None, Some(path)) => Some((
                secret_file(path, &format!("database_url_file in {}", layers.file_name))?,
                path.clone(),
            )),
            (None, None) => None,
        };
    }
    let libpq = environment
        .iter()
        .filter(|(name, _)| name.starts_with("PG"));
    Ok(Sources {
        url,
        environment: libpq
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        home: variable("HOME").map(PathBuf::from),
        user: operating_system_user,
    })
}

/// Values for placeholders: from flags, variables and the file, the strongest of each name.
fn placeholders(
    flags: &Options,
    environment: &BTreeMap<String, String>,
    file: &Layer,
) -> Result<BTreeMap<String, Secret>, ConfigError> {
    let mut values: BTreeMap<String, Secret> = BTreeMap::new();
    for (name, value) in &file.placeholders {
        values.insert(name.clone(), Secret::new(value.clone()));
    }
    for (variable, value) in environment {
        if let Some(name) = variable.strip_prefix(PLACEHOLDER) {
            // An empty value is a value: of all variables these alone may mean it.
            values.insert(name.to_owned(), Secret::new(value.clone()));
        }
    }
    for flag in &flags.placeholder {
        let Some((name, value)) = flag.split_once('=') else {
            return Err(ConfigError::Value {
                origin: "`--placeholder`".to_owned(),
                // Perhaps the value alone, and a secret.
                value: "…".to_owned(),
                wanted: "NAME=VALUE",
            });
        };
        values.insert(name.to_owned(), Secret::new(value.to_owned()));
    }
    Ok(values)
}

/// What the web server and the hooks are not to see.
fn secret_variables(environment: &BTreeMap<String, String>) -> Vec<String> {
    let placeholders = environment.keys();
    let placeholders = placeholders.filter(|name| name.starts_with(PLACEHOLDER));
    SECRET_VARIABLES
        .into_iter()
        .map(str::to_owned)
        .chain(placeholders.cloned())
        .collect()
}

/// The name of the user castoff runs as. Reading `/etc/passwd` takes a tenth of a start with nothing
/// to do, so it is read only when nobody named a database user.
fn operating_system_user() -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten()
        .map(|user| user.name)
}

/// A secret as Docker and Kubernetes mount it; editors end the file with a newline.
fn secret_file(path: &str, named_by: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|source| ConfigError::Unreadable {
            path: path.into(),
            named_by: format!("`{named_by}`"),
            source,
        })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        // What is not castoff's may be anything.
        let Some(name) = name.to_str() else { continue };
        let ours = ["CASTOFF_", "DATABASE_URL", "PG"]
            .iter()
            .any(|own| name.starts_with(own));
        match value.into_string() {
            Ok(value) => drop(variables.insert(name.to_owned(), value)),
            Err(_) if ours => {
                return Err(ConfigError::NotUtf8 {
                    name: name.to_owned(),
                });
            }
            Err(_) => {}
        }
    }
    Ok(variables)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
fn path() -> Option<std::ffi::OsString> {
    std::env::var_os("PATH")
}

/// The configuration file: the one that was named, or `castoff.toml` when it is there.
fn file(
    flags: &Options,
    environment: &BTreeMap<String, String>,
) -> Result<(PathBuf, Option<String>), ConfigError> {
    let (path, named_by) = if let Some(path) = &flags.config {
        (path.clone(), Some("`--config`"))
    } else if let Some(path) = environment.get("CASTOFF_CONFIG") {
        (PathBuf::from(path), Some("`CASTOFF_CONFIG`"))
    } else {
        (Path::new("castoff.toml").to_owned(), None)
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, Some(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named_by.is_none() => {
            Ok((path, None))
        }
        Err(source) => Err(ConfigError::Unreadable {
            path,
            named_by: named_by.unwrap_or("its name").to_owned(),
            source,
        }),
    }
}

/// A `CASTOFF_*` variable that nobody knows is probably a slip of the pen.
fn strangers(environment: &BTreeMap<String, String>) -> Vec<String> {
    let known = |key: &str| key == "CONFIG" || KEYS.contains(&key.to_ascii_lowercase().as_str());
    let of_kubernetes = |key: &str| {
        key.ends_with("SERVICE_HOST") || key.contains("SERVICE_PORT") || key.starts_with("PORT")
    };
    environment
        .keys()
        .filter_map(|name| name.strip_prefix("CASTOFF_"))
        .filter(|key| !known(key) && !of_kubernetes(key) && !key.starts_with("PLACEHOLDER_"))
        .map(|key| format!("`CASTOFF_{key}` is not an option of castoff, and is ignored"))
        .collect()
}
