//! The one connection that work is done on, and whether it holds the migration lock.
//!
//! Lock, statements and record share a session, so that losing the connection loses all three.
//! Applying takes a `Session<Locked>`; the only way to one is [`Session::try_lock`].

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::error::Severity;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, CancelToken, Client, NoTls};
use tracing::{debug, info, warn};

use super::connect::{Driver, Link, ServerVersion};
use super::encryption::Connector;
use super::failure::Failure;
use super::patient::Patient;
use super::side::Side;
use super::sqlstate;
use crate::sql::ident::{Ident, Literal};

/// Undoes what a script did to the session. The encoding and the name are those of the login again
/// by themselves, but not behind a pooler, which logs in by itself.
const FORGET: &str = "reset session authorization; reset role; reset all; \
     set client_encoding = 'UTF8'; set standard_conforming_strings = on; \
     close all; deallocate all; discard temp; ";

/// Ends a session that does nothing in its transaction.
const IDLE: &str = "set idle_in_transaction_session_timeout = '60s'; ";

/// The same, and ends a statement whose client is gone.
const IDLE_OR_GONE: &str = "set idle_in_transaction_session_timeout = '60s'; \
     set client_connection_check_interval = '2s'; ";

/// A session that may look, and ask for the lock.
#[derive(Debug)]
pub enum Open {}

/// A session that holds the migration lock.
#[derive(Debug)]
pub enum Locked {}

/// A connection to the database.
pub struct Session<S> {
    client: Client,
    cancel: Cancel,
    config: tokio_postgres::Config,
    ledger_schema: Ident,
    reset: String,
    server: ServerVersion,
    announced: Option<i32>,
    state: PhantomData<S>,
}

/// Who answers the statements of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The backend's process id.
    pub pid: i32,
    /// When its server was started, in microseconds since 1970: no two servers have the same.
    pub server_start: i64,
}

/// What asking for the lock came to.
pub enum Attempt {
    /// This session holds it now.
    Locked {
        /// The session.
        session: Session<Locked>,
        /// The backend that took the lock, by its process id.
        backend: i32,
    },
    /// Somebody else does.
    Busy(Session<Open>),
}

/// The session that holds the migration lock, as `pg_stat_activity` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its backend's process id.
    pub pid: i32,
    /// `castoff on <host>`, unless somebody chose another name.
    pub application_name: String,
    /// Where it connects from.
    pub address: String,
    /// How long it has been connected, if castoff's role may see that.
    pub connected_seconds: Option<i64>,
    /// `running for 3 s`, or the state it idles in.
    pub activity: String,
    /// The first word of its current or last statement. The rest may hold secrets.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "held by `{}` ({}, pid {}",
            self.application_name, self.address, self.pid
        )?;
        if let Some(seconds) = self.connected_seconds {
            write!(formatter, ", connected for {seconds} s")?;
        }
        write!(formatter, ", {}", self.activity)?;
        if !self.command.is_empty() {
            write!(formatter, ": {}", self.command.to_lowercase())?;
        }
        formatter.write_str(")")
    }
}

/// Asks the server to stop what a session is doing, over a connection of its own.
#[derive(Clone)]
pub struct Cancel {
    token: CancelToken,
    tls: Connector,
    socket: Option<PathBuf>,
}

impl Cancel {
    /// Sends the request and gives it `within` to arrive.
    pub async fn send(&self, within: Duration) {
        match tokio::time::timeout(within, self.request()).await {
            Ok(Ok(())) => debug!("asked the server to cancel the running statement"),
            Ok(Err(error)) => debug!("the cancel request failed: {error}"),
            Err(_) => debug!("the cancel request got no answer"),
        }
    }

    async fn request(&self) -> Result<(), Failure> {
        let Some(socket) = &self.socket else {
            return Ok(self.token.cancel_query(self.tls.clone()).await?);
        };
        let stream = Patient::connect(socket).await;
        let stream = stream.map_err(|error| Failure::Lost(error.to_string()))?;
        Ok(self.token.cancel_query_raw(stream, NoTls).await?)
    }
}

impl Session<Open> {
    /// Takes over a fresh connection.
    pub fn open(link: Link, ledger_schema: Ident) -> Self {
        let cancel = Cancel {
            token: link.client.cancel_token(),
            tls: link.tls,
            socket: link.socket,
        };
        // The driver ends by itself when the client is dropped or the connection is lost.
        drop(tokio::spawn(drive(link.driver)));
        let name = link.config.get_application_name().unwrap_or_default();
        let name = format!("set application_name = {}; ", Literal(name));
        Self {
            client: link.client,
            cancel,
            reset: format!("{FORGET}{name}{}", timeouts(link.server)),
            config: link.config,
            ledger_schema,
            server: link.server,
            announced: link.announced,
            state: PhantomData,
        }
    }

    /// Asks once, without waiting; the caller polls. A blocking `pg_advisory_lock` holds a snapshot
    /// while it waits, which deadlocks against `create index concurrently` of the lock's holder.
    pub async fn try_lock(self) -> Result<Attempt, Failure> {
        let sql = include_str!("sql/lock.sql");
        let schema = self.ledger_schema.as_str();
        let row = self
            .client
            .query_typed_one(sql, &[(&schema, Type::TEXT)])
            .await?;
        if !row.get::<_, bool>(0) {
            return Ok(Attempt::Busy(self));
        }
        let backend = row.get(1);
        Ok(Attempt::Locked {
            session: self.with_state(),
            backend,
        })
    }

    /// Who holds the lock now, if anybody does.
    pub async fn holder(&self) -> Result<Option<Holder>, Failure> {
        let schema = self.ledger_schema.as_str();
        let sql = &about_this_lock(include_str!("sql/holder.sql"));
        let parameters = [(&schema as &(dyn ToSql + Sync), Type::TEXT)];
        // As the role of the login, whose other sessions another role may not see.
        let (left, row, back) = tokio::join!(
            biased;
            self.client.batch_execute("begin; set local role none"),
            self.client.query_typed_opt(sql, &parameters),
            self.client.batch_execute("commit")
        );
        left?;
        let row = row?;
        back?;
        Ok(row.map(|row| Holder {
            pid: row.get(0),
            application_name: row.get(1),
            address: row.get(2),
            connected_seconds: row.get(3),
            activity: row.get(4),
            command: row.get(5),
        }))
    }

    /// The process id that the login announced, where it could be read along. A pooler announces
    /// one of its own.
    pub fn announced(&self) -> Option<i32> {
        self.announced
    }

    /// Another connection to the same place.
    pub async fn another(&self) -> Result<Self, Failure> {
        let tls = self.cancel.tls.clone();
        let (client, driver) = self.config.connect(tls.clone()).await?;
        let link = Link {
            client,
            driver,
            config: self.config.clone(),
            tls,
            server: self.server,
            announced: None,
            socket: self.cancel.socket.clone(),
            address: String::new(),
        };
        Ok(Self::open(link, self.ledger_schema.clone()))
    }

    /// Whether the database answers a query at all.
    pub async fn answers(&self) -> Result<(), Failure> {
        Ok(self.client.batch_execute("select 1").await?)
    }

    /// Creates a database; false when somebody else was quicker.
    pub async fn create_database(&self, name: &Ident) -> Result<bool, Failure> {
        let sql = format!("create database {name}");
        match self.client.batch_execute(&sql).await.map_err(Failure::from) {
            Ok(()) => Ok(true),
            // Two that start at the same moment meet in the unique index of pg_database.
            Err(failure)
                if failure.is(sqlstate::DUPLICATE_DATABASE)
                    || failure.is(sqlstate::UNIQUE_VIOLATION) =>
            {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Session<Locked> {
    /// Whether the server still counts the lock as this session's: a pooler may have given the
    /// statement to another backend, or a script may have released every lock.
    pub async fn holds_lock(&self) -> Result<bool, Failure> {
        self.ask(&about_this_lock(include_str!("sql/held.sql")))
            .await
    }

    /// Gives up a lock that `backend` took for this session, and that this session's statements no
    /// longer reach. How many backends were ended: one, or none if it is at work for somebody else.
    pub async fn abandon(&self, backend: i32) -> Result<i64, Failure> {
        let sql = &about_this_lock(include_str!("sql/orphan.sql"));
        let schema = self.ledger_schema.as_str();
        let row = self
            .client
            .query_typed_one(sql, &[(&schema, Type::TEXT), (&backend, Type::INT4)])
            .await?;
        Ok(row.get(0))
    }

    /// A way to look at this session while it works.
    pub fn side(&self) -> Option<Side> {
        let mut config = self.config.clone();
        config.application_name("castoff, watching");
        // The role of the login sees all that the role that it takes sees, and its own sessions.
        let options = config.get_options().filter(|all| all.contains("-c role="));
        if let Some(options) = options.map(|all| format!("{all} -c role=none")) {
            config.options(options);
        }
        Side::new(config, self.cancel.tls.clone(), self.ledger_schema.clone())
    }

    /// Gives the lock back.
    pub async fn unlock(self) -> Result<Session<Open>, Failure> {
        let sql = include_str!("sql/unlock.sql");
        if !self.ask(sql).await? {
            warn!("the migration lock was no longer held when it was to be released");
        }
        Ok(self.with_state())
    }
}

impl<S> Session<S> {
    /// The connection itself.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A way to stop what this session is doing.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Which backend answers now.
    pub async fn backend(&self) -> Result<Backend, Failure> {
        let sql = include_str!("sql/backend.sql");
        let row = self.client.query_typed_one(sql, &[]).await?;
        Ok(Backend {
            pid: row.get(0),
            server_start: row.get(1),
        })
    }

    /// Whether statements run as this role. A pooler may have dropped what the login asked for.
    pub async fn acts_as(&self, role: &Ident) -> Result<bool, Failure> {
        let sql = "select pg_catalog.current_setting('role') = $1";
        let named = [(&role.as_str() as &(dyn ToSql + Sync), Type::TEXT)];
        Ok(self.client.query_typed_one(sql, &named).await?.get(0))
    }

    /// Undoes what a script may have done to the session, and sets what castoff works with: a
    /// temporary table that is left over would hide a real one from the next script. `reset all`
    /// leaves the role alone; strings are read as the splitter reads them; `discard all` would
    /// release the lock. A session that idles in a transaction, or whose client is gone
    /// (PostgreSQL 14), gives its locks back.
    pub fn reset(&self) -> &str {
        &self.reset
    }

    /// The part of it that sets timeouts, which `reset all` in a script drops.
    pub fn timeouts(&self) -> &'static str {
        timeouts(self.server)
    }

    /// The same connection, with another claim to the lock. Private: [`Session::try_lock`] and
    /// [`Session::unlock`] decide.
    fn with_state<T>(self) -> Session<T> {
        Session {
            client: self.client,
            cancel: self.cancel,
            reset: self.reset,
            config: self.config,
            ledger_schema: self.ledger_schema,
            server: self.server,
            announced: self.announced,
            state: PhantomData,
        }
    }

    /// Asks one of the questions about the lock.
    async fn ask(&self, sql: &str) -> Result<bool, Failure> {
        let schema = self.ledger_schema.as_str();
        let row = self
            .client
            .query_typed_one(sql, &[(&schema, Type::TEXT)])
            .await?;
        Ok(row.get(0))
    }

    /// The schema of the ledger.
    pub fn ledger_schema(&self) -> &Ident {
        &self.ledger_schema
    }
}

fn timeouts(server: ServerVersion) -> &'static str {
    if server.major >= 14 {
        IDLE_OR_GONE
    } else {
        IDLE
    }
}

/// Keeps the connection going and tells what the server says unasked.
async fn drive(mut driver: Driver) {
    while let Some(message) = poll_fn(|context| driver.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                let text = notice.message();
                // The severity's text is in the server's language.
                if notice.parsed_severity() == Some(Severity::Warning) {
                    warn!(event = "notice", "postgres: {text}");
                } else {
                    info!(event = "notice", "postgres: {text}");
                }
            }
            Ok(_) => {}
            // Whoever asked the question gets the error as well.
            Err(error) => {
                debug!("the connection ended: {error}");
                return;
            }
        }
    }
}

/// Puts the condition for the migration lock into one of the queries that ask about it.
pub(super) fn about_this_lock(query: &str) -> String {
    query.replace("{this_lock}", include_str!("sql/this_lock.sql"))
}

/// Whether the ledger's tables were not there to be read.
pub(super) fn no_ledger(failure: &Failure) -> bool {
    failure.is(sqlstate::UNDEFINED_TABLE) || failure.is(sqlstate::INVALID_SCHEMA_NAME)
}
