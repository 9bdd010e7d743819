//! The values that parameters can have.

use std::net::IpAddr;
use std::time::Duration;

use crate::database::conninfo::{
    AuthMethod, ChannelBinding, Keepalives, LoadBalance, TargetSession,
};
use crate::database::conninfo_error::ConninfoError;
use crate::database::settings::Settings;

/// libpq's own default port.
const DEFAULT_PORT: u16 = 5432;

/// The error about a value.
pub fn invalid(
    settings: &Settings,
    name: &'static str,
    value: &str,
    expected: &'static str,
) -> ConninfoError {
    let value = value.to_owned();
    ConninfoError::Value {
        origin: settings.origin(name),
        name,
        value,
        expected,
    }
}

/// One of a few words, or the default.
pub fn choice<T: Copy>(
    settings: &Settings,
    name: &'static str,
    words: &[(&str, T)],
    expected: &'static str,
    default: T,
) -> Result<T, ConninfoError> {
    let Some(value) = settings.value(name) else {
        return Ok(default);
    };
    let found = words.iter().find(|(word, _)| *word == value);
    found
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| invalid(settings, name, value, expected))
}

/// `-c name=value`, escaped as the server splits it.
pub fn option(name: &str, value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if character == '\\' || character.is_ascii_whitespace() {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    format!("-c {name}={escaped}")
}

/// A port of the list; empty means the default.
pub fn port(settings: &Settings, text: &str) -> Result<u16, ConninfoError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| invalid(settings, "port", text, "1 to 65535"))
}

/// An address of the list; empty means none.
pub fn address(settings: &Settings, text: &str) -> Result<Option<IpAddr>, ConninfoError> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse().map(Some);
    address.map_err(|_| invalid(settings, "hostaddr", text, "an IP address"))
}

fn integer(settings: &Settings, name: &'static str) -> Result<Option<u32>, ConninfoError> {
    let Some(value) = settings.value(name) else {
        return Ok(None);
    };
    let number: i32 = value
        .trim()
        .parse()
        .map_err(|_| invalid(settings, name, value, "a whole number"))?;
    // Zero and less mean "the default" to libpq.
    Ok(u32::try_from(number).ok().filter(|number| *number > 0))
}

/// A number of seconds; zero and less mean none.
pub fn seconds(settings: &Settings, name: &'static str) -> Result<Option<Duration>, ConninfoError> {
    Ok(integer(settings, name)?.map(|seconds| Duration::from_secs(seconds.into())))
}

/// The `keepalives…` parameters.
pub fn keepalives(settings: &Settings) -> Result<Keepalives, ConninfoError> {
    let user_timeout = integer(settings, "tcp_user_timeout")?;
    Ok(Keepalives {
        enabled: flag(settings, "keepalives")?,
        idle: seconds(settings, "keepalives_idle")?,
        interval: seconds(settings, "keepalives_interval")?,
        count: integer(settings, "keepalives_count")?,
        user_timeout: user_timeout.map(|milliseconds| Duration::from_millis(milliseconds.into())),
    })
}

/// `0` or `1`; on unless it says otherwise.
pub fn flag(settings: &Settings, name: &'static str) -> Result<bool, ConninfoError> {
    choice(settings, name, &[("0", false), ("1", true)], "0 or 1", true)
}

/// `channel_binding`.
pub fn channel_binding(settings: &Settings) -> Result<ChannelBinding, ConninfoError> {
    let words = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    let expected = "disable, prefer, require";
    choice(
        settings,
        "channel_binding",
        &words,
        expected,
        ChannelBinding::Prefer,
    )
}

/// `target_session_attrs`.
pub fn target(settings: &Settings) -> Result<TargetSession, ConninfoError> {
    let words = [
        ("any", TargetSession::Any),
        ("read-write", TargetSession::ReadWrite),
        ("read-only", TargetSession::ReadOnly),
        ("primary", TargetSession::Primary),
        ("standby", TargetSession::Standby),
        ("prefer-standby", TargetSession::PreferStandby),
    ];
    let expected = "any, read-write, read-only, primary, standby, prefer-standby";
    choice(
        settings,
        "target_session_attrs",
        &words,
        expected,
        TargetSession::Any,
    )
}

/// `load_balance_hosts`.
pub fn load_balance(settings: &Settings) -> Result<LoadBalance, ConninfoError> {
    let words = [
        ("disable", LoadBalance::Disable),
        ("random", LoadBalance::Random),
    ];
    choice(
        settings,
        "load_balance_hosts",
        &words,
        "disable, random",
        LoadBalance::Disable,
    )
}

/// `require_auth`: a list of methods, or of methods to exclude.
pub fn require_auth(settings: &Settings) -> Result<Vec<AuthMethod>, ConninfoError> {
    const NAME: &str = "require_auth";
    const METHODS: [(&str, AuthMethod); 7] = [
        ("password", AuthMethod::Password),
        ("md5", AuthMethod::Md5),
        ("gss", AuthMethod::Gss),
        ("sspi", AuthMethod::Sspi),
        ("scram-sha-256", AuthMethod::Scram),
        ("oauth", AuthMethod::Oauth),
        ("none", AuthMethod::None),
    ];
    let Some(value) = settings.value(NAME) else {
        return Ok(Vec::new());
    };
    let expected = "password, md5, gss, sspi, scram-sha-256, oauth, none; either all or none of \
                    them with `!`";
    let mut named = Vec::new();
    let mut excluded = 0;
    for item in value.split(',').map(str::trim) {
        let method = item.strip_prefix('!').unwrap_or(item);
        excluded += usize::from(method != item);
        let found = METHODS.iter().find(|(name, _)| *name == method);
        named.push(
            found
                .ok_or_else(|| invalid(settings, NAME, value, expected))?
                .1,
        );
    }
    match excluded {
        0 => Ok(named),
        all if all == named.len() => Ok(METHODS
            .iter()
            .map(|(_, method)| *method)
            .filter(|method| !named.contains(method))
            .collect()),
        _ => Err(invalid(settings, NAME, value, expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_options_as_the_server_reads_them() {
        assert_eq!(option("geqo", "off"), "-c geqo=off");
        assert_eq!(option("datestyle", "ISO, DMY"), "-c datestyle=ISO,\\ DMY");
        assert_eq!(option("search_path", "a\\b"), "-c search_path=a\\\\b");
    }
}
