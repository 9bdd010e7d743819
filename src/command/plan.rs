//! `castoff plan`: what `upgrade` would do, statement by statement.

use std::fmt::Write as _;

use tracing::info;

use super::Finding;
use crate::cli::{Format, Plan};
use crate::config::Config;
use crate::database::progress::{self, HalfDone};
use crate::database::record::Movement;
use crate::error::Error;
use crate::revision::guard::{self, Danger};
use crate::revision::plan::{self, Step};
use crate::revision::script::{Mode, Script};
use crate::revision::stamp;
use crate::revision::target::Target;
use crate::run::position::{self, Footing, Position};
use crate::run::preview;
use crate::run::signal::Stop;
use crate::run::{Context, half, migrate, rows};
use crate::{migrations, report};

pub(super) fn plan(config: &Config, stop: &Stop, arguments: &Plan) -> Result<Finding, Error> {
    let target = arguments.target.parse::<Target>()?;
    let context = Context::new(config, stop)?;
    let history = migrations::find(&config.migrations)?.history()?;
    let (current, halves) = context.block_on(async {
        let (session, position) = context.connect().await?;
        let reading = Error::asking("reading the ledger's history");
        let halves = match &position {
            Position::At(_) => progress::half_done(&session).await.map_err(reading)?,
            Position::Empty | Position::Foreign { .. } => Vec::new(),
        };
        let current = match position {
            Position::Empty => Vec::new(),
            Position::Foreign {
                relations, alembic, ..
            } => match &config.baseline {
                Some(baseline) => stamp::stamp(&history, &[], &[baseline.parse()?], false)?.enters,
                None => return Err(Error::NotStamped { relations, alembic }),
            },
            Position::At(rows) => match position::compare(&session, &history, &rows).await? {
                Footing::Firm(current) => current,
                Footing::Ahead(newer) => {
                    // `upgrade` ends here too, and applies nothing.
                    migrate::ahead(&context, newer)?;
                    return Ok((None, halves));
                }
            },
        };
        Ok((Some(current), halves))
    })?;
    half::tell(&halves);
    let plan = match current {
        Some(current) => plan::upgrade(&history, &current, &target)?,
        None => plan::Plan { steps: Vec::new() },
    };
    if plan.steps.is_empty() {
        info!(event = "up-to-date", "nothing to do");
    }
    let findings = if rows::has_probes(&plan.steps) {
        context.block_on(async {
            let session = context.session().await?;
            let found = rows::look(&session, &plan.steps, |script| done(script, &halves)).await;
            found.map_err(Error::asking("asking whether rows stand in the way"))
        })?
    } else {
        Vec::new()
    };
    match arguments.format {
        Format::Text => report::print(&as_text(&plan.steps, &halves, &findings))?,
        Format::Json => {
            let mut document = preview::steps(&plan.steps);
            for (index, step) in plan.steps.iter().enumerate() {
                document[index]["done"] = done(step.script, &halves).into();
                let found = findings.get(index).map_or(&[][..], Vec::as_slice);
                document[index]["probes"] = found.iter().map(rows::Finding::as_json).collect();
            }
            report::print_json(&document)?;
        }
    }
    Ok((arguments.exit_status && !plan.steps.is_empty()).into())
}

/// How many statements of a step are done already.
fn done(script: &Script, halves: &[HalfDone]) -> usize {
    let is_this = |half: &&HalfDone| {
        half.revision == script.id.as_str() && half.movement == Movement::Upgrade
    };
    halves.iter().find(is_this).map_or(0, |half| half.done)
}

fn as_text(steps: &[Step<'_>], halves: &[HalfDone], findings: &[Vec<rows::Finding>]) -> String {
    let mut text = String::new();
    for (index, step) in steps.iter().enumerate() {
        let script = step.script;
        let done = done(script, halves);
        let options = &script.upgrade.options;
        let mode = match (&options.batch, options.mode, done) {
            (Some(batch), ..) if batch.deferred => {
                "in batches, left to `castoff backfill`".to_owned()
            }
            (Some(_), ..) => "in batches".to_owned(),
            (None, Mode::Transaction, _) => "in one transaction".to_owned(),
            (None, Mode::Autocommit, 0) => "statement by statement".to_owned(),
            (None, Mode::Autocommit, _) => {
                let all = script.upgrade.statements.len();
                format!("statement by statement, after statement {done} of {all}")
            }
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
        for Danger { loss, place, .. } in guard::losses(script) {
            writeln!(text, "--   destructive: {loss} in line {}", place.line).ok();
        }
        let found = findings.get(index).into_iter().flatten();
        for line in found.filter_map(rows::Finding::line_of_text) {
            writeln!(text, "--   {line}").ok();
        }
        for statement in preview::statements(script, Some(&script.upgrade)).skip(done) {
            writeln!(text, "{statement};").ok();
        }
        text.push('\n');
    }
    text
}
