//! The three places an option can stand in, each read into the same struct of texts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::error::ConfigError;
use super::words;
use crate::cli::{Cli, Command, InitOptions, Options, Run};
use crate::place::Place;

/// Names every option once: the struct of texts, its keys and its lookup come from this list.
macro_rules! options {
    (one { $($field:ident $key:literal,)* } several { $($list:ident $list_key:literal,)* }) => {
        /// Every option of castoff, as one place gave it.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Layer {
            $(
                #[serde(rename = $key, deserialize_with = "text")]
                pub(super) $field: Option<String>,
            )*
            $(
                #[serde(rename = $list_key, deserialize_with = "texts")]
                pub(super) $list: Option<String>,
            )*
            /// The table `[placeholders]`, which has no name of its own in the environment.
            pub(super) placeholders: BTreeMap<String, String>,
        }

        /// The names of [`Layer`]'s fields in files and, in upper case, in variables.
        pub(super) const KEYS: &[&str] = &[$($key,)* $($list_key,)*];

        impl Layer {
            /// The value of an option by its name in [`KEYS`].
            pub(super) fn get(&self, key: &str) -> Option<&str> {
                match key {
                    $($key => self.$field.as_deref(),)*
                    $($list_key => self.$list.as_deref(),)*
                    _ => None,
                }
            }
        }
    };
}

options! {
    one {
        database_url "database_url",
        database_url_file "database_url_file",
        migrations "migrations",
        schema "schema",
        wait_timeout "wait_timeout",
        lock_timeout "lock_timeout",
        ddl_lock_timeout "ddl_lock_timeout",
        ddl_lock_budget "ddl_lock_budget",
        concurrent_budget "concurrent_budget",
        terminate_blockers "terminate_blockers",
        show_queries "show_queries",
        create_database "create_database",
        baseline "baseline",
        on_newer "on_newer",
        role "role",
        allow_destructive "allow_destructive",
        before "before",
        after "after",
        hook_timeout "hook_timeout",
        listen "listen",
        listen_handover "listen_handover",
        holding_page "holding_page",
        user "user",
        no_new_privs "no_new_privs",
        expand_secrets "expand_secrets",
        init "init",
        kill_group "kill_group",
        grace "grace",
        parent_death_signal "parent_death_signal",
        status_file "status_file",
        metrics_file "metrics_file",
        termination_log "termination_log",
        declared "declared",
        schema_command "schema_command",
        scratch_url "scratch_url",
        online "online",
        strict "strict",
        image "image",
        log "log",
        log_format "log_format",
    }
    several {
        wait_for "for",
        before_exec "before_exec",
        unset_env "unset_env",
        rewrite "rewrite",
        remap_status "remap_status",
        without "without",
        rename "rename",
    }
}

/// TOML has booleans and numbers where the environment has text only.
#[derive(Deserialize)]
#[serde(untagged, expecting = "not a text, a whole number, true or false")]
enum Scalar {
    Text(String),
    Flag(bool),
    Number(i64),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Scalar::deserialize(deserializer).map(|value| Some(value.into_text()))
}

/// Several texts, or one that is cut into words: either way one line of words. One number is a word.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "not a text, or a list of texts")]
    enum Texts {
        Line(Scalar),
        Several(Vec<Scalar>),
    }
    Ok(match Texts::deserialize(deserializer)? {
        Texts::Line(line) => Some(line.into_text()),
        Texts::Several(texts) => {
            let texts: Vec<String> = texts.into_iter().map(Scalar::into_text).collect();
            words::join(&texts)
        }
    })
}

impl Layer {
    /// What the flags say.
    pub(super) fn of_flags(cli: &Cli) -> Self {
        let mut layer = Self::of_options(&cli.options);
        if let Command::Run(run) = &cli.command {
            layer.add_run(run);
        }
        if let Command::Supervise(supervise) = &cli.command {
            layer.add_init(&supervise.supervision);
        }
        if let Some(options) = cli.command.declared().cloned() {
            layer.declared = options.schema;
            layer.schema_command = options.schema_command;
            layer.scratch_url = options.scratch_url;
            layer.online = options.online;
            layer.strict = options.strict;
            layer.without = words::join(&options.without);
            layer.rename = words::join(&options.rename);
        }
        if let Command::Wait(wait) = &cli.command {
            layer.wait_for = words::join(&wait.waiting.wait_for);
        }
        layer
    }

    fn add_run(&mut self, run: &Run) {
        self.add_init(&run.supervision);
        self.init.clone_from(&run.init);
        self.wait_for = words::join(&run.waiting.wait_for);
        self.before_exec = words::join(&run.before_exec);
        let holding = run.holding.clone();
        self.listen = holding.listen;
        self.listen_handover = holding.listen_handover;
        self.holding_page = holding.holding_page;
        let privileges = run.privileges.clone();
        self.user = privileges.user;
        self.no_new_privs = privileges.no_new_privs;
        self.expand_secrets = privileges.expand_secrets;
        self.unset_env = words::join(&privileges.unset_env);
    }

    fn add_init(&mut self, options: &InitOptions) {
        let options = options.clone();
        self.kill_group = options.kill_group;
        self.rewrite = words::join(&options.rewrite);
        self.grace = options.grace;
        self.parent_death_signal = options.parent_death_signal;
        self.remap_status = words::join(&options.remap_status);
    }

    fn of_options(options: &Options) -> Self {
        let options = options.clone();
        Self {
            database_url: options.database_url,
            migrations: options.migrations,
            schema: options.ledger_schema,
            wait_timeout: options.wait_timeout,
            lock_timeout: options.lock_timeout,
            ddl_lock_timeout: options.ddl_lock_timeout,
            ddl_lock_budget: options.ddl_lock_budget,
            concurrent_budget: options.concurrent_budget,
            terminate_blockers: options.terminate_blockers,
            show_queries: options.show_queries,
            create_database: options.create_database,
            baseline: options.baseline,
            on_newer: options.on_newer,
            role: options.role,
            allow_destructive: options.allow_destructive,
            before: options.before,
            after: options.after,
            hook_timeout: options.hook_timeout,
            image: options.image,
            log: options.log,
            log_format: options.log_format,
            status_file: options.status_file,
            metrics_file: options.metrics_file,
            termination_log: options.termination_log,
            ..Self::default()
        }
    }

    /// Nothing but what a castoff needs that another one runs: see [`super::RUN_BY_CASTOFF`].
    pub(super) fn without_the_start(self) -> Self {
        Self {
            wait_for: None,
            before_exec: None,
            before: None,
            after: None,
            listen: None,
            listen_handover: None,
            holding_page: None,
            init: None,
            user: None,
            status_file: None,
            metrics_file: None,
            ..self
        }
    }

    /// What the `CASTOFF_*` variables say. Names that castoff does not know are the caller's to
    /// report: they are no error, because an older image must start with a newer deployment's
    /// environment, and because Kubernetes sets `CASTOFF_SERVICE_HOST` and the like for a service
    /// of that name.
    pub(super) fn of_environment(
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let known = variables.iter().filter(|(name, value)| {
            let key = name
                .strip_prefix("CASTOFF_")
                .unwrap_or_default()
                .to_ascii_lowercase();
            KEYS.contains(&key.as_str()) && !value.is_empty()
        });
        envy::prefixed("CASTOFF_")
            .from_iter(known.map(|(name, value)| (name.clone(), value.clone())))
            .map_err(|error| ConfigError::Environment {
                reason: error.to_string(),
            })
    }

    /// What the text of a `castoff.toml` says.
    pub(super) fn of_file(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let mut place = Place::of(&path.display().to_string(), text, span.start, span.end);
            for line in &mut place.excerpt {
                hide_secret(line);
            }
            let mut reason = error
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            if let Some((unknown, _)) = reason.split_once(", expected") {
                reason = unknown.to_owned();
            }
            ConfigError::File {
                place: Box::new(place),
                reason,
            }
        })
    }
}

/// Leaves the key alone of a line that seems to hold a URL, and thus a password.
fn hide_secret(line: &mut String) {
    let lower = line.to_ascii_lowercase();
    if !["url", "://", "password"]
        .iter()
        .any(|mark| lower.contains(mark))
    {
        return;
    }
    let is_key = |text: &&str| {
        let mut characters = text.trim_end().chars();
        characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''))
    };
    let key = line.split_once('=').map(|(key, _)| key).filter(is_key);
    *line = key.map_or_else(|| "…".to_owned(), |key| format!("{key}= …"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_hidden(line: &str, expected: &str) {
        let mut shown = line.to_owned();
        hide_secret(&mut shown);
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_line_with_a_url_is_shown_without_it() {
        check_hidden("log = ['debug']", "log = ['debug']");
        check_hidden("database_url = postgres://u:secret@h/d", "database_url = …");
        check_hidden("databse = 'postgres://u:secret@h/d'", "databse = …");
        check_hidden("postgres://u:secret@h/d?sslmode=require", "…");
        check_hidden("x = ['host=h password=secret']", "x = …");
    }

    fn check_file(text: &str, expected: &str) {
        let read = Layer::of_file(Path::new("castoff.toml"), text);
        let shown = match read {
            Ok(layer) => format!(
                "{:?} {:?} {:?}",
                layer.migrations, layer.wait_timeout, layer.create_database
            ),
            Err(error) => {
                format!(
                    "{error} at {}",
                    error.place().map(ToString::to_string).unwrap_or_default()
                )
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_file_may_write_booleans_and_numbers_and_nothing_unknown() {
        check_file("", "None None None");
        check_file(
            "migrations = 'db'\nwait_timeout = 5\ncreate_database = true",
            r#"Some("db") Some("5") Some("true")"#,
        );
        check_file(
            "\nwait_timeuot = '5s'",
            "unknown field `wait_timeuot` at castoff.toml:2",
        );
        check_file("log = ", "string values must be quoted at castoff.toml:1");
        check_file(
            "log = ['debug']",
            "not a text, a whole number, true or false at castoff.toml:1",
        );
    }

    #[test]
    fn a_list_is_an_array_or_a_line_of_words() {
        let list = |text: &str| {
            let layer = Layer::of_file(Path::new("castoff.toml"), text).unwrap();
            words::words(layer.get("for").unwrap()).unwrap()
        };
        assert_eq!(
            list("for = ['file:/a b', 'unix:/c']"),
            ["file:/a b", "unix:/c"]
        );
        assert_eq!(list("for = 'file:/a unix:/c'"), ["file:/a", "unix:/c"]);
    }

    #[test]
    fn every_key_is_a_field() {
        for key in KEYS {
            let layer = Layer::of_file(Path::new("castoff.toml"), &format!("{key} = 'x'"));
            assert_eq!(layer.unwrap().get(key), Some("x"));
        }
    }

    #[test]
    fn the_environment_is_read_by_prefix_and_strangers_are_passed_over() {
        let variables = [
            ("CASTOFF_WAIT_TIMEOUT", "5s"),
            ("CASTOFF_BASELINE", ""),
            ("CASTOFF_SERVICE_HOST", "10.0.0.1"),
            ("WAIT_TIMEOUT", "7s"),
        ];
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let layer = Layer::of_environment(&variables.collect()).unwrap();
        assert_eq!(layer.wait_timeout.as_deref(), Some("5s"));
        assert_eq!(
            layer.baseline, None,
            "an empty variable is one that is not set"
        );
    }
}
