//! `castoff plan`: what `upgrade` would do, statement by statement.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tracing::info;

use super::Finding;
use crate::cli::{Format, Plan};
use crate::config::Config;
use crate::error::Error;
use crate::revision::plan::{self, Step};
use crate::revision::script::{Mode, Script};
use crate::revision::stamp;
use crate::revision::target::Target;
use crate::run::Context;
use crate::run::position::{self, Footing, Position};
use crate::run::signal::Stop;
use crate::{migrations, report};

pub(super) fn plan(config: &Config, stop: &Stop, arguments: &Plan) -> Result<Finding, Error> {
    let target = arguments.target.parse::<Target>()?;
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let current = context.block_on(async {
        let (session, position) = context.connect().await?;
        Ok(match position {
            Position::Empty => Vec::new(),
            Position::Foreign {
                relations, alembic, ..
            } => match &config.baseline {
                Some(baseline) => stamp::stamp(&history, &[], &[baseline.parse()?], false)?.enters,
                None => return Err(Error::NotStamped { relations, alembic }),
            },
            Position::At(rows) => match position::compare(&session, &history, &rows).await? {
                Footing::Firm(current) => current,
                Footing::Ahead(unknown) => return Err(Error::Newer { unknown }),
            },
        })
    })?;
    let plan = plan::upgrade(&history, &current, &target)?;
    if plan.steps.is_empty() {
        info!(event = "up-to-date", "nothing to do");
    }
    match arguments.format {
        Format::Text => report::print(&as_text(&plan.steps))?,
        Format::Json => {
            let steps: Vec<Value> = plan.steps.iter().map(as_json).collect();
            report::print_json(&steps.into())?;
        }
    }
    Ok((arguments.exit_status && !plan.steps.is_empty()).into())
}

fn as_text(steps: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in steps {
        let script = step.script;
        let mode = match (&script.upgrade.options.batch, script.upgrade.options.mode) {
            (Some(batch), _) if batch.deferred => "in batches, left to `castoff backfill`",
            (Some(_), _) => "in batches",
            (None, Mode::Transaction) => "in one transaction",
            (None, Mode::Autocommit) => "statement by statement",
        };
        // Writing to a String cannot fail.
        writeln!(
            text,
            "-- {} {} ({mode})\n--   {}",
            script.id, script.message, script.path
        )
        .ok();
        for id in &script.requires_backfill {
            writeln!(text, "--   first the backfill of {id}, if it is not done").ok();
        }
        for statement in statements(script) {
            writeln!(text, "{statement};").ok();
        }
        text.push('\n');
    }
    text
}

fn as_json(step: &Step<'_>) -> Value {
    let script = step.script;
    json!({
        "revision": script.id.as_str(),
        "message": script.message,
        "path": script.path,
        "mode": match (&script.upgrade.options.batch, script.upgrade.options.mode) {
            (Some(batch), _) if batch.deferred => "deferred batches",
            (Some(_), _) => "batches",
            (None, Mode::Transaction) => "transaction",
            (None, Mode::Autocommit) => "autocommit",
        },
        "statements": statements(script).collect::<Vec<&str>>(),
    })
}

fn statements(script: &Script) -> impl Iterator<Item = &str> {
    let statements = script.upgrade.statements.iter();
    statements.filter_map(|statement| script.text.get(statement.span.clone()))
}
