//! Sections of which a part is in the database, in autocommit or in batches: what may be done beside
//! them, and what a person says of them.

use tracing::{info, warn};

use super::apply::{ApplyError, HalfWayEdit};
use super::half_error::HalfError;
use super::lock::{self, Outcome};
use super::migrate::Goal;
use super::position::Position;
use super::{Context, pooler, section};
use crate::database::progress::{self, HalfDone};
use crate::database::record::Movement;
use crate::database::session::{Locked, Session};
use crate::error::Error;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::Step;
use crate::revision::script::{Mode, SectionOptions};
use crate::revision::walk::Edges;

/// What a person found out about the statement at which a section stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Nothing of it is done: it runs again.
    Again,
    /// Nothing of the section is in the database any more.
    Undone,
}

/// Whether a revision among these rows was taken back in part: its lineage is in upper case, which
/// no start takes for its own.
pub fn is_marked(position: &Position) -> bool {
    let Position::At(rows) = position else {
        return false;
    };
    let upper = |byte: u8| byte.is_ascii_uppercase();
    rows.iter().any(|row| row.lineage.bytes().any(upper))
}

/// Refuses what cannot be done while a section is half done. The caller holds the lock, so that no
/// other castoff is at work on it, and takes these steps next.
pub async fn guard(
    session: &Session<Locked>,
    history: &History,
    position: &Position,
    goal: &Goal,
    steps: &[Step<'_>],
) -> Result<(), Error> {
    let reading = Error::asking("reading the ledger's history");
    let halves = progress::half_done(session).await.map_err(reading)?;
    for half in &halves {
        let step = steps.iter().find(|step| {
            let (movement, _) = section::of_step(step);
            step.script.id.as_str() == half.revision && movement == half.movement
        });
        match (step, goal) {
            (Some(step), _) => goes_on(step, half)?,
            (None, Goal::Upgrade(_) | Goal::Downgrade(_)) if stands_on(history, steps, half) => {
                let half = half.clone();
                return Err(HalfError::HalfDone { half }.into());
            }
            // Whoever stamps knows better, and is told of it afterwards.
            (None, _) => {}
        }
    }
    let is_reverted = |half: &HalfDone| half.movement == Movement::Downgrade;
    if is_marked(position) && !halves.iter().any(is_reverted) {
        let writing = Error::asking("writing the ledger");
        session.unmark().await.map_err(writing)?;
    }
    Ok(())
}

/// A section that ran in part goes on as it began, and not from its beginning in one transaction.
fn goes_on(step: &Step<'_>, half: &HalfDone) -> Result<(), Error> {
    let (_, section) = section::of_step(step);
    let is_same = |options: &SectionOptions| match &options.batch {
        Some(batch) => half.batches > 0 && !batch.deferred,
        None => half.batches == 0 && options.mode == Mode::Autocommit,
    };
    if section.is_some_and(|section| is_same(&section.options)) {
        return Ok(());
    }
    if half.batches > 0 {
        let half = half.clone();
        return Err(HalfError::Batches { half }.into());
    }
    let script = step.script;
    Err(Error::Apply(ApplyError::EditedHalfWay {
        revision: script.id.clone(),
        edit: HalfWayEdit::Mode,
        done: half.done.max(1),
        place: Box::new(Place::file(&script.path)),
    }))
}

/// Whether the way leads through the schema that the section has changed in part. Nobody may build
/// on, or serve from, a revision that is partly gone; and what a revision stands on may not be
/// taken from under it.
fn stands_on(history: &History, steps: &[Step<'_>], half: &HalfDone) -> bool {
    let Ok(id) = RevisionId::new(&half.revision) else {
        return true;
    };
    match half.movement {
        Movement::Downgrade => true,
        Movement::Upgrade | Movement::Stamp | Movement::Repair => steps.iter().any(|step| {
            let (movement, _) = section::of_step(step);
            let below = || history.ancestors(&id, Edges::All);
            movement == Movement::Downgrade
                && (history.get(&id).is_none()
                    || below().iter().any(|script| script.id == step.script.id))
        }),
    }
}

/// Tells of every section that is half done. Whether a castoff is at work on one of them is for its
/// lock to say.
pub fn tell(halves: &[HalfDone]) {
    for half in halves {
        warn!(event = "half-done", "{}", half.told());
    }
}

/// Writes down what a person says of the statement at which a section stands.
pub async fn resolve(
    context: &Context<'_>,
    revision: &str,
    statement: usize,
    answer: Answer,
) -> Result<(), Error> {
    let (session, position) = context.connect().await?;
    if !matches!(position, Position::At(_)) {
        return Err(not_half_done(revision, statement, Vec::new()));
    }
    pooler::refuse(&session).await?;
    // Only the holder of the lock knows that nobody is at work.
    let never = async |_: &Session<_>| context.go_on().map(|()| false);
    let session = match lock::acquire(session, context.config.lock_timeout, never).await? {
        Outcome::Locked(session) => session,
        Outcome::NotNeeded(_) => return Ok(()),
    };
    let result = write(context, &session, revision, statement, answer).await;
    lock::release(session).await;
    result
}

fn not_half_done(revision: &str, statement: usize, halves: Vec<HalfDone>) -> Error {
    let revision = revision.to_owned();
    Error::Half(HalfError::NotHalfDone {
        revision,
        statement,
        halves,
    })
}

async fn write(
    context: &Context<'_>,
    session: &Session<Locked>,
    revision: &str,
    statement: usize,
    answer: Answer,
) -> Result<(), Error> {
    context.check_role(session).await?;
    let reading = Error::asking("reading the ledger's history");
    let halves = progress::half_done(session).await.map_err(reading)?;
    let stands = || halves.iter().filter(|half| half.statement() == statement);
    let mut alike = stands().filter(|half| half.revision.starts_with(revision));
    let alike = (alike.next(), alike.next());
    let exact = stands().find(|half| half.revision == revision);
    let half = match (exact, alike) {
        (Some(half), _) | (None, (Some(half), None)) => half.clone(),
        (None, _) => return Err(not_half_done(revision, statement, halves)),
    };
    if half.batches > 0 && answer != Answer::Undone {
        return Err(HalfError::Batches { half }.into());
    }
    let done = match answer {
        Answer::Done => statement,
        Answer::Again => statement - 1,
        Answer::Undone => 0,
    };
    let writing = Error::asking("writing the ledger");
    let written = session.resolve(&half, done, &context.operator()).await;
    written.map_err(writing)?;
    let (revision, statements) = (&half.revision, half.statements);
    let next = if done < statements {
        format!(": it goes on with statement {}", done + 1)
    } else {
        String::new()
    };
    info!(
        event = "resolved",
        "recorded that {done} of {statements} statements of {revision} are done{next}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::ledger::HeadRow;
    use crate::database::progress::Next;

    #[test]
    fn a_row_in_upper_case_is_of_a_revision_that_is_partly_gone() {
        let check = |lineages: &[&str], expected: bool| {
            let row = |lineage: &&str| HeadRow {
                revision: "a".to_owned(),
                lineage: (*lineage).to_owned(),
            };
            let position = Position::At(lineages.iter().map(row).collect());
            assert_eq!(is_marked(&position), expected, "{lineages:?}");
        };
        check(&[], false);
        check(&["0a1b"], false);
        check(&["0a1b", "0A1B"], true);
        assert!(!is_marked(&Position::Empty));
    }

    #[test]
    fn tells_how_far_a_section_is_and_where_it_stands() {
        let check = |movement, done, expected: (&str, usize)| {
            let half = HalfDone {
                revision: "a".to_owned(),
                movement,
                done,
                statements: 3,
                next: Next::Begun,
                batches: 0,
            };
            assert_eq!((half.told().as_str(), half.statement()), expected);
        };
        let text = "revision a is half done: 0 of 3 statements are done, and statement 1 has begun";
        check(Movement::Upgrade, 0, (text, 1));
        let text = "downgrade of revision a is half done: 3 of 3 statements are done";
        check(Movement::Downgrade, 3, (text, 3));
    }
}
