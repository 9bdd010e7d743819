//! The status, shared between the thread that works and those that answer for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Status;
use super::phase::Phase;
use crate::event::Fields;

/// Always has the present status: it follows the story.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<Status>>);

impl Board {
    /// castoff has just begun.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Status::new(Instant::now()))))
    }

    /// The status at this moment.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Enters a phase that is nobody's to tell any more.
    pub fn enter(&self, phase: Phase) {
        self.lock().enter(phase, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Subscriber> Layer<S> for Board {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.lock().observe(&Fields::of(event), Instant::now());
    }
}
