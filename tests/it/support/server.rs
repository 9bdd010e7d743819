//! Private PostgreSQL servers: one for all tests, and separate ones for the tests that stop,
//! start, kill or configure theirs.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::database::{Database, Session};
use super::supervisor::{Supervisor, as_server, binaries, unprivileged};
use super::{DEADLINE, PASSWORD, until};

/// The superuser of every test server.
pub(crate) const USER: &str = "tester";

/// One private server: SCRAM over TCP on 127.0.0.1 and over a socket in its directory.
#[derive(Debug)]
pub(crate) struct Server {
    supervisor: Supervisor,
    port: u16,
    postmaster: Mutex<Option<Pid>>,
}

impl Server {
    /// The server that most tests use. Nobody may stop or configure it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// A server of the test's own, with these lines in its `postgresql.conf`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let server = Self::stopped(settings);
        server.up();
        server
    }

    /// The same, not yet started.
    pub(crate) fn stopped(settings: &[&str]) -> Self {
        Self::copy_of(&template(), settings)
    }

    /// A standby of this one, streaming when this returns. This one is stopped for a moment: a copy
    /// of its files needs no `pg_basebackup`, which not every server under test comes with.
    pub(crate) fn standby(&self, settings: &[&str]) -> Self {
        let streaming = "select count(*) from pg_stat_replication where state = 'streaming'";
        self.stop();
        let standby = Self::copy_of(&self.supervisor.directory().join("data"), settings);
        standby.write(
            "postgresql.auto.conf",
            &format!(
                "primary_conninfo = 'host=127.0.0.1 port={} user={USER} password={PASSWORD}'\n",
                self.port
            ),
        );
        standby.write("standby.signal", "");
        self.up();
        standby.up();
        until("the standby streams", DEADLINE, || {
            (self.session("postgres").rows(streaming) == "1\n").then_some(())
        });
        standby
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        let output = as_server(Command::new(binaries().join("pg_ctl")))
            .args(["promote", "--wait", "--pgdata"])
            .arg(self.supervisor.directory().join("data"))
            .current_dir(self.supervisor.directory())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pg_ctl promote: {said}");
    }

    /// A server with a copy of these files, and these lines in its `postgresql.conf`.
    fn copy_of(files: &Path, settings: &[&str]) -> Self {
        let supervisor = Supervisor::new();
        let data = supervisor.directory().join("data");
        let copied = as_server(Command::new("cp"))
            .arg("-R")
            .arg(files)
            .arg(&data)
            .status();
        assert!(copied.unwrap().success(), "cannot copy the template");
        let server = Self {
            supervisor,
            port: free_port(),
            postmaster: Mutex::new(None),
        };
        let directory = server.socket_directory().display().to_string();
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\n\
             port = {}\n\
             unix_socket_directories = '{directory}'\n\
             max_connections = 200\n\
             fsync = off\n\
             full_page_writes = off\n\
             shared_buffers = 32MB\n\
             log_line_prefix = '%m [%p] %q%a@%d '\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n",
            server.port
        );
        for setting in settings {
            text.push_str(setting);
            text.push('\n');
        }
        server.write("postgresql.conf", &text);
        server
    }

    /// Starts it and returns when a login works.
    pub(crate) fn up(&self) {
        self.launch();
        until("a login works", DEADLINE, || {
            assert!(self.is_running(), "the server ended:\n{}", self.log());
            Session::open(&self.url("postgres")).ok()
        });
    }

    /// Starts it and returns at once, while it is still starting up.
    pub(crate) fn launch(&self) {
        assert!(!self.is_running(), "the server runs already");
        let pid = self
            .supervisor
            .say("start")
            .parse()
            .expect("the supervisor prints a pid");
        *self.postmaster.lock().unwrap() = Some(Pid::from_raw(pid));
    }

    /// Stops it as a deployment does: sessions are ended, everything is written down.
    pub(crate) fn stop(&self) {
        assert!(self.is_running(), "the server does not run");
        self.supervisor.say("stop");
        *self.postmaster.lock().unwrap() = None;
    }

    /// Stops it and starts it again.
    pub(crate) fn restart(&self) {
        self.stop();
        self.up();
    }

    /// Ends all its processes at once, as a machine that loses power does.
    pub(crate) fn kill(&self) {
        let postmaster = self
            .postmaster
            .lock()
            .unwrap()
            .take()
            .expect("the server runs");
        // Stopped first, so that it starts no process that the list does not have.
        kill(postmaster, Signal::SIGSTOP).unwrap();
        let children = children(postmaster);
        kill(postmaster, Signal::SIGKILL).unwrap();
        for child in &children {
            kill(*child, Signal::SIGKILL).ok();
        }
        self.supervisor.say("reap");
        until("all backends are gone", DEADLINE, || {
            children.iter().all(|child| is_gone(*child)).then_some(())
        });
    }

    /// A new, empty database.
    pub(crate) fn database(&self) -> Database<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{count}", std::process::id());
        self.session("postgres")
            .sql(&format!("create database {name}"));
        Database::new(self, name)
    }

    /// A session as the superuser.
    pub(crate) fn session(&self, database: &str) -> Session {
        Session::open(&self.url(database)).unwrap_or_else(|error| panic!("{database}: {error}"))
    }

    /// The URL of one of its databases, over TCP, with the password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The TCP port. It stays the same over restarts.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its unix socket.
    pub(crate) fn socket_directory(&self) -> &Path {
        self.supervisor.directory()
    }

    /// Writes a file in its data directory, as its owner would.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.supervisor.directory().join("data").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        if let Some((uid, gid)) = unprivileged() {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// All that it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.supervisor.directory().join("log")).unwrap_or_default()
    }

    /// The process id of its supervisor, and of the server.
    pub(crate) fn pids(&self) -> (Pid, Option<Pid>) {
        let supervisor = Pid::from_raw(self.supervisor.pid().try_into().unwrap());
        (supervisor, *self.postmaster.lock().unwrap())
    }

    /// Waits until it has ended by itself. It closes its sockets before it ends.
    pub(crate) fn ended(&self) {
        until("the server has ended", DEADLINE, || {
            (!self.is_running()).then_some(())
        });
    }

    fn is_running(&self) -> bool {
        self.postmaster
            .lock()
            .unwrap()
            .is_some_and(|pid| !is_gone(pid))
    }
}

/// Whether a process has ended. One that nobody waited for yet counts as ended.
pub(crate) fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; the state follows the last of them.
    stat.rsplit(") ")
        .next()
        .is_none_or(|rest| !rest.contains(' ') || rest.starts_with('Z'))
}

/// The processes that a process started.
pub(crate) fn children(parent: Pid) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let pids = text.unwrap_or_default();
    pids.split_whitespace()
        .map(|pid| Pid::from_raw(pid.parse().unwrap()))
        .collect()
}

/// A port that nobody listens on. Below the range that the kernel takes for outgoing connections,
/// so that it stays free until its user binds it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let seed = std::process::id().wrapping_mul(131);
    for _ in 0..20_000 {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + u16::try_from(seed.wrapping_add(next) % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// A data directory fresh from initdb, made once per test process: copying it is cheap.
fn template() -> PathBuf {
    static TEMPLATE: OnceLock<Supervisor> = OnceLock::new();
    let supervisor = TEMPLATE.get_or_init(|| {
        let supervisor = Supervisor::new();
        let password = supervisor.directory().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let output = as_server(Command::new(binaries().join("initdb")))
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .args(["--username", USER])
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(supervisor.directory().join("data"))
            .current_dir(supervisor.directory())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb: {said}");
        supervisor
    });
    supervisor.directory().join("data")
}
