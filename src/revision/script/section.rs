//! Section lines: `-- upgrade autocommit lock_timeout=2s`, `-- downgrade irreversible: reason`.
//!
//! A comment whose first word is exactly `upgrade` or `downgrade` is a section line, and each
//! further word must be an option: a word that would be ignored could be a misspelt `autocommit`.
//! With anything stuck to the word it is prose (`-- upgrade: slow`), and so it is in another case
//! (`-- Upgrade the users`), unless nothing but options follows: then it is refused, because SQL
//! would run in the wrong section.

use std::fmt;

use super::error::Problem;
use super::{Mode, Repeat, SectionOptions};

/// The longest timeout PostgreSQL takes: milliseconds in 31 bits.
const LONGEST_TIMEOUT_MS: f64 = 2_147_483_647.0;

/// Which way a section goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Forward.
    Upgrade,
    /// Back.
    Downgrade,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
        })
    }
}

/// What a section line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SectionLine {
    /// SQL follows.
    Script(Name, SectionOptions),
    /// `-- downgrade irreversible: reason`.
    Irreversible { reason: String },
}

impl SectionLine {
    /// The section that the line starts.
    pub(super) fn name(&self) -> Name {
        match self {
            Self::Script(name, _) => *name,
            Self::Irreversible { .. } => Name::Downgrade,
        }
    }
}

/// Reads a comment with its `--` and without its line end. Nothing, if it is no section line.
pub(super) fn parse(comment: &str) -> Result<Option<SectionLine>, Problem> {
    let content = comment.strip_prefix("--").unwrap_or(comment).trim();
    let (word, rest) = content.split_once([' ', '\t']).unwrap_or((content, ""));
    let rest = rest.trim();
    let name = match word {
        "upgrade" => Name::Upgrade,
        "downgrade" => Name::Downgrade,
        _ if word.eq_ignore_ascii_case("upgrade") || word.eq_ignore_ascii_case("downgrade") => {
            return match parse(&format!("-- {}", content.to_ascii_lowercase())) {
                Ok(Some(_)) => Err(Problem::SectionCase {
                    line: comment.trim().to_owned(),
                }),
                _ => Ok(None),
            };
        }
        _ => return Ok(None),
    };
    let decision = rest
        .strip_prefix("irreversible")
        .filter(|_| name == Name::Downgrade);
    match decision.map(|reason| reason.strip_prefix(':').map(str::trim)) {
        Some(Some(reason)) if !reason.is_empty() => Ok(Some(SectionLine::Irreversible {
            reason: reason.to_owned(),
        })),
        Some(_) => Err(Problem::NoReason),
        None => Ok(Some(SectionLine::Script(name, options(name, rest)?))),
    }
}

fn options(name: Name, text: &str) -> Result<SectionOptions, Problem> {
    let mut options = SectionOptions::default();
    for word in text.split_whitespace() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        let twice = match (option, value) {
            ("autocommit", None) => {
                let twice = options.mode == Mode::Autocommit;
                options.mode = Mode::Autocommit;
                twice
            }
            ("repeatable", None) => {
                let twice = options.repeat == Repeat::Always;
                options.repeat = Repeat::Always;
                twice
            }
            ("destructive", None) if name == Name::Upgrade => {
                let twice = options.destructive;
                options.destructive = true;
                twice
            }
            ("lock_timeout", _) => options
                .lock_timeout
                .replace(timeout(option, value)?)
                .is_some(),
            ("statement_timeout", _) => options
                .statement_timeout
                .replace(timeout(option, value)?)
                .is_some(),
            _ => {
                return Err(Problem::UnknownOption {
                    name,
                    option: word.to_owned(),
                });
            }
        };
        if twice {
            return Err(Problem::DuplicateOption {
                option: option.to_owned(),
            });
        }
    }
    Ok(options)
}

/// Checks a duration by PostgreSQL's rule, so that a mistake shows here and not at deploy.
fn timeout(option: &str, value: Option<&str>) -> Result<String, Problem> {
    let value = value.unwrap_or_default();
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = match &value[digits.len()..] {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => f64::NAN,
    };
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    match digits.parse::<f64>() {
        Ok(number) if plain && number * unit <= LONGEST_TIMEOUT_MS => Ok(value.to_owned()),
        _ => Err(Problem::OptionValue {
            option: option.to_owned(),
            value: value.to_owned(),
        }),
    }
}
