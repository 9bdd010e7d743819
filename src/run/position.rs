//! Where the database is, and whether these migrations may touch it.

use std::collections::BTreeMap;

use crate::database::failure::Failure;
use crate::database::ledger::{self, HeadRow};
use crate::database::session::Session;
use crate::error::Error;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::mend::{self, Drift, Recorded};
use crate::revision::script::Script;
use crate::revision::squash;
use crate::revision::standing::{self, Standing};
use crate::revision::walk::Edges;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nothing was ever done to it, and it has no tables.
    Empty,
    /// It has tables of its own, and nobody recorded at which revision they are.
    Foreign {
        /// How many tables and views.
        relations: i64,
        /// Alembic's table, if it is among them.
        alembic: Option<String>,
        /// Whether the ledger's tables are there, without a single record.
        has_ledger: bool,
    },
    /// The ledger says where.
    At(Vec<HeadRow>),
}

/// How the migrations stand to the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Footing {
    /// Every row of the ledger is a revision of these migrations, unedited.
    Firm(Vec<RevisionId>),
    /// The database has more than these migrations: an older image.
    Ahead(Newer),
}

/// What a database that is ahead has more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newer {
    /// The revisions, sorted.
    pub unknown: Vec<RevisionId>,
    /// Those of them that older images must not start with, and why.
    pub breaking: Vec<(RevisionId, String)>,
}

/// Asks the database where it is.
pub async fn ask<S>(session: &Session<S>) -> Result<Position, Error> {
    if let Some(position) = recorded(session).await? {
        return Ok(position);
    }
    let look = ledger::look(session).await.map_err(reading())?;
    if look.relations == 0 {
        return Ok(if look.has_ledger {
            Position::At(Vec::new())
        } else {
            Position::Empty
        });
    }
    // Another castoff may have made these tables since the ledger was read. It recorded them in
    // the same transaction, so whoever sees the tables sees the record as well.
    if let Some(position) = recorded(session).await? {
        return Ok(position);
    }
    Ok(Position::Foreign {
        relations: look.relations,
        alembic: look.alembic,
        has_ledger: look.has_ledger,
    })
}

/// Where the ledger says the database is; nothing if it has no record at all, or is not there.
async fn recorded<S>(session: &Session<S>) -> Result<Option<Position>, Error> {
    let Some(rows) = ledger::heads(session).await.map_err(reading())? else {
        return Ok(None);
    };
    let says = !rows.is_empty() || ledger::has_history(session).await.map_err(reading())?;
    Ok(says.then_some(Position::At(rows)))
}

fn reading() -> impl Fn(Failure) -> Error {
    Error::asking("reading the ledger")
}

/// Compares the ledger's rows with the migrations: unknown revisions, edited files, changed order.
/// One comparison a row in the usual case; the whole record is read only to say what is wrong.
pub async fn compare<S>(
    session: &Session<S>,
    history: &History,
    rows: &[HeadRow],
) -> Result<Footing, Error> {
    let current = ids(rows)?;
    let is_same = |(row, id): (&HeadRow, &RevisionId)| {
        history
            .lineage(id)
            .is_some_and(|lineage| lineage.to_string() == row.lineage)
    };
    if rows.iter().zip(&current).all(is_same) {
        return Ok(Footing::Firm(current));
    }
    let recorded = ledger::sums(session).await.map_err(reading_history())?;
    let footing = footing(history, &current, &recorded)?;
    match first_edit(history, &footing, &recorded) {
        None => Ok(footing),
        Some((script, Drift::Reordered, record)) => Err(Error::Reordered {
            revision: script.id.clone(),
            place: Box::new(Place::file(&script.path)),
            was: record.needs.iter().map(ToString::to_string).collect(),
        }),
        Some((script, _, _)) => Err(edited(session, script).await?),
    }
}

fn reading_history() -> impl Fn(Failure) -> Error {
    Error::asking("reading the ledger's history")
}

/// The error of an edited file, with the line that differs.
async fn edited<S>(session: &Session<S>, script: &Script) -> Result<Error, Error> {
    let texts = ledger::texts(session, std::slice::from_ref(&script.id)).await;
    let texts = texts.map_err(reading_history())?;
    let was = texts.first().and_then(|text| text.upgrade.as_deref());
    let (place, was) = first_difference(script, was);
    Ok(Error::Edited {
        revision: script.id.clone(),
        place: Box::new(place),
        was,
    })
}

/// The revisions that the rows name.
pub fn ids(rows: &[HeadRow]) -> Result<Vec<RevisionId>, Error> {
    let id = |row: &HeadRow| RevisionId::new(&row.revision).map_err(Error::LedgerDamaged);
    rows.iter().map(id).collect()
}

/// Finds out what the rows are: revisions of the files, newer ones, or neither.
pub(super) fn footing(
    history: &History,
    current: &[RevisionId],
    recorded: &BTreeMap<RevisionId, Recorded>,
) -> Result<Footing, Error> {
    let inside = current
        .iter()
        .find_map(|id| Some((id, squash::taken_into(history, id)?)));
    if let Some((id, script)) = inside
        && history.get(id).is_none()
    {
        return Err(Error::InsideSquash {
            revision: id.clone(),
            into: script.id.clone(),
        });
    }
    match standing::standing(history, current, &mend::ancestry(recorded)) {
        Standing::Known => Ok(Footing::Firm(current.to_vec())),
        Standing::Ahead { unknown } => {
            let reason = |id: &RevisionId| Some((id.clone(), recorded.get(id)?.breaking.clone()?));
            Ok(Footing::Ahead(Newer {
                breaking: unknown.iter().filter_map(reason).collect(),
                unknown,
            }))
        }
        Standing::Diverged { unknown, unapplied } => Err(Error::Diverged { unknown, unapplied }),
        Standing::Unknown { unknown, .. } => Err(Error::UnknownRevision { unknown }),
    }
}

/// The first applied file that is not what was recorded, cosmetics aside: an edit, or another order.
fn first_edit<'h, 'r>(
    history: &'h History,
    footing: &Footing,
    recorded: &'r BTreeMap<RevisionId, Recorded>,
) -> Option<(&'h Script, Drift, &'r Recorded)> {
    let heads: Vec<&RevisionId> = match footing {
        Footing::Firm(current) => current.iter().collect(),
        Footing::Ahead(_) => history.effective_heads(),
    };
    let edit = |script: &'h Script| {
        let record = recorded.get(&script.id)?;
        let drift = Drift::of(script, record);
        matches!(drift, Drift::Edited | Drift::Reordered).then_some((script, drift, record))
    };
    heads.into_iter().find_map(|head| {
        let ancestors = history.ancestors(head, Edges::All).into_iter();
        let newest_first: Vec<&Script> = history.get(head).into_iter().chain(ancestors).collect();
        // Oldest first: the first edit is the one to undo.
        newest_first.into_iter().rev().find_map(edit)
    })
}

/// The first line of the upgrade section that is not what it was, and what it was.
fn first_difference(script: &Script, was: Option<&str>) -> (Place, Option<String>) {
    let span = script.upgrade.span.clone();
    let is = script.text.get(span.clone()).unwrap_or_default();
    let Some(was) = was else {
        return (Place::file(&script.path), None);
    };
    let mut offset = span.start;
    let mut old = was.lines();
    for line in is.split_inclusive('\n') {
        let before = old.next();
        if before != Some(line.trim_end_matches(['\r', '\n'])) {
            let place = Place::of(&script.path, &script.text, offset, offset + line.len());
            let before = before.filter(|line| !line.trim().is_empty());
            return (place, Some(before.unwrap_or("(nothing)").to_owned()));
        }
        offset += line.len();
    }
    let end = Place::of(&script.path, &script.text, offset, offset);
    (end, old.next().map(str::to_owned))
}
