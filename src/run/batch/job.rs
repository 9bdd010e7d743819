//! One batched section with all that running it needs, and the errors it can end with.

use std::time::Duration;

use super::super::Context;
use super::super::apply::ApplyError;
use super::super::attempt::{own_lock_timeout, timeouts};
use super::super::batch_error::BatchError;
use super::super::{placeholder, section};
use super::attempt::Trouble;
use crate::database::batch::{self, Guard, State, Which};
use crate::database::failure::{Failure, Refusal};
use crate::database::keyset::{self, KeyProblem, Keyset, PLAIN_TEXT, Table};
use crate::database::ledger::FenceError;
use crate::database::record::Movement;
use crate::database::session::Session;
use crate::place::Place;
use crate::revision::checksum::Checksums;
use crate::revision::script::batch::{Batch, Over};
use crate::revision::script::placeholder::Rendered;
use crate::revision::script::{Script, Section};
use crate::sql::split::Statement;
use crate::sql::variable::Filled;

/// How soon a signal is seen between two batches.
const NAP: Duration = Duration::from_millis(50);

/// How long a batch waits for a lock, unless the section says otherwise. Whoever needs the table
/// stands in line behind it as long.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A batch that takes so many times its target is cancelled, and tried again with fewer rows.
const STATEMENT_TIMEOUT: u32 = 10;

/// One batched section, looked at from all sides.
pub(in crate::run) struct Job<'a, S> {
    pub(in crate::run) context: &'a Context<'a>,
    pub(in crate::run) session: &'a Session<S>,
    pub(in crate::run) guard: Guard,
    pub(in crate::run) script: &'a Script,
    pub(in crate::run) movement: Movement,
    pub(in crate::run) section: &'a Section,
    /// The section with the values of its placeholders, if it has any.
    pub(in crate::run) rendered: Option<&'a Rendered>,
    pub(in crate::run) batch: &'a Batch,
}

/// What the batches run over, as the server has it.
pub(super) struct Ground {
    pub(super) table: Option<Table>,
    /// Nothing for a statement that is repeated.
    pub(super) keyset: Option<Keyset>,
}

impl<S> Job<'_, S> {
    pub(in crate::run) fn which(&self) -> Which<'_> {
        Which::of(self.script, self.movement)
    }

    /// What the ledger has of this section.
    pub(super) async fn state(&self) -> Result<Option<State>, ApplyError> {
        batch::find(self.session, self.which())
            .await
            .map_err(|failure| self.broken(failure))
    }

    /// The checksum of this very section, which for a way back is not the script's.
    pub(in crate::run) fn canonical(&self) -> String {
        canonical(self.script, self.section)
    }

    pub(super) fn registration(&self) -> String {
        let schema = self.session.ledger_schema();
        batch::registration(schema, self.which(), self.batch, &self.canonical())
    }

    pub(super) fn statement(&self) -> &str {
        let (text, statements) = self.parts();
        let span = statements.first().map(|one| one.span.clone());
        span.and_then(|span| text.get(span)).unwrap_or_default()
    }

    /// What runs: the text and its statements.
    fn parts(&self) -> (&str, &[Statement]) {
        match self.rendered {
            Some(rendered) => (&rendered.text, &rendered.statements),
            None => (&self.script.text, &self.section.statements),
        }
    }

    /// Undoes what others did to the session.
    pub(super) async fn reset(&self) -> Result<(), ApplyError> {
        let reset = self.session.reset();
        let sent = self.session.client().batch_execute(reset).await;
        sent.map_err(|error| self.broken(error.into()))
    }

    /// Takes the values of placeholders out of what the server says. `commit` may quote them too.
    pub(super) fn redact(&self, refusal: &mut Refusal) {
        placeholder::redact(self.context.config, self.script, refusal);
    }

    /// Looks up what the batches run over, and refuses a key that would not do.
    pub(super) async fn ground(&self) -> Result<Ground, ApplyError> {
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
        let table = keyset::table(self.session, name).await.map_err(broken)?;
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

    /// Opens a batch's transaction. The section's own timeouts win, but none waits without end.
    pub(super) fn begin(&self) -> String {
        let options = &self.section.options;
        let limit = self.batch.target.as_millis() * u128::from(STATEMENT_TIMEOUT);
        let lock_timeout = own_lock_timeout(options).unwrap_or(LOCK_TIMEOUT);
        format!(
            "begin isolation level read committed read write; \
             set local statement_timeout = '{limit}ms'; {}{PLAIN_TEXT}",
            timeouts(Some(lock_timeout), Some(options), "set local")
        )
    }

    /// Does not begin what a signal would interrupt at once. What is returned then is never told:
    /// the signal is.
    pub(super) fn go_on(&self) -> Result<(), ApplyError> {
        let stopped = |error: crate::error::Error| self.broken(Failure::Lost(error.to_string()));
        self.context.go_on().map_err(stopped)
    }

    /// Waits, and sees a signal soon.
    pub(super) async fn nap(&self, time: Duration) -> Result<(), ApplyError> {
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

    pub(super) async fn refuse_endless(&self, repetitions: u64) -> Result<(), ApplyError> {
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
    pub(super) fn place(&self, offset: Option<usize>) -> Place {
        section::place(self.script, self.section, 0, offset)
    }

    /// A failure with the byte of the script that the server points at.
    pub(super) fn located(&self, failure: Failure, filled: &Filled) -> Trouble {
        let position = failure.refusal().and_then(|refusal| refusal.position);
        let start = self.parts().1.first().map(|one| one.span.start);
        let offset = position.zip(start).map(|(position, start)| {
            let characters = usize::try_from(position).unwrap_or(1).saturating_sub(1);
            let offset = filled.text.char_indices().nth(characters);
            let offset = offset.map_or(filled.text.len(), |(offset, _)| offset);
            let offset = start + filled.origin(offset);
            self.rendered
                .map_or(offset, |rendered| rendered.origin(offset))
        });
        Trouble::Failure(failure, offset)
    }

    /// What the server refused was castoff's own question, or the user's query for a pause.
    pub(super) async fn failed_outside(&self, failure: Failure) -> ApplyError {
        let mut refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Lost(_) | Failure::Protocol(_) => return self.broken(failure),
        };
        self.redact(&mut refusal);
        let (which, size, error) = (self.which(), self.batch.size, refusal.to_string());
        let written = batch::trouble(self.session, which, true, 0, size, &error).await;
        if let Err(failure) = written {
            return self.broken(failure);
        }
        let place = self.place(None).with_note("asking whether to pause");
        self.failed(refusal, place).await
    }

    /// A batch failed for good.
    pub(super) async fn failed(&self, refusal: Box<Refusal>, place: Place) -> ApplyError {
        let state = match self.state().await {
            Ok(state) => state,
            Err(error) => return error,
        };
        let (batches, rows) = state.map_or((0, 0), |state| (state.batches, state.rows));
        BatchError::Failed {
            revision: self.script.id.clone(),
            place: Box::new(place),
            batches,
            rows,
            deferred: self.batch.deferred,
            refusal,
        }
        .into()
    }

    pub(super) async fn aborted_now(&self) -> Result<BatchError, ApplyError> {
        let lost = || self.fenced(FenceError::LedgerMoved);
        let state = self.state().await?.ok_or_else(lost)?;
        Ok(self.aborted(&state))
    }

    pub(super) fn aborted(&self, state: &State) -> BatchError {
        BatchError::Aborted {
            revision: self.script.id.clone(),
            batches: state.batches,
            rows: state.rows,
        }
    }

    pub(in crate::run) fn edited(&self, state: &State) -> BatchError {
        BatchError::Edited {
            revision: self.script.id.clone(),
            place: Box::new(Place::file(&self.script.path)),
            batches: state.batches,
        }
    }

    pub(in crate::run) fn broken(&self, failure: Failure) -> ApplyError {
        ApplyError::Broken {
            revision: self.script.id.clone(),
            failure,
        }
    }

    pub(super) fn fenced(&self, fence: FenceError) -> ApplyError {
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
pub(in crate::run) fn canonical(script: &Script, section: &Section) -> String {
    let raw = script.checksums.raw;
    let sums = Checksums::of(raw, &script.text, &section.options, &section.statements);
    // The file was split by the same lexer, so nothing in it is left open.
    sums.map_or_else(|_| String::new(), |sums| sums.canonical.to_string())
}
