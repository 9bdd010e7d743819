//! A database's schema as a value, and the way from one schema to another.
//!
//! [`catalog`] reads it with a fixed number of queries; everything behind it is pure: [`model`] what
//! there is, [`difference`] what has to change, [`order`] in which order, [`render`] in which words.
//! What PostgreSQL can print is never put together by hand: its own deparsers are the truth.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "there are more than forty kinds, and most places are about a few of them"
)]
#![expect(
    clippy::format_push_string,
    reason = "a statement is put together from words, once"
)]

pub mod acl;
pub mod baseline;
mod canonical;
pub mod catalog;
pub mod difference;
pub mod effect;
mod holder;
mod later;
pub mod links;
pub mod migration;
pub mod model;
pub mod names;
pub mod order;
mod part;
pub mod probe;
pub mod rename;
pub mod render;
mod shared;
pub mod statement;
