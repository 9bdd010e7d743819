//! Where the database is, and whether these migrations may touch it.

use std::collections::BTreeMap;

use crate::database::failure::Failure;
use crate::database::ledger::{self, Applied, HeadRow};
use crate::database::session::Session;
use crate::error::Error;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
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
    Ahead(Vec<RevisionId>),
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
    let reading = Error::asking("reading the ledger's history");
    let applied = ledger::applied(session).await.map_err(reading)?;
    judge(history, &current, &applied)
}

/// The revisions that the rows name.
pub fn ids(rows: &[HeadRow]) -> Result<Vec<RevisionId>, Error> {
    let id = |row: &HeadRow| RevisionId::new(&row.revision).map_err(Error::LedgerDamaged);
    rows.iter().map(id).collect()
}

/// Finds out why a lineage differs: revisions that the files lack, an edited file, another order.
fn judge(
    history: &History,
    current: &[RevisionId],
    applied: &BTreeMap<String, Applied>,
) -> Result<Footing, Error> {
    let parents = |applied: &Applied| {
        applied
            .parents
            .iter()
            .filter_map(|parent| RevisionId::new(parent).ok())
            .collect()
    };
    let recorded = applied
        .iter()
        .filter_map(|(id, applied)| Some((RevisionId::new(id).ok()?, parents(applied))))
        .collect();
    let footing = match standing::standing(history, current, &recorded) {
        Standing::Known => Footing::Firm(current.to_vec()),
        Standing::Ahead { unknown } => Footing::Ahead(unknown),
        Standing::Unknown { unknown, .. } => return Err(Error::UnknownRevision { unknown }),
    };
    let known = current.iter().filter_map(|id| history.get(id));
    let heads = match &footing {
        Footing::Firm(_) => known.map(|script| &script.id).collect(),
        Footing::Ahead(_) => history.effective_heads(),
    };
    for head in heads {
        let ancestors = history.ancestors(head, Edges::All).into_iter();
        // Oldest first: the first edit is the one to undo.
        for script in history
            .get(head)
            .into_iter()
            .chain(ancestors)
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            if let Some(record) = applied.get(script.id.as_str()) {
                compare_script(script, record)?;
            }
        }
    }
    Ok(footing)
}

fn compare_script(script: &Script, record: &Applied) -> Result<(), Error> {
    if record.canonical != script.checksums.canonical.to_string() {
        let (place, was) = first_difference(script, record.upgrade_text.as_deref());
        return Err(Error::Edited {
            revision: script.id.clone(),
            place: Box::new(place),
            was,
        });
    }
    let mut is: Vec<&str> = script
        .down_revisions
        .iter()
        .chain(&script.depends_on)
        .map(RevisionId::as_str)
        .collect();
    let mut was: Vec<&str> = record.parents.iter().map(String::as_str).collect();
    is.sort_unstable();
    was.sort_unstable();
    if is != was {
        return Err(Error::Reordered {
            revision: script.id.clone(),
            place: Box::new(Place::file(&script.path)),
            was: record.parents.clone(),
        });
    }
    Ok(())
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
