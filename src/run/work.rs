//! One step of a plan with all that running it needs, and the errors it can end with.

use super::apply::{ApplyError, HalfWayEdit, Remains};
use super::meter::Meter;
use super::probe::Doubt;
use super::retry::Spent;
use super::section::{self, StatementFailure};
use super::{Context, placeholder};
use crate::config::Config;
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::{Move, Movement, Operator, Outcome, Record};
use crate::database::session::{Locked, Session};
use crate::database::side::Side;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::plan::Step;
use crate::revision::script::placeholder::Rendered;
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
    /// The section with the values of its placeholders, if it has any.
    pub(super) rendered: Option<Rendered>,
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
            rendered: section
                .and_then(|section| placeholder::render(context.config, script, section)),
            rows: Move::of(history, &step.leaves, &step.enters),
        }
    }

    /// Counts what is done of so many statements.
    pub(super) fn meter(&self, statements: usize) -> Meter {
        let what = format!("{} {}", self.movement.as_str(), self.script.id);
        Meter::new(&what, statements)
    }

    pub(super) fn record(&self, outcome: Outcome, last_statement: usize) -> Record<'a> {
        Record::of(self.script, self.movement, outcome, last_statement)
    }

    /// What runs: the text and its statements, with the values of placeholders.
    pub(super) fn section_parts(&self) -> (&str, &[Statement]) {
        match &self.rendered {
            Some(rendered) => (&rendered.text, &rendered.statements),
            None => self.written_parts(),
        }
    }

    /// The same as the file has it, and as it is recorded.
    pub(super) fn written_parts(&self) -> (&'a str, &'a [Statement]) {
        self.section.map_or(("", &[]), |section| {
            (self.script.text.as_str(), &section.statements)
        })
    }

    /// The place of a statement in the file; `offset` is a byte in what runs.
    pub(super) fn place(&self, index: usize, offset: Option<usize>) -> Place {
        let in_file = |offset| match &self.rendered {
            Some(rendered) => rendered.origin(offset),
            None => offset,
        };
        let offset = offset.map(in_file);
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
        match self.without_values(failure) {
            Failure::Refused(refusal) => ApplyError::RolledBack {
                revision: self.script.id.clone(),
                movement: self.movement,
                place: Box::new(place),
                refusal,
            },
            failure @ (Failure::Lost(_) | Failure::Protocol(_)) => self.broken(failure),
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
            | ApplyError::InDoubt { .. }
            | ApplyError::Interrupted { .. }
            | ApplyError::Batch(_)
            | ApplyError::Placeholder(_)
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
        self.stopped_with(Remains::Nothing, done, offset, failure)
    }

    /// The statement that failed may have committed a part of its work.
    pub(super) fn stopped_in_part(
        &self,
        done: usize,
        offset: Option<usize>,
        failure: Failure,
    ) -> ApplyError {
        self.stopped_with(Remains::Unknown, done, offset, failure)
    }

    fn stopped_with(
        &self,
        remains: Remains,
        done: usize,
        offset: Option<usize>,
        failure: Failure,
    ) -> ApplyError {
        let revision = self.script.id.clone();
        let movement = self.movement;
        let place = Box::new(self.place(done, offset));
        let statements = self.section_parts().1.len();
        match self.without_values(failure) {
            Failure::Refused(refusal) => ApplyError::Stopped {
                revision,
                movement,
                place,
                done,
                statements,
                remains,
                refusal,
            },
            failure @ (Failure::Lost(_) | Failure::Protocol(_)) => ApplyError::Interrupted {
                revision,
                movement,
                place,
                done,
                statements,
                failure,
            },
        }
    }

    pub(super) fn in_doubt(&self, done: usize, mut doubt: Doubt) -> ApplyError {
        if let Doubt::Unseen(refusal) = &mut doubt {
            placeholder::redact(self.config, self.script, refusal);
        }
        ApplyError::InDoubt {
            revision: self.script.id.clone(),
            movement: self.movement,
            place: Box::new(self.place(done, None)),
            done,
            statements: self.section_parts().1.len(),
            doubt,
        }
    }

    pub(super) fn edited(&self, done: usize, edit: HalfWayEdit) -> ApplyError {
        ApplyError::EditedHalfWay {
            revision: self.script.id.clone(),
            edit,
            done,
            place: Box::new(Place::file(&self.script.path)),
        }
    }

    /// What the server says, without the values that it quotes.
    fn without_values(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(mut refusal) => {
                placeholder::redact(self.config, self.script, &mut refusal);
                Failure::Refused(refusal)
            }
            Failure::Lost(_) | Failure::Protocol(_) => failure,
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
            failure: self.without_values(failure),
        }
    }
}

pub(super) fn timeouts(options: Option<&SectionOptions>, set: &str) -> String {
    options.map_or_else(String::new, |options| section::timeouts(options, set))
}
