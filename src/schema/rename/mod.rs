//! What has another name now. Nobody can tell a rename from a drop and a new thing by looking at
//! two schemas, so somebody has to say it: on the command line ([`wish`]), in a comment of the
//! declared schema ([`annotation`]), or when asked about what may be one ([`candidate`]).
//!
//! [`plan`] finds what is meant in both schemas and puts the renames in an order, [`words`] writes
//! them. They are carried out on a copy of the old schema by the server, which carries the name
//! through everything that uses it. Pure, all of it.

pub mod annotation;
pub mod candidate;
pub mod error;
pub mod item;
pub mod plan;
pub mod wish;
pub mod words;
