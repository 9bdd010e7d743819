//! The environment as types: where to listen and which database to use.
//!
//! The only reader of the environment. Values are never repeated in a complaint: a URL holds a
//! password.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_postgres::Config;

use crate::failure::Failure;

/// How long one attempt to reach the database may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the server was told.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `LISTEN` and `PORT`, by default `127.0.0.1:8000`.
    pub(crate) listen: SocketAddr,
    database_url: Option<String>,
}

impl Settings {
    /// Reads the variables of this process.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        Self::from_lookup(
            |name| {
                #[expect(clippy::disallowed_methods, reason = "this is the one reader here")]
                std::env::var(name).ok()
            },
            |path| std::fs::read_to_string(path).map_err(|error| error.to_string()),
        )
    }

    fn from_lookup(
        variable: impl Fn(&str) -> Option<String>,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Failure> {
        let address = match variable("LISTEN") {
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(text) => text
                .parse()
                .map_err(|_| complaint("LISTEN", "is not an IP address"))?,
        };
        let port = match variable("PORT") {
            None => 8000,
            Some(text) => text
                .parse()
                .map_err(|_| complaint("PORT", "is not a port number"))?,
        };
        let database_url = match (variable("DATABASE_URL"), variable("DATABASE_URL_FILE")) {
            (Some(url), _) => Some(url),
            (None, Some(path)) => {
                let text = read(&path).map_err(|error| {
                    complaint("DATABASE_URL_FILE", &format!("names {path}: {error}"))
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => None,
        };
        Ok(Self {
            listen: SocketAddr::new(address, port),
            database_url,
        })
    }

    /// How to connect. Asked for only by the server, so that `--health` needs no database URL.
    pub(crate) fn database(&self) -> Result<Config, Failure> {
        let url = self.database_url.as_ref().ok_or_else(|| {
            complaint(
                "DATABASE_URL",
                "is not set, and neither is DATABASE_URL_FILE",
            )
        })?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            complaint("DATABASE_URL", &format!("is not understood: {cause}"))
        })?;
        config.connect_timeout(CONNECT_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("timetracker");
        }
        Ok(config)
    }
}

fn complaint(variable: &'static str, complaint: &str) -> Failure {
    Failure::Setting {
        variable,
        complaint: complaint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    /// Settings of `NAME=value` words, as `address user` or the complaint.
    fn check(environment: &str, expected: &str) {
        let variable = |name: &str| {
            environment
                .split_whitespace()
                .filter_map(|word| word.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        let read = |path: &str| match path {
            "/secret" => Ok("postgresql://filed@db/app\n".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        let found = Settings::from_lookup(variable, read).and_then(|settings| {
            let database = settings.database()?;
            Ok(format!(
                "{} {}",
                settings.listen,
                database.get_user().unwrap_or("nobody")
            ))
        });
        assert_eq!(
            found.unwrap_or_else(|failure| failure.to_string()),
            expected,
            "{environment}"
        );
    }

    #[test]
    fn variables_become_an_address_and_a_database() {
        check("DATABASE_URL=postgres://ada@db/app", "127.0.0.1:8000 ada");
        check(
            "DATABASE_URL=postgres://ada@db/app LISTEN=0.0.0.0 PORT=80",
            "0.0.0.0:80 ada",
        );
        check(
            "DATABASE_URL=postgres://ada@db/app LISTEN=::1",
            "[::1]:8000 ada",
        );
        check("DATABASE_URL_FILE=/secret", "127.0.0.1:8000 filed");
        check(
            "DATABASE_URL=postgres://ada@db/app DATABASE_URL_FILE=/none",
            "127.0.0.1:8000 ada",
        );
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        check(
            "",
            "`DATABASE_URL` is not set, and neither is DATABASE_URL_FILE",
        );
        check("LISTEN=localhost", "`LISTEN` is not an IP address");
        check("PORT=70000", "`PORT` is not a port number");
        check(
            "DATABASE_URL_FILE=/none",
            "`DATABASE_URL_FILE` names /none: no such file",
        );
        check(
            "DATABASE_URL=postgres://ada:s3cret@db/app?colour=blue",
            "`DATABASE_URL` is not understood: unknown option `colour`",
        );
    }
}
