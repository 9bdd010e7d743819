//! Connections beside the one that works: they look, and on wish end sessions that are in the way.
//! Never the session that holds the lock, which no pool may hand to anybody else.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, Object, Pool, PoolError};
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use tracing::debug;

use super::blocker::{self, Holder, Wait};
use super::encryption::Connector;
use super::failure::Failure;
use super::session::about_this_lock;
use super::working::{self, Working};
use crate::sql::ident::Ident;
use crate::sql::targets::Target;

/// At most this many look at the same time.
const MOST: usize = 1;

/// A way to ask about the working session while it is busy. Connects when it is first used.
pub struct Side {
    pool: Pool,
    ledger_schema: Ident,
    /// The working session's backend, once somebody has asked; 0 until then. Through a pooler the
    /// client cannot know it. It stays the same for as long as the session has the lock.
    backend: AtomicI32,
    /// The version of its server (`server_version_num`), known together with the backend.
    version: AtomicI32,
}

/// What one look shows.
#[derive(Debug, Default)]
pub struct Look {
    /// What the working session waits for, if it does.
    pub wait: Option<Wait>,
    /// How far its statement is, if the server tells and somebody asked.
    pub working: Option<Working>,
}

impl Side {
    /// Connections to where the working session is connected.
    pub(super) fn new(
        config: tokio_postgres::Config,
        tls: Connector,
        ledger_schema: Ident,
    ) -> Option<Self> {
        let pool = Pool::builder(Manager::new(config, tls)).max_size(MOST);
        let pool = pool.build().ok()?;
        Some(Self {
            pool,
            ledger_schema,
            backend: AtomicI32::new(0),
            version: AtomicI32::new(0),
        })
    }

    /// What the holder of the migration lock waits for at this moment, if it does, and on wish how
    /// far it is. One question, and a second one if it waits.
    pub async fn look(&self, with_queries: bool, with_progress: bool) -> Result<Look, Failure> {
        let client = self.client().await?;
        let Some(backend) = self.backend(&client).await? else {
            return Ok(Look::default());
        };
        let is_waiting = async {
            let sql = include_str!("sql/waits.sql");
            let row = client
                .query_typed_one(sql, &[(&backend, Type::INT4)])
                .await?;
            Ok::<bool, Failure>(row.get(0))
        };
        let how_far = async {
            if !with_progress {
                return Ok(None);
            }
            let sql = working::query(self.version.load(Ordering::Relaxed));
            let row = client
                .query_typed_opt(&sql, &[(&backend, Type::INT4)])
                .await?;
            Ok(row.as_ref().map(Working::of))
        };
        // Sent together, answered in one round trip.
        let (is_waiting, working) = tokio::join!(biased; is_waiting, how_far);
        // Who is in the way matters more than how far it is.
        let working = working.unwrap_or_else(|failure: Failure| {
            debug!("nobody could be asked how far it is: {failure}");
            None
        });
        let wait = if is_waiting? {
            let sql = include_str!("sql/blockers.sql");
            let rows = client
                .query_typed(sql, &[(&backend, Type::INT4), (&with_queries, Type::BOOL)])
                .await?;
            Wait::of(&rows)
        } else {
            None
        };
        Ok(Look { wait, working })
    }

    /// The backend that holds the migration lock. Asked once.
    async fn backend(&self, client: &Client) -> Result<Option<i32>, Failure> {
        let known = self.backend.load(Ordering::Relaxed);
        if known != 0 {
            return Ok(Some(known));
        }
        let schema = self.ledger_schema.as_str();
        let sql = &about_this_lock(include_str!("sql/holding.sql"));
        let row = client
            .query_typed_opt(sql, &[(&schema, Type::TEXT)])
            .await?;
        let Some(row) = row else { return Ok(None) };
        let backend = row.get(0);
        self.version.store(row.get(1), Ordering::Relaxed);
        self.backend.store(backend, Ordering::Relaxed);
        Ok(Some(backend))
    }

    /// Who holds a lock in the way of the targets.
    pub async fn holders(
        &self,
        targets: &[Target],
        with_queries: bool,
    ) -> Result<Vec<Holder>, Failure> {
        let client = self.client().await?;
        blocker::holders(&client, targets, with_queries).await
    }

    /// Ends a session if it idles in a transaction, and has for this long. Whether it did.
    pub async fn terminate_idle(&self, backend: i32, idle_for: Duration) -> Result<bool, Failure> {
        let client = self.client().await?;
        let sql = include_str!("sql/terminate.sql");
        let seconds = idle_for.as_secs_f64();
        let row = client
            .query_typed_opt(sql, &[(&backend, Type::INT4), (&seconds, Type::FLOAT8)])
            .await?;
        Ok(row.is_some_and(|row| row.get(0)))
    }

    async fn client(&self) -> Result<Object, Failure> {
        self.pool.get().await.map_err(|error| {
            if let PoolError::Backend(error) = error {
                error.into()
            } else {
                Failure::Lost(error.to_string())
            }
        })
    }
}
