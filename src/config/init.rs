//! How an init looks after the server.

use std::time::Duration;

use castoff_process::rewrite::{self, Rewrites};
use castoff_process::signal::Signal;
use castoff_process::supervision::{Receivers, Statuses, Supervision};
use castoff_process::tell::{Form, Level, Story};

use super::error::ConfigError;
use super::layers::Layers;
use super::value::Setting;
use super::{LogFormat, LogLevel};

/// How long a server may take to stop, unless something else is said: for ever. Whoever stops a
/// container has a limit of its own, which castoff does not know, and must not undercut.
const GRACE: Duration = Duration::ZERO;

/// The options of an init alone.
pub(super) const OPTIONS: [&str; 5] = [
    "kill_group",
    "rewrite",
    "grace",
    "parent_death_signal",
    "remap_status",
];

/// The options of an init, and those of the story that it tells.
pub(super) const KEYS: [&str; 7] = [
    "kill_group",
    "rewrite",
    "grace",
    "parent_death_signal",
    "remap_status",
    "log",
    "log_format",
];

pub(super) fn read(layers: &Layers) -> Result<Supervision, ConfigError> {
    let grace = layers.duration("grace", GRACE)?;
    let log = layers.parse("log", LogLevel::Info, Setting::log_level)?;
    let log_format = layers.parse("log_format", LogFormat::Text, Setting::log_format)?;
    Ok(Supervision {
        receivers: if layers.flag("kill_group")? {
            Receivers::Group
        } else {
            Receivers::Child
        },
        rewrites: rewrites(&layers.list("rewrite")?)?,
        grace: Some(grace).filter(|grace| !grace.is_zero()),
        parent_death: layers.parse("parent_death_signal", None, |setting| {
            signal(setting).map(Some)
        })?,
        forgiven: statuses(&layers.list("remap_status")?)?,
        story: Story {
            level: match log {
                LogLevel::Error => Level::Nothing,
                LogLevel::Warn | LogLevel::Info => Level::Warn,
                LogLevel::Debug => Level::Debug,
            },
            collected: Level::Debug,
            form: match log_format {
                LogFormat::Text => Form::Text,
                LogFormat::Json => Form::Json,
            },
        },
    })
}

fn rewrites(settings: &[Setting]) -> Result<Rewrites, ConfigError> {
    let mut rewrites = Rewrites::default();
    for setting in settings {
        let wanted = "two signals such as TERM:QUIT, or HUP:0 for none; KILL, STOP and CHLD stay";
        let (from, to) = rewrite::parse(&setting.value).ok_or_else(|| setting.refuse(wanted))?;
        rewrites.set(from, to);
    }
    Ok(rewrites)
}

fn signal(setting: &Setting) -> Result<Signal, ConfigError> {
    let wanted = "a signal such as TERM, SIGTERM, 15 or RTMIN+3";
    Signal::parse(&setting.value).ok_or_else(|| setting.refuse(wanted))
}

fn statuses(settings: &[Setting]) -> Result<Statuses, ConfigError> {
    let mut statuses = Statuses::default();
    for setting in settings {
        let status = setting.value.parse();
        statuses.add(status.map_err(|_| setting.refuse("an exit status from 0 to 255"))?);
    }
    Ok(statuses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Layer;

    /// `text` is that of a `castoff.toml`.
    fn check(text: &str, expected: &str) {
        let layers = Layers {
            flags: Layer::default(),
            environment: Layer::default(),
            file: Layer::of_file("castoff.toml".as_ref(), text).unwrap(),
            file_name: "castoff.toml".into(),
        };
        let shown = match read(&layers) {
            Ok(how) => format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                how.receivers,
                how.rewrites,
                how.grace,
                how.parent_death.map(Signal::number),
                how.forgiven.iter().collect::<Vec<_>>(),
                how.story.level,
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn what_is_not_said_is_left_as_it_is() {
        check("", "Child [] None None [] Warn");
    }

    #[test]
    fn everything_can_be_said() {
        check(
            "kill_group = true\nrewrite = ['TERM:QUIT', 'hup:0']\ngrace = 0\n\
             parent_death_signal = 9\nremap_status = [143, 0]\nlog = 'debug'",
            "Group [(Signal(1), None), (Signal(15), Some(Signal(3)))] None Some(9) [0, 143] Debug",
        );
        check("grace = '1m30s'", "Child [] Some(90s) None [] Warn");
        check(
            "rewrite = 'TERM:QUIT INT:TERM'\nremap_status = 143\nlog = 'error'",
            "Child [(Signal(2), Some(Signal(15))), (Signal(15), Some(Signal(3)))] \
             None None [143] Nothing",
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        check(
            "rewrite = 'TERM:QUIT KILL:TERM'",
            "`rewrite` in castoff.toml: `KILL:TERM` is not two signals such as TERM:QUIT, or HUP:0 \
             for none; KILL, STOP and CHLD stay",
        );
        check(
            "parent_death_signal = 'TERMINATE'",
            "`parent_death_signal` in castoff.toml: `TERMINATE` is not a signal such as TERM, \
             SIGTERM, 15 or RTMIN+3",
        );
        check(
            "remap_status = [143, 256]",
            "`remap_status` in castoff.toml: `256` is not an exit status from 0 to 255",
        );
        check(
            "grace = 'soon'",
            "`grace` in castoff.toml: `soon` is not a duration such as 90s, 500ms or 2m",
        );
    }
}
