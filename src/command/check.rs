//! `castoff check`: whether the declared schema is what the head makes.

use tracing::info;

use super::{Finding, diff};
use crate::config::Config;
use crate::error::Error;
use crate::report;
use crate::run::signal::Stop;

pub(super) fn check(config: &Config, stop: &Stop) -> Result<Finding, Error> {
    let changes = diff::between(config, stop, "head", "declared", false)?;
    if changes.statements.is_empty() {
        info!(
            event = "no-changes",
            "no changes: the declared schema is what the head makes"
        );
        return Ok(Finding::Nothing);
    }
    report::print(&diff::as_text(&changes))?;
    info!(
        event = "changes",
        "the declared schema is not what the head makes: write a migration with `castoff migrate -m`"
    );
    Ok(Finding::Something)
}
