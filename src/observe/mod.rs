//! The files that castoff keeps for those who look from outside: the status, the metrics, and the
//! error that ended it. None of them is worth a failure: a start goes on without.
//!
//! The first two are written by a thread of their own. A disk that does not answer, or a network's
//! file system, must not hold up a migration that has locks; and whoever writes late writes the newest.

pub mod file;
pub mod process;
pub mod termination;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::SigSet;
use tracing::{debug, warn};

use crate::cli::Command;
use crate::config::observed::Observed;
use crate::status::Status;
use crate::status::board::Board;
use crate::status::document::{Document, Identity};
use crate::status::metrics;
use crate::status::phase::{self, Phase};

/// How often progress is written.
const PROGRESS: Duration = Duration::from_secs(1);

/// The status is written again after so long even if nothing is new: an older one that is not at an end
/// is of a castoff that was killed.
const ALIVE: Duration = Duration::from_secs(10);

/// What the last write may take before castoff goes on without it.
const SETTLE: Duration = Duration::from_secs(2);

/// Whether a command is a container's life, or a part of it: the others are asked by people, in a
/// container whose files are not theirs.
pub fn is_watched(command: &Command) -> bool {
    match command {
        Command::Run(_) | Command::Supervise(_) | Command::Wait(_) => true,
        Command::Upgrade(arguments) => !arguments.sql,
        Command::Downgrade(arguments) => !arguments.sql,
        Command::Backfill(arguments) => arguments.action.is_none(),
        Command::Status(_)
        | Command::Plan(_)
        | Command::Diff(_)
        | Command::Migrate(_)
        | Command::Check(_)
        | Command::Stamp(_)
        | Command::Repair(_)
        | Command::Resolve(_)
        | Command::Current(_)
        | Command::History(_)
        | Command::Heads(_)
        | Command::Branches(_)
        | Command::Show(_)
        | Command::Revision(_)
        | Command::Merge(_)
        | Command::Rebase(_)
        | Command::Squash(_)
        | Command::Init(_)
        | Command::Bundle(_)
        | Command::Completions(_)
        | Command::Man => false,
    }
}

/// The same by the words of a command line that cannot be read.
pub fn is_watched_word(arguments: &[OsString]) -> bool {
    const WATCHED: [&str; 6] = [
        "run",
        "supervise",
        "wait",
        "upgrade",
        "downgrade",
        "backfill",
    ];
    let own = arguments.iter().take_while(|word| *word != "--");
    own.filter_map(|word| word.to_str())
        .any(|word| WATCHED.contains(&word))
}

/// Keeps the files that were asked for, from the first phase on, until castoff ends or becomes the
/// server.
pub fn keep(observed: &Observed, board: &Board) {
    if observed.status_file.is_some() || observed.metrics_file.is_some() {
        let observed = observed.clone();
        board.is_followed(move |board| begin(observed, board));
    }
}

fn begin(observed: Observed, board: &Board) {
    let keeper = Keeper {
        status_file: observed.status_file.map(Kept::new),
        metrics_file: observed.metrics_file.map(Kept::new),
        process: process::this(),
    };
    let follower = board.clone();
    // A signal belongs to the thread that waits for it, which must be the first one.
    let mask = SigSet::thread_get_mask();
    SigSet::all().thread_set_mask().ok();
    let thread = std::thread::Builder::new().name("observe".to_owned());
    let spawned = thread.spawn(move || keeper.run(&follower));
    if let Ok(mask) = mask {
        mask.thread_set_mask().ok();
    }
    if let Err(error) = spawned {
        board.is_not_followed();
        warn!(
            event = "not-written",
            "the status file and the metrics file are not written: {error}"
        );
    }
}

/// castoff did what it was asked, and ends. A command that met no database has no phases to tell.
pub fn end(board: &Board) {
    if board.status().phase != Phase::Starting {
        phase::enter(Phase::Done);
        settle(board);
    }
}

/// Gives the files the time to be written for the last time, before this process ends or is another.
pub fn settle(board: &Board) {
    if !board.settle(SETTLE) {
        warn!(
            event = "not-written",
            "the status file or the metrics file is not written yet: going on without"
        );
    }
}

/// What the thread has.
struct Keeper {
    status_file: Option<Kept>,
    metrics_file: Option<Kept>,
    process: Identity,
}

/// A file that is kept.
struct Kept {
    path: PathBuf,
    /// Whether it was said that it cannot be written.
    is_told: bool,
}

impl Keeper {
    fn run(mut self, board: &Board) {
        self.leave_to_others();
        if self.status_file.is_none() && self.metrics_file.is_none() {
            board.is_not_followed();
            return;
        }
        let mut seen = None;
        loop {
            let (status, now_seen) = board.follow(seen, PROGRESS, ALIVE);
            self.write(&status);
            seen = Some(now_seen);
        }
    }

    /// Gives up a file that another process keeps.
    fn leave_to_others(&mut self) {
        if let Some(kept) = &self.status_file
            && let Some(other) = file::keeper_of(&kept.path, &self.process)
        {
            debug!(
                "the status file {} is kept by process {}, and left to it",
                kept.path.display(),
                other.pid
            );
            self.status_file = None;
        }
    }

    /// Writes what is due.
    fn write(&mut self, status: &Status) {
        let now = Instant::now();
        if let Some(kept) = &mut self.status_file {
            let document = Document::of(status, &self.process, now, SystemTime::now());
            kept.write(&document.text(), &self.process);
        }
        // A scrape of what is not over yet is the holding page's.
        if let Some(kept) = &mut self.metrics_file
            && status.phase.is_last()
        {
            kept.write(&metrics::render(status, now), &self.process);
        }
    }
}

impl Kept {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            is_told: false,
        }
    }

    /// Writes it. That it cannot be written is told once; a disk that is full may have room again.
    fn write(&mut self, text: &str, process: &Identity) {
        let Err(error) = file::replace(&self.path, text.as_bytes(), process) else {
            return;
        };
        if self.is_told {
            return;
        }
        self.is_told = true;
        let path = self.path.display().to_string();
        warn!(
            event = "not-written",
            path, "`{path}` cannot be written: {error}"
        );
    }
}
