//! Any bytes, through the splitter and what works on its statements.
//!
//! `cargo +nightly fuzz run split -- -dict=fuzz/sql.dict`

#![no_main]

#[path = "../invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    invariants::hold_for_bytes(bytes);
});
