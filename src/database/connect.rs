//! One attempt to get a session with the database.
//!
//! [`attempt`] tries each address once and says why it failed; whoever calls it decides whether
//! and when to try again.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, Config, Connection, Socket, config};

use crate::database::connect_error::{ConnectError, Retry};
use crate::database::conninfo::{
    ChannelBinding, Conninfo, Host, LoadBalance, Location, TargetSession,
};
use crate::database::encryption::{Connector, Encryption, Stream};
use crate::database::login_failure::{self, Attempted, AttemptedPlace};
use crate::database::suitability;
use crate::database::tls_options::{Negotiation, SslMode};
use crate::database::values;

/// The half of a session that moves the bytes.
///
/// It must be polled while the client is used: `poll_fn(|cx| driver.poll_message(cx))` yields
/// `AsyncMessage::Notice`s, and ends with `None` or an error when the session is over.
pub type Driver = Connection<Socket, Stream>;

/// A session, logged in.
pub struct Link {
    /// Sends queries.
    pub client: Client,
    /// Moves the bytes.
    pub driver: Driver,
    /// What opens another connection to the same place.
    pub config: Config,
    /// What `client.cancel_token().cancel_query(…)` needs.
    pub tls: Connector,
    /// The server's version.
    pub server: ServerVersion,
    /// The process id that the login announced, if it could be read along.
    pub announced: Option<i32>,
    /// The unix socket, if it is one.
    pub socket: Option<PathBuf>,
    /// Where the server is, for people.
    pub address: String,
}

/// The first two numbers of a server's version: 15.14, 18.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// Also the whole name of a release line since 10.
    pub major: u32,
    /// Zero for a beta.
    pub minor: u32,
}

/// Tries the hosts in order, or shuffled, until one lets us in.
///
/// An attempt ends at the first host that refuses for good, as in libpq: a wrong password is not
/// tried on the whole list. The time is shared out fairly, so that a host that never answers
/// leaves enough for the next.
pub async fn attempt(conninfo: &Conninfo, within: Duration) -> Result<Link, ConnectError> {
    let deadline = Instant::now() + within;
    if conninfo.target != TargetSession::PreferStandby {
        return one_pass(conninfo, conninfo.target, deadline).await;
    }
    // The half that is left is for the second pass.
    let first = one_pass(conninfo, TargetSession::Standby, deadline - within / 2).await;
    match first {
        Err(error) if error.retry() == Retry::Later => {
            one_pass(conninfo, TargetSession::Any, deadline).await
        }
        result => result,
    }
}

async fn one_pass(
    conninfo: &Conninfo,
    target: TargetSession,
    deadline: Instant,
) -> Result<Link, ConnectError> {
    let mut hosts: Vec<&Host> = conninfo.hosts.iter().collect();
    if conninfo.load_balance == LoadBalance::Random {
        shuffle(&mut hosts);
    }
    let mut failures = Vec::new();
    for (index, host) in hosts.iter().enumerate() {
        let hosts_after = hosts.len() - index - 1;
        match one_host(conninfo, host, target, deadline, hosts_after).await {
            Ok(link) => return Ok(link),
            Err(error) if error.retry() == Retry::Never => return Err(error),
            Err(error) => failures.push((host.to_string(), error)),
        }
    }
    Err(match failures.pop() {
        Some((_, only)) if failures.is_empty() => only,
        Some(last) => {
            failures.push(last);
            ConnectError::Several(failures)
        }
        None => ConnectError::Refused,
    })
}

async fn one_host(
    conninfo: &Conninfo,
    host: &Host,
    target: TargetSession,
    deadline: Instant,
    hosts_after: usize,
) -> Result<Link, ConnectError> {
    let mut addresses = match &host.location {
        Location::Network {
            name,
            address: None,
        } => {
            let most = share(deadline, hosts_after, conninfo.connect_timeout);
            let looked_up = tokio::time::timeout(most, look_up(name, host.port)).await;
            looked_up.unwrap_or(Err(ConnectError::NoAnswer { after: most }))?
        }
        Location::Network {
            address: Some(address),
            ..
        } => vec![Some(*address)],
        Location::Socket(_) => vec![None],
    };
    if conninfo.load_balance == LoadBalance::Random {
        shuffle(&mut addresses);
    }
    let mut last = ConnectError::Refused;
    for (index, address) in addresses.iter().enumerate() {
        let left = hosts_after + addresses.len() - index - 1;
        let most = share(deadline, left, conninfo.connect_timeout);
        let login = log_in(conninfo, host, *address, target);
        match tokio::time::timeout(most, login).await {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(error)) if error.retry() == Retry::Never => return Err(error),
            Ok(Err(error)) => last = error,
            Err(_) => last = ConnectError::NoAnswer { after: most },
        }
    }
    Err(last)
}

/// This address's part of the time that is left for it and `others`.
fn share(deadline: Instant, others: usize, most: Option<Duration>) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    let fair = left / u32::try_from(others + 1).unwrap_or(u32::MAX);
    most.map_or(fair, |most| most.min(fair))
}

async fn look_up(name: &str, port: u16) -> Result<Vec<Option<IpAddr>>, ConnectError> {
    if let Ok(address) = name.parse() {
        return Ok(vec![Some(address)]);
    }
    let unresolved = |source| ConnectError::Unresolved {
        host: name.to_owned(),
        source,
    };
    let found = tokio::net::lookup_host((name, port)).await;
    let addresses: Vec<_> = found
        .map_err(|source| unresolved(Some(source)))?
        .map(|found| Some(found.ip()))
        .collect();
    if addresses.is_empty() {
        Err(unresolved(None))
    } else {
        Ok(addresses)
    }
}

/// One address, with and without TLS as the mode allows.
///
/// libpq repeats a login the other way after any refusal. Here only a refusal of the credentials
/// (class 28) is repeated, since nothing else in the server depends on TLS.
async fn log_in(
    conninfo: &Conninfo,
    host: &Host,
    address: Option<IpAddr>,
    target: TargetSession,
) -> Result<Link, ConnectError> {
    let open = |encryption| open(conninfo, host, address, encryption, target);
    if matches!(host.location, Location::Socket(_)) {
        return open(Encryption::None)
            .await
            .map_err(|failure| failure.error);
    }
    let (first, second) = match conninfo.tls.mode {
        SslMode::Disable => (Encryption::None, None),
        SslMode::Allow => (Encryption::None, Some(Encryption::Required)),
        SslMode::Prefer => (Encryption::IfOffered, Some(Encryption::None)),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            match conninfo.tls.negotiation {
                Negotiation::Postgres => (Encryption::Required, None),
                Negotiation::Direct => (Encryption::Direct, None),
            }
        }
    };
    let failure = match open(first).await {
        Ok(link) => return Ok(link),
        Err(failure) => failure,
    };
    let Some(second) = second.filter(|_| failure.may_go_better_otherwise(first)) else {
        return Err(failure.error);
    };
    match open(second).await {
        Ok(link) => Ok(link),
        // Of two refusals, the one about the way in says less than the one about the password.
        Err(again) => Err(match (&failure.error, &again.error) {
            (_, ConnectError::NoHbaEntry(_)) => failure.error,
            (ConnectError::NoHbaEntry(_), _) | (_, ConnectError::NotPostgres) => again.error,
            _ => failure.error,
        }),
    }
}

/// Why one login failed, and whether TLS had been reached.
struct Failure {
    error: ConnectError,
    encrypted: bool,
}

impl Failure {
    fn may_go_better_otherwise(&self, tried: Encryption) -> bool {
        if tried == Encryption::None {
            return self.error.is_about_credentials();
        }
        // Without TLS the plain login has been tried already.
        let refused = self.encrypted && self.error.is_about_credentials();
        refused
            || matches!(
                self.error,
                ConnectError::Certificate { .. } | ConnectError::Handshake(_)
            )
    }
}

async fn open(
    conninfo: &Conninfo,
    host: &Host,
    address: Option<IpAddr>,
    encryption: Encryption,
    target: TargetSession,
) -> Result<Link, Failure> {
    let attempted = Attempted {
        user: conninfo.user.clone(),
        database: conninfo.database.clone(),
        place: match &host.location {
            Location::Network { name, .. } => AttemptedPlace::Host(name.clone()),
            Location::Socket(directory) => {
                AttemptedPlace::Socket(socket_file(directory, host.port))
            }
        },
        mode: conninfo.tls.mode,
        role: conninfo.role.as_ref().map(|role| role.as_str().to_owned()),
    };
    let connector = Connector::new(encryption, &conninfo.tls, &conninfo.require_auth);
    let failure = |error| Failure {
        error,
        encrypted: connector.is_encrypted(),
    };
    let config = config(conninfo, host, address);
    let connected = config.connect(connector.clone()).await;
    let (client, driver) =
        connected.map_err(|error| failure(login_failure::explain(error, &attempted)))?;
    let version = driver.parameter("server_version").unwrap_or_default();
    // `1.24.1/bouncer`: it speaks the protocol, and no SQL.
    if version.ends_with("/bouncer") {
        let database = conninfo.database.clone();
        return Err(failure(ConnectError::AdminConsole { database }));
    }
    let server = ServerVersion::parse(version);
    let mut link = Link {
        client,
        driver,
        config,
        tls: connector.clone(),
        server,
        announced: connector.announced(),
        socket: match &host.location {
            Location::Network { .. } => None,
            Location::Socket(directory) => Some(socket_file(directory, host.port)),
        },
        address: host.to_string(),
    };
    suitability::check(&mut link, target, &attempted)
        .await
        .map_err(failure)?;
    Ok(link)
}

fn config(conninfo: &Conninfo, host: &Host, address: Option<IpAddr>) -> Config {
    let mut config = Config::new();
    config
        .user(&conninfo.user)
        .dbname(&conninfo.database)
        .port(host.port);
    match &host.location {
        Location::Network { name, .. } => {
            // The stream starts TLS itself: see `encryption`.
            config.host(name).ssl_mode(config::SslMode::Require);
            config.ssl_negotiation(config::SslNegotiation::Direct);
        }
        Location::Socket(directory) => {
            config
                .host_path(directory)
                .ssl_mode(config::SslMode::Disable);
        }
    }
    if let Some(address) = address {
        config.hostaddr(address);
    }
    if let Some(password) = &host.password {
        config.password(password.expose());
    }
    if let Some(options) = options(conninfo) {
        config.options(&options);
    }
    if let Some(name) = &conninfo.application_name {
        config.application_name(name);
    }
    let keepalives = &conninfo.keepalives;
    config.keepalives(keepalives.enabled);
    if let Some(idle) = keepalives.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = keepalives.interval {
        config.keepalives_interval(interval);
    }
    if let Some(count) = keepalives.count {
        config.keepalives_retries(count);
    }
    if let Some(timeout) = keepalives.user_timeout {
        config.tcp_user_timeout(timeout);
    }
    config.channel_binding(match conninfo.channel_binding {
        ChannelBinding::Disable => config::ChannelBinding::Disable,
        ChannelBinding::Prefer => config::ChannelBinding::Prefer,
        ChannelBinding::Require => config::ChannelBinding::Require,
    });
    config
}

/// The role travels in the startup message, which makes it what `reset role` comes back to,
/// whoever says it, and costs no round trip. See "SET ROLE" in PostgreSQL's manual.
fn options(conninfo: &Conninfo) -> Option<String> {
    let role = conninfo.role.as_ref();
    let role = role.map(|role| values::option("role", role.as_str()));
    match (&conninfo.options, role) {
        // The server takes the last one.
        (Some(options), Some(role)) => Some(format!("{options} {role}")),
        (options, role) => role.or_else(|| options.clone()),
    }
}

fn socket_file(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!(".s.PGSQL.{port}"))
}

/// Fisher and Yates, with the operating system's randomness. Without any, the order stays.
fn shuffle<T>(items: &mut [T]) {
    for end in (1..items.len()).rev() {
        let random = usize::try_from(getrandom::u32().unwrap_or(0)).unwrap_or(0);
        items.swap(end, random % (end + 1));
    }
}

impl ServerVersion {
    /// Reads `15.14 (Debian 15.14-0+deb12u1)`, `18beta1` and the like.
    pub fn parse(text: &str) -> Self {
        let number = |text: &str| -> (u32, usize) {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            (text[..end].parse().unwrap_or(0), end)
        };
        let (major, end) = number(text);
        let minor = text[end..]
            .strip_prefix('.')
            .map_or(0, |rest| number(rest).0);
        Self { major, minor }
    }
}

#[cfg(test)]
mod tests;
