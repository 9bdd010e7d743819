//! How far a section is, counted by castoff itself: statements that were answered, and bytes of
//! `copy … from stdin` that were sent. The server need not be asked.

use super::progress::{Progress, Teller};
use crate::database::working::Unit;

/// Counts what is done of a section.
#[derive(Debug)]
pub struct Meter {
    progress: Progress,
    done: u64,
    teller: Teller,
}

impl Meter {
    /// For a section of so many statements. `what` names it.
    pub fn new(what: &str, statements: usize) -> Self {
        let (progress, teller) = start(what, statements, Unit::Statements);
        Self {
            progress,
            done: 0,
            teller,
        }
    }

    /// Another statement is done. Of a single one there is nothing to tell.
    pub fn statement(&mut self) {
        self.done += 1;
        self.progress.done = Some(self.done);
        if self.progress.total > Some(1) {
            self.teller.tell(&self.progress);
        }
    }

    /// Starts counting the bytes that the statement under way sends.
    pub fn copy(&self, bytes: usize) -> Sending {
        let what = match self.progress.total {
            Some(total) if total > 1 => {
                let statement = self.done + 1;
                format!("{}: copy in statement {statement}", self.progress.what)
            }
            _ => format!("{}: copy", self.progress.what),
        };
        let (progress, teller) = start(&what, bytes, Unit::Bytes);
        Sending {
            progress,
            sent: 0,
            teller,
        }
    }
}

/// Counts the bytes of one `copy … from stdin`.
#[derive(Debug)]
pub struct Sending {
    progress: Progress,
    sent: u64,
    teller: Teller,
}

impl Sending {
    /// So many more were sent. The server takes them as fast as it stores rows, but for what is
    /// under way.
    pub fn sent(&mut self, bytes: usize) {
        self.sent += count(bytes);
        self.progress.done = Some(self.sent);
        self.teller.tell(&self.progress);
    }
}

fn start(what: &str, total: usize, unit: Unit) -> (Progress, Teller) {
    let progress = Progress {
        what: what.to_owned(),
        done: Some(0),
        total: Some(count(total)),
        unit,
    };
    let teller = Teller::new(&progress);
    (progress, teller)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
