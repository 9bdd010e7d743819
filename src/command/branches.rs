//! `castoff branches`: the revisions that several follow.

use super::listing::{self, Detail};
use crate::cli::Listing;
use crate::config::Config;
use crate::error::Error;
use crate::migrations;

pub(super) fn branches(config: &Config, arguments: &Listing) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let points = history.branch_points().into_iter();
    let scripts: Vec<_> = points.filter_map(|id| history.get(id)).collect();
    let detail = if arguments.verbose {
        Detail::Full
    } else {
        Detail::Edge
    };
    listing::print(&history, &scripts, &[], detail, arguments.format)
}
