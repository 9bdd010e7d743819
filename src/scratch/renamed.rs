//! Renames, carried out on a copy of the old schema: what is left to compare is what a rename does
//! not do.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::proof::Step;
use super::{Scratch, Snapshot};
use crate::error::Error;
use crate::schema::migration::Changes;
use crate::schema::model::Kind;
use crate::schema::rename::candidate;
use crate::schema::rename::item::What;
use crate::schema::rename::plan::{self, Forward};
use crate::schema::rename::wish::Wish;
use crate::schema::rename::words;
use crate::schema::render::Sides;
use crate::schema::statement::Statement;
use crate::scratch::error::ScratchError;
use crate::sql::ident::Ident;

/// The old schema with the new names.
#[derive(Debug)]
pub struct Renamed {
    /// The renames.
    pub upgrade: Vec<Statement>,
    /// The way back.
    pub downgrade: Vec<Statement>,
    /// The copy that has them.
    pub database: Ident,
    /// What it is then.
    pub snapshot: Snapshot,
}

/// Who has to know the old names of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comments {
    /// This state: a name that is in neither schema is a mistake.
    MustFit,
    /// Not this state, which may be of a time when the thing was not there.
    MayFit,
}

/// Carries out what was wished; nothing if nothing is left to rename. `database` is where the old
/// schema is, in a scratch database that nobody is connected to.
pub fn rename(
    scratch: &Scratch<'_>,
    database: &Ident,
    (old, new): (&Snapshot, &Snapshot),
    wishes: &[Wish],
    comments: Comments,
) -> Result<Option<Renamed>, Error> {
    let must_fit = comments == Comments::MustFit;
    let planned = plan::plan(wishes, &old.schema, &new.schema, must_fit);
    let (steps, forward) = planned.map_err(ScratchError::from)?;
    if steps.is_empty() {
        return Ok(None);
    }
    let mut pairs = words::statements(&sides(old, new), &steps);
    let database = scratch.create(Some(database))?;
    scratch.execute(&database, &texts(&pairs), true)?;
    let mut snapshot = scratch.read(&database)?;
    let touched = touched(&steps, &forward);
    let steps = candidate::followers(&sides(&snapshot, new), &touched);
    if !steps.is_empty() {
        let following = words::statements(&sides(&snapshot, new), &steps);
        scratch.execute(&database, &texts(&following), true)?;
        snapshot = scratch.read(&database)?;
        pairs.extend(following);
    }
    let (upgrade, mut downgrade): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    downgrade.reverse();
    Ok(Some(Renamed {
        upgrade,
        downgrade,
        database,
        snapshot,
    }))
}

fn sides<'s>(old: &'s Snapshot, new: &'s Snapshot) -> Sides<'s> {
    Sides {
        old: &old.schema,
        new: &new.schema,
        keywords: &new.keywords,
        major: new.major,
        online: false,
    }
}

fn texts(pairs: &[(Statement, Statement)]) -> Vec<String> {
    pairs.iter().map(|(there, _)| there.sql.clone()).collect()
}

/// The tables and domains that are called otherwise, or have a column that is, by their new names.
fn touched(steps: &[plan::Step], forward: &Forward) -> BTreeSet<Vec<Rc<str>>> {
    let mut touched: BTreeSet<Vec<Rc<str>>> = forward.relations().map(<[_]>::to_vec).collect();
    for step in steps {
        if let plan::Step::Rename(item, _) = step
            && item.what == What::Object(Kind::Column)
        {
            touched.insert(forward.container(item));
        }
    }
    touched
}

impl Renamed {
    /// The renames come before everything else, and their way back behind: in the same migration
    /// where that runs in one transaction.
    pub fn lead(self, steps: &mut Vec<Step>) {
        if let Some(first) = steps.first_mut()
            && first.upgrade.run_together()
            && first.downgrade.run_together()
        {
            first.upgrade.statements.splice(..0, self.upgrade);
            first.downgrade.statements.extend(self.downgrade);
            return;
        }
        let changes = |statements| Changes {
            statements,
            ..Changes::default()
        };
        let step = Step {
            upgrade: changes(self.upgrade),
            downgrade: changes(self.downgrade),
            is_rename: true,
        };
        steps.insert(0, step);
    }
}

/// What may be a rename, if nobody said so.
pub fn candidates(old: &Snapshot, new: &Snapshot) -> Vec<candidate::Candidate> {
    candidate::candidates(&sides(old, new))
}
