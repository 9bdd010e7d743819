//! The database as castoff meets it: where it is, how to reach it, and what it answers.
//!
//! In reading order: what the user gave ([`url`], [`keyword_value`], [`service`], [`passfile`],
//! each checked against the table in [`parameters`] and laid over each other by [`settings`])
//! becomes one [`conninfo::Conninfo`]. [`connect::attempt`] makes a [`connect::Link`] of it,
//! encrypted by [`encryption`], [`tls`] and [`verifier`] as [`tls_options`] say;
//! [`connect_error`] says why not, and whether to try again. A [`session::Session`] works on that
//! connection, under the lock or not; [`ledger`] is what it reads and records, and [`failure`] why
//! the server did not do it. A [`side::Side`] looks at a session that is busy, and a
//! [`blocker::Blocker`] is what keeps it so.

pub mod conninfo;
pub mod conninfo_error;
pub mod keyword_value;
pub mod malformed;
pub mod parameters;
pub mod passfile;
pub mod secret;
pub mod service;
pub mod settings;
pub mod tls_options;
pub mod url;
pub mod values;

pub mod connect;
pub mod connect_error;
pub mod encryption;
pub mod greeting;
pub mod login_failure;
pub mod old_certificate;
pub mod patient;
pub mod sqlstate;
pub mod suitability;
pub mod tls;
pub mod verifier;

pub mod batch;
pub mod blocker;
pub mod failure;
pub mod keyset;
pub mod ledger;
pub mod progress;
pub mod record;
pub mod sample;
pub mod session;
pub mod side;
pub mod working;
