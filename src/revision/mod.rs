//! The migrations as values: what a file says, how files form a graph, what a target means.
//!
//! Pure: no file is opened here, no clock read, no database asked.

pub mod checksum;
pub mod history;
pub mod id;
pub mod plan;
pub mod script;
pub mod target;
