//! The tables as types: every query of the server, and nothing about HTTP.

use std::time::Duration;

use deadpool_postgres::{
    Client, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};

use crate::form::NewEntry;

/// Enough for a small server: a page holds a connection for some milliseconds.
const CONNECTIONS: usize = 4;

/// How long a page waits for a free or a new connection before it says so.
const PATIENCE: Duration = Duration::from_secs(3);

/// The database. Cheap to clone; connects when first asked.
#[derive(Clone)]
pub(crate) struct Store {
    pool: Pool,
}

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// No connection could be had.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[from] PoolError),
    /// A query failed.
    #[error("a query failed: {0}")]
    Query(#[from] tokio_postgres::Error),
}

/// A project with the time that one person spent on it.
pub(crate) struct ProjectHours {
    pub(crate) id: i64,
    pub(crate) project: String,
    pub(crate) company: String,
    /// Nobody, for a project without time entries.
    pub(crate) person: Option<String>,
    pub(crate) minutes: i64,
}

/// Everything the page of a project shows.
pub(crate) struct Project {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) company: String,
    pub(crate) team: Option<String>,
    pub(crate) hourly_rate: Option<String>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) notes: Vec<Note>,
    pub(crate) people: Vec<Person>,
}

/// A piece of work.
pub(crate) struct Task {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) status: String,
    pub(crate) blocked_reason: Option<String>,
    pub(crate) assignee: Option<String>,
    pub(crate) minutes: i64,
}

/// Time that somebody spent on a task.
pub(crate) struct Entry {
    pub(crate) started: String,
    pub(crate) person: String,
    pub(crate) task: String,
    pub(crate) minutes: i64,
    pub(crate) billable: bool,
    pub(crate) remark: String,
}

/// A remark on a project.
pub(crate) struct Note {
    pub(crate) body: String,
    pub(crate) author: Option<String>,
}

/// Somebody who may work on a project.
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) name: String,
}

impl Store {
    /// Does not connect yet: castoff has seen to it that there is a database, and if it is away
    /// for a moment, pages say so until it is back.
    pub(crate) fn new(config: Config) -> Self {
        // Not every query is worth a round trip before it, so connections are checked only for
        // being open; a page that meets a broken one says so, and the next one connects again.
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycling))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(PATIENCE),
                create: Some(PATIENCE),
                recycle: Some(PATIENCE),
            })
            .build()
            .expect("a pool with timeouts has a runtime");
        Self { pool }
    }

    /// Whether the database answers a query.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.pool.get().await?.simple_query("select 1").await?;
        Ok(())
    }

    /// All projects with their hours, those of one project one after another.
    pub(crate) async fn hours(&self) -> Result<Vec<ProjectHours>, StoreError> {
        let client = self.pool.get().await?;
        rows(&client, include_str!("sql/hours.sql"), &[], |row| {
            Ok(ProjectHours {
                id: row.try_get("id")?,
                project: row.try_get("project")?,
                company: row.try_get("company")?,
                person: row.try_get("person")?,
                minutes: row.try_get("minutes")?,
            })
        })
        .await
    }

    /// One project, if there is one with this number.
    pub(crate) async fn project(&self, id: i64) -> Result<Option<Project>, StoreError> {
        let client = self.pool.get().await?;
        let Some(row) = client
            .query_opt(include_str!("sql/project.sql"), &[&id])
            .await?
        else {
            return Ok(None);
        };
        Ok(Some(Project {
            id,
            name: row.try_get("name")?,
            company: row.try_get("company")?,
            team: row.try_get("team")?,
            hourly_rate: row.try_get("hourly_rate")?,
            tasks: rows(&client, include_str!("sql/tasks.sql"), &[&id], task).await?,
            entries: rows(&client, include_str!("sql/entries.sql"), &[&id], entry).await?,
            notes: rows(&client, include_str!("sql/notes.sql"), &[&id], |row| {
                Ok(Note {
                    body: row.try_get("body")?,
                    author: row.try_get("author")?,
                })
            })
            .await?,
            people: rows(&client, include_str!("sql/people.sql"), &[&id], |row| {
                Ok(Person {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                })
            })
            .await?,
        }))
    }

    /// Adds a time entry. False if the project, the task and the person do not belong together,
    /// or there is no such day.
    pub(crate) async fn add_entry(&self, project: i64, new: &NewEntry) -> Result<bool, StoreError> {
        let client = self.pool.get().await?;
        let added = client
            .execute(
                include_str!("sql/add_entry.sql"),
                &[
                    &project,
                    &new.task,
                    &new.person,
                    &new.started,
                    &new.minutes,
                    &new.remark,
                    &new.billable,
                ],
            )
            .await;
        match added {
            Ok(count) => Ok(count == 1),
            // Class 22, data exception: the thirtieth of February, or a year out of range.
            Err(error)
                if error
                    .code()
                    .is_some_and(|state| state.code().starts_with("22")) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn rows<T>(
    client: &Client,
    query: &str,
    parameters: &[&(dyn ToSql + Sync)],
    read: impl Fn(&Row) -> Result<T, tokio_postgres::Error>,
) -> Result<Vec<T>, StoreError> {
    let found = client.query(query, parameters).await?;
    Ok(found.iter().map(read).collect::<Result<_, _>>()?)
}

fn task(row: &Row) -> Result<Task, tokio_postgres::Error> {
    Ok(Task {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        status: row.try_get("status")?,
        blocked_reason: row.try_get("blocked_reason")?,
        assignee: row.try_get("assignee")?,
        minutes: row.try_get("minutes")?,
    })
}

fn entry(row: &Row) -> Result<Entry, tokio_postgres::Error> {
    Ok(Entry {
        started: row.try_get("started")?,
        person: row.try_get("person")?,
        task: row.try_get("task")?,
        minutes: row.try_get("minutes")?,
        billable: row.try_get("billable")?,
        remark: row.try_get("remark")?,
    })
}
