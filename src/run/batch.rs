//! A section in batches: each a transaction together with its progress, so that whatever kills
//! castoff, every range is done exactly once.
//!
//! The end of the key is fixed at the start, so it ends however many rows are added meanwhile.
//! Between two batches no transaction is open and no lock is held but the advisory one.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio_postgres::{Client, SimpleQueryMessage};
use tracing::{debug, info, warn};

use super::Context;
use super::apply::ApplyError;
use super::batch_error::BatchError;
use super::pace::Pace;
use super::pause::Pauses;
use super::progress::{Progress, Teller};
use super::section;
use super::throttle;
use super::transaction::{LEAVE_ROLE, begin};
use super::work::Work;
use crate::database::batch::{
    self, Guard, KeyProblem, Keyset, OWN_TEXT, PLAIN_TEXT, Sample, State, Status, Table, Which,
};
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::{self, FenceError};
use crate::database::record::{Movement, Outcome};
use crate::database::session::Session;
use crate::database::sqlstate;
use crate::place::Place;
use crate::revision::checksum::Checksums;
use crate::revision::script::batch::{Batch, Bounds, Over};
use crate::revision::script::{Script, Section};
use crate::sql::ident::Literal;
use crate::sql::placeholder::Filled;

/// How often one batch is tried, each time with half as many rows.
const ATTEMPTS: u32 = 5;

/// How often the server is asked whether batches do harm, and whether a pause is over.
const LOOK: Duration = Duration::from_secs(1);

/// How soon a signal is seen between two batches.
const NAP: Duration = Duration::from_millis(50);

/// How long a batch waits for a lock, unless the section says otherwise. Whoever needs the table
/// stands in line behind it as long.
const LOCK_TIMEOUT: &str = "1s";

/// A batch that takes so many times its target is cancelled, and tried again with fewer rows.
const STATEMENT_TIMEOUT: u32 = 10;

/// One batched section, looked at from all sides.
pub(super) struct Job<'a, S> {
    pub(super) context: &'a Context<'a>,
    pub(super) session: &'a Session<S>,
    pub(super) guard: Guard,
    pub(super) script: &'a Script,
    pub(super) movement: Movement,
    pub(super) section: &'a Section,
    pub(super) batch: &'a Batch,
}

/// What the batches run over, as the server has it.
struct Ground {
    table: Option<Table>,
    /// Nothing for a statement that is repeated.
    keyset: Option<Keyset>,
}

/// What trying one batch came to.
enum Tried {
    /// It is done.
    Done {
        rows: i64,
        changed: i64,
        is_full: bool,
        /// How busy the server was at its end, if it was asked.
        sample: Option<Sample>,
    },
    /// There was nothing left to do.
    Nothing,
    /// Somebody wants it to wait.
    Paused,
    /// Somebody wants it to end, or its revision was taken back.
    Aborted,
}

/// Why a batch was not done.
enum Trouble {
    /// The server refused, or is gone. With the byte of the script that it points at.
    Failure(Failure, Option<usize>),
    /// The lock or the row is not what it was.
    Fence(FenceError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure, None)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failure(error.into(), None)
    }
}

/// Runs a step whose section runs in batches, or registers it for `castoff backfill`.
pub(super) async fn run(context: &Context<'_>, work: &Work<'_>) -> Result<(), ApplyError> {
    let Some((section, batch)) = work
        .section
        .and_then(|section| Some((section, section.options.batch.as_ref()?)))
    else {
        return Ok(());
    };
    let job = Job {
        context,
        session: work.session,
        guard: Guard::migration(work.session),
        script: work.script,
        movement: work.movement,
        section,
        batch,
    };
    if batch.deferred {
        return register(&job, work).await;
    }
    let registration = if goes_on(&job).await? {
        String::new()
    } else {
        // Before anything is written down: a key that does not do is no migration half done.
        job.ground().await?;
        job.registration() + ";"
    };
    let record = work.record(Outcome::Running, 0);
    let record = work
        .session
        .record(&registration, &record, &work.operator)
        .await
        .map_err(|failure| work.broken(failure))?;
    let driven = drive(&job).await;
    if let Err(ApplyError::Batch(_)) = &driven {
        let written = work.session.progress_alone(record, 0, Outcome::Failed);
        if let Err(failure) = written.await {
            warn!("the ledger does not say that the section stopped: {failure}");
        }
    }
    driven?;
    finish(&job, work, record).await
}

/// Whether an earlier start began with this section. It must not begin again.
async fn goes_on<S>(job: &Job<'_, S>) -> Result<bool, ApplyError> {
    let (session, revision) = (job.session, &job.script.id);
    let earlier = ledger::unfinished(session, revision, job.movement)
        .await
        .map_err(|failure| job.broken(failure))?;
    let state = job.state().await?;
    let (Some(_), Some(state)) = (earlier, state) else {
        return Ok(false);
    };
    let is_edited = state.canonical != job.canonical();
    let is_aborted = state.status == Status::Aborted;
    if is_edited && (is_aborted || state.batches == 0) {
        return Ok(false);
    }
    if is_edited {
        return Err(job.edited(&state).into());
    }
    if is_aborted {
        return Err(job.aborted(&state).into());
    }
    Ok(state.status != Status::Done)
}

/// The revision counts as applied; `castoff backfill` does the work.
async fn register<S>(job: &Job<'_, S>, work: &Work<'_>) -> Result<(), ApplyError> {
    job.ground().await?;
    let registered = begin_and_register(job, work).await;
    if registered.is_err() {
        work.session.client().batch_execute("rollback").await.ok();
    }
    registered?;
    info!(
        event = "deferred",
        revision = %job.script.id,
        "left {} to `castoff backfill`",
        job.script.id
    );
    Ok(())
}

async fn begin_and_register<S>(job: &Job<'_, S>, work: &Work<'_>) -> Result<(), ApplyError> {
    let session = work.session;
    session
        .begin_and_move(&begin(session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let registration = job.registration() + ";";
    let record = work.record(Outcome::Done, 0);
    session
        .record(&registration, &record, &work.operator)
        .await
        .map_err(|failure| work.failed_as_a_whole(failure))?;
    let committed = session.client().batch_execute("commit").await;
    committed.map_err(|error| work.failed_as_a_whole(error.into()))
}

/// The last batch is done: moves the ledger, and says so in the same transaction.
async fn finish<S>(job: &Job<'_, S>, work: &Work<'_>, record: i64) -> Result<(), ApplyError> {
    let session = work.session;
    let broken = |failure| work.broken(failure);
    session
        .begin_and_move(&begin(session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let is_done = batch::done(session, job.which()).await.map_err(broken)?;
    if !is_done {
        session.client().batch_execute("rollback").await.ok();
        return Err(job.aborted_now().await?.into());
    }
    session
        .progress(record, 1, Outcome::Done)
        .await
        .map_err(broken)?;
    let committed = session.client().batch_execute("commit").await;
    committed.map_err(|error| work.broken(error.into()))
}

/// Runs batches until there is nothing left to do. Saying that it is done is the caller's.
pub(super) async fn drive<S>(job: &Job<'_, S>) -> Result<(), ApplyError> {
    let session = job.session;
    let reset = session.client().batch_execute(session.reset()).await;
    reset.map_err(|error| job.broken(error.into()))?;
    let ground = job.ground().await?;
    let state = begin_or_resume(job, &ground).await?;
    let mut pace = Pace::new(state.size, job.batch.size, job.batch.target, job.batch.pause);
    let mut teller = Teller::new(count(state.rows));
    let mut progress = Progress {
        what: format!("{} {}", job.movement.as_str(), job.script.id),
        done: count(state.rows),
        total: state.estimate.map(count).filter(|&estimate| estimate > 0),
        unit: "rows",
    };
    let mut repetitions = 0_u64;
    let mut attempts = Attempts::new();
    let mut changed_here = 0_i64;
    let mut is_paused = false;
    let mut looked = Instant::now();
    throttle(job, &ground, &mut pace, None).await?;
    loop {
        job.go_on()?;
        let began = Instant::now();
        let is_due = looked.elapsed() >= LOOK;
        let tried = attempt(job, &ground, &pace, is_due).await;
        let took = began.elapsed();
        let tried = match tried {
            Ok(tried) => tried,
            Err(trouble) => {
                session.client().batch_execute("rollback").await.ok();
                attempts.note(job, &mut pace, trouble).await?;
                continue;
            }
        };
        attempts = Attempts::new();
        let paused_now = matches!(tried, Tried::Paused);
        if is_paused && !paused_now {
            info!(event = "resumed", "{} goes on", job.script.id);
        }
        match tried {
            Tried::Done {
                rows,
                changed,
                is_full,
                sample,
            } => {
                if is_full {
                    pace.took(took);
                }
                changed_here += changed;
                progress.done += count(rows);
                teller.tell(&progress);
                repetitions += 1;
                job.refuse_endless(repetitions).await?;
                if sample.is_some() {
                    throttle(job, &ground, &mut pace, sample).await?;
                    looked = Instant::now();
                }
                job.nap(pace.pause(took)).await?;
            }
            Tried::Nothing => break,
            Tried::Aborted => return Err(job.aborted_now().await?.into()),
            Tried::Paused => {
                if !is_paused {
                    let id = &job.script.id;
                    info!(
                        event = "paused",
                        "{id} is paused: it goes on after `castoff backfill resume {id}`"
                    );
                }
                job.nap(LOOK).await?;
            }
        }
        is_paused = paused_now;
    }
    if changed_here > 0 {
        tidy_up(job, &ground).await;
    }
    Ok(())
}

/// Says that somebody is at work. Meets no table but the ledger's: others may stand in line for it.
async fn begin_or_resume<S>(job: &Job<'_, S>, ground: &Ground) -> Result<State, ApplyError> {
    let session = job.session;
    let broken = |failure| job.broken(failure);
    let lost = || job.fenced(FenceError::LedgerMoved);
    let state = job.state().await?.ok_or_else(lost)?;
    let estimate = ground.table.as_ref().map(|table| table.estimate);
    let host = &job.context.config.host;
    batch::start(session, job.which(), estimate, host)
        .await
        .map_err(broken)?;
    let (id, batches, rows) = (&job.script.id, state.batches, state.rows);
    if batches > 0 {
        info!(
            event = "resume",
            "resuming {id} after {batches} batches ({rows} rows)"
        );
    } else {
        info!(event = "batches", "running {id} in batches");
    }
    job.state().await?.ok_or_else(lost)
}

/// Tries one batch. Whoever gets an error rolls back.
async fn attempt<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    pace: &Pace,
    looks: bool,
) -> Result<Tried, Trouble> {
    let session = job.session;
    let client = session.client();
    client.batch_execute(&job.begin()).await?;
    let taken = batch::take(session, job.guard, job.which()).await?;
    let Some(taken) = taken else {
        return Err(Trouble::Fence(FenceError::LedgerMoved));
    };
    if !taken.is_guarded {
        return Err(Trouble::Fence(FenceError::LockLost));
    }
    let rolled_back = async |tried| {
        client.batch_execute("rollback").await?;
        Ok(tried)
    };
    if !taken.is_applied {
        return rolled_back(Tried::Aborted).await;
    }
    match taken.status {
        Status::Running => {}
        Status::Paused => return rolled_back(Tried::Paused).await,
        Status::Pending | Status::Done | Status::Failed | Status::Aborted => {
            return rolled_back(Tried::Aborted).await;
        }
    }
    let size = pace.size();
    let statement = job.statement();
    let mut end = None;
    let (filled, page) = match &ground.keyset {
        None => (job.batch.repeated(statement, size), None),
        Some(keyset) => {
            let last = taken.last_key.as_deref();
            // Written down with the first batch, and never looked for again.
            end = match taken.end_key {
                Some(end) => Some(end),
                None => keyset.end(session).await?,
            };
            let page = match &end {
                Some(end) => keyset.page(session, last, end, size).await?,
                None => None,
            };
            let Some(page) = page else {
                return rolled_back(Tried::Nothing).await;
            };
            let bounds = Bounds {
                low: keyset.constants(last.unwrap_or(&page.first)),
                high: keyset.constants(&page.last),
                is_first: last.is_none(),
            };
            (job.batch.over_range(statement, &bounds), Some(page))
        }
    };
    client.batch_execute(OWN_TEXT).await?;
    let changed = execute(client, &filled.text)
        .await
        .map_err(|failure| job.located(failure, &filled))?;
    let changed = i64::try_from(changed).unwrap_or(i64::MAX);
    if page.is_none() && changed == 0 {
        return rolled_back(Tried::Nothing).await;
    }
    // While the rows are still locked: afterwards nobody waits for them any more.
    let sample = if looks {
        Some(batch::sample(session, ground.table.as_ref()).await?)
    } else {
        None
    };
    let rows = page.as_ref().map_or(changed, |page| page.rows);
    client.batch_execute(LEAVE_ROLE).await?;
    let progress = batch::Progress {
        last_key: page.map(|page| page.last),
        end_key: end,
        rows,
        changed,
        size,
    };
    let (written, committed) = tokio::join!(
        biased;
        batch::progress(session, job.which(), &progress),
        client.batch_execute("commit")
    );
    written?;
    committed?;
    Ok(Tried::Done {
        rows,
        changed,
        is_full: rows >= i64::from(size),
        sample,
    })
}

/// Runs one statement; how many rows it changed, or returned.
async fn execute(client: &Client, text: &str) -> Result<u64, Failure> {
    let mut answers = pin!(client.simple_query_raw(text).await?);
    let mut changed = 0;
    while let Some(answer) = answers.next().await {
        if let SimpleQueryMessage::CommandComplete(count) = answer? {
            changed += count;
        }
    }
    Ok(changed)
}

/// Waits as long as something speaks against the next batch. `sample` is what is known already.
async fn throttle<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    pace: &mut Pace,
    mut sample: Option<Sample>,
) -> Result<(), ApplyError> {
    let session = job.session;
    let mut told: Option<throttle::Reason> = None;
    loop {
        let known = sample.take();
        let reason = look(job, ground, known)
            .await
            .map_err(|failure| job.failed_outside(failure))?;
        let is_news = match (&told, &reason) {
            (Some(told), Some(reason)) => !told.is_like(reason),
            (told, reason) => told.is_some() != reason.is_some(),
        };
        if is_news {
            let text = reason.as_ref().map(ToString::to_string);
            batch::throttled(session, job.which(), text.as_deref())
                .await
                .map_err(|failure| job.broken(failure))?;
            match text {
                Some(text) => info!(
                    event = "throttled",
                    reason = text,
                    "{} waits: {text}",
                    job.script.id
                ),
                None => info!(event = "throttled", "{} goes on", job.script.id),
            }
            if let Some(throttle::Reason::Waiting(_)) = reason {
                pace.halve();
            }
        }
        if reason.is_none() {
            return Ok(());
        }
        told = reason;
        job.nap(LOOK).await?;
        // Somebody who pauses or aborts it need not wait for the reason to pass.
        let state = job.state().await?;
        if state.is_none_or(|state| state.status != Status::Running) {
            return Ok(());
        }
    }
}

async fn look<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    known: Option<Sample>,
) -> Result<Option<throttle::Reason>, Failure> {
    let mut sample = match known {
        Some(sample) => sample,
        None => batch::sample(job.session, ground.table.as_ref()).await?,
    };
    if let Some(query) = &job.batch.throttle {
        sample.wish = batch::wish(job.session, query).await?;
    }
    Ok(throttle::decide(&sample, job.batch.max_lag))
}

/// What follows many changes: the planner's statistics, and a word on what is left behind. Neither
/// is worth a failure.
async fn tidy_up<S>(job: &Job<'_, S>, ground: &Ground) {
    let Some(table) = &ground.table else { return };
    let client = job.session.client();
    let name = &table.name;
    let analyze = format!("{} set lock_timeout = '1s'; analyze {name}", job.session.reset());
    if let Err(error) = client.batch_execute(&analyze).await {
        debug!("`analyze {name}` failed: {error}");
    }
    client.batch_execute(job.session.reset()).await.ok();
    if let Ok((dead, live)) = batch::dead_rows(job.session, table).await
        && dead > live / 5
    {
        info!(
            event = "dead-rows",
            "{name} has {dead} dead rows beside {live}: `vacuum {name}` makes room if autovacuum is late"
        );
    }
}

/// How often the batch under way has failed.
struct Attempts {
    failed: u32,
    pauses: Pauses,
}

impl Attempts {
    fn new() -> Self {
        Self {
            failed: 0,
            pauses: Pauses::new(Duration::from_millis(100), Duration::from_secs(2)),
        }
    }

    /// Waits for the next attempt with half as many rows, or gives up.
    async fn note<S>(
        &mut self,
        job: &Job<'_, S>,
        pace: &mut Pace,
        trouble: Trouble,
    ) -> Result<(), ApplyError> {
        let (refusal, offset) = match trouble {
            Trouble::Fence(fence) => return Err(job.fenced(fence)),
            Trouble::Failure(Failure::Refused(refusal), offset) => (refusal, offset),
            Trouble::Failure(failure, _) => return Err(job.broken(failure)),
        };
        // A signal has the statement cancelled, which looks the same as a timeout.
        job.go_on()?;
        self.failed += 1;
        let is_last = self.failed >= ATTEMPTS || !passes(&refusal);
        pace.halve();
        let error = refusal.to_string();
        let written = batch::trouble(
            job.session,
            job.which(),
            is_last,
            self.failed,
            pace.size(),
            &error,
        );
        if let Err(failure) = written.await {
            warn!("the ledger does not say what went wrong: {failure}");
        }
        if is_last {
            return Err(job.failed(refusal, offset).await);
        }
        let size = pace.size();
        info!(
            event = "retry",
            error, "trying {} again with {size} rows: {error}", job.script.id
        );
        job.nap(self.pauses.next_pause()).await
    }
}

/// Whether fewer rows, or another moment, can help.
fn passes(refusal: &Refusal) -> bool {
    matches!(
        refusal.sqlstate.as_str(),
        sqlstate::QUERY_CANCELED
            | sqlstate::LOCK_NOT_AVAILABLE
            | sqlstate::DEADLOCK_DETECTED
            | sqlstate::SERIALIZATION_FAILURE
    )
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl<S> Job<'_, S> {
    pub(super) fn which(&self) -> Which<'_> {
        Which::of(self.script, self.movement)
    }

    /// What the ledger has of this section.
    async fn state(&self) -> Result<Option<State>, ApplyError> {
        batch::find(self.session, self.which())
            .await
            .map_err(|failure| self.broken(failure))
    }

    /// The checksum of this very section, which for a way back is not the script's.
    pub(super) fn canonical(&self) -> String {
        canonical(self.script, self.section)
    }

    fn registration(&self) -> String {
        let schema = self.session.ledger_schema();
        batch::registration(schema, self.which(), self.batch, &self.canonical())
    }

    fn statement(&self) -> &str {
        let span = self.section.statements.first().map(|one| one.span.clone());
        span.and_then(|span| self.script.text.get(span))
            .unwrap_or_default()
    }

    /// Looks up what the batches run over, and refuses a key that would not do.
    async fn ground(&self) -> Result<Ground, ApplyError> {
        let broken = |failure| self.broken(failure);
        let Some(name) = self.batch.table() else {
            return Ok(Ground {
                table: None,
                keyset: None,
            });
        };
        let columns = match &self.batch.over {
            Over::Key { columns, .. } => Some(columns),
            Over::Repeat { .. } => None,
        };
        let refuse = |problem| {
            ApplyError::from(BatchError::Key {
                revision: self.script.id.clone(),
                place: Box::new(self.place(None)),
                table: name.to_owned(),
                key: columns.cloned().unwrap_or_default(),
                problem,
            })
        };
        let table = batch::table(self.session, name).await.map_err(broken)?;
        let table = table.ok_or_else(|| refuse(KeyProblem::NoTable))?;
        let keyset = match columns {
            Some(columns) => {
                let found = Keyset::find(self.session, &table, columns).await;
                Some(found.map_err(broken)?.map_err(refuse)?)
            }
            None => None,
        };
        Ok(Ground {
            table: Some(table),
            keyset,
        })
    }

    /// Opens a batch's transaction. The section's own timeouts win.
    fn begin(&self) -> String {
        let limit = self.batch.target.as_millis() * u128::from(STATEMENT_TIMEOUT);
        let limit = format!("{limit}ms");
        format!(
            "begin isolation level read committed read write; \
             set local lock_timeout = {}; set local statement_timeout = {}; {}{PLAIN_TEXT}",
            Literal(LOCK_TIMEOUT),
            Literal(&limit),
            section::timeouts(&self.section.options, "set local")
        )
    }

    /// Does not begin what a signal would interrupt at once. What is returned then is never told:
    /// the signal is.
    fn go_on(&self) -> Result<(), ApplyError> {
        let stopped = |error: crate::error::Error| self.broken(Failure::Lost(error.to_string()));
        self.context.go_on().map_err(stopped)
    }

    /// Waits, and sees a signal soon.
    async fn nap(&self, time: Duration) -> Result<(), ApplyError> {
        let end = tokio::time::Instant::now() + time;
        loop {
            self.go_on()?;
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(NAP)).await;
        }
    }

    async fn refuse_endless(&self, repetitions: u64) -> Result<(), ApplyError> {
        let Over::Repeat { limit, .. } = self.batch.over else {
            return Ok(());
        };
        if repetitions < limit {
            return Ok(());
        }
        let error = BatchError::Endless {
            revision: self.script.id.clone(),
            place: Box::new(self.place(None)),
            limit,
        };
        let text = error.to_string();
        batch::trouble(self.session, self.which(), true, 0, self.batch.size, &text)
            .await
            .map_err(|failure| self.broken(failure))?;
        Err(error.into())
    }

    /// The statement, as an error shows it.
    fn place(&self, offset: Option<usize>) -> Place {
        section::place(self.script, self.section, 0, offset)
    }

    fn located(&self, failure: Failure, filled: &Filled) -> Trouble {
        let position = failure.refusal().and_then(|refusal| refusal.position);
        let start = self.section.statements.first().map(|one| one.span.start);
        let offset = position.zip(start).map(|(position, start)| {
            let characters = usize::try_from(position).unwrap_or(1).saturating_sub(1);
            let offset = filled.text.char_indices().nth(characters);
            let offset = offset.map_or(filled.text.len(), |(offset, _)| offset);
            start + filled.origin(offset)
        });
        Trouble::Failure(failure, offset)
    }

    /// What the server refused was castoff's own question, or the user's query for a pause.
    fn failed_outside(&self, failure: Failure) -> ApplyError {
        match failure {
            Failure::Refused(refusal) => BatchError::Failed {
                revision: self.script.id.clone(),
                place: Box::new(self.place(None).with_note("asking whether to pause")),
                batches: 0,
                rows: 0,
                deferred: self.batch.deferred,
                refusal,
            }
            .into(),
            Failure::Lost(_) | Failure::Protocol(_) => self.broken(failure),
        }
    }

    async fn failed(&self, refusal: Box<Refusal>, offset: Option<usize>) -> ApplyError {
        let state = match self.state().await {
            Ok(state) => state,
            Err(error) => return error,
        };
        let (batches, rows) = state.map_or((0, 0), |state| (state.batches, state.rows));
        BatchError::Failed {
            revision: self.script.id.clone(),
            place: Box::new(self.place(offset)),
            batches,
            rows,
            deferred: self.batch.deferred,
            refusal,
        }
        .into()
    }

    async fn aborted_now(&self) -> Result<BatchError, ApplyError> {
        let lost = || self.fenced(FenceError::LedgerMoved);
        let state = self.state().await?.ok_or_else(lost)?;
        Ok(self.aborted(&state))
    }

    fn aborted(&self, state: &State) -> BatchError {
        BatchError::Aborted {
            revision: self.script.id.clone(),
            batches: state.batches,
            rows: state.rows,
        }
    }

    pub(super) fn edited(&self, state: &State) -> BatchError {
        BatchError::Edited {
            revision: self.script.id.clone(),
            place: Box::new(Place::file(&self.script.path)),
            batches: state.batches,
        }
    }

    pub(super) fn broken(&self, failure: Failure) -> ApplyError {
        ApplyError::Broken {
            revision: self.script.id.clone(),
            failure,
        }
    }

    fn fenced(&self, fence: FenceError) -> ApplyError {
        match fence {
            FenceError::Failure(failure) => self.broken(failure),
            FenceError::LockLost | FenceError::LedgerMoved => ApplyError::Fenced {
                revision: self.script.id.clone(),
                movement: self.movement,
                fence,
            },
        }
    }
}

/// The checksum of one section, hexadecimal.
pub(super) fn canonical(script: &Script, section: &Section) -> String {
    let raw = script.checksums.raw;
    let sums = Checksums::of(raw, &script.text, &section.options, &section.statements);
    // The file was split by the same lexer, so nothing in it is left open.
    sums.map_or_else(|_| String::new(), |sums| sums.canonical.to_string())
}
