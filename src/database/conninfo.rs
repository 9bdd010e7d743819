//! One resolved description of where and how to connect.
//!
//! [`resolve`] is the only way to one: after it no default is open and no file but those of TLS
//! is left to read. It does not open connections and does not resolve names.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::database::conninfo_error::ConninfoError;
use crate::database::secret::Secret;
use crate::database::settings::{self, Settings};
use crate::database::tls_options::{self, TlsOptions};
use crate::database::{passfile, values};
use crate::place::Place;
use crate::sql::ident::Ident;

/// What the user, the environment and the operating system say.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The connection string and where it came from: `DATABASE_URL`, `/run/secrets/db`.
    pub url: Option<(String, String)>,
    /// The `PG…` variables.
    pub environment: BTreeMap<String, String>,
    /// The home directory, for `~/.pgpass` and its like.
    pub home: Option<PathBuf>,
    /// Asks the operating system for the name of this user, libpq's last default.
    pub user: fn() -> Option<String>,
}

/// Where and how to connect. Its `Display` is for logs: `app@db:5432/timetracker`.
#[derive(Clone, Debug)]
pub struct Conninfo {
    /// Where the address is from: `DATABASE_URL`, `--scratch-url`, `/run/secrets/db`.
    pub origin: String,
    /// The hosts to try, in order; at least one.
    pub hosts: Vec<Host>,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// Command-line options for the session: `-c lock_timeout=2s`.
    pub options: Option<String>,
    /// The role that the session takes, other than the user's own.
    pub role: Option<Ident>,
    /// What `pg_stat_activity` shows.
    pub application_name: Option<String>,
    /// The most that one address may take.
    pub connect_timeout: Option<Duration>,
    /// How TCP finds out that the other side is gone.
    pub keepalives: Keepalives,
    /// Whether and how the connection is encrypted.
    pub tls: TlsOptions,
    /// Whether the login must be bound to the TLS session.
    pub channel_binding: ChannelBinding,
    /// The ways to log in that the user accepts; empty for all.
    pub require_auth: Vec<AuthMethod>,
    /// Which kind of server will do.
    pub target: TargetSession,
    /// Whether the hosts are tried in random order.
    pub load_balance: LoadBalance,
}

/// One host of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Where it is.
    pub location: Location,
    /// Its port, which is part of a socket's file name too.
    pub port: u16,
    /// The password for this host.
    pub password: Option<Secret>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A name (or an address), and the address to use instead of looking the name up.
    Network {
        /// For people, for the lookup and for the certificate.
        name: String,
        /// `hostaddr`.
        address: Option<IpAddr>,
    },
    /// The directory of a unix socket. A leading NUL means the abstract namespace.
    Socket(PathBuf),
}

/// TCP keepalives, as libpq names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalives {
    /// Whether they are sent at all.
    pub enabled: bool,
    /// Silence before the first one; the operating system's default otherwise.
    pub idle: Option<Duration>,
    /// Time between two.
    pub interval: Option<Duration>,
    /// How many may be lost.
    pub count: Option<u32>,
    /// How long sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// When both sides can.
    Prefer,
    /// Or no login at all.
    Require,
}

/// A way to log in, as `require_auth` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// The password in clear text.
    Password,
    /// The password as an MD5 hash.
    Md5,
    /// Kerberos.
    Gss,
    /// Windows.
    Sspi,
    /// SCRAM.
    Scram,
    /// OAuth.
    Oauth,
    /// The server does not ask.
    None,
}

/// `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetSession {
    /// Any server.
    Any,
    /// One whose sessions can write.
    ReadWrite,
    /// One whose sessions cannot write.
    ReadOnly,
    /// One that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby, or any server if there is none.
    PreferStandby,
}

/// `load_balance_hosts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalance {
    /// In the order given.
    Disable,
    /// Shuffled.
    Random,
}

impl fmt::Display for Conninfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        write!(
            formatter,
            "{}@{}/{}",
            self.user,
            hosts.join(","),
            self.database
        )
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::Network { name, .. } if name.contains(':') => {
                write!(formatter, "[{name}]:{}", self.port)
            }
            Location::Network { name, .. } => write!(formatter, "{name}:{}", self.port),
            Location::Socket(directory) => {
                let shown = directory.display().to_string().replacen('\0', "@", 1);
                write!(formatter, "{shown}:{}", self.port)
            }
        }
    }
}

/// Makes the one description out of everything that was said.
pub fn resolve(sources: &Sources) -> Result<Conninfo, ConninfoError> {
    let settings = settings::gather(sources)?;
    let named = settings.value("user").map(str::to_owned);
    let user = named.or_else(sources.user).ok_or(ConninfoError::NoUser)?;
    let database = settings.value("dbname").unwrap_or(&user);
    let mut hosts = hosts(&settings)?;
    add_passwords(&mut hosts, database, &user, &settings, sources)?;
    let require_auth = values::require_auth(&settings)?;
    let on_socket = hosts
        .iter()
        .any(|host| matches!(host.location, Location::Socket(_)));
    if on_socket && !require_auth.is_empty() {
        return Err(ConninfoError::Unsupported {
            origin: settings.origin("require_auth"),
            name: "require_auth".to_owned(),
            why: "castoff cannot watch the login on a unix socket",
        });
    }
    let application_name = settings
        .value("application_name")
        .or(settings.value("fallback_application_name"));
    let origin = sources.url.as_ref().map(|(_, origin)| origin.clone());
    Ok(Conninfo {
        origin: origin.unwrap_or_else(|| "DATABASE_URL".to_owned()),
        database: database.to_owned(),
        user,
        options: options(&settings, sources),
        role: None,
        application_name: application_name.map(str::to_owned),
        connect_timeout: values::seconds(&settings, "connect_timeout")?,
        keepalives: values::keepalives(&settings)?,
        tls: tls_options::resolve(&settings, sources.home.as_deref())?,
        channel_binding: values::channel_binding(&settings)?,
        require_auth,
        target: values::target(&settings)?,
        load_balance: values::load_balance(&settings)?,
        hosts,
    })
}

fn hosts(settings: &Settings) -> Result<Vec<Host>, ConninfoError> {
    let list = |name| {
        settings
            .value(name)
            .map(|value| value.split(',').collect::<Vec<_>>())
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    let mismatch = |name: &'static str, given: usize| ConninfoError::Counts {
        origin: settings.origin(name),
        name,
        given,
        hosts: count,
    };
    if let Some(names) = names.as_ref().filter(|names| names.len() != count) {
        return Err(mismatch("host", names.len()));
    }
    if let Some(ports) = ports
        .as_ref()
        .filter(|ports| ports.len() != count && ports.len() != 1)
    {
        return Err(mismatch("port", ports.len()));
    }
    (0..count)
        .map(|index| {
            let at = |list: &Option<Vec<&str>>| {
                let text = list
                    .as_ref()
                    .and_then(|list| list.get(index).or(list.first()));
                text.map(|text| text.trim().to_owned()).unwrap_or_default()
            };
            let address = values::address(settings, &at(&addresses))?;
            let port = values::port(settings, &at(&ports))?;
            Ok(Host {
                location: location(&at(&names), address),
                port,
                password: None,
            })
        })
        .collect()
}

fn location(name: &str, address: Option<IpAddr>) -> Location {
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    match (name, address) {
        ("", None) => Location::Socket(default_socket_directory()),
        ("", Some(address)) => Location::Network {
            name: address.to_string(),
            address: Some(address),
        },
        (name, None) if name.starts_with('/') => Location::Socket(PathBuf::from(name)),
        (name, None) if name.starts_with('@') => {
            Location::Socket(PathBuf::from(name.replacen('@', "\0", 1)))
        }
        (name, address) => Location::Network {
            name: name.to_owned(),
            address,
        },
    }
}

/// libpq's default is built in: `/tmp`, or `/var/run/postgresql` on Debian and its like.
fn default_socket_directory() -> PathBuf {
    let debian = Path::new("/var/run/postgresql");
    if debian.is_dir() {
        debian.to_owned()
    } else {
        PathBuf::from("/tmp")
    }
}

/// The session's options, with those that libpq takes from variables of their own.
fn options(settings: &Settings, sources: &Sources) -> Option<String> {
    let mut all: Vec<String> = [
        ("PGDATESTYLE", "datestyle"),
        ("PGTZ", "timezone"),
        ("PGGEQO", "geqo"),
    ]
    .iter()
    .filter_map(|(variable, name)| {
        settings::variable(sources, variable).map(|value| values::option(name, value))
    })
    .collect();
    all.extend(settings.value("options").map(str::to_owned));
    if all.is_empty() {
        None
    } else {
        Some(all.join(" "))
    }
}

fn add_passwords(
    hosts: &mut [Host],
    database: &str,
    user: &str,
    settings: &Settings,
    sources: &Sources,
) -> Result<(), ConninfoError> {
    if let Some(password) = settings.value("password") {
        for host in hosts {
            host.password = Some(Secret::new(password));
        }
        return Ok(());
    }
    let named = settings.value("passfile").map(PathBuf::from);
    let path = named.or_else(|| sources.home.as_ref().map(|home| home.join(".pgpass")));
    let Some(text) = path.as_deref().map(read_passfile).transpose()?.flatten() else {
        return Ok(());
    };
    for host in hosts {
        let name = match &host.location {
            Location::Network { name, .. } => name.clone(),
            Location::Socket(directory) => directory.display().to_string().replacen('\0', "@", 1),
        };
        let wanted = passfile::Wanted {
            host: &name,
            port: host.port,
            database,
            user,
        };
        host.password = passfile::find(&text, &wanted);
    }
    Ok(())
}

/// `/dev/null` is a usual way to say "none", so only regular files are read.
fn read_passfile(path: &Path) -> Result<Option<String>, ConninfoError> {
    let Ok(metadata) = path.metadata() else {
        return Ok(None);
    };
    if !metadata.is_file() {
        return Ok(None);
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let place = Place::file(&path.display().to_string());
        return Err(ConninfoError::PassfileMode { place, mode });
    }
    settings::read(path)
}

#[cfg(test)]
mod tests;
