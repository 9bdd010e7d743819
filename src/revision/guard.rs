//! The guard before upgrades that lose data: somebody has to have said that they are meant.
//!
//! A downgrade needs no such word. Taking back what an upgrade made is what it is for, and nobody
//! runs one by accident.

use super::id::RevisionId;
use super::plan::{Direction, Plan};
use super::plan_error::PlanError;
use super::script::Script;
use crate::place::Place;
use crate::sql::destructive::{self, Destructive, Loss};

/// A statement that loses data, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    /// The revision.
    pub id: RevisionId,
    /// What it does.
    pub loss: Loss,
    /// The line.
    pub place: Place,
}

/// What the upgrade of a script loses, whether it is marked or not.
pub fn losses(script: &Script) -> Vec<Danger> {
    let found = destructive::find(&script.text, &script.upgrade.statements);
    let danger = |Destructive { offset, loss, .. }| Danger {
        id: script.id.clone(),
        loss,
        place: Place::of(&script.path, &script.text, offset, offset + 1),
    };
    found.into_iter().map(danger).collect()
}

/// What the upgrade of a script loses without a mark that says so.
pub fn unmarked(script: &Script) -> Vec<Danger> {
    if script.upgrade.options.destructive {
        Vec::new()
    } else {
        losses(script)
    }
}

/// Refuses a plan that loses data without a mark that says so.
pub fn check(plan: &Plan<'_>) -> Result<(), PlanError> {
    let upgrades = plan.steps.iter();
    let upgrades = upgrades.filter(|step| step.direction == Direction::Upgrade);
    let mut dangers = upgrades.flat_map(|step| unmarked(step.script));
    let Some(first) = dangers.next() else {
        return Ok(());
    };
    let others: Vec<String> = dangers
        .map(|Danger { loss, place, .. }| format!("{place} ({loss})"))
        .collect();
    Err(PlanError::Destructive {
        id: first.id,
        loss: first.loss,
        place: Box::new(first.place),
        more: others.len(),
        others: others.join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::checksum::Checksums;

    fn script(options: &str, upgrade: &str) -> Script {
        let text = format!("-- x\n-- revision: aaaa11\n\n-- upgrade{options}\n{upgrade}\n");
        Script::parse("a.sql", text.into_bytes()).unwrap()
    }

    fn check(options: &str, upgrade: &str, expected: &[&str]) {
        let script = script(options, upgrade);
        let found: Vec<String> = unmarked(&script)
            .iter()
            .map(|danger| format!("{} {}", danger.place, danger.loss))
            .collect();
        assert_eq!(found, expected, "{options}: {upgrade}");
    }

    #[test]
    fn a_mark_says_that_a_loss_is_meant() {
        let upgrade = "drop table a;\nalter table b\n    drop column c;";
        check("", upgrade, &["a.sql:5 drop table", "a.sql:7 drop column"]);
        check(
            " lock_timeout=2s",
            upgrade,
            &["a.sql:5 drop table", "a.sql:7 drop column"],
        );
        check(" destructive", upgrade, &[]);
        check("", "create table a ();", &[]);
        // The way back is not looked at.
        check("", "select 1;\n\n-- downgrade\ndrop table a;", &[]);
        assert_eq!(losses(&script(" destructive", upgrade)).len(), 2);
    }

    #[test]
    fn the_mark_is_no_edit() {
        let canonical = |options| {
            let Checksums { canonical, .. } = script(options, "drop table a;").checksums;
            canonical
        };
        assert_eq!(canonical(""), canonical(" destructive"));
        assert_ne!(canonical(""), canonical(" autocommit"));
    }
}
