//! A database of one test, and sessions in it.

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::server::{Server, USER};
use super::{DEADLINE, PASSWORD, until};

/// A database that is dropped with the value.
#[derive(Debug)]
pub(crate) struct Database<'s> {
    server: &'s Server,
    name: String,
}

impl<'s> Database<'s> {
    pub(super) fn new(server: &'s Server, name: String) -> Self {
        Self { server, name }
    }

    /// Its name, unique on the machine.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub(crate) fn server(&self) -> &'s Server {
        self.server
    }

    /// Its URL over TCP, with the password.
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its URL over the unix socket.
    pub(crate) fn socket_url(&self) -> String {
        let directory = self
            .server
            .socket_directory()
            .display()
            .to_string()
            .replace('/', "%2F");
        let port = self.server.port();
        format!(
            "postgres://{USER}:{PASSWORD}@{directory}:{port}/{}",
            self.name
        )
    }

    /// A session that stays open until it is dropped.
    pub(crate) fn session(&self) -> Session {
        self.server.session(&self.name)
    }

    /// Runs statements, which must succeed.
    pub(crate) fn sql(&self, sql: &str) {
        self.session().sql(sql);
    }

    /// The rows of a query, as `a|b` and a newline each.
    pub(crate) fn rows(&self, sql: &str) -> String {
        self.session().rows(sql)
    }

    /// Everything in the database, objects and rows, as text: equal before and after means that
    /// nothing was changed.
    pub(crate) fn contents(&self) -> String {
        self.rows(include_str!("contents.sql"))
    }

    /// Returns when nobody has a migration lock. A session may end a moment after its client does.
    #[track_caller]
    pub(crate) fn until_unlocked(&self) {
        let locks = "select count(*) from pg_locks where locktype = 'advisory' \
            and database = (select oid from pg_database where datname = current_database())";
        until("the lock is given back", DEADLINE, || {
            (self.rows(locks) == "0\n").then_some(())
        });
    }

    /// Fails, and shows the difference, unless everything is as it was.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, before: &str) {
        let after = self.contents();
        let difference = difference(before, &after);
        assert!(after == before, "the database has changed:\n{difference}");
    }
}

/// The lines that only one of two texts has.
pub(crate) fn difference(before: &str, after: &str) -> String {
    let lines = |text: &str, other: &str, sign: &str| {
        let other: Vec<_> = other.lines().collect();
        let only = text.lines().filter(|line| !other.contains(line));
        only.fold(String::new(), |text, line| text + sign + " " + line + "\n")
    };
    lines(before, after, "-") + &lines(after, before, "+")
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // The server may be gone, and its directory with it.
        if let Ok(session) = Session::open(&self.server.url("postgres")) {
            session
                .try_rows(&format!(
                    "drop database if exists {} with (force)",
                    self.name
                ))
                .ok();
        }
    }
}

/// One connection, closed when the value is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
}

impl Session {
    /// Logs in.
    pub(crate) fn open(url: &str) -> Result<Self, tokio_postgres::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
        runtime.spawn(connection);
        Ok(Self { runtime, client })
    }

    /// The process id of its backend.
    pub(crate) fn pid(&self) -> String {
        self.rows("select pg_backend_pid()").trim().to_owned()
    }

    /// Runs statements, which must succeed.
    pub(crate) fn sql(&self, sql: &str) {
        self.rows(sql);
    }

    /// The rows of all the statements, as `a|b` and a newline each; null is `null`.
    pub(crate) fn rows(&self, sql: &str) -> String {
        self.try_rows(sql)
            .unwrap_or_else(|error| match error.as_db_error() {
                Some(cause) => panic!("{cause} in: {sql}"),
                None => panic!("{error} in: {sql}"),
            })
    }

    /// The same, for statements that may fail.
    pub(crate) fn try_rows(&self, sql: &str) -> Result<String, tokio_postgres::Error> {
        let mut text = String::new();
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(DEADLINE, self.client.simple_query(sql)).await
        });
        for message in answer.unwrap_or_else(|_| panic!("no answer within {DEADLINE:?}: {sql}"))? {
            if let SimpleQueryMessage::Row(row) = message {
                let values = (0..row.len()).map(|column| row.get(column).unwrap_or("null"));
                text.push_str(&values.collect::<Vec<_>>().join("|"));
                text.push('\n');
            }
        }
        Ok(text)
    }
}
