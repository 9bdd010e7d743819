//! Connections beside the one that works: they only look. Never the session that holds the lock,
//! which no pool may hand to anybody else.

use std::fmt;

use deadpool_postgres::{Manager, Pool};
use tokio_postgres::types::Type;

use super::encryption::Connector;
use super::failure::Failure;
use super::session::about_this_lock;
use crate::sql::ident::Ident;

/// At most this many look at the same time.
const MOST: usize = 1;

/// A way to ask about the working session while it is busy. Connects when it is first used.
pub struct Side {
    pool: Pool,
    ledger_schema: Ident,
}

/// Somebody whose lock the working session waits for, as `pg_stat_activity` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Its backend's process id.
    pub pid: i32,
    /// What it calls itself.
    pub application_name: String,
    /// Where it connects from.
    pub address: String,
    /// `active`, `idle in transaction` and so on.
    pub state: String,
    /// How long its transaction is open.
    pub seconds: i64,
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` ({}, pid {}, {} for {} s)",
            self.application_name, self.address, self.pid, self.state, self.seconds
        )
    }
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
        })
    }

    /// Whom the holder of the migration lock waits for. Nothing when it does not wait, or when
    /// nobody can be asked: this is for the log alone.
    pub async fn blockers(&self) -> Result<Vec<Blocker>, Failure> {
        let Ok(client) = self.pool.get().await else {
            return Ok(Vec::new());
        };
        let schema = self.ledger_schema.as_str();
        let sql = &about_this_lock(include_str!("sql/blockers.sql"));
        let rows = client.query_typed(sql, &[(&schema, Type::TEXT)]).await?;
        let blocker = |row: &tokio_postgres::Row| Blocker {
            pid: row.get(0),
            application_name: row.get(1),
            address: row.get(2),
            state: row.get(3),
            seconds: row.get(4),
        };
        Ok(rows.iter().map(blocker).collect())
    }
}
