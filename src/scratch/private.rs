//! A PostgreSQL server for one run of castoff, from the binaries of this machine: in a directory of
//! its own, on a socket in it, and gone with it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, User, geteuid};
use tracing::debug;

use super::error::ScratchError;
use super::{sweep, told};
use crate::database::conninfo::Sources;
use crate::error::Error;
use crate::run;
use crate::run::signal::Stop;

/// Where Debian has the binaries of each version.
const INSTALLED: &str = "/usr/lib/postgresql";

/// How long the server may take to open its socket, and to end.
const START: Duration = Duration::from_mins(1);
const END: Duration = Duration::from_secs(8);

/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_millis(5);

/// What the names of the directories begin with.
const PREFIX: &str = "castoff-scratch-";

/// After this time a directory whose maker does not run belongs to nobody: a process of another
/// container may share the directory for temporary files.
const OLD: Duration = Duration::from_hours(1);

/// A server that ends with the value. Must not be dropped inside a runtime.
pub(super) struct Private {
    server: Option<Child>,
    directory: PathBuf,
}

impl Private {
    /// Makes and starts one, of the wanted major version where there are several.
    pub(super) fn start(
        path: Option<&OsStr>,
        stop: &Stop,
        major: Option<u32>,
    ) -> Result<Self, Error> {
        sweep_directories();
        let Some(binaries) = binaries(path, major) else {
            let why = match major {
                Some(_) => {
                    "the role may not create databases, and `initdb` and `postgres` are not installed here"
                }
                None => {
                    "no database is configured, and `initdb` and `postgres` are not installed here"
                }
            };
            return Err(ScratchError::NoServer { why: why.into() }.into());
        };
        let owner = owner()?;
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random)
            .map_err(|error| Error::System(io::Error::other(error.to_string())))?;
        let name = format!(
            "{PREFIX}{}-{:08x}",
            std::process::id(),
            u32::from_ne_bytes(random)
        );
        // Short: the path of a socket has at most 107 bytes.
        let directory = std::env::temp_dir().join(name);
        let failed = |doing| move |source| Error::from(ScratchError::Private { doing, source });
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(failed("making a directory"))?;
        let mut private = Self {
            server: None,
            directory,
        };
        if let Some((user, group)) = owner {
            chown(
                &private.directory,
                Some(user.as_raw()),
                Some(group.as_raw()),
            )
            .map_err(failed("making a directory"))?;
        }
        let initdb = private.command(&binaries, "initdb", owner);
        private
            .init(initdb, stop)
            .map_err(|error| private.explained(error, "`initdb`"))?;
        let mut postgres = private.command(&binaries, "postgres", owner);
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "autovacuum=off",
            "max_connections=30",
        ] {
            postgres.args(["-c", setting]);
        }
        postgres
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                private.directory.display()
            ))
            .arg("-D")
            .arg(private.directory.join("data"));
        private.server = Some(postgres.spawn().map_err(failed("`postgres`"))?);
        private
            .until_open(stop)
            .map_err(|error| private.explained(error, "`postgres`"))?;
        told("a private server");
        Ok(private)
    }

    /// The way to it.
    pub(super) fn sources(&self) -> Sources {
        let directory = self.directory.display().to_string();
        let encoded = directory.replace('%', "%25").replace('/', "%2F");
        let url = format!("postgres://postgres@{encoded}:5432/postgres");
        Sources {
            url: Some((url, "the private server".to_owned())),
            environment: BTreeMap::new(),
            home: None,
            user: || None,
        }
    }

    /// One of the programs, which writes what it says into the log, and does not get the signals of
    /// the terminal: castoff ends it.
    fn command(&self, binaries: &Path, program: &str, owner: Option<(Uid, Gid)>) -> Command {
        let mut command = Command::new(binaries.join(program));
        command
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::null());
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"));
        match log.and_then(|log| Ok((log.try_clone()?, log))) {
            Ok((out, error)) => command.stdout(out).stderr(error),
            Err(_) => command.stdout(Stdio::null()).stderr(Stdio::null()),
        };
        if let Some((user, group)) = owner {
            command.uid(user.as_raw()).gid(group.as_raw());
        }
        command
    }

    fn init(&mut self, mut initdb: Command, stop: &Stop) -> Result<(), Error> {
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(self.directory.join("data"));
        self.server = Some(initdb.spawn().map_err(Error::System)?);
        let ended = self.until(stop, |private| match private.status()? {
            Some(status) if status.success() => Ok(Some(())),
            Some(status) => Err(io::Error::other(format!("it ended with {status}"))),
            None => Ok(None),
        });
        if ended.is_ok() {
            self.server = None;
        }
        ended
    }

    fn until_open(&mut self, stop: &Stop) -> Result<(), Error> {
        self.until(stop, |private| {
            if let Some(status) = private.status()? {
                return Err(io::Error::other(format!("it ended with {status}")));
            }
            let socket = private.directory.join(".s.PGSQL.5432");
            Ok(socket.exists().then_some(()))
        })
    }

    fn status(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.server.as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// Looks again and again, until there is an answer, the time is over or castoff is to stop.
    fn until<T>(
        &mut self,
        stop: &Stop,
        mut look: impl FnMut(&mut Self) -> io::Result<Option<T>>,
    ) -> Result<T, Error> {
        run::block_on(async {
            let looking = async {
                loop {
                    if let Some(signal) = stop.received() {
                        return Err(Error::Stopped { signal });
                    }
                    match look(self) {
                        Ok(Some(answer)) => return Ok(answer),
                        Ok(None) => tokio::time::sleep(PAUSE).await,
                        Err(error) => return Err(Error::System(error)),
                    }
                }
            };
            let late = || Error::System(io::Error::other("it is not ready after 60 s"));
            let looked = tokio::time::timeout(START, looking).await;
            looked.unwrap_or_else(|_| Err(late()))
        })
    }

    /// The error with the last line of the log, which tells more.
    fn explained(&self, error: Error, doing: &'static str) -> Error {
        let Error::System(source) = error else {
            return error;
        };
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let telling = |line: &&str| line.contains("FATAL") || line.contains("error:");
        let line = log.lines().find(telling).or(log.lines().last());
        let source = match line {
            Some(line) => io::Error::other(format!("{source}: {}", line.trim())),
            None => source,
        };
        ScratchError::Private { doing, source }.into()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let pid = Pid::from_raw(i32::try_from(server.id()).unwrap_or(i32::MAX));
            // At once: its data goes with it.
            kill(pid, Signal::SIGQUIT).ok();
            let ended = run::block_on(async {
                let looking = async {
                    while let Ok(None) = server.try_wait() {
                        tokio::time::sleep(PAUSE).await;
                    }
                };
                Ok(tokio::time::timeout(END, looking).await.is_ok())
            });
            if !matches!(ended, Ok(true)) {
                server.kill().ok();
                server.wait().ok();
            }
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            debug!("`{}` is left over: {error}", self.directory.display());
        }
    }
}

/// The directory with `initdb` and `postgres`: of the wanted version, else those that are found as
/// any program is, else the newest.
fn binaries(path: Option<&OsStr>, major: Option<u32>) -> Option<PathBuf> {
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir(INSTALLED)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    installed.sort();
    let wanted = installed
        .iter()
        .filter(|(version, _)| Some(*version) == major)
        .map(|(_, path)| path.clone());
    let named = path.map(std::env::split_paths).into_iter().flatten();
    let newest = installed.iter().rev().map(|(_, path)| path.clone());
    let is_whole = |path: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|program| path.join(program).is_file())
    };
    wanted.chain(named).chain(newest).find(is_whole)
}

/// Who the server runs as, where that is not castoff's own user: PostgreSQL refuses to be root.
fn owner() -> Result<Option<(Uid, Gid)>, Error> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    match user {
        Some(user) => Ok(Some((user.uid, user.gid))),
        None => Err(ScratchError::NoServer {
            why: "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`"
                .into(),
        }
        .into()),
    }
}

/// Ends the servers of runs that were killed, and removes their directories.
fn sweep_directories() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok());
        let age = entry
            .metadata()
            .and_then(|found| found.modified())
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if let (Some(maker), Some(age)) = (maker, age)
            && !sweep::runs(maker)
            && age > OLD
        {
            end_server_of(&entry.path());
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Ends the server in a directory, if the process that the directory names is one.
fn end_server_of(directory: &Path) {
    let data = directory.join("data");
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = text.lines().next().and_then(|line| line.parse().ok()) else {
        return;
    };
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let data = data.display().to_string();
    if command
        .split(|byte| *byte == 0)
        .any(|word| word == data.as_bytes())
    {
        kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
    }
}
