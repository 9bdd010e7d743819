//! A directory and the server in it that cannot outlive the test process, not even after
//! `kill -9`: a small shell process holds both and cleans up when its pipe closes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use nix::sys::statvfs::statvfs;
use nix::unistd::{User, geteuid};

/// Directories of server binaries, as Debian and the others install them.
const INSTALLED: &str = "/usr/lib/postgresql";

/// Files in memory: a new database is some 300 of them, and most of what a test costs on a disk.
const IN_MEMORY: &str = "/dev/shm";

/// The room in memory, in bytes, from which it is used: several servers at once with their logs.
const ROOM: u64 = 4 << 30;

/// The shell process, and the pipes to it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    directory: PathBuf,
    child: Child,
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Supervisor {
    /// Makes a directory that the server may write to.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("castoff-test-")
            .tempdir_in(place())
            .unwrap()
            .keep();
        if let Some((uid, gid)) = unprivileged() {
            chown(&directory, Some(uid), Some(gid)).unwrap();
        }
        let mut child = as_server(Command::new("/bin/sh"))
            .args(["-c", include_str!("supervisor.sh"), "sh"])
            .arg(&directory)
            .arg(binaries().join("postgres"))
            .current_dir("/")
            // Ctrl-C reaches the test process alone; this one follows when the pipe closes.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.join("supervisor.log")).unwrap())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            directory,
            child,
            pipes: Mutex::new(Some((stdin, stdout))),
        }
    }

    /// The directory. `data` in it belongs to the server, `log` is its log.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The supervisor's own process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says a word and returns the answer.
    pub(crate) fn say(&self, word: &str) -> String {
        let mut pipes = self.pipes.lock().unwrap();
        let (stdin, stdout) = pipes.as_mut().expect("the pipes are closed by drop only");
        writeln!(stdin, "{word}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the supervisor is gone");
        answer.trim_end().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.pipes.get_mut().ok().and_then(Option::take));
        self.child.wait().ok();
    }
}

/// Where servers have their files: in memory where there is room.
fn place() -> PathBuf {
    let room = statvfs(IN_MEMORY).map_or(0, |memory| {
        memory.blocks_available() * memory.fragment_size()
    });
    if room >= ROOM {
        IN_MEMORY.into()
    } else {
        std::env::temp_dir()
    }
}

/// Makes a command run as the server's user.
pub(crate) fn as_server(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C");
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Who runs the servers when root runs the tests: initdb and postgres refuse root.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let user = |name| {
        User::from_name(name)
            .unwrap()
            .map(|user| (user.uid, user.gid))
    };
    let (uid, gid) = user("postgres")
        .or_else(|| user("nobody"))
        .expect("nobody exists");
    Some((uid.as_raw(), gid.as_raw()))
}

/// The server binaries under test.
pub(crate) fn binaries() -> &'static Path {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own setting, not castoff's"
    )]
    let find = || match std::env::var_os("CASTOFF_TEST_PG_BIN") {
        Some(directory) => PathBuf::from(directory),
        None => newest(Path::new(INSTALLED)),
    };
    BINARIES.get_or_init(|| {
        let directory = find();
        let initdb = directory.join("initdb");
        assert!(
            initdb.exists(),
            "no {}: see tests/postgres.sh",
            initdb.display()
        );
        directory
    })
}

fn newest(installed: &Path) -> PathBuf {
    let entries = installed.read_dir().into_iter().flatten().flatten();
    let majors = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let newest = majors
        .max()
        .expect("install postgresql, or set CASTOFF_TEST_PG_BIN");
    installed.join(newest.to_string()).join("bin")
}
