//! SQL as text: where statements begin and end, what they are, how names and values are quoted.
//!
//! Pure, and no parser: PostgreSQL is the parser of record. This room knows only as much of the
//! language as PostgreSQL's own lexer does, so that a script falls into the statements the server
//! would see.

pub mod canonical;
pub mod classify;
pub mod destructive;
pub mod effect;
pub mod enum_value;
pub mod guard;
pub mod ident;
pub mod lexer;
pub mod split;
pub mod split_error;
pub mod strings;
pub mod targets;
pub mod variable;

#[cfg(test)]
mod properties;
