//! A real PgBouncer in front of a test server.

use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use super::castoff::Castoff;
use super::database::Database;
use super::server::{Server, USER, free_port};
use super::supervisor::{as_server, unprivileged};
use super::{DEADLINE, PASSWORD, until};

/// What a client gets a session of the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// For as long as it is connected.
    Session,
    /// For a transaction.
    Transaction,
    /// For a statement.
    Statement,
}

/// One PgBouncer: SCRAM over TCP on 127.0.0.1 and over a socket in its directory, with the server's superuser in its `auth_file`.
/// It ends with the value.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    directory: PathBuf,
    port: u16,
    child: Child,
    pipe: Option<ChildStdin>,
}

impl PgBouncer {
    /// In front of this server, with these lines in its configuration. Returns when it listens.
    pub(crate) fn start(server: &Server, pool: Pool, settings: &[&str]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("castoff-pooler-")
            .tempdir()
            .unwrap()
            .keep();
        let port = free_port();
        let mode = match pool {
            Pool::Session => "session",
            Pool::Transaction => "transaction",
            Pool::Statement => "statement",
        };
        let users = directory.join("users");
        std::fs::write(&users, format!("\"{USER}\" \"{PASSWORD}\"\n")).unwrap();
        let mut text = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir = {}\n\
             auth_type = scram-sha-256\n\
             auth_file = {}\n\
             admin_users = {USER}\n\
             pool_mode = {mode}\n\
             server_login_retry = 1\n",
            server.port(),
            directory.display(),
            users.display()
        );
        for setting in settings {
            text.push_str(&setting.replace("{directory}", &directory.display().to_string()));
            text.push('\n');
        }
        std::fs::write(directory.join("pgbouncer.ini"), text).unwrap();
        if settings.iter().any(|line| line.starts_with("client_tls")) {
            certificate(&directory);
        }
        if let Some((uid, gid)) = unprivileged() {
            let files = directory.read_dir().unwrap();
            let files = files.map(|entry| entry.unwrap().path());
            for path in files.chain([directory.clone()]) {
                chown(&path, Some(uid), Some(gid)).unwrap();
            }
        }
        let mut child = as_server(Command::new("/bin/sh"))
            .args(["-c", include_str!("pgbouncer.sh"), "sh"])
            .arg(&directory)
            .arg(program())
            .current_dir("/")
            // Ctrl-C reaches the test process alone; this one follows when the pipe closes.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipe = child.stdin.take();
        let pooler = Self {
            directory,
            port,
            child,
            pipe,
        };
        until("PgBouncer listens", DEADLINE, || {
            let log = pooler.log();
            assert!(!log.contains("FATAL"), "PgBouncer ended:\n{log}");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        pooler
    }

    /// The URL of a database through it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The same, over its unix socket.
    pub(crate) fn socket_url(&self, database: &str) -> String {
        let directory = self.directory.display().to_string().replace('/', "%2F");
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD}@{directory}:{port}/{database}")
    }

    /// castoff, with this database through the pooler in `DATABASE_URL`.
    pub(crate) fn between<'p>(&self, castoff: Castoff<'p>, database: &Database<'_>) -> Castoff<'p> {
        let castoff = castoff.database(database);
        let castoff = castoff.redact(&self.port.to_string(), "[pooler]");
        castoff.env("DATABASE_URL", self.url(database.name()))
    }

    /// All that it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.child.wait().ok();
    }
}

/// A certificate that it signs itself, for TLS with its clients.
fn certificate(directory: &Path) {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost"])
        .arg("-keyout")
        .arg(directory.join("key"))
        .arg("-out")
        .arg(directory.join("certificate"))
        .output()
        .expect("PgBouncer's package brings openssl");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl: {said}");
}

/// PgBouncer's executable, installed if need be.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pgbouncer.sh");
        let output = Command::new(script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no PgBouncer: {said}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    })
}
