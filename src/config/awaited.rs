//! What can be waited for besides the database, as somebody wrote it: `tcp://redis:6379`,
//! `https://api/health`, `file:/run/ready`, `unix:/run/app.sock`, `exec:pg_isready -q`.
//!
//! Text becomes an [`Awaited`] here; looking whether it is ready is `run`'s. What is shown of one
//! holds no password: neither the credentials of a URL nor its query, nor a command's arguments.

pub mod http;

use std::fmt;
use std::path::PathBuf;

use super::error::ConfigError;
use super::value::Setting;
use super::words;
use http::HttpTarget;

/// Something to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Somebody who takes a connection.
    Tcp(Address),
    /// An answer over HTTP.
    Http(Box<HttpTarget>),
    /// Anything of that name: a file, empty or not, a directory, a socket.
    File(PathBuf),
    /// Somebody who takes a connection on this socket (unix(7)).
    Unix(PathBuf),
    /// A command that ends with status 0: a program and its arguments.
    Exec(Vec<String>),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address without brackets.
    pub host: String,
    /// From 1 to 65535.
    pub port: u16,
}

const FORMS: &str =
    "tcp://HOST:PORT, http://HOST/PATH, https://HOST/PATH, file:PATH, unix:PATH or exec:COMMAND";
const TCP: &str = "tcp://HOST:PORT, with an IPv6 address in brackets";
const FILE: &str = "file:PATH, or file:///PATH";
const UNIX: &str = "unix:PATH, or unix:///PATH";
const EXEC: &str = "exec: and a program with its arguments, every quote closed";

impl Awaited {
    /// Reads one text.
    pub(super) fn read(setting: &Setting) -> Result<Self, ConfigError> {
        Self::parse(&setting.value).map_err(|wanted| ConfigError::Value {
            origin: setting.origin.clone(),
            value: without_secrets(&setting.value),
            wanted,
        })
    }

    /// Reads one text, or says what it should have been.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once(':').ok_or(FORMS)?;
        match scheme {
            "tcp" => {
                let address = rest.strip_prefix("//").ok_or(TCP)?;
                let address = address.strip_suffix('/').unwrap_or(address);
                address_of(address).map(Self::Tcp).ok_or(TCP)
            }
            "http" | "https" => HttpTarget::parse(text).map(|target| Self::Http(Box::new(target))),
            "file" => path(rest).map(Self::File).ok_or(FILE),
            "unix" => path(rest).map(Self::Unix).ok_or(UNIX),
            "exec" => words::words(rest)
                .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
                .map(Self::Exec)
                .ok_or(EXEC),
            _ => Err(FORMS),
        }
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
            Self::Http(target) => target.fmt(formatter),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Exec(words) => {
                let arguments = if words.len() > 1 { " …" } else { "" };
                let program = words.first().map_or("", String::as_str);
                write!(formatter, "exec:{program}{arguments}")
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

fn address_of(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']')?,
        // An IPv6 address without brackets leaves open what the port is.
        None if host.contains(':') => return None,
        None => host,
    };
    let strange = |letter: char| letter.is_whitespace() || "/@?#[]".contains(letter);
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| *port != 0 && is_number)?;
    (!host.is_empty() && !host.contains(strange)).then(|| Address {
        host: host.to_owned(),
        port,
    })
}

/// `/a`, `a` and, as a URL has it, `///a`. With two slashes a host would follow.
fn path(text: &str) -> Option<PathBuf> {
    let path = match text.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return None,
        None => text,
    };
    (!path.is_empty()).then(|| path.into())
}

/// The text as an error may show it: without what may be a password.
fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?…"),
        None => (rest, ""),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{query}"),
        None => format!("{scheme}://{rest}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let setting = Setting {
            origin: "`--for`".to_owned(),
            value: text.to_owned(),
        };
        let shown = match Awaited::read(&setting) {
            Ok(awaited) => format!("{awaited:?} as {awaited}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let address = |host: &str, shown: &str| {
            format!("Tcp(Address {{ host: \"{host}\", port: 6379 }}) as tcp://{shown}:6379")
        };
        check("tcp://redis:6379", &address("redis", "redis"));
        check("tcp://10.0.0.1:6379/", &address("10.0.0.1", "10.0.0.1"));
        check("tcp://[::1]:6379", &address("::1", "[::1]"));
        for wrong in [
            "tcp:redis:6379",
            "tcp://redis",
            "tcp://redis:",
            "tcp://redis:0",
            "tcp://redis:65536",
            "tcp://redis:+80",
            "tcp://:6379",
            "tcp://::1:6379",
            "tcp://[::1:6379",
            "tcp://redis:6379/0",
            "tcp://two words:1",
        ] {
            let said = format!("`--for`: `{wrong}` is not {TCP}");
            check(wrong, &said);
        }
    }

    #[test]
    fn a_path_is_relative_or_absolute() {
        check("file:/a b", "File(\"/a b\") as file:/a b");
        check("file:a", "File(\"a\") as file:a");
        check("file:///a", "File(\"/a\") as file:/a");
        check("unix:/a.sock", "Unix(\"/a.sock\") as unix:/a.sock");
        check("unix:///a", "Unix(\"/a\") as unix:/a");
        check("file:", &format!("`--for`: `file:` is not {FILE}"));
        check("file://a", &format!("`--for`: `file://a` is not {FILE}"));
        check("unix:", &format!("`--for`: `unix:` is not {UNIX}"));
    }

    #[test]
    fn a_command_is_words_and_shown_without_its_arguments() {
        check(
            "exec:sh -c 'exit 3'",
            r#"Exec(["sh", "-c", "exit 3"]) as exec:sh …"#,
        );
        check("exec:/bin/true", r#"Exec(["/bin/true"]) as exec:/bin/true"#);
        for wrong in ["exec:", "exec: ", "exec:sh 'a", "exec:''"] {
            check(wrong, &format!("`--for`: `{wrong}` is not {EXEC}"));
        }
    }

    #[test]
    fn what_has_no_form_is_told_all_forms_and_never_a_password() {
        for (wrong, shown) in [
            ("redis:6379", "redis:6379"),
            ("redis", "redis"),
            ("", ""),
            ("redis://u:secret@h:1/?p=secret", "redis://…@h:1/?…"),
        ] {
            check(wrong, &format!("`--for`: `{shown}` is not {FORMS}"));
        }
        check(
            "tcp://u:secret@h:1",
            &format!("`--for`: `tcp://…@h:1` is not {TCP}"),
        );
    }
}
