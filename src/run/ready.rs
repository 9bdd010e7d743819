//! What can be known to go wrong before anything is done: looked at before the lock, so that nobody
//! waits for a refusal, and again for the plan that is made under it.

use super::{Context, hook, placeholder};
use crate::error::Error;
use crate::revision::guard;
use crate::revision::plan::Plan;

/// Refuses a plan that is not to be begun.
pub(super) fn check(context: &Context<'_>, plan: &Plan<'_>) -> Result<(), Error> {
    if !context.config.allow_destructive {
        guard::check(plan)?;
    }
    placeholder::check(context.config, plan)?;
    hook::look_up(context)?;
    Ok(())
}
