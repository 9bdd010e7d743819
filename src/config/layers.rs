//! The three layers, and which of them wins.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::layer::Layer;
use super::value::Setting;
use crate::sql::ident::Ident;

/// The three layers, strongest first.
pub(super) struct Layers {
    pub(super) flags: Layer,
    pub(super) environment: Layer,
    pub(super) file: Layer,
    pub(super) file_name: String,
}

impl Layers {
    /// The strongest value of an option, with the name of where it stood.
    pub(super) fn pick(&self, key: &str) -> Option<Setting> {
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

    pub(super) fn parse<T>(
        &self,
        key: &str,
        default: T,
        parse: impl FnOnce(&Setting) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.pick(key)
            .map_or(Ok(default), |setting| parse(&setting))
    }

    pub(super) fn schema(&self) -> Result<Ident, ConfigError> {
        let setting = self.pick("schema").unwrap_or_else(|| Setting {
            origin: String::new(),
            value: "castoff".to_owned(),
        });
        setting.name()
    }

    /// The texts of an option that can be given several times: flags one by one, elsewhere as words
    /// or, in the file, as a list.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Setting>, ConfigError> {
        let Some(setting) = self.pick(key) else {
            return Ok(Vec::new());
        };
        let words = setting.words()?;
        let one = |value| Setting {
            origin: setting.origin.clone(),
            value,
        };
        Ok(words.into_iter().map(one).collect())
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        self.parse(key, false, Setting::flag)
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.pick(key).map(|setting| setting.value.into())
    }

    /// Flags of options that do nothing, since the one that they belong to is not set. Variables and
    /// `castoff.toml` may say such things once for many starts; who writes a flag wants its effect.
    pub(super) fn idle_flags(&self, has_page: bool, has_init: bool) -> Vec<String> {
        let idle = |owner: &str, keys: &[&str], is_set: bool| -> Vec<String> {
            let keys = keys.iter().filter(|_| !is_set);
            keys.filter(|key| self.flags.get(key).is_some())
                .map(|key| {
                    format!(
                        "{} does nothing without {}",
                        flag_name(key),
                        flag_name(owner)
                    )
                })
                .collect()
        };
        let mut warnings = idle("listen", &["listen_handover", "holding_page"], has_page);
        warnings.extend(idle("init", &super::init::OPTIONS, has_init));
        warnings
    }

    pub(super) fn duration(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        self.parse(key, default, Setting::duration)
    }
}

fn variable_name(key: &str) -> String {
    format!("CASTOFF_{}", key.to_ascii_uppercase())
}

fn flag_name(key: &str) -> String {
    let key = match key {
        "schema" => "ledger_schema",
        "declared" => "schema",
        key => key,
    };
    format!("`--{}`", key.replace('_', "-"))
}
