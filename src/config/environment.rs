//! What surrounds castoff: its variables, its configuration file, the secret files they name.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::holding::Activation;
use super::layer::{KEYS, Layer};
use super::layers::Layers;
use super::privileges::Expand;
use super::secret_file::{self, SecretFile};
use crate::cli::Options;
use crate::database::conninfo::Sources;
use crate::database::secret::Secret;

/// Variables that are castoff's alone, and are taken out of the server's environment.
const SECRET_VARIABLES: [&str; 2] = ["CASTOFF_DATABASE_URL", "CASTOFF_DATABASE_URL_FILE"];

/// Set for the commands that castoff runs. To a castoff among them, what its environment and its file
/// say of a start does not apply: it would run the very command that it is, and so on for ever.
pub const RUN_BY_CASTOFF: &str = "CASTOFF_RUN_BY_CASTOFF";

/// What the names of variables with values for placeholders begin with.
const PLACEHOLDER: &str = "CASTOFF_PLACEHOLDER_";

/// Finds the one place that says where the database is: the flag, castoff's own variable, the
/// application's variable, the file; and passes libpq's variables along.
pub(super) fn sources(
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

/// What the server would take for its database, where castoff was given another one and libpq's
/// `PGPASSWORD` may be the password of either. Nothing if nobody can tell.
pub(super) fn server_sources(
    layers: &Layers,
    environment: &BTreeMap<String, String>,
    own: &Sources,
) -> Option<Sources> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let has_own = layers.flags.database_url.is_some()
        || SECRET_VARIABLES
            .into_iter()
            .any(|name| variable(name).is_some());
    variable("PGPASSWORD").filter(|_| has_own)?;
    let url = match (variable("DATABASE_URL"), variable("DATABASE_URL_FILE")) {
        (Some(url), _) => Some((url.clone(), "DATABASE_URL".to_owned())),
        (None, Some(path)) => Some((secret_file(path, "DATABASE_URL_FILE").ok()?, path.clone())),
        (None, None) => None,
    };
    Some(Sources { url, ..own.clone() })
}

/// Values for placeholders: from flags, variables and the file, the strongest of each name.
pub(super) fn placeholders(
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
pub(super) fn secret_variables(environment: &BTreeMap<String, String>) -> Vec<String> {
    let placeholders = environment.keys();
    let placeholders = placeholders.filter(|name| name.starts_with(PLACEHOLDER));
    SECRET_VARIABLES
        .into_iter()
        .chain(["CASTOFF_SCRATCH_URL"])
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
pub(super) fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
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

/// The files that the server gets as variables. Its variables may have any bytes, so they are not those
/// of [`environment`].
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
pub(super) fn secret_files(expand: &Expand) -> Vec<SecretFile> {
    if *expand == Expand::Nothing {
        return Vec::new();
    }
    let variables: Vec<_> = std::env::vars_os().collect();
    secret_file::choose(expand, &variables)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
pub(super) fn path() -> Option<std::ffi::OsString> {
    std::env::var_os("PATH")
}

/// The variables of these options alone; whatever else there is may be anything.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
pub(super) fn of_keys(keys: &[&str]) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for key in keys {
        let name = format!("CASTOFF_{}", key.to_ascii_uppercase());
        if let Some(value) = std::env::var_os(&name) {
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::NotUtf8 { name });
            };
            variables.insert(name, value);
        }
    }
    Ok(variables)
}

/// The variables of `sd_listen_fds(3)`, for those who read no others.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
pub(super) fn activation() -> Activation {
    let names = Activation::VARIABLES.into_iter();
    let given = names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    Activation::of(&given.collect())
}

/// A variable of tini's, which `castoff` knows under tini's name only.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
pub(super) fn of_tini(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// The configuration file: the one that was named, or `castoff.toml` when it is there.
pub(super) fn file(
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
pub(super) fn strangers(environment: &BTreeMap<String, String>) -> Vec<String> {
    let own = ["CASTOFF_CONFIG", RUN_BY_CASTOFF].map(|name| name.strip_prefix("CASTOFF_"));
    let known =
        |key: &str| own.contains(&Some(key)) || KEYS.contains(&key.to_ascii_lowercase().as_str());
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
