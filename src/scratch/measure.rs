//! What statements do to the relations that are there, measured: each is run by itself on a copy,
//! and its transaction is looked at before it commits.
//!
//! The locks are those of `pg_locks`, a relation is written anew when its file is another one, and
//! whoever reads a relation from one end to the other is counted by the server's statistics, also
//! `alter table` and `create index`. An empty relation tells all that as well as a full one.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::execute::{STRINGS, one};
use super::{Scratch, quietly};
use crate::database::failure::Failure;
use crate::error::Error;
use crate::schema::effect::{self, Effect, Relation, Relations, Touched};
use crate::schema::migration::Changes;
use crate::schema::statement::Runs;
use crate::sql::ident::Ident;
use crate::sql::targets::{LockMode, targets};

/// The server gives its counters away from time to time, between transactions. This table was read
/// once, so it tells whether it did.
const MAKE_SENTINEL: &str = "create temporary table castoff_sentinel ()";
const READ_SENTINEL: &str = "select from pg_temp.castoff_sentinel";
const ASK_SENTINEL: &str = "select pg_catalog.pg_stat_get_xact_numscans('pg_temp.castoff_sentinel'::pg_catalog.regclass) > 0";

/// Runs the statements one by one, and notes at each what it did.
pub(super) fn run(
    scratch: &Scratch<'_>,
    database: &Ident,
    mut changes: Changes,
) -> Result<Changes, Error> {
    let context = scratch.context(database)?;
    quietly(|| {
        context.block_on(async {
            let session = context.session().await?;
            let client = session.client();
            let asking = Error::asking("looking at what the migration does");
            one(client, STRINGS).await?;
            if let Some(setting) = changes.setting() {
                one(client, &setting).await?;
            }
            let prepared = client.batch_execute(MAKE_SENTINEL).await;
            prepared.map_err(Failure::from).map_err(&asking)?;
            let mut relations = relations(client).await.map_err(&asking)?;
            let mut scans = BTreeMap::new();
            for statement in &mut changes.statements {
                statement.effects = match statement.runs {
                    Runs::Alone => {
                        one(client, &statement.sql).await?;
                        by_words(&relations, &statement.sql)
                    }
                    Runs::Together | Runs::Before => {
                        start(client, &mut scans).await.map_err(&asking)?;
                        one(client, &statement.sql).await?;
                        let touched = touched(client, &mut scans).await.map_err(&asking)?;
                        let effects = effect::effects(&relations, &touched);
                        for Touched { relation, file, .. } in touched {
                            if let Some(relation) = relations.get_mut(&relation) {
                                relation.file = file;
                            }
                        }
                        // A guard reads until it finds a row.
                        if statement.sql.starts_with("do ") {
                            Vec::new()
                        } else {
                            effects
                        }
                    }
                };
            }
            Ok(())
        })
    })?;
    Ok(changes)
}

async fn relations(client: &Client) -> Result<Relations, Failure> {
    let rows = client
        .query_typed(include_str!("sql/relations.sql"), &[])
        .await?;
    let relation = |row: &tokio_postgres::Row| {
        let relation = Relation {
            name: row.get(1),
            file: row.get(2),
            parent: row.get(3),
        };
        (row.get(0), relation)
    };
    Ok(rows.iter().map(relation).collect())
}

/// Begins a transaction. Counters begin anew where the server gave them away.
async fn start(client: &Client, scans: &mut BTreeMap<u32, i64>) -> Result<(), Failure> {
    client.batch_execute("begin").await?;
    let row = client.query_typed_one(ASK_SENTINEL, &[]).await?;
    if !row.get::<_, bool>(0) {
        scans.clear();
        client.batch_execute(READ_SENTINEL).await?;
    }
    Ok(())
}

/// What the transaction has done, and its end.
async fn touched(client: &Client, scans: &mut BTreeMap<u32, i64>) -> Result<Vec<Touched>, Failure> {
    let rows = client
        .query_typed(include_str!("sql/touched.sql"), &[])
        .await?;
    client.batch_execute("commit").await?;
    let mut strongest: BTreeMap<u32, Touched> = BTreeMap::new();
    for row in rows {
        let (relation, mode, file, count): (u32, String, Option<u32>, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let Some(lock) = LockMode::of(&mode) else {
            continue;
        };
        let touched = strongest.entry(relation).or_insert_with(|| Touched {
            relation,
            lock,
            file,
            is_read: count > scans.insert(relation, count).unwrap_or_default(),
        });
        touched.lock = touched.lock.max(lock);
    }
    Ok(strongest.into_values().collect())
}

/// The same of what cannot be looked at before it commits: what is known of its kind.
fn by_words(relations: &Relations, sql: &str) -> Vec<Effect> {
    let words = sql.to_ascii_lowercase();
    let builds = words.starts_with("create") && words.contains(" concurrently ");
    let targets = targets(sql).into_iter().filter(|target| {
        let mut names = relations.values();
        names.any(|relation| relation.name == target.relation)
    });
    targets
        .map(|target| Effect {
            relation: target.relation,
            below: 0,
            lock: Some(target.mode),
            reads: builds,
            rewrites: false,
        })
        .collect()
}
