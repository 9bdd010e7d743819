//! From where the database is to where it should be: plan, lock, plan again, apply.

use std::time::Instant;

use tracing::{debug, info, warn};

use super::lock::{self, Outcome};
use super::position::{self, Footing, Position};
use super::{Context, apply};
use crate::config::OnNewer;
use crate::database::ledger::HeadRow;
use crate::database::record::Move;
use crate::database::session::{Locked, Open, Session};
use crate::error::Error;
use crate::migrations::Migrations;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::{self, Plan};
use crate::revision::stamp::{self, Stamp};
use crate::revision::target::Target;

/// What somebody wants.
#[derive(Clone, Debug)]
pub enum Goal {
    /// Forward to a target.
    Upgrade(Target),
    /// Back to a target.
    Downgrade(Target),
    /// Record revisions without running them.
    Stamp {
        /// The revisions.
        targets: Vec<Target>,
        /// Whether what the ledger has is forgotten first.
        purge: bool,
    },
}

/// What has to be done for it.
enum Work<'h> {
    Nothing,
    Steps(Plan<'h>),
    Record(Stamp),
    /// The database has tables and no ledger, and somebody said at which revision it is.
    Baseline(Stamp),
    /// The database is ahead of these migrations.
    Ahead(Vec<RevisionId>),
}

/// Brings the database to the goal, under the lock if there is something to do.
pub async fn migrate(
    context: &Context<'_>,
    migrations: &Migrations,
    goal: &Goal,
) -> Result<(), Error> {
    // Bad files are an error before anybody waits for a database.
    let files = migrations.heads()?;
    let (session, position) = context.connect().await?;
    if let (Goal::Upgrade(target), Position::At(rows), [(head, lineage)]) =
        (goal, &position, files.heads.as_slice())
        && *target == Target::head()
        && let [row] = rows.as_slice()
        && row.revision == head.as_str()
        && row.lineage == lineage.to_string()
    {
        up_to_date(rows);
        return Ok(());
    }
    let history = match files.history {
        Some(history) => history,
        None => migrations.history()?,
    };
    match work(context, &session, &history, &position, goal).await? {
        Work::Nothing => {
            if let Position::At(rows) = &position {
                up_to_date(rows);
            }
            Ok(())
        }
        Work::Ahead(unknown) => ahead(context, unknown),
        Work::Steps(_) | Work::Record(_) | Work::Baseline(_) => {
            under_lock(context, session, &history, goal).await
        }
    }
}

async fn under_lock(
    context: &Context<'_>,
    session: Session<Open>,
    history: &History,
    goal: &Goal,
) -> Result<(), Error> {
    let is_done = async |session: &Session<Open>| -> Result<bool, Error> {
        context.go_on()?;
        let Goal::Upgrade(_) = goal else {
            return Ok(false);
        };
        let position = position::ask(session).await?;
        let work = work(context, session, history, &position, goal).await?;
        Ok(matches!(work, Work::Nothing | Work::Ahead(_)))
    };
    match lock::acquire(session, context.config.lock_timeout, is_done).await? {
        Outcome::NotNeeded(session) => {
            let position = position::ask(&session).await?;
            match work(context, &session, history, &position, goal).await? {
                Work::Ahead(unknown) => ahead(context, unknown),
                Work::Nothing | Work::Steps(_) | Work::Record(_) | Work::Baseline(_) => {
                    info!(
                        event = "up-to-date",
                        "up to date: another castoff did the work"
                    );
                    Ok(())
                }
            }
        }
        Outcome::Locked(session) => {
            let result = do_work(context, &session, history, goal).await;
            lock::release(session).await;
            result
        }
    }
}

/// Plans again, now that nobody else can change the ledger, and does what is to be done.
async fn do_work(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
    goal: &Goal,
) -> Result<(), Error> {
    let mut position = position::ask(session).await?;
    if let Work::Baseline(stamp) = work(context, session, history, &position, goal).await? {
        session
            .stamp(
                history,
                Move::of(history, &stamp.leaves, &stamp.enters),
                &context.operator(),
                has_ledger(&position),
            )
            .await?;
        info!(
            event = "stamped",
            "recorded the baseline {}",
            shown(stamp.enters.iter().map(RevisionId::as_str))
        );
        position = position::ask(session).await?;
    }
    match work(context, session, history, &position, goal).await? {
        Work::Nothing | Work::Baseline(_) => {
            debug!("another castoff did the work before this one had the lock");
        }
        Work::Ahead(unknown) => ahead(context, unknown)?,
        Work::Record(stamp) => {
            let mut rows = Move::of(history, &stamp.leaves, &stamp.enters);
            if let (Goal::Stamp { purge: true, .. }, Position::At(found)) = (goal, &position) {
                rows.leaves = found.iter().map(|row| row.revision.clone()).collect();
            }
            session
                .stamp(history, rows, &context.operator(), has_ledger(&position))
                .await?;
        }
        Work::Steps(plan) => {
            if !has_ledger(&position) {
                let creating = Error::asking("creating the ledger");
                session.create_ledger().await.map_err(creating)?;
            }
            apply_all(context, session, history, &plan).await?;
            // What the last script set, a timeout say, is not to meet the question below.
            let resetting = Error::asking("resetting the session");
            let reset = session.client().batch_execute(session.reset()).await;
            reset.map_err(|error| resetting(error.into()))?;
        }
    }
    if let Position::At(rows) = position::ask(session).await? {
        let at = shown(rows.iter().map(|row| row.revision.as_str()));
        info!(event = "at", revisions = at, "database is at {at}");
    }
    Ok(())
}

async fn apply_all(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
    plan: &Plan<'_>,
) -> Result<(), Error> {
    let began = Instant::now();
    let side = session.side();
    let count = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate() {
        context.go_on()?;
        debug!("step {} of {count}: {}", index + 1, step.script.path);
        apply::apply(context, session, side.as_ref(), history, step).await?;
    }
    debug!("steps done: {count} ({} ms)", began.elapsed().as_millis());
    Ok(())
}

/// What has to be done, decided from what the database says.
async fn work<'h, S>(
    context: &Context<'_>,
    session: &Session<S>,
    history: &'h History,
    position: &Position,
    goal: &Goal,
) -> Result<Work<'h>, Error> {
    let current = match (position, goal) {
        (Position::Empty, _)
        | (Position::Foreign { .. }, Goal::Stamp { .. })
        | (Position::At(_), Goal::Stamp { purge: true, .. }) => Vec::new(),
        (
            Position::Foreign {
                relations, alembic, ..
            },
            _,
        ) => {
            return match &context.config.baseline {
                Some(baseline) => {
                    let target = baseline.parse()?;
                    Ok(Work::Baseline(stamp::stamp(
                        history,
                        &[],
                        &[target],
                        false,
                    )?))
                }
                None => Err(Error::NotStamped {
                    relations: *relations,
                    alembic: alembic.clone(),
                }),
            };
        }
        (Position::At(rows), _) => match position::compare(session, history, rows).await? {
            Footing::Firm(current) => current,
            Footing::Ahead(unknown) => {
                return match goal {
                    Goal::Upgrade(_) => Ok(Work::Ahead(unknown)),
                    Goal::Downgrade(_) | Goal::Stamp { .. } => Err(Error::Newer { unknown }),
                };
            }
        },
    };
    Ok(match goal {
        Goal::Upgrade(target) => steps(plan::upgrade(history, &current, target)?),
        Goal::Downgrade(target) => steps(plan::downgrade(history, &current, target)?),
        Goal::Stamp { targets, purge } => {
            let stamp = stamp::stamp(history, &current, targets, *purge)?;
            let is_there = stamp.leaves.is_empty() && stamp.enters.is_empty();
            // To say that an empty database is at its base is worth a record; to repeat it is not.
            if is_there && !purge && has_ledger(position) {
                Work::Nothing
            } else {
                Work::Record(stamp)
            }
        }
    })
}

fn steps(plan: Plan<'_>) -> Work<'_> {
    if plan.steps.is_empty() {
        Work::Nothing
    } else {
        Work::Steps(plan)
    }
}

fn has_ledger(position: &Position) -> bool {
    match position {
        Position::Empty => false,
        Position::Foreign { has_ledger, .. } => *has_ledger,
        Position::At(_) => true,
    }
}

/// An older image in front of a newer database, as at every rollback of a deployment.
fn ahead(context: &Context<'_>, unknown: Vec<RevisionId>) -> Result<(), Error> {
    match context.config.on_newer {
        OnNewer::Fail => return Err(Error::Newer { unknown }),
        OnNewer::Warn => warn!(
            event = "newer",
            "the database is ahead of these migrations: it also has {}",
            shown(unknown.iter().map(RevisionId::as_str))
        ),
        OnNewer::Ok => {}
    }
    Ok(())
}

/// Revisions as the story names them; none means before the first.
fn shown<'r>(revisions: impl Iterator<Item = &'r str>) -> String {
    let revisions: Vec<&str> = revisions.collect();
    if revisions.is_empty() {
        "base".to_owned()
    } else {
        revisions.join(", ")
    }
}

fn up_to_date(rows: &[HeadRow]) {
    let at = shown(rows.iter().map(|row| row.revision.as_str()));
    info!(event = "up-to-date", revisions = at, "up to date at {at}");
}
