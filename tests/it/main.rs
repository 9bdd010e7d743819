//! castoff as its users meet it: the whole binary against real PostgreSQL servers, never a mock.
//!
//! One binary, so that all tests share one server and link once. `CASTOFF_TEST_PG_BIN` names the
//! directory of the server binaries; `tests/matrix.sh` runs everything on each major.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes its snapshots with them"
)]

// `cfg(test)` holds anyway; it tells clippy that the helpers may unwrap as tests may.
#[cfg(test)]
mod exec;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod race;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod support;
#[cfg(test)]
mod wait;
