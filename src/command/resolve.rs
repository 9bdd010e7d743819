//! `castoff resolve`: what a person says of a statement that castoff cannot decide about.

use crate::cli::{Answer, Resolve};
use crate::config::Config;
use crate::error::Error;
use crate::run::half_error::HalfError;
use crate::run::signal::Stop;
use crate::run::{Context, half};

pub(super) fn resolve(config: &Config, stop: &Stop, arguments: &Resolve) -> Result<(), Error> {
    let (revision, statement) = parse(&arguments.statement)?;
    let answer = match arguments.answer {
        Answer::Done => half::Answer::Done,
        Answer::Again => half::Answer::Again,
        Answer::Undone => half::Answer::Undone,
    };
    let context = Context::new(config, stop)?;
    context.block_on(half::resolve(&context, revision, statement, answer))
}

/// `REV:N`, statements counted from 1.
fn parse(text: &str) -> Result<(&str, usize), Error> {
    let parts = text
        .rsplit_once(':')
        .and_then(|(revision, number)| Some((revision, number.parse().ok()?)))
        .filter(|(revision, number)| !revision.is_empty() && *number > 0);
    let invalid = || HalfError::InvalidStatement {
        text: text.to_owned(),
    };
    Ok(parts.ok_or_else(invalid)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_revision_and_a_number() {
        assert_eq!(parse("3f2a9c1b7d04:2").unwrap(), ("3f2a9c1b7d04", 2));
        for wrong in ["", "3f2a", "3f2a:", ":2", "3f2a:0", "3f2a:two", "3f2a:-1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
