//! The migrations as values: what a file says, how files form a graph, what a target means.
//!
//! Pure: no file is opened here, no clock read, no database asked.

pub mod checksum;
pub mod diagram;
pub mod drawing;
pub mod guard;
pub mod history;
pub mod history_error;
pub mod id;
pub mod mend;
pub mod plan;
pub mod plan_error;
pub mod range;
pub mod rebase;
pub mod rebase_error;
pub mod script;
pub mod squash;
pub mod squash_error;
pub mod stamp;
pub mod standing;
pub mod target;
pub mod walk;

mod blame;
mod connect;
mod labels;
mod locate;
mod names;
mod nearest;
mod order;

#[cfg(test)]
mod random;
#[cfg(test)]
mod sketch;
