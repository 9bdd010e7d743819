//! Waiting until somebody else has applied a revision: a Job, an init container, another pod.
//!
//! Only reads the ledger: never takes the lock, and needs no rights but to read. It cannot see that
//! the migration failed elsewhere, because nothing may be recorded of that; the deadline decides.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use super::pause::Pauses;
use super::position::{self, Footing, Newer};
use super::wait::{self, Patience};
use super::{Context, migrate};
use crate::config::Config;
use crate::database::ledger::{self, HeadRow};
use crate::database::session::{Open, Session};
use crate::error::Error;
use crate::migrations::{self, Contents, FilesError};
use crate::revision::history::History;
use crate::revision::history_error::HistoryError;
use crate::revision::id::RevisionId;
use crate::revision::plan_error::PlanError;
use crate::revision::target::{Anchor, Target};
use crate::revision::walk::Edges;
use crate::revision::{mend, standing};

/// The pauses between two questions: one costs the server next to nothing, but many pods may ask.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Fewest characters that stand for a whole id, as in `revision::names`.
const SHORTEST_PREFIX: usize = 4;

/// What the database is to have.
pub(super) struct Wanted {
    goal: Goal,
    /// The migrations of this image, if it has any.
    history: Option<History>,
}

enum Goal {
    /// Revisions of this image.
    Known(BTreeSet<RevisionId>),
    /// What this image does not have. The ledger may learn of it yet: a newer image applies it.
    Unknown {
        /// The id, or its beginning.
        name: String,
        /// What to say if the ledger never does. Without migrations there is nobody to tell a slip
        /// of the pen from a revision that is still to come.
        slip: Option<HistoryError>,
    },
}

/// What the ledger says.
enum Answer {
    Applied {
        /// The revisions, as the story names them.
        revision: String,
        /// What else the database has, if this image is older.
        newer: Option<Newer>,
    },
    NotYet(String),
}

impl Wanted {
    /// Reads a target. `head` and its kin mean those of this image; an id may be anybody's.
    pub(super) fn read(config: &Config, text: &str) -> Result<Self, Error> {
        let target: Target = text.parse()?;
        let name = match &target {
            Target {
                branch: None,
                anchor: Anchor::Revision(name),
                steps: None,
            } => Some(name.clone()),
            _ => None,
        };
        // A label is this image's own, and what is no id is never in a ledger.
        let is_id = |name: &String| RevisionId::new(name).is_ok();
        let name = name.filter(is_id);
        let may_be_anybodys = name.is_some();
        let history = match read_migrations(config) {
            Ok(contents) => Some(contents.history),
            Err(Error::Files(FilesError::None { .. })) if may_be_anybodys => None,
            Err(error) => return Err(error),
        };
        let found = history.as_ref().map(|history| history.revisions(&target));
        let goal = match (found, name) {
            (Some(Ok(scripts)), _) => Goal::Known(
                scripts
                    .into_iter()
                    .map(|script| script.id.clone())
                    .collect(),
            ),
            (Some(Err(PlanError::History(slip @ HistoryError::NotFound { .. }))), Some(name)) => {
                let slip = Some(slip);
                Goal::Unknown { name, slip }
            }
            (Some(Err(error)), _) => return Err(error.into()),
            (None, name) => Goal::Unknown {
                name: name.expect("without migrations there is a name, or an error"),
                slip: None,
            },
        };
        Ok(Self { goal, history })
    }

    /// Asks until it is applied, over one connection as long as that lasts.
    pub(super) async fn until_applied(
        &self,
        context: &Context<'_>,
        patience: Patience,
    ) -> Result<(), Error> {
        let began = Instant::now();
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut told = String::new();
        let ask = async |session: &Session<Open>| self.ask(session).await;
        loop {
            let (session, mut answer) = context.connect_and_ask(patience, false, ask).await?;
            loop {
                match answer {
                    Answer::Applied { revision, newer } => {
                        if let Some(newer) = newer {
                            migrate::ahead(context, newer)?;
                        }
                        tell_applied(&revision, &told, began);
                        return Ok(());
                    }
                    Answer::NotYet(position) => self.tell_waiting(&mut told, position),
                }
                let left = patience.left();
                if left.is_zero() {
                    return Err(self.too_late(patience, told));
                }
                sleep(pauses.next_pause().min(left)).await;
                let within = patience.for_an_answer().min(wait::ATTEMPT);
                answer = match timeout(within, ask(&session)).await {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(error)) if error.is_lost_connection() => break,
                    Ok(Err(error)) => return Err(error),
                    // Cut short by the deadline, the last question says less than the one before.
                    Err(_) if patience.left().is_zero() => {
                        return Err(self.too_late(patience, told));
                    }
                    Err(_) => break,
                };
            }
            debug!("the connection was lost, or the server is silent: connecting again");
            drop(session);
            sleep(wait::AFTER_A_LOSS).await;
        }
    }

    fn tell_waiting(&self, told: &mut String, position: String) {
        if position != *told {
            let target = format!("revision {}", self.shown());
            info!(
                event = "waiting",
                target,
                cause = position,
                "waiting for {target}: {position}"
            );
            *told = position;
        }
    }

    /// The error when the time is over. Of a revision that neither these migrations nor the ledger
    /// have it says that, and not before: a newer image may be at work on it.
    fn too_late(&self, patience: Patience, position: String) -> Error {
        match &self.goal {
            Goal::Unknown {
                slip: Some(slip), ..
            } => PlanError::from(slip.clone()).into(),
            Goal::Unknown { slip: None, .. } | Goal::Known(_) => {
                patience.not_applied(self.shown(), position)
            }
        }
    }

    /// The revision as the story names it.
    fn shown(&self) -> String {
        match &self.goal {
            Goal::Known(ids) => migrate::shown(ids.iter().map(RevisionId::as_str)),
            Goal::Unknown { name, .. } => name.clone(),
        }
    }

    /// Asks for the ledger's rows: one question in the usual case.
    async fn ask(&self, session: &Session<Open>) -> Result<Answer, Error> {
        let rows = ledger::heads(session).await;
        let rows = rows.map_err(Error::asking("reading the ledger"))?;
        self.judge(session, rows.as_deref()).await
    }

    /// Compares what is wanted with the ledger's rows. Reads the whole record only where the rows
    /// name what this image does not have.
    async fn judge(
        &self,
        session: &Session<Open>,
        rows: Option<&[HeadRow]>,
    ) -> Result<Answer, Error> {
        let Some(rows) = rows else {
            return Ok(Answer::NotYet("the database has no ledger yet".to_owned()));
        };
        let at = migrate::shown(rows.iter().map(|row| row.revision.as_str()));
        let not_yet = || Ok(Answer::NotYet(format!("the database is at {at}")));
        let current = position::ids(rows)?;
        let is_known = |id: &RevisionId| {
            self.history
                .as_ref()
                .is_some_and(|all| all.get(id).is_some())
        };
        if let (Goal::Known(goals), Some(history), true) =
            (&self.goal, &self.history, current.iter().all(is_known))
        {
            let applied = with_ancestors(history, &current);
            return if goals.is_subset(&applied) {
                Ok(applied_or_half(rows, goals, None))
            } else {
                not_yet()
            };
        }
        let recorded = ledger::sums(session).await;
        let recorded = recorded.map_err(Error::asking("reading the ledger's history"))?;
        let ancestry = mend::ancestry(&recorded);
        let mut applied: BTreeSet<RevisionId> = standing::applied(&current, &ancestry)
            .into_iter()
            .cloned()
            .collect();
        if let Some(history) = &self.history {
            applied.append(&mut with_ancestors(history, &current));
        }
        let goals = match &self.goal {
            Goal::Known(goals) => goals.clone(),
            Goal::Unknown { name, .. } => find(name, &applied)?.into_iter().collect(),
        };
        if goals.is_empty() || !goals.is_subset(&applied) {
            return not_yet();
        }
        let newer = match &self.history {
            Some(history) => match position::footing(history, &current, &recorded) {
                Ok(Footing::Ahead(newer)) => Some(newer),
                // Both have what the other lacks; what was asked for is there all the same.
                Ok(Footing::Firm(_)) | Err(_) => None,
            },
            None => None,
        };
        Ok(applied_or_half(rows, &goals, newer))
    }
}

fn read_migrations(config: &Config) -> Result<Contents, Error> {
    let migrations = migrations::find(&config.migrations)?;
    match migrations.heads()?.contents {
        Some(contents) => Ok(contents),
        None => migrations.read(),
    }
}

/// These revisions, as far as the history has them, and all they stand on.
fn with_ancestors(history: &History, ids: &[RevisionId]) -> BTreeSet<RevisionId> {
    let known = ids.iter().filter(|id| history.get(id).is_some());
    let all = known.flat_map(|id| {
        let below = history.ancestors(id, Edges::All).into_iter();
        below.map(|script| &script.id).chain([id])
    });
    all.cloned().collect()
}

/// The applied revision that somebody means.
fn find(name: &str, applied: &BTreeSet<RevisionId>) -> Result<Option<RevisionId>, HistoryError> {
    if let Some(exact) = applied.iter().find(|id| id.as_str() == name) {
        return Ok(Some(exact.clone()));
    }
    let alike = applied.iter().filter(|id| id.as_str().starts_with(name));
    let mut alike: Vec<RevisionId> = alike.cloned().collect();
    if name.len() < SHORTEST_PREFIX {
        alike.clear();
    }
    if alike.len() > 1 {
        return Err(HistoryError::Ambiguous {
            text: name.to_owned(),
            candidates: alike,
        });
    }
    Ok(alike.pop())
}

/// A row in upper case is of a revision that was taken back in part: see `half::is_marked`.
fn applied_or_half(rows: &[HeadRow], goals: &BTreeSet<RevisionId>, newer: Option<Newer>) -> Answer {
    let is_half = |row: &&HeadRow| {
        row.lineage.bytes().any(|byte| byte.is_ascii_uppercase())
            && goals.iter().any(|goal| goal.as_str() == row.revision)
    };
    match rows.iter().find(is_half) {
        Some(row) => Answer::NotYet(format!("{} was taken back in part", row.revision)),
        None => Answer::Applied {
            revision: migrate::shown(goals.iter().map(RevisionId::as_str)),
            newer,
        },
    }
}

fn tell_applied(revision: &str, told: &str, began: Instant) {
    let target = format!("revision {revision}");
    if told.is_empty() {
        info!(event = "ready", target, "{target} is applied");
    } else {
        let waited = began.elapsed().as_secs_f64();
        info!(
            event = "ready",
            target, "{target} is applied ({waited:.1} s)"
        );
    }
}
