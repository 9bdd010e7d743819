//! What leads from the head to the declared schema, as migrations; and the proof that they do, and
//! that they lead back, on a copy of the head and by the engine that a start uses.

use super::error::ScratchError;
use super::{Scratch, Snapshot, canonical};
use crate::error::Error;
use crate::migrations::{Migrations, NamedBytes};
use crate::revision::target::Target;
use crate::run::apply::ApplyError;
use crate::run::migrate::Goal;
use crate::schema::migration::{self, Changes};
use crate::schema::model::Schema;
use crate::schema::render::Sides;
use crate::sql::ident::Ident;

/// More migrations in a chain than any change needs: it does not come to an end.
const MOST: usize = 8;

/// What one migration does.
#[derive(Clone, Debug)]
pub struct Step {
    /// Forward.
    pub upgrade: Changes,
    /// Back.
    pub downgrade: Changes,
}

/// The difference between two schemas as statements. Where expressions differ, it takes scratch
/// databases to tell whether they are only printed differently; without a server for them, they
/// count as different.
pub fn changes(
    scratch: Option<&Scratch<'_>>,
    old: &Snapshot,
    new: &Snapshot,
    online: bool,
) -> Result<Changes, Error> {
    let compare = |old_schema: &Schema, new_schema: &Schema| -> Result<Changes, Error> {
        let sides = Sides {
            old: old_schema,
            new: new_schema,
            keywords: &new.keywords,
            major: new.major,
            online,
        };
        Ok(migration::changes(&sides).map_err(ScratchError::from)?)
    };
    match scratch {
        Some(scratch) if canonical::is_needed(&old.schema, &new.schema) => compare(
            canonical::canonical(scratch, old)?,
            canonical::canonical(scratch, new)?,
        ),
        Some(_) | None => compare(&old.schema, &new.schema),
    }
}

/// The migrations from the head, which is in a database, to another schema.
pub fn steps(
    scratch: &Scratch<'_>,
    head: (&Ident, &Snapshot),
    declared: &Snapshot,
    online: bool,
) -> Result<Vec<Step>, Error> {
    let (database, head) = head;
    let mut at = head.clone();
    let mut steps = Vec::new();
    let mut work = None;
    while steps.len() < MOST {
        let all = changes(Some(scratch), &at, declared, online)?;
        if all.statements.is_empty() {
            return Ok(steps);
        }
        let (upgrade, is_all) = all.first_part();
        let next = if is_all {
            declared.clone()
        } else {
            let work = match &work {
                Some(work) => work,
                None => work.insert(scratch.create(Some(database))?),
            };
            scratch.execute(work, &upgrade.texts(), upgrade.run_together())?;
            scratch.read(work)?
        };
        let mut downgrade = changes(Some(scratch), &next, &at, online)?;
        if downgrade.would_be_torn() {
            downgrade = changes(Some(scratch), &next, &at, false)?;
        }
        steps.push(Step { upgrade, downgrade });
        at = next;
    }
    let left = changes(Some(scratch), &at, declared, online)?.texts();
    Err(ScratchError::NotProved {
        movement: "upgrade",
        target: "the declared schema",
        left,
    }
    .into())
}

/// Applies the candidates to a copy of the head, compares, goes back to `base`, and compares.
pub fn prove(
    scratch: &Scratch<'_>,
    head: (&Ident, &Snapshot),
    declared: &Snapshot,
    files: Vec<NamedBytes>,
    base: &Target,
) -> Result<(), Error> {
    let (database, head) = head;
    let copy = scratch.create(Some(database))?;
    let migrations = Migrations::Given(files);
    let check = |movement, target, wanted: &Snapshot| -> Result<(), Error> {
        let left = changes(Some(scratch), &scratch.read(&copy)?, wanted, false)?;
        if left.statements.is_empty() {
            return Ok(());
        }
        Err(ScratchError::NotProved {
            movement,
            target,
            left: left.texts(),
        }
        .into())
    };
    let upgrade = Goal::Upgrade(Target::head());
    let upgraded = scratch.apply(&copy, &migrations, &upgrade);
    upgraded.map_err(refused)?;
    check("upgrade", "the declared schema", declared)?;
    let downgrade = Goal::Downgrade(base.clone());
    let downgraded = scratch.apply(&copy, &migrations, &downgrade);
    downgraded.map_err(refused)?;
    check("downgrade", "the head", head)
}

/// A candidate that fails is no file that somebody could correct.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else says what it is")]
fn refused(error: Error) -> Error {
    match error {
        Error::Apply(
            ApplyError::RolledBack { place, refusal, .. }
            | ApplyError::Stopped { place, refusal, .. },
        ) => ScratchError::NotRunnable {
            statement: place.excerpt.join("\n"),
            refusal,
        }
        .into(),
        error => error,
    }
}
