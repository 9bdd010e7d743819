//! `castoff completions` and `castoff man`: made from the command line's own description.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::error::Error;
use crate::report;

pub(super) fn completions(arguments: &Completions) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "castoff", &mut script);
    report::print(&String::from_utf8_lossy(&script))
}

pub(super) fn man() -> Result<(), Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(Error::System)?;
    report::print(&String::from_utf8_lossy(&page))
}
