//! What leads from the head to the declared schema, as migrations; and the proof that they do, and
//! that they lead back, on a copy of the head and by the engine that a start uses.

use super::error::ScratchError;
use super::{Scratch, Snapshot, canonical, measure};
use crate::error::Error;
use crate::migrations::{Migrations, NamedBytes};
use crate::revision::target::Target;
use crate::run::apply::ApplyError;
use crate::run::migrate::Goal;
use crate::schema::migration::{self, Changes};
use crate::schema::model::{Id, Kind, Schema};
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
    /// Whether it gives other names, and does nothing else.
    pub is_rename: bool,
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
    let Some(scratch) = scratch else {
        return compare(&old.schema, &new.schema);
    };
    let differing = canonical::differing(&old.schema, &new.schema);
    if differing.is_empty() {
        return compare(&old.schema, &new.schema);
    }
    compare(
        &canonical::canonical(scratch, old, &differing)?,
        &canonical::canonical(scratch, new, &differing)?,
    )
}

/// The migrations from the head, which is in a database, to another schema; each statement with
/// what it does to relations that are there, as measured on a copy.
pub fn steps(
    scratch: &Scratch<'_>,
    head: (&Ident, &Snapshot),
    declared: &Snapshot,
    online: bool,
) -> Result<Vec<Step>, Error> {
    let (database, head) = head;
    // Where nothing holds rows yet, nobody is kept waiting.
    let is_measured = head.schema.objects.keys().any(is_relation);
    let mut at = head.clone();
    let mut steps: Vec<Step> = Vec::new();
    let mut work = None;
    while steps.len() < MOST {
        let all = changes(Some(scratch), &at, declared, online)?;
        if all.statements.is_empty() {
            if let Some(work) = work.filter(|_| is_measured) {
                for step in steps.iter_mut().rev() {
                    step.downgrade = measure::run(scratch, &work, step.downgrade.clone())?;
                }
            }
            return Ok(steps);
        }
        let (mut upgrade, is_all) = all.first_part();
        if is_measured || !is_all {
            let work = match &work {
                Some(work) => work,
                None => work.insert(scratch.create(Some(database))?),
            };
            upgrade = measure::run(scratch, work, upgrade)?;
        }
        let next = match &work {
            Some(work) if !is_all => scratch.read(work)?,
            Some(_) | None => declared.clone(),
        };
        let mut downgrade = changes(Some(scratch), &next, &at, online)?;
        if downgrade.would_be_torn() {
            downgrade = changes(Some(scratch), &next, &at, false)?;
        }
        steps.push(Step {
            upgrade,
            downgrade,
            is_rename: false,
        });
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

/// Whether somebody could wait for a lock on it.
fn is_relation(id: &Id) -> bool {
    let kinds = [
        Kind::Table,
        Kind::ForeignTable,
        Kind::View,
        Kind::MaterializedView,
    ];
    kinds.contains(&id.kind)
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
pub fn refused(error: Error) -> Error {
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
