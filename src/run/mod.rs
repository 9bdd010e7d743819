//! What happens in production: wait, look, lock, look again, apply, become the server.
//!
//! Never uses [`crate::command`]: the way to the server's start has no more on it than it needs.

pub mod account;
pub mod activation;
pub mod apply;
mod attempt;
mod autocommit;
pub mod backfill;
mod batch;
pub mod batch_error;
mod child;
pub mod environment;
pub mod exec;
pub mod half;
pub mod half_error;
pub mod holding;
mod hook;
pub mod hook_error;
mod hook_file;
mod keep;
mod leftover;
pub mod lock;
pub mod meter;
pub mod migrate;
pub mod newer;
pub mod offline;
pub mod pace;
pub mod pause;
pub mod placeholder;
pub mod pooler;
pub mod position;
mod preflight;
pub mod preview;
pub mod privilege_error;
pub mod probe;
pub mod progress;
mod ready;
pub mod repair;
mod retry;
pub mod rows;
pub mod section;
pub mod signal;
mod statement;
pub mod throttle;
mod transaction;
pub mod wait;
pub mod wait_error;
mod wait_for;
mod wait_revision;
mod watch;
mod work;

use std::cell::RefCell;
use std::convert::Infallible;
use std::ffi::OsString;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::config::Config;
use crate::config::awaited::Awaited;
use crate::database::connect_error::ConnectError;
use crate::database::conninfo::{self, Conninfo, Sources};
use crate::database::conninfo_error::ConninfoError;
use crate::database::record::Operator;
use crate::database::session::{Cancel, Open, Session};
use crate::error::Error;
use crate::event::milliseconds;
use crate::migrations;
use crate::observe;
use crate::report;
use crate::revision::target::Target;
use crate::status::board::Board;
use crate::status::phase::{self, Phase};
use exec::Launch;
use migrate::Goal;
use position::Position;
use signal::Stop;
use wait::Patience;
use wait_revision::Wanted;

/// How long the server may take to cancel what it is doing, once castoff is told to stop. The rest
/// of the second belongs to the operating system.
const CANCEL: Duration = Duration::from_millis(300);
const ROLL_BACK: Duration = Duration::from_millis(400);

/// What the database said so long ago is asked again before it is relied on.
const STALE: Duration = Duration::from_secs(1);

/// How often the time that has passed is drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// How long the network may take to deliver what was sent; Linux tries for a quarter of an hour.
const UNACKNOWLEDGED: Duration = Duration::from_mins(1);

/// What every command that meets the database needs.
pub struct Context<'c> {
    /// Everything castoff was told.
    pub config: &'c Config,
    /// Where the database is.
    pub conninfo: Conninfo,
    stop: &'c Stop,
    cancel: RefCell<Option<Cancel>>,
}

impl<'c> Context<'c> {
    /// Resolves the connection; connects to nothing.
    pub fn new(config: &'c Config, stop: &'c Stop) -> Result<Self, Error> {
        Ok(Self {
            conninfo: resolve(config, &config.database)?,
            config,
            stop,
            cancel: RefCell::new(None),
        })
    }

    /// The same for another database than the configured one.
    pub fn to(config: &'c Config, stop: &'c Stop, database: &Sources) -> Result<Self, Error> {
        Ok(Self {
            conninfo: resolve(config, database)?,
            config,
            stop,
            cancel: RefCell::new(None),
        })
    }

    /// Waits for the database, connects, and asks where it is. A database is ready when it has
    /// answered a query: the server of a container's first boot accepts a login, and shuts down.
    pub async fn connect(&self) -> Result<(Session<Open>, Position), Error> {
        let patience = Patience::new(self.config.wait_timeout);
        let create = self.config.create_database;
        self.connect_and_ask(patience, create, position::ask).await
    }

    /// The same, and beside it waits for what `--for` names. What the database said is asked again
    /// when the others took long: it may be true no more, and the connection may be gone.
    pub async fn connect_beside(
        &self,
        awaited: &[Awaited],
    ) -> Result<(Session<Open>, Position), Error> {
        let patience = Patience::new(self.config.wait_timeout);
        let create = self.config.create_database;
        let database = async {
            let found = self.connect_and_ask(patience, create, position::ask).await;
            found.map(|found| (found, Instant::now()))
        };
        let others = wait_for::until_ready(self.config, awaited, &patience);
        let ((found, since), ()) = wait_for::both(database, others).await?;
        if since.elapsed() < STALE {
            return Ok(found);
        }
        drop(found);
        self.connect_and_ask(patience, create, position::ask).await
    }

    /// Waits until the database answers a query, and leaves it at that: nothing is asked about a
    /// ledger.
    pub async fn session(&self) -> Result<Session<Open>, Error> {
        let patience = Patience::new(self.config.wait_timeout);
        let answers = async |session: &Session<Open>| {
            let answered = session.answers().await;
            answered.map_err(Error::asking("asking whether the database answers"))
        };
        let (session, ()) = self.connect_and_ask(patience, false, answers).await?;
        Ok(session)
    }

    /// Waits until the database answers a query.
    async fn until_it_answers(&self, patience: Patience) -> Result<(), Error> {
        let answers = async |session: &Session<Open>| {
            let answered = session.answers().await;
            answered.map_err(Error::asking("asking whether the database answers"))
        };
        let create = self.config.create_database;
        self.connect_and_ask(patience, create, answers).await?;
        info!(event = "ready", "database {} answers", self.conninfo);
        Ok(())
    }

    /// Connects to the database that is there and asks where it is, at once or not at all.
    pub async fn connect_now(&self) -> Result<(Session<Open>, Position), Error> {
        let no_patience = Patience::new(Duration::ZERO);
        self.connect_and_ask(no_patience, false, position::ask)
            .await
    }

    /// Waits for the database, connects, and asks it `question`.
    async fn connect_and_ask<T>(
        &self,
        patience: Patience,
        create: bool,
        question: impl AsyncFn(&Session<Open>) -> Result<T, Error>,
    ) -> Result<(Session<Open>, T), Error> {
        let mut told = false;
        phase::enter(Phase::Waiting);
        loop {
            let link = wait::until_ready(&self.conninfo, &patience, create).await?;
            let session = Session::open(link, self.config.ledger_schema.clone());
            self.cancel.replace(Some(session.cancel()));
            let left = patience.for_an_answer();
            match tokio::time::timeout(left, question(&session)).await {
                Ok(Ok(answer)) => return Ok((session, answer)),
                Ok(Err(error)) if error.is_lost_connection() && !patience.left().is_zero() => {
                    if !told {
                        info!(
                            event = "waiting",
                            "the database closed the connection: trying again"
                        );
                    }
                    told = true;
                    tokio::time::sleep(wait::AFTER_A_LOSS).await;
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let silence = ConnectError::NoAnswer { after: left };
                    return Err(patience.not_ready(&self.conninfo, silence));
                }
            }
        }
    }

    /// Does not begin what a signal would interrupt at once.
    pub fn go_on(&self) -> Result<(), Error> {
        self.stop
            .received()
            .map_or(Ok(()), |signal| Err(Error::Stopped { signal }))
    }

    /// Refuses to work as somebody else than was asked for. Before anything is written, once.
    async fn check_role<S>(&self, session: &Session<S>) -> Result<(), Error> {
        let Some(role) = &self.config.role else {
            return Ok(());
        };
        let asking = Error::asking("looking at the role");
        if session.acts_as(role).await.map_err(asking)? {
            Ok(())
        } else {
            Err(Error::RoleDropped { role: role.clone() })
        }
    }

    /// Who is doing this, for the record.
    pub fn operator(&self) -> Operator {
        operator(self.config)
    }

    /// Runs `work` to its end, or until somebody asks castoff to stop.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        until_stopped(self.stop, &self.cancel, work)
    }
}

/// Runs `work` to its end, or until somebody asks castoff to stop. Then the server is asked to
/// cancel what it does, and the work gets a moment to roll back and to write down where it is.
fn until_stopped<T>(
    stop: &Stop,
    cancel: &RefCell<Option<Cancel>>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    // Work that saw the signal first, and gave up for it, may say anything.
    let go_on = || match stop.received() {
        Some(signal) => Err(Error::Stopped { signal }),
        None => Ok(()),
    };
    block_on(async {
        let mut work = pin!(work);
        let signal = tokio::select! {
            biased;
            signal = stop.wait() => signal,
            result = &mut work => return result.or_else(|error| go_on().and(Err(error))),
            never = tick() => match never {},
        };
        let cancel = cancel.borrow_mut().take();
        if let Some(cancel) = cancel {
            let wind_down = async { tokio::join!(cancel.send(CANCEL), &mut work) };
            // Whatever the work says now, the signal is the reason.
            drop(tokio::time::timeout(ROLL_BACK, wind_down).await);
        }
        Err(Error::Stopped { signal })
    })
}

/// Who is doing this, for the record.
pub fn operator(config: &Config) -> Operator {
    Operator {
        host: config.host.clone(),
        image: config.image.clone(),
    }
}

/// Lets the terminal show that time passes.
async fn tick() -> Infallible {
    loop {
        tokio::time::sleep(TICK).await;
        report::tick();
    }
}

/// Runs a future on a runtime of its own, in this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Error::System)?;
    let result = runtime.block_on(work);
    // A name lookup may still be stuck in a thread of its own; nobody waits for it.
    runtime.shutdown_background();
    result
}

/// The connection as it was asked for, with a name for those who look at `pg_stat_activity`, and
/// with timeouts that notice within a minute that the other side is gone: keepalives for one that
/// owes an answer, and a limit of its own for a question that does not arrive.
fn resolve(config: &Config, database: &Sources) -> Result<Conninfo, Error> {
    let mut conninfo = conninfo::resolve(database)?;
    conninfo.application_name.get_or_insert_with(|| {
        format!("castoff on {}", config.host)
            .chars()
            .take(63)
            .collect()
    });
    conninfo.role.clone_from(&config.role);
    let keepalives = &mut conninfo.keepalives;
    keepalives.idle.get_or_insert(Duration::from_secs(30));
    keepalives.interval.get_or_insert(Duration::from_secs(10));
    keepalives.count.get_or_insert(3);
    keepalives.user_timeout.get_or_insert(UNACKNOWLEDGED);
    Ok(conninfo)
}

/// Waits, and brings the database to the goal.
pub fn migrate(config: &Config, stop: &Stop, goal: &Goal) -> Result<(), Error> {
    migrate_beside(config, stop, goal, &[])
}

/// The same, and waits for these together with the database.
fn migrate_beside(
    config: &Config,
    stop: &Stop,
    goal: &Goal,
    awaited: &[Awaited],
) -> Result<(), Error> {
    let context = Context::new(config, stop)?;
    let migrations = migrations::find(&config.migrations)?;
    context.block_on(migrate::migrate(&context, &migrations, goal, awaited))
}

/// Waits, upgrades to head, and becomes the server. Returns only when it could not.
pub fn run(config: &Config, stop: &Stop, board: &Board, server: &[OsString]) -> Result<(), Error> {
    // The port first: the orchestrator's first probe comes soon.
    let held = holding::hold(config.holding.as_ref(), board, stop)?;
    let mut launch = Launch::prepare(config, server)?;
    wait_for::look_up(config)?;
    migrate_beside(
        config,
        stop,
        &Goal::Upgrade(Target::head()),
        &config.wait_for,
    )?;
    phase::enter(Phase::HandingOver);
    wait_for::alone(config, stop, &config.before_exec)?;
    let port = holding::hand_over(held, stop)?;
    launch.listen(config, port.given());
    phase::enter(Phase::Serving);
    observe::settle(board);
    let signal = exec::replace(&launch, stop)?;
    Err(Error::Stopped { signal })
}

/// Waits until the database answers a query, or has a revision, and for what `--for` names. Where
/// no database is named, and none is needed, for that alone.
pub fn wait(config: &Config, stop: &Stop, revision: Option<&str>) -> Result<(), Error> {
    wait_for::look_up(config)?;
    let awaited = &config.wait_for;
    let context = match Context::new(config, stop) {
        Err(Error::Conninfo(ConninfoError::Missing))
            if revision.is_none() && !awaited.is_empty() =>
        {
            phase::enter(Phase::Waiting);
            wait_for::alone(config, stop, awaited)?;
            wait_for::tell(awaited);
            return Ok(());
        }
        context => context?,
    };
    let wanted = revision.map(|revision| Wanted::read(config, revision));
    let wanted = wanted.transpose()?;
    context.block_on(async {
        let patience = Patience::new(config.wait_timeout);
        let database = async {
            match &wanted {
                Some(wanted) => wanted.until_applied(&context, patience).await,
                None => context.until_it_answers(patience).await,
            }
        };
        let others = wait_for::until_ready(config, awaited, &patience);
        wait_for::both(database, others).await.map(drop)
    })?;
    if !awaited.is_empty() {
        wait_for::tell(awaited);
    }
    Ok(())
}
