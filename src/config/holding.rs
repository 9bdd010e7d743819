//! The page that is shown until the server serves, and how the server gets the port.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use super::error::ConfigError;
use super::layers::Layers;
use super::value::Setting;

/// What `--listen` takes, as errors say it.
const ADDRESS: &str = "HOST:PORT, such as 0.0.0.0:8000, [::]:8000 or :8000, or fd:3";

/// Where castoff answers while it waits and migrates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Where it answers.
    pub listen: Listen,
    /// How the server gets the port.
    pub handover: Handover,
    /// A page of the user's instead of castoff's.
    pub page: Option<PageFile>,
}

/// Where castoff answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On a socket of its own.
    Address {
        /// On which of the machine's addresses.
        host: Host,
        /// TCP port; 0 lets the system choose.
        port: u16,
    },
    /// On the socket that it was given as descriptor 3, by systemd or by another castoff.
    Inherited,
}

/// Which of the machine's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// All there are, IPv6 and IPv4.
    Any,
    /// This one.
    Ip(IpAddr),
    /// The one that has this name.
    Name(String),
}

/// How the server gets the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// As descriptor 3, by systemd's protocol (`sd_listen_fds(3)`): nothing is refused meanwhile.
    Socket,
    /// castoff closes the port, and the server binds it by itself.
    Close,
}

/// A file that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Where it is.
    pub path: PathBuf,
    /// The flag, variable or key that says so.
    pub named_by: String,
}

/// The sockets that castoff itself was given, in the variables of `sd_listen_fds(3)`. They may be
/// somebody else's, since every process inherits variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// `LISTEN_PID`: the process that the sockets are for.
    pub pid: Option<String>,
    /// `LISTEN_FDS`: how many, from descriptor 3 on.
    pub count: Option<String>,
    /// `LISTEN_FDNAMES`: their names.
    pub names: Option<String>,
}

impl Holding {
    pub(super) fn read(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        let Some(setting) = layers.pick("listen") else {
            return Ok(None);
        };
        let listen = Listen::parse(&setting.value).ok_or_else(|| setting.refuse(ADDRESS))?;
        let page = layers.pick("holding_page").map(|setting| PageFile {
            path: setting.value.into(),
            named_by: setting.origin,
        });
        let handover = layers.parse("listen_handover", Handover::Socket, |setting| {
            handover(setting, &listen)
        })?;
        Ok(Some(Self {
            listen,
            handover,
            page,
        }))
    }
}

fn handover(setting: &Setting, listen: &Listen) -> Result<Handover, ConfigError> {
    match (setting.value.as_str(), listen) {
        ("socket", _) => Ok(Handover::Socket),
        ("close", Listen::Address { .. }) => Ok(Handover::Close),
        // Whoever opened it listens on it too: the server cannot bind the port.
        ("close", Listen::Inherited) => Err(setting.refuse("socket, which fd:3 needs")),
        _ => Err(setting.refuse("socket or close")),
    }
}

impl Listen {
    /// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`; `:8000`, `*:8000` and `8000` are all
    /// addresses; `fd:3`.
    fn parse(text: &str) -> Option<Self> {
        if text == "fd:3" {
            return Some(Self::Inherited);
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        // `parse` also takes a sign.
        let port = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(port)?;
        let port = port.parse().ok()?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match (host, bracketed) {
            ("" | "*", _) => Host::Any,
            (_, Some(inside)) => Host::Ip(inside.parse::<Ipv6Addr>().ok()?.into()),
            (host, None) if is_name(host) => match host.parse() {
                Ok(address) => Host::Ip(address),
                Err(_) => Host::Name(host.to_owned()),
            },
            // An IPv6 address without brackets, or nothing at all.
            _ => return None,
        };
        Some(Self::Address { host, port })
    }
}

/// Whether it can be the name of a machine, or an IPv4 address.
fn is_name(text: &str) -> bool {
    text != "fd"
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherited => write!(formatter, "fd:3"),
            Self::Address { host, port } => match host {
                Host::Any => write!(formatter, "*:{port}"),
                Host::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]:{port}"),
                Host::Ip(IpAddr::V4(address)) => write!(formatter, "{address}:{port}"),
                Host::Name(name) => write!(formatter, "{name}:{port}"),
            },
        }
    }
}

impl Activation {
    /// Where it is read from.
    pub(super) const VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

    pub(super) fn of(environment: &BTreeMap<String, String>) -> Self {
        let variable = |name: &str| environment.get(name).cloned();
        Self {
            pid: variable("LISTEN_PID"),
            count: variable("LISTEN_FDS"),
            names: variable("LISTEN_FDNAMES"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = Listen::parse(text).map_or("refused".to_owned(), |listen| listen.to_string());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn an_address_has_a_port_and_may_have_a_host() {
        check("127.0.0.1:8000", "127.0.0.1:8000");
        check("0.0.0.0:80", "0.0.0.0:80");
        check("[::1]:8000", "[::1]:8000");
        check("[::]:8000", "[::]:8000");
        check(":8000", "*:8000");
        check("*:8000", "*:8000");
        check("8000", "*:8000");
        check("localhost:0", "localhost:0");
        check("web-1.internal:8000", "web-1.internal:8000");
        check("fd:3", "fd:3");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":",
            "web",
            "web:",
            "web:http",
            "1.2.3.4",
            ":65536",
            ":+80",
            "::1:8000",
            "[::1]",
            "[1.2.3.4]:80",
            "a b:80",
            "http://a:80",
            "fd:4",
            "fd:",
            "[::1%lo]:80",
            "a/b:80",
        ] {
            check(text, "refused");
        }
    }

    #[test]
    fn a_socket_that_was_given_cannot_be_given_up() {
        let check = |value: &str, listen: &str, expected: &str| {
            let setting = Setting {
                origin: "`--listen-handover`".into(),
                value: value.into(),
            };
            let shown = match handover(&setting, &Listen::parse(listen).unwrap()) {
                Ok(handover) => format!("{handover:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected);
        };
        check("socket", "fd:3", "Socket");
        check("close", ":80", "Close");
        check(
            "close",
            "fd:3",
            "`--listen-handover`: `close` is not socket, which fd:3 needs",
        );
        check(
            "drop",
            ":80",
            "`--listen-handover`: `drop` is not socket or close",
        );
    }
}
