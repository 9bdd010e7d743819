//! From where the database is to where it should be: plan, lock, plan again, apply.

use std::time::Instant;

use tracing::{debug, info, warn};

use super::lock::{self, Outcome};
use super::newer::{self, Widened};
use super::position::{self, Footing, Newer, Position};
use super::{Context, apply, half, hook, pooler, ready, repair};
use crate::config::OnNewer;
use crate::config::awaited::Awaited;
use crate::database::ledger::HeadRow;
use crate::database::progress;
use crate::database::record::Move;
use crate::database::session::{Locked, Open, Session};
use crate::error::Error;
use crate::migrations::{Contents, HookFiles, Migrations};
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::{self, Plan};
use crate::revision::stamp::{self, Stamp};
use crate::revision::target::Target;

/// How many servers may go away under one start: enough for a switchover and back, and an end for
/// one that falls again and again.
const MOST_LOSSES: usize = 4;

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
    Ahead(Newer),
}

/// Brings the database to the goal, under the lock if there is something to do. What is `awaited`
/// is waited for together with the database, before anything is done.
pub async fn migrate(
    context: &Context<'_>,
    migrations: &Migrations,
    goal: &Goal,
    awaited: &[Awaited],
) -> Result<(), Error> {
    // Bad files are an error before anybody waits for a database.
    let files = migrations.heads()?;
    let (session, position) = context.connect_beside(awaited).await?;
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
    let contents = match files.contents {
        Some(contents) => contents,
        None => migrations.read()?,
    };
    let mut found = (session, position);
    let mut losses = 0;
    let mut begun = Begun::default();
    loop {
        begun.server = None;
        let reaching = reach(context, found, &contents, goal, &mut begun);
        // Large, and made seldom: on the heap it does not make every start's future large.
        let result = Box::pin(reaching).await;
        let error = match result {
            Err(error) if error.is_lost_connection() && losses < MOST_LOSSES => error,
            result => return result,
        };
        losses += 1;
        let Some(successor) = successor(context, goal, begun.server, &error).await else {
            return Err(error);
        };
        found = successor;
    }
}

/// How far this start came before it lost a connection.
#[derive(Debug, Default)]
struct Begun {
    /// The start of the server at which it is to work.
    server: Option<i64>,
    /// Whether steps were begun, and what is to run after them did not.
    steps: bool,
}

/// Does what is to be done from where the database was found.
async fn reach(
    context: &Context<'_>,
    (session, position): (Session<Open>, Position),
    contents: &Contents,
    goal: &Goal,
    begun: &mut Begun,
) -> Result<(), Error> {
    let history = &contents.history;
    let wide = widened(&session, history, &position, goal).await?;
    match work(context, &session, history, wide.as_ref(), &position, goal).await? {
        Work::Nothing if !half::is_marked(&position) => {
            if begun.steps {
                // The last step was done when the connection was lost.
                hook::passed_over(context, &contents.hooks()?)?;
            }
            if let Position::At(rows) = &position {
                up_to_date(rows);
            }
            Ok(())
        }
        Work::Ahead(newer) if !half::is_marked(&position) => ahead(context, newer),
        found @ (Work::Nothing
        | Work::Steps(_)
        | Work::Record(_)
        | Work::Baseline(_)
        | Work::Ahead(_)) => {
            if let Work::Steps(plan) = &found {
                ready::check(context, plan)?;
            }
            begun.server = Some(pooler::refuse(&session).await?.server_start);
            let hooks = contents.hooks()?;
            under_lock(context, session, history, &hooks, goal, begun).await
        }
    }
}

/// A connection to the server that took over from one that went away, or to the same one started
/// anew. What was committed is found in the ledger there, as at any start; nothing is remembered.
///
/// Nobody goes on when the very same server answers: then it was this session alone that ended,
/// and whoever ended it, because it stood in the way of something, meant it. Nor when the goal
/// counts from where the database is, which may have moved.
async fn successor(
    context: &Context<'_>,
    goal: &Goal,
    server: Option<i64>,
    error: &Error,
) -> Option<(Session<Open>, Position)> {
    let lost = server?;
    let Goal::Upgrade(target) = goal else {
        return None;
    };
    if target.is_relative() {
        return None;
    }
    debug!("{error}: looking for the server");
    let (session, position) = match context.connect().await {
        Ok(found) => found,
        Err(error) => {
            debug!("there is no server to go on with: {error}");
            return None;
        }
    };
    if session.backend().await.ok()?.server_start == lost {
        debug!("it is the same server: somebody ended the session, or the network did");
        return None;
    }
    info!(
        event = "reconnected",
        "{error}: going on with the server that answers now"
    );
    Some((session, position))
}

async fn under_lock(
    context: &Context<'_>,
    session: Session<Open>,
    history: &History,
    hooks: &HookFiles,
    goal: &Goal,
    begun: &mut Begun,
) -> Result<(), Error> {
    let is_done = async |session: &Session<Open>| -> Result<bool, Error> {
        context.go_on()?;
        let Goal::Upgrade(_) = goal else {
            return Ok(false);
        };
        let position = position::ask(session).await?;
        let work = work(context, session, history, None, &position, goal).await?;
        let is_done = matches!(work, Work::Nothing | Work::Ahead(_));
        Ok(is_done && !half::is_marked(&position))
    };
    match lock::acquire(session, context.config.lock_timeout, is_done).await? {
        Outcome::NotNeeded(session) => {
            let position = position::ask(&session).await?;
            match work(context, &session, history, None, &position, goal).await? {
                Work::Ahead(newer) => ahead(context, newer),
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
            let result = do_work(context, &session, history, hooks, goal, begun).await;
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
    hooks: &HookFiles,
    goal: &Goal,
    begun: &mut Begun,
) -> Result<(), Error> {
    context.check_role(session).await?;
    let mut position = position::ask(session).await?;
    let wide = widened(session, history, &position, goal).await?;
    let wide = wide.as_ref();
    if let Work::Baseline(stamp) = work(context, session, history, wide, &position, goal).await? {
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
    let work = work(context, session, history, wide, &position, goal).await?;
    if has_ledger(&position) {
        let steps = match &work {
            Work::Steps(plan) => plan.steps.as_slice(),
            Work::Nothing | Work::Record(_) | Work::Baseline(_) | Work::Ahead(_) => &[],
        };
        half::guard(session, history, &position, goal, steps).await?;
    }
    match work {
        Work::Nothing | Work::Baseline(_) => {
            debug!("another castoff did the work before this one had the lock");
        }
        Work::Ahead(newer) => ahead(context, newer)?,
        Work::Record(stamp) => {
            let mut rows = Move::of(history, &stamp.leaves, &stamp.enters);
            if let (Goal::Stamp { purge: true, .. }, Position::At(found)) = (goal, &position) {
                rows.leaves = found.iter().map(|row| row.revision.clone()).collect();
            }
            session
                .stamp(history, rows, &context.operator(), has_ledger(&position))
                .await?;
            let reading = Error::asking("reading the ledger's history");
            half::tell(&progress::half_done(session).await.map_err(reading)?);
        }
        Work::Steps(plan) => {
            ready::check(context, &plan)?;
            let current = match &position {
                Position::At(rows) => position::ids(rows)?,
                Position::Empty | Position::Foreign { .. } => Vec::new(),
            };
            hook::before(context, session, hooks, &plan, &current).await?;
            if !has_ledger(&position) {
                let creating = Error::asking("creating the ledger");
                session.create_ledger().await.map_err(creating)?;
            }
            if let Some(wide) = wide {
                wide.tell(&plan);
            }
            let all = wide.map_or(history, |wide| &wide.history);
            begun.steps = true;
            apply_all(context, session, all, &plan).await?;
            hook::after(context, session, hooks, &plan, &current).await?;
            begun.steps = false;
            // What the last script set, a timeout say, is not to meet the question below.
            let resetting = Error::asking("resetting the session");
            let reset = session.client().batch_execute(session.reset()).await;
            reset.map_err(|error| resetting(error.into()))?;
            repair::cosmetics(context, session, history).await;
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
        let id = &step.script.id;
        info!(
            event = "applying",
            revision = %id,
            step = index + 1,
            steps = count,
            "{} of {count}, {id}",
            index + 1
        );
        apply::apply(context, session, side.as_ref(), history, step).await?;
    }
    debug!("steps done: {count} ({} ms)", began.elapsed().as_millis());
    Ok(())
}

/// What only the ledger has, where the way back may lead through it.
async fn widened<S>(
    session: &Session<S>,
    history: &History,
    position: &Position,
    goal: &Goal,
) -> Result<Option<Widened>, Error> {
    match (goal, position) {
        (Goal::Downgrade(_), Position::At(rows)) => newer::widen(session, history, rows).await,
        _ => Ok(None),
    }
}

/// What has to be done, decided from what the database says.
async fn work<'h, S>(
    context: &Context<'_>,
    session: &Session<S>,
    history: &'h History,
    wide: Option<&'h Widened>,
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
        (Position::At(rows), _) => {
            let all = wide.map_or(history, |wide| &wide.history);
            match position::compare(session, all, rows).await? {
                Footing::Firm(current) => current,
                Footing::Ahead(newer) => {
                    let unknown = newer.unknown.clone();
                    return match goal {
                        Goal::Upgrade(_) => Ok(Work::Ahead(newer)),
                        Goal::Downgrade(_) | Goal::Stamp { .. } => Err(Error::Newer { unknown }),
                    };
                }
            }
        }
    };
    Ok(match goal {
        Goal::Upgrade(target) => steps(plan::upgrade(history, &current, target)?),
        Goal::Downgrade(target) => steps(match wide {
            Some(wide) => wide.downgrade(history, &current, target)?,
            None => plan::downgrade(history, &current, target)?,
        }),
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

/// An older image in front of a newer database, as at every rollback of a deployment. What a
/// migration says of older images counts more than what somebody set for all of them.
pub fn ahead(context: &Context<'_>, newer: Newer) -> Result<(), Error> {
    let Newer { unknown, breaking } = newer;
    if let Some((revision, reason)) = breaking.into_iter().next() {
        return Err(Error::Breaking { revision, reason });
    }
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
pub(super) fn shown<'r>(revisions: impl Iterator<Item = &'r str>) -> String {
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
