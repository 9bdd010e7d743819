//! What `--sql` prints for `upgrade` and `downgrade`: the script for psql.

use crate::config::Config;
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::plan_error::PlanError;
use crate::revision::range::Offline;
use crate::revision::target::Range;
use crate::run::{offline, operator};
use crate::{migrations, report};

/// One of the two ways to make a plan without a database.
type Plan = for<'h> fn(&'h History, &Range) -> Result<Offline<'h>, PlanError>;

/// `a:b` starts at `a`. A target alone starts where `plan` starts without one: an empty database to
/// go forward, the head to go back, as Alembic has it.
pub(super) fn print(config: &Config, target: &str, plan: Plan) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let range = if target.contains(':') {
        target.to_owned()
    } else {
        format!(":{target}")
    };
    let offline = plan(&history, &range.parse()?)?;
    offline::refuse_batches(&offline)?;
    let schema = &config.ledger_schema;
    report::print(&offline::script(
        &history,
        &offline,
        schema,
        &operator(config),
        config.role.as_ref(),
    ))
}
