//! A plan as JSON: what `plan --format json` prints and a hook reads.

use serde_json::{Value, json};

use super::section;
use crate::revision::guard::{self, Danger};
use crate::revision::plan::{Direction, Step};
use crate::revision::script::{Mode, Script, Section, SectionOptions};

/// The steps in order.
pub fn steps(steps: &[Step<'_>]) -> Value {
    steps.iter().map(step).collect()
}

fn step(step: &Step<'_>) -> Value {
    let script = step.script;
    let (_, section) = section::of_step(step);
    let (direction, losses) = match step.direction {
        Direction::Upgrade => ("upgrade", guard::losses(script)),
        // Not looked for: see `guard`.
        Direction::Downgrade => ("downgrade", Vec::new()),
    };
    let loss =
        |danger: &Danger| json!({ "line": danger.place.line, "loss": danger.loss.to_string() });
    json!({
        "revision": script.id.as_str(),
        "direction": direction,
        "message": script.message,
        "path": script.path,
        "mode": section.map_or("transaction", |section| mode(&section.options)),
        "statements": statements(script, section).collect::<Vec<&str>>(),
        "destructive": losses.iter().map(loss).collect::<Vec<Value>>(),
    })
}

fn mode(options: &SectionOptions) -> &'static str {
    match (&options.batch, options.mode) {
        (Some(batch), _) if batch.deferred => "deferred batches",
        (Some(_), _) => "batches",
        (None, Mode::Transaction) => "transaction",
        (None, Mode::Autocommit) => "autocommit",
    }
}

/// The statements of a section, as the file has them.
pub fn statements<'s>(
    script: &'s Script,
    section: Option<&'s Section>,
) -> impl Iterator<Item = &'s str> {
    let statements = section.map_or(&[][..], |section| &section.statements);
    let statements = statements.iter();
    statements.filter_map(|statement| script.text.get(statement.span.clone()))
}
