//! `castoff heads`: the revisions that nothing follows.

use super::listing::{self, Detail};
use crate::cli::Listing;
use crate::config::Config;
use crate::error::Error;
use crate::migrations;

pub(super) fn heads(config: &Config, arguments: &Listing) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let scripts: Vec<_> = history
        .heads()
        .into_iter()
        .filter_map(|id| history.get(id))
        .collect();
    let detail = if arguments.verbose {
        Detail::Full
    } else {
        Detail::Name
    };
    listing::print(&history, &scripts, &[], detail, arguments.format)
}
