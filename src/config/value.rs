//! One parser for each kind of value an option takes.

use std::time::Duration;

use crate::sql::ident::Ident;

use super::error::ConfigError;
use super::{LONGEST_LOCK_TIMEOUT, LogFormat, LogLevel, OnNewer, words};

/// How long a session idles in a transaction before it may be ended, unless something else is said.
const IDLE: Duration = Duration::from_secs(1);

/// A value as text, and the name of where it stood.
pub(super) struct Setting {
    pub(super) origin: String,
    pub(super) value: String,
}

impl Setting {
    /// `60`, `60s`, `500ms`, `2m`, `1h`, `1m30s`. A bare number is seconds, as libpq's
    /// `connect_timeout` has it.
    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        if let Ok(seconds) = self.value.parse() {
            return Ok(Duration::from_secs(seconds));
        }
        humantime::parse_duration(&self.value)
            .map_err(|_| self.refuse("a duration such as 90s, 500ms or 2m"))
    }

    pub(super) fn flag(&self) -> Result<bool, ConfigError> {
        match self.value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(self.refuse("true or false")),
        }
    }

    pub(super) fn on_or_off(&self) -> Result<bool, ConfigError> {
        match self.value.as_str() {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err(self.refuse("on or off")),
        }
    }

    pub(super) fn on_newer(&self) -> Result<OnNewer, ConfigError> {
        match self.value.as_str() {
            "ok" => Ok(OnNewer::Ok),
            "warn" => Ok(OnNewer::Warn),
            "fail" => Ok(OnNewer::Fail),
            _ => Err(self.refuse("ok, warn or fail")),
        }
    }

    /// Never none: an attempt without a timeout stalls everybody behind it.
    pub(super) fn table_lock_timeout(&self) -> Result<Duration, ConfigError> {
        let allowed = Duration::from_millis(1)..=LONGEST_LOCK_TIMEOUT;
        self.duration()
            .ok()
            .filter(|timeout| allowed.contains(timeout))
            .ok_or_else(|| self.refuse("a duration from 1ms to 5s"))
    }

    /// `off`, `idle-in-transaction`, `idle-in-transaction:30s`.
    pub(super) fn terminate_blockers(&self) -> Result<Option<Duration>, ConfigError> {
        let wanted = "off, idle-in-transaction or idle-in-transaction:30s";
        match self.value.split_once(':') {
            None if self.value == "off" => Ok(None),
            None if self.value == "idle-in-transaction" => Ok(Some(IDLE)),
            Some(("idle-in-transaction", duration)) => {
                let setting = Self {
                    origin: self.origin.clone(),
                    value: duration.to_owned(),
                };
                let idle = setting.duration().map_err(|_| self.refuse(wanted))?;
                Ok(Some(idle))
            }
            _ => Err(self.refuse(wanted)),
        }
    }

    pub(super) fn log_level(&self) -> Result<LogLevel, ConfigError> {
        match self.value.to_ascii_lowercase().as_str() {
            "error" => Ok(LogLevel::Error),
            "warn" => Ok(LogLevel::Warn),
            "info" => Ok(LogLevel::Info),
            "debug" => Ok(LogLevel::Debug),
            _ => Err(self.refuse("error, warn, info or debug")),
        }
    }

    pub(super) fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.value.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(self.refuse("text or json")),
        }
    }

    /// A command: words as a shell cuts them, without anything else that a shell does.
    pub(super) fn words(&self) -> Result<Vec<String>, ConfigError> {
        words::words(&self.value)
            .filter(|words| !words.is_empty())
            .ok_or_else(|| self.refuse("a program and its arguments, with every quote closed"))
    }

    pub(super) fn name(&self) -> Result<Ident, ConfigError> {
        Ident::new(&self.value).map_err(|_| self.refuse("a name of 1 to 63 bytes"))
    }

    pub(super) fn refuse(&self, wanted: &'static str) -> ConfigError {
        ConfigError::Value {
            origin: self.origin.clone(),
            value: self.value.clone(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let setting = Setting {
            origin: "`--wait-timeout`".into(),
            value: value.into(),
        };
        let shown = match setting.duration() {
            Ok(duration) => format!("{duration:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn no_attempt_waits_for_ever_or_for_long() {
        for (value, expected) in [("2s", true), ("1ms", true), ("5", true), ("0", false)] {
            check_lock_timeout(value, expected);
        }
        check_lock_timeout("5001ms", false);
        check_lock_timeout("soon", false);
    }

    fn check_lock_timeout(value: &str, expected: bool) {
        let setting = Setting {
            origin: String::new(),
            value: value.into(),
        };
        assert_eq!(setting.table_lock_timeout().is_ok(), expected, "{value}");
    }

    fn check_blockers(value: &str, expected: &str) {
        let setting = Setting {
            origin: "`--terminate-blockers`".into(),
            value: value.into(),
        };
        let shown = match setting.terminate_blockers() {
            Ok(idle) => format!("{idle:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn blockers_are_ended_only_by_explicit_wish() {
        check_blockers("off", "None");
        check_blockers("idle-in-transaction", "Some(1s)");
        check_blockers("idle-in-transaction:2m", "Some(120s)");
        let refused = "is not off, idle-in-transaction or idle-in-transaction:30s";
        for value in ["on", "all", "active", "idle-in-transaction:", "active:5s"] {
            check_blockers(
                value,
                &format!("`--terminate-blockers`: `{value}` {refused}"),
            );
        }
    }

    #[test]
    fn durations_are_seconds_or_carry_their_unit() {
        check("60", "60s");
        check("500ms", "500ms");
        check("1m30s", "90s");
        check("0", "0ns");
        check(
            "-1",
            "`--wait-timeout`: `-1` is not a duration such as 90s, 500ms or 2m",
        );
        check(
            "soon",
            "`--wait-timeout`: `soon` is not a duration such as 90s, 500ms or 2m",
        );
    }
}
