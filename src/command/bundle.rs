//! `castoff bundle`: a copy of this executable with the migrations embedded.

use tracing::{info, warn};

use crate::cli::Bundle;
use crate::config::Config;
use crate::error::Error;
use crate::migrations::{self, Files, HookFiles};
use crate::revision::guard;
use crate::revision::history::History;
use crate::revision::plan_error::PlanError;
use crate::revision::script::Script;

pub(super) fn bundle(config: &Config, arguments: &Bundle) -> Result<(), Error> {
    let migrations = migrations::find(&config.migrations)?;
    let Files {
        migrations: mut files,
        hooks,
    } = migrations.files()?;
    if files.is_empty() {
        return Err(migrations.is_empty_error().into());
    }
    let scripts = files
        .iter()
        .map(|(path, bytes)| Script::parse(path, bytes.clone()));
    let history = History::new(scripts.collect::<Result<Vec<_>, _>>()?)?;
    // Better here than at the start of every container.
    if history.heads().len() > 1 {
        let heads = history.heads().into_iter().cloned().collect();
        return Err(PlanError::SeveralHeads {
            target: "head".to_owned(),
            heads,
        }
        .into());
    }
    for danger in history.iter().flat_map(guard::unmarked) {
        warn!(
            event = "destructive",
            revision = %danger.id,
            "revision {} loses data ({}, {}): it needs `-- upgrade destructive` or --allow-destructive",
            danger.id,
            danger.loss,
            danger.place
        );
    }
    let count = files.len();
    HookFiles::parse(&hooks)?;
    files.extend(hooks);
    crate::bundle::write(&files, &history, &arguments.output)?;
    info!(
        event = "bundled",
        migrations = count,
        "embedded {} {} in {}",
        count,
        if count == 1 {
            "migration"
        } else {
            "migrations"
        },
        arguments.output.display()
    );
    Ok(())
}
