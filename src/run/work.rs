//! One step of a plan with all that running it needs, and the errors it can end with.

use super::Context;
use super::apply::ApplyError;
use super::retry::Spent;
use super::section::{self, StatementFailure};
use crate::config::Config;
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::{Move, Movement, Operator, Outcome, Record};
use crate::database::session::{Locked, Session};
use crate::database::side::Side;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::plan::Step;
use crate::revision::script::{Script, Section, SectionOptions};
use crate::sql::split::Statement;

/// One step, looked at from all sides.
pub(super) struct Work<'a> {
    /// Everything castoff was told.
    pub(super) config: &'a Config,
    /// The session that does the work.
    pub(super) session: &'a Session<Locked>,
    /// A way to look at that session from outside.
    pub(super) side: Option<&'a Side>,
    /// Who does it, for the record.
    pub(super) operator: Operator,
    /// The file.
    pub(super) script: &'a Script,
    /// Which of its sections.
    pub(super) movement: Movement,
    /// The section; nothing when there is no SQL to run.
    pub(super) section: Option<&'a Section>,
    /// The rows of the ledger that the step moves.
    pub(super) rows: Move,
}

impl<'a> Work<'a> {
    pub(super) fn of(
        context: &Context<'a>,
        session: &'a Session<Locked>,
        side: Option<&'a Side>,
        history: &History,
        step: &Step<'a>,
    ) -> Self {
        let script = step.script;
        let (movement, section) = section::of_step(step);
        Self {
            config: context.config,
            session,
            side,
            operator: context.operator(),
            script,
            movement,
            section,
            rows: Move::of(history, &step.leaves, &step.enters),
        }
    }

    pub(super) fn record(&self, outcome: Outcome, last_statement: usize) -> Record<'a> {
        Record::of(self.script, self.movement, outcome, last_statement)
    }

    pub(super) fn section_parts(&self) -> (&'a str, &'a [Statement]) {
        self.section.map_or(("", &[]), |section| {
            (self.script.text.as_str(), &section.statements)
        })
    }

    pub(super) fn place(&self, index: usize, offset: Option<usize>) -> Place {
        match self.section {
            Some(section) => section::place(self.script, section, index, offset),
            None => Place::file(&self.script.path),
        }
    }

    pub(super) fn failed(&self, failure: StatementFailure) -> ApplyError {
        let StatementFailure {
            index,
            offset,
            failure,
        } = failure;
        self.rolled_back(self.place(index, offset), failure)
    }

    /// A deferred constraint, or the ledger, refused when all statements were done.
    pub(super) fn failed_as_a_whole(&self, failure: Failure) -> ApplyError {
        self.rolled_back(
            Place::file(&self.script.path).with_note("at commit"),
            failure,
        )
    }

    pub(super) fn rolled_back(&self, place: Place, failure: Failure) -> ApplyError {
        match failure {
            Failure::Refused(refusal) => ApplyError::RolledBack {
                revision: self.script.id.clone(),
                movement: self.movement,
                place: Box::new(place),
                refusal,
            },
            Failure::Lost(_) | Failure::Protocol(_) => self.broken(failure),
        }
    }

    /// The error of a step whose last attempt ended with `last`, the refusal of a lock.
    pub(super) fn busy(&self, last: ApplyError, spent: Spent) -> ApplyError {
        let (place, refusal) = match last {
            ApplyError::RolledBack { place, refusal, .. } => (place, refusal),
            ApplyError::Broken {
                failure: Failure::Refused(refusal),
                ..
            } => {
                let place = Place::file(&self.script.path).with_note("in the ledger");
                (Box::new(place), refusal)
            }
            last @ (ApplyError::Broken { .. }
            | ApplyError::Stopped { .. }
            | ApplyError::EditedHalfWay { .. }
            | ApplyError::Fenced { .. }
            | ApplyError::LockBusy { .. }) => return last,
        };
        ApplyError::LockBusy {
            revision: self.script.id.clone(),
            movement: self.movement,
            place,
            attempts: spent.attempts,
            after: spent.after,
            blockers: spent.blockers,
            refusal,
        }
    }

    pub(super) fn stopped(
        &self,
        done: usize,
        offset: Option<usize>,
        failure: Failure,
    ) -> ApplyError {
        match failure {
            Failure::Refused(refusal) => ApplyError::Stopped {
                revision: self.script.id.clone(),
                movement: self.movement,
                place: Box::new(self.place(done, offset)),
                done,
                statements: self.section_parts().1.len(),
                refusal,
            },
            Failure::Lost(_) | Failure::Protocol(_) => self.broken(failure),
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

    pub(super) fn broken(&self, failure: Failure) -> ApplyError {
        ApplyError::Broken {
            revision: self.script.id.clone(),
            failure,
        }
    }
}

pub(super) fn timeouts(options: Option<&SectionOptions>, set: &str) -> String {
    options.map_or_else(String::new, |options| section::timeouts(options, set))
}
