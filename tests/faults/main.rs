//! A campaign of faults: castoff is disturbed at a random byte of its conversation with the server,
//! hundreds of times, and after each the next start must reach what an undisturbed one reaches.
//!
//! ```sh
//! cargo test --test faults                                  # 60 faults
//! CASTOFF_FAULTS=5000 cargo test --test faults              # a soak
//! CASTOFF_FAULTS_SEED=7 CASTOFF_FAULTS_ONLY=123 cargo test --test faults   # one of them again
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program without the test harness, which cannot count what it does not know"
)]

mod chance;
mod fault;
mod proxy;
mod story;
mod trial;

#[expect(
    dead_code,
    reason = "shared with the other whole-binary tests, which use all of it"
)]
#[path = "../it/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chance::Chances;
use fault::Fault;
use trial::{Arena, Verdict};

/// Faults when nobody says how many.
const FEW: u64 = 60;

/// Campaigns at the same time, each with a server of its own.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    // `cargo test some_name` asks every test program for the tests of that name.
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let mut names = asked
        .iter()
        .filter(|word| !word.starts_with('-'))
        .peekable();
    let elsewhere = names.peek().is_some() && !names.any(|name| "faults".contains(name.as_str()));
    if elsewhere || asked.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    // Before any thread is there: the file systems of this campaign vanish with its processes.
    let disks = trial::own_mounts();
    if let Err(reason) = &disks {
        println!("SKIPPED: no full disks ({reason})");
    }
    let wanted = number("CASTOFF_FAULTS").unwrap_or(FEW);
    let seed = number("CASTOFF_FAULTS_SEED").unwrap_or_else(chance::fresh);
    let only = number("CASTOFF_FAULTS_ONLY");
    println!("{wanted} faults, seed {seed}");
    let began = Instant::now();
    let campaign = Campaign {
        seed,
        wanted,
        only,
        next: AtomicU64::new(only.unwrap_or(0)),
        met: AtomicU64::new(0),
        tally: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..if only.is_some() { 1 } else { WORKERS } {
            scope.spawn(|| campaign.work(disks.is_ok()));
        }
    });
    let tally = campaign.tally.into_inner().unwrap();
    for (fault, ends) in &tally.ends {
        let count: u64 = ends.values().sum();
        let ends: Vec<_> = ends
            .iter()
            .map(|(end, count)| format!("{end}: {count}"))
            .collect();
        println!("{fault}: {count} ({})", ends.join(", "));
    }
    println!(
        "{} came too late to disturb anything; {} s",
        tally.missed,
        began.elapsed().as_secs()
    );
    let met = campaign.met.into_inner();
    let short = only.is_none() && met < wanted;
    if short {
        println!("only {met} of {wanted} faults met castoff at work");
    }
    println!(
        "{} passed, {} failed",
        met - tally.failed,
        tally.failed + u64::from(short)
    );
    ExitCode::from(u8::from(tally.failed > 0 || short))
}

/// What all workers share.
struct Campaign {
    seed: u64,
    wanted: u64,
    only: Option<u64>,
    /// The number of the next trial.
    next: AtomicU64,
    /// Faults that met castoff at work.
    met: AtomicU64,
    tally: Mutex<Tally>,
}

/// What came out.
#[derive(Default)]
struct Tally {
    /// How castoff ended, by fault.
    ends: BTreeMap<&'static str, BTreeMap<String, u64>>,
    missed: u64,
    failed: u64,
}

impl Campaign {
    fn work(&self, disks: bool) {
        let mut arena = Arena::new();
        // Nearly every fault meets castoff; a campaign in which most do not shows nothing.
        while self.met.load(Ordering::SeqCst) < self.wanted {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if self.only.is_some_and(|only| number != only) || number > self.wanted * 3 {
                return;
            }
            let mut chances = Chances::new(self.seed, number);
            let fault = Fault::draw(&mut chances, disks);
            let trial = catch_unwind(AssertUnwindSafe(|| arena.trial(&mut chances, fault)));
            let mut tally = self.tally.lock().unwrap();
            match trial {
                Ok(Verdict::Missed) => tally.missed += 1,
                Ok(Verdict::Met { end }) => {
                    self.met.fetch_add(1, Ordering::SeqCst);
                    *tally
                        .ends
                        .entry(fault.name())
                        .or_default()
                        .entry(end)
                        .or_default() += 1;
                }
                Err(_) => {
                    self.met.fetch_add(1, Ordering::SeqCst);
                    tally.failed += 1;
                    println!(
                        "FAILED: {} (CASTOFF_FAULTS_SEED={} CASTOFF_FAULTS_ONLY={number})",
                        fault.name(),
                        self.seed
                    );
                    drop(tally);
                    arena = Arena::new();
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own settings, not castoff's"
)]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}
