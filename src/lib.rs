//! castoff waits for PostgreSQL, applies embedded migrations under an advisory lock, and becomes
//! the web server.
//!
//! The modules in reading order: what the user said ([`cli`], [`config`]), what the files say
//! ([`place`], [`revision`], [`sql`]; read by [`bundle`] and [`migrations`]), what the database
//! says ([`database`]), what happens ([`run`], [`command`], [`supervise`]), what is told ([`error`],
//! [`event`], [`report`], [`status`], [`observe`]; asked from outside, [`health`]).

// What the fuzz target checks is checked by the tests too, where the crate has no name otherwise.
#[cfg(test)]
extern crate self as castoff;

pub mod cli;
pub mod config;

pub mod place;
pub mod revision;
pub mod sql;

pub mod bundle;
pub mod migrations;

pub mod database;

pub mod command;
pub mod run;
pub mod schema;
pub mod scratch;
pub mod supervise;

pub mod error;
pub mod event;
pub mod health;
pub mod observe;
pub mod report;
pub mod status;
