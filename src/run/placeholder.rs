//! Values for placeholders: looked up before anything runs, put in when a section runs, and taken
//! out of what the server says.

use crate::config::Config;
use crate::database::failure::Refusal;
use crate::place::Place;
use crate::revision::plan::Plan;
use crate::revision::script::placeholder::{self, Placeholder, PlaceholderKind, Rendered, Unfit};
use crate::revision::script::{Script, Section};

use super::section;

/// A value shorter than this many bytes is no secret, and would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// Why a placeholder has no value.
#[derive(Debug, thiserror::Error)]
pub enum PlaceholderError {
    /// Nobody set it.
    #[error("placeholder `{name}` has no value")]
    Unset {
        /// The placeholder.
        name: String,
        /// The file that needs it.
        place: Box<Place>,
    },
    /// The value cannot stand in SQL. It is not shown: it may be a secret.
    #[error("the value of placeholder `{name}` is not {wanted}")]
    Unfit {
        /// The placeholder.
        name: String,
        /// What it should be.
        wanted: &'static str,
        /// The file that needs it.
        place: Box<Place>,
    },
}

impl PlaceholderError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unset { .. } => "placeholder-unset",
            Self::Unfit { .. } => "placeholder-value",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unset { name, .. } => {
                format!(
                    "set CASTOFF_PLACEHOLDER_{name}, or `{name}` below [placeholders] in castoff.toml"
                )
            }
            Self::Unfit { name, wanted, .. } => {
                format!("set CASTOFF_PLACEHOLDER_{name} to {wanted}")
            }
        }
    }

    /// The file that needs the value.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unset { place, .. } | Self::Unfit { place, .. } => Some(place),
        }
    }
}

/// Refuses a plan whose sections need values that are not there.
pub(super) fn check(config: &Config, plan: &Plan<'_>) -> Result<(), PlaceholderError> {
    for step in &plan.steps {
        let (_, section) = section::of_step(step);
        if let Some(section) = section {
            check_section(config, step.script, section)?;
        }
    }
    Ok(())
}

/// Refuses a section that needs values that are not there.
pub(super) fn check_section(
    config: &Config,
    script: &Script,
    section: &Section,
) -> Result<(), PlaceholderError> {
    let statements = &section.statements;
    for placeholder in placeholder::used(&script.text, statements, &script.placeholders) {
        let name = placeholder.name.clone();
        let place = Box::new(Place::file(&script.path));
        match quoted(config, placeholder) {
            None => return Err(PlaceholderError::Unset { name, place }),
            Some(Err(unfit)) => {
                let wanted = match unfit {
                    Unfit::Nul => "a text without NUL",
                    Unfit::Name => "a name of 1 to 63 bytes without NUL",
                };
                return Err(PlaceholderError::Unfit {
                    name,
                    wanted,
                    place,
                });
            }
            Some(Ok(_)) => {}
        }
    }
    Ok(())
}

fn quoted(config: &Config, placeholder: &Placeholder) -> Option<Result<String, Unfit>> {
    let value = config.placeholders.get(&placeholder.name)?;
    Some(placeholder.quote(value.expose()))
}

/// A section with its values; nothing for one without placeholders.
pub(super) fn render(config: &Config, script: &Script, section: &Section) -> Option<Rendered> {
    let (text, statements) = (&script.text, &section.statements);
    Rendered::of(text, statements, &script.placeholders, |placeholder| {
        // `check` has seen each value. If one were missing, the server would refuse this.
        let value = quoted(config, placeholder).and_then(Result::ok);
        value.unwrap_or_else(|| format!("${{{}}}", placeholder.name))
    })
}

/// A section for psql, which puts values in itself: `:'name'` is a constant, `:"name"` a name.
pub(super) fn render_for_psql(script: &Script, section: &Section) -> Option<Rendered> {
    let (text, statements) = (&script.text, &section.statements);
    Rendered::of(text, statements, &script.placeholders, |placeholder| {
        let name = &placeholder.name;
        match placeholder.kind {
            PlaceholderKind::Literal => format!(":'{name}'"),
            PlaceholderKind::Identifier => format!(":\"{name}\""),
        }
    })
}

/// Takes the values out of the server's words. Names stay: they say what is wrong.
pub(super) fn redact(config: &Config, script: &Script, refusal: &mut Refusal) {
    let mut secrets = Vec::new();
    for placeholder in &script.placeholders {
        let Some(value) = config.placeholders.get(&placeholder.name) else {
            continue;
        };
        let is_name = placeholder.kind == PlaceholderKind::Identifier;
        if is_name || value.expose().len() < SHORTEST_SECRET {
            continue;
        }
        let label = format!("${{{}}}", placeholder.name);
        secrets.extend(
            placeholder
                .quote(value.expose())
                .map(|quoted| (quoted, label.clone())),
        );
        secrets.push((value.expose().to_owned(), label));
    }
    // One may be part of another, of which the rest would then be left.
    secrets.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
    let hide = |text: &mut String| {
        for (secret, label) in &secrets {
            *text = text.replace(secret, label);
        }
    };
    hide(&mut refusal.message);
    [&mut refusal.detail, &mut refusal.hint, &mut refusal.context]
        .into_iter()
        .flatten()
        .for_each(hide);
}
