//! Connections beside the one that works: they look, and on wish end sessions that are in the way.
//! Never the session that holds the lock, which no pool may hand to anybody else.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, Object, Pool, PoolError};
use tokio_postgres::types::Type;

use super::blocker::{self, Holder, Wait};
use super::encryption::Connector;
use super::failure::Failure;
use super::session::about_this_lock;
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
        })
    }

    /// What the holder of the migration lock waits for at this moment, if it does.
    pub async fn wait(&self, with_queries: bool) -> Result<Option<Wait>, Failure> {
        let client = self.client().await?;
        let mut backend = self.backend.load(Ordering::Relaxed);
        if backend == 0 {
            let schema = self.ledger_schema.as_str();
            let sql = &about_this_lock(include_str!("sql/holding.sql"));
            let row = client
                .query_typed_opt(sql, &[(&schema, Type::TEXT)])
                .await?;
            let Some(row) = row else { return Ok(None) };
            backend = row.get(0);
            self.backend.store(backend, Ordering::Relaxed);
        }
        let sql = include_str!("sql/waits.sql");
        let row = client
            .query_typed_one(sql, &[(&backend, Type::INT4)])
            .await?;
        if !row.get::<_, bool>(0) {
            return Ok(None);
        }
        let sql = include_str!("sql/blockers.sql");
        let rows = client
            .query_typed(sql, &[(&backend, Type::INT4), (&with_queries, Type::BOOL)])
            .await?;
        Ok(Wait::of(&rows))
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
