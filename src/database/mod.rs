//! The database as castoff meets it: where it is, how to reach it, and what it answers.
//!
//! In reading order: what the user gave ([`url`], [`keyword_value`], [`service`], [`passfile`],
//! each checked against the table in [`parameters`] and laid over each other by [`settings`])
//! becomes one [`conninfo::Conninfo`].

pub mod conninfo;
pub mod conninfo_error;
pub mod keyword_value;
pub mod malformed;
pub mod parameters;
pub mod passfile;
pub mod secret;
pub mod service;
pub mod settings;
pub mod sqlstate;
pub mod tls_options;
pub mod url;
pub mod values;
