//! castoff as its users meet it: the whole binary against real PostgreSQL servers, never a mock.
//!
//! One binary, so that all tests share one server and link once. `CASTOFF_TEST_PG_BIN` names the
//! directory of the server binaries; `tests/matrix.sh` runs everything on each major.

#![allow(
    clippy::too_many_lines,
    reason = "a test is as long as the snapshots it shows"
)]

// `cfg(test)` holds anyway; it tells clippy that the helpers may unwrap as tests may.
#[cfg(test)]
mod backfill;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bad_settings;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod bundle;
#[cfg(test)]
mod check;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod compared;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod confinement;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod destructive;
#[cfg(test)]
mod diff_kinds;
#[cfg(test)]
mod diff_random;
#[cfg(test)]
mod diff_rows;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod drawing;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod events;
#[cfg(test)]
mod exec;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod half_done;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hazards;
#[cfg(test)]
mod help;
#[cfg(test)]
mod holding;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod init;
#[cfg(test)]
mod init_exit;
#[cfg(test)]
mod init_inherited;
#[cfg(test)]
mod init_reaping;
#[cfg(test)]
mod init_rows;
#[cfg(test)]
mod init_signals;
#[cfg(test)]
mod init_terminal;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod listings;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod migrate_generated;
#[cfg(test)]
mod newer;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod online;
#[cfg(test)]
mod online_rows;
#[cfg(test)]
mod page;
#[cfg(test)]
mod placeholders;
#[cfg(test)]
mod pooler;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod progress;
#[cfg(test)]
mod race;
#[cfg(test)]
mod random_schema;
#[cfg(test)]
mod rebase;
#[cfg(test)]
mod rename;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod role;
#[cfg(test)]
mod seams;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod splitter;
#[cfg(test)]
mod squash;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod story;
#[cfg(test)]
mod supervise;
#[cfg(test)]
mod support;
#[cfg(test)]
mod switchover;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod throttle;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod together;
#[cfg(test)]
mod wait;
#[cfg(test)]
mod wait_exec;
#[cfg(test)]
mod wait_for;
#[cfg(test)]
mod wait_order;
#[cfg(test)]
mod wait_revision;
#[cfg(test)]
mod way_back;
