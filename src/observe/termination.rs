//! The error that ended castoff, where Kubernetes looks for it: a pod's status then says in one line
//! what happened, without anybody reading logs.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::error::Error;

/// Kubernetes' own default for a container's `terminationMessagePath`. The file is there in every
/// container of a pod.
const DEFAULT: &str = "/dev/termination-log";

/// Kubernetes reads no more of it.
const MOST: usize = 4096;

/// Where the last line goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TerminationLog {
    /// Kubernetes' own file, if it is there.
    #[default]
    Default,
    /// A file that somebody named.
    Named(PathBuf),
    /// Nowhere: somebody asks something in a container whose end is not castoff's.
    Nowhere,
}

impl TerminationLog {
    /// The log of a command, by what was said about it.
    pub fn of(is_watched: bool, named: Option<PathBuf>) -> Self {
        match named {
            _ if !is_watched => Self::Nowhere,
            Some(path) => Self::Named(path),
            None => Self::Default,
        }
    }

    /// Writes the error that ends castoff. Only about a file that somebody named is it worth a word that
    /// it cannot be written.
    pub fn tell(&self, error: &Error) {
        let (code, message) = (error.code(), error.in_one_line());
        let line = format!("error[{code}]: {message}; help: {}", error.help());
        let written = self.write(&line);
        if let (Self::Named(path), Err(error)) = (self, written) {
            let path = path.display().to_string();
            warn!(
                event = "not-written",
                path, "`{path}` cannot be written: {error}"
            );
        }
    }

    /// Writes a line.
    pub fn write(&self, line: &str) -> io::Result<()> {
        match self {
            // It is never made: where it is not there, nobody reads it.
            Self::Default => put(Path::new(DEFAULT), line, false),
            Self::Named(path) => put(path, line, true),
            Self::Nowhere => Ok(()),
        }
    }
}

/// Written over and not replaced: in a container the file is a mount.
fn put(path: &Path, line: &str, make: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(make)
        .truncate(true)
        // Nor is a pipe waited for that nobody reads.
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)?;
    file.write_all(fitting(line).as_bytes())
}

/// The line with its end, as much of it as is read, cut between two characters.
fn fitting(line: &str) -> String {
    let line = line.replace('\n', " ");
    let end = line.floor_char_boundary(MOST - 1);
    format!("{}\n", &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_two_characters() {
        assert_eq!(fitting("a\nb"), "a b\n");
        let check = |text: &str, expected: usize| {
            let line = fitting(text);
            assert_eq!(line.len(), expected);
            assert!(text.starts_with(line.trim_end()));
        };
        check(&"x".repeat(4095), 4096);
        check(&"x".repeat(5000), 4096);
        check(&format!("x{}", "ä".repeat(3000)), 4096);
        check(&"ä".repeat(3000), 4095);
        check(&"😀".repeat(3000), 4093);
    }

    #[test]
    fn only_a_file_that_was_named_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        assert!(put(&path, "x", false).is_err());
        assert!(!path.exists());
        put(&path, "longer", true).unwrap();
        put(&path, "x", false).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }
}
