//! `castoff check`: whether the declared schema is what the head makes.

use tracing::info;

use super::{Finding, diff};
use crate::cli::Format;
use crate::config::Config;
use crate::error::Error;
use crate::run::signal::Stop;

pub(super) fn check(config: &Config, stop: &Stop, format: Format) -> Result<Finding, Error> {
    let compared = diff::between(config, stop, "head", "declared", false)?;
    if format == Format::Json || compared.differ() {
        compared.print(format)?;
    }
    if !compared.differ() {
        info!(
            event = "no-changes",
            "no changes: the declared schema is what the head makes"
        );
        return Ok(Finding::Nothing);
    }
    info!(
        event = "changes",
        "the declared schema is not what the head makes: write a migration with `castoff migrate -m`"
    );
    Ok(Finding::Something)
}
