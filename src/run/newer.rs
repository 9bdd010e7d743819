//! What only the ledger has: revisions of a newer image, read from their records, so that an older
//! image can list them and take them back.

use std::collections::BTreeMap;

use tracing::info;

use super::position;
use crate::database::ledger::{self, HeadRow, Text};
use crate::database::session::Session;
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::mend;
use crate::revision::plan::{self, Plan};
use crate::revision::plan_error::PlanError;
use crate::revision::script::kept::{Kept, Unreadable};
use crate::revision::script::{Downgrade, Script};
use crate::revision::standing::{self, Standing};
use crate::revision::target::{Anchor, Target};

/// The files together with what only the ledger has.
#[derive(Debug)]
pub struct Widened {
    /// All revisions.
    pub history: History,
    /// Those that no file makes.
    pub kept: Vec<RevisionId>,
    /// Those of them that have no way back here: why, and the version of castoff that recorded
    /// them.
    unreadable: BTreeMap<RevisionId, (Unreadable, String)>,
}

/// Adds what only the ledger has. Nothing, where it has nothing more than the files, or where it
/// does not say how what it has belongs to them: nobody's hand slips in another application's
/// database because of a wrong `DATABASE_URL`.
pub async fn widen<S>(
    session: &Session<S>,
    history: &History,
    rows: &[HeadRow],
) -> Result<Option<Widened>, Error> {
    let current = position::ids(rows)?;
    if current.iter().all(|id| history.get(id).is_some()) {
        return Ok(None);
    }
    let reading = Error::asking("reading the ledger's history");
    let recorded = ledger::sums(session).await.map_err(&reading)?;
    let kept = match standing::standing(history, &current, &mend::ancestry(&recorded)) {
        Standing::Ahead { unknown } | Standing::Diverged { unknown, .. } => unknown,
        Standing::Known | Standing::Unknown { .. } => return Ok(None),
    };
    let texts = ledger::texts(session, &kept).await.map_err(&reading)?;
    join(history, kept, &texts).map(Some)
}

fn join(history: &History, kept: Vec<RevisionId>, texts: &[Text]) -> Result<Widened, Error> {
    let mut scripts: Vec<Script> = history.iter().cloned().collect();
    let mut unreadable = BTreeMap::new();
    for text in texts {
        let kept = Kept {
            id: &text.id,
            down_revisions: &text.parents,
            depends_on: &text.depends_on,
            message: &text.message,
            frame: text.frame.as_deref(),
            upgrade: text.upgrade.as_deref(),
            downgrade: text.downgrade.as_deref(),
            checksums: text.checksums,
        };
        let mut script = kept.script().unwrap_or_else(|reason| {
            unreadable.insert(text.id.clone(), (reason, text.castoff.clone()));
            kept.shell()
        });
        if script.downgrade == Downgrade::Missing {
            let reason = (Unreadable::NoWayBack, text.castoff.clone());
            unreadable.entry(text.id.clone()).or_insert(reason);
        }
        // A label may have moved to another file since.
        script
            .branch_labels
            .retain(|label| history.resolve(label).is_err());
        scripts.push(script);
    }
    Ok(Widened {
        history: History::new(scripts)?,
        kept,
        unreadable,
    })
}

impl Widened {
    /// The way back. `head` and `heads` are those of the files: back to what this image has.
    pub fn downgrade(
        &self,
        files: &History,
        current: &[RevisionId],
        target: &Target,
    ) -> Result<Plan<'_>, Error> {
        let is_plain = target.branch.is_none() && target.steps.is_none();
        let plan = if is_plain && matches!(target.anchor, Anchor::Head | Anchor::Heads) {
            // Refuses `head` where the files have several.
            plan::upgrade(files, &[], target)?;
            plan::take_back(&self.history, current, &self.kept)
        } else {
            plan::downgrade(&self.history, current, target)
        };
        plan.map_err(|error| self.explain(error))
    }

    /// A way back that is missing here may well be in the file.
    fn explain(&self, error: PlanError) -> Error {
        if let PlanError::MissingDowngrade { id, .. } = &error
            && let Some((reason, castoff)) = self.unreadable.get(id)
        {
            return Error::LedgerText {
                revision: id.clone(),
                castoff: castoff.clone(),
                source: reason.clone(),
            };
        }
        error.into()
    }

    /// Says which steps are not from files.
    pub fn tell(&self, plan: &Plan<'_>) {
        let kept = plan.steps.iter().filter(|step| step.script.is_kept());
        let ids: Vec<&str> = kept.map(|step| step.script.id.as_str()).collect();
        if !ids.is_empty() {
            info!(
                event = "from-ledger",
                "not in these migrations, and taken back as the ledger has it: {}",
                ids.join(", ")
            );
        }
    }
}
