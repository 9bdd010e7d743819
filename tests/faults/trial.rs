//! One trial: castoff at work, a fault at a byte, and what the next start makes of it.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;

use super::chance::Chances;
use super::fault::Fault;
use super::proxy::Proxy;
use super::story::{Story, stories};
use super::support::castoff::{Castoff, Finished, Running, Status};
use super::support::database::{Database, Session, difference};
use super::support::server::{Server, is_gone};
use super::support::supervisor::as_server;
use super::support::{DEADLINE, until, within};

/// Slots of a server, few enough to be taken.
const SLOTS: usize = 12;

/// A disk that holds a server and what the stories write, and not much more.
const DISK: &str = "size=150m,mode=0700";

/// The servers of one worker.
pub(crate) struct Arena {
    server: Server,
    /// One on a disk that can be filled; started when it is first wanted.
    small: Option<Server>,
    stories: Vec<Known>,
}

/// A story, and what an undisturbed run comes to.
struct Known {
    story: Story,
    /// Bytes of its conversation.
    bytes: u64,
    outcome: String,
}

/// What a trial showed. What it refutes is a panic.
pub(crate) enum Verdict {
    /// castoff was disturbed, and ended so; the next start put it right.
    Met { end: String },
    /// castoff was done before.
    Missed,
}

/// Mounts of this process's own, which no other process sees and which vanish with it.
pub(crate) fn own_mounts() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("unshare: {error}"))?;
    let nothing: Option<&str> = None;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )
    .map_err(|error| format!("mount: {error}"))
}

impl Arena {
    /// Starts a server, and runs each story undisturbed.
    pub(crate) fn new() -> Self {
        let settings = [
            &format!("max_connections = {SLOTS}"),
            "superuser_reserved_connections = 0",
        ];
        let server = Server::start(&settings);
        let stories = stories()
            .into_iter()
            .map(|story| {
                let database = server.database();
                prepare(&story, &database);
                let proxy = Proxy::start(server.port(), None);
                let running = castoff(&story, &database, proxy.port()).spawn();
                running.wait(DEADLINE).status(0);
                Known {
                    bytes: proxy.passed(),
                    outcome: outcome(&database),
                    story,
                }
            })
            .collect();
        Self {
            server,
            small: None,
            stories,
        }
    }

    /// Disturbs one run of one story.
    pub(crate) fn trial(&mut self, chances: &mut Chances, fault: Fault) -> Verdict {
        let index = usize::try_from(chances.below(self.stories.len() as u64)).unwrap();
        if fault == Fault::FullDisk && self.small.is_none() {
            self.small = Some(on_small_disk());
        }
        let known = &self.stories[index];
        let server = match &self.small {
            Some(small) if fault == Fault::FullDisk => small,
            _ => &self.server,
        };
        let story = &known.story;
        let copies = chances.one_of(&[1, 1, 1, 2, 3]);
        let stop_at = 1 + chances.below(known.bytes);
        let database = server.database();
        prepare(story, &database);

        if fault == Fault::NoSlots {
            return without_slots(known, &database, copies);
        }
        let proxy = Proxy::start(server.port(), Some(stop_at));
        let mut running: Vec<Running> = (0..copies)
            .map(|_| castoff(story, &database, proxy.port()).spawn())
            .collect();
        let reached = until("castoff reaches the byte, or ends", DEADLINE, || {
            if proxy.is_reached(Duration::from_millis(1)) {
                return Some(true);
            }
            let ended = running.iter_mut().all(|one| !one.is_running());
            ended.then_some(false)
        });
        if !reached {
            for one in running {
                one.wait(DEADLINE).status(0);
            }
            assert_eq!(outcome(&database), known.outcome, "{}", story.name);
            return Verdict::Missed;
        }
        let restore = disturb(fault, server, &database, &proxy, &running[0]);
        let mut ends = running.into_iter().map(|one| one.wait(DEADLINE));
        let first = ends.next().unwrap();
        let others: Vec<Finished> = ends.collect();
        drop(proxy);
        restore(server);

        judge(fault, story, &first, &others);
        // Whatever happened: the next start, undisturbed, puts it right.
        let next = castoff(story, &database, server.port()).output();
        assert_eq!(
            next.status,
            Status::Code(0),
            "{} after {} at byte {stop_at}:\nthe first start: {first}\nthe next: {next}",
            story.name,
            fault.name()
        );
        let came_out = outcome(&database);
        assert!(
            came_out == known.outcome,
            "{} after {} at byte {stop_at}:\n{}\nthe first start: {first}\nthe next: {next}",
            story.name,
            fault.name(),
            difference(&known.outcome, &came_out)
        );
        Verdict::Met {
            end: first.status.to_string(),
        }
    }
}

/// Starts castoff when every slot is taken, and frees them once it has noticed.
fn without_slots(known: &Known, database: &Database<'_>, copies: u32) -> Verdict {
    let server = database.server();
    let taken: Vec<Session> = std::iter::from_fn(|| Session::open(&server.url("postgres")).ok())
        .take(SLOTS)
        .collect();
    assert!(!taken.is_empty(), "no slot was free");
    let mut running: Vec<Running> = (0..copies)
        .map(|_| castoff(&known.story, database, server.port()).spawn())
        .collect();
    for one in &mut running {
        one.stderr_until("too many connections", DEADLINE);
    }
    drop(taken);
    for one in running {
        one.wait(DEADLINE).status(0);
    }
    assert_eq!(outcome(database), known.outcome, "{}", known.story.name);
    Verdict::Met {
        end: Status::Code(0).to_string(),
    }
}

fn castoff<'s>(story: &'s Story, database: &Database<'_>, port: u16) -> Castoff<'s> {
    let url = database.url().replace(
        &format!(":{}/", database.server().port()),
        &format!(":{port}/"),
    );
    story
        .project
        .castoff(story.command)
        .env("DATABASE_URL", url)
        .env("CASTOFF_WAIT_TIMEOUT", "50s")
}

fn prepare(story: &Story, database: &Database<'_>) {
    if let Some(before) = story.before {
        let castoff = story.project.castoff(before).database(database);
        castoff.output().status(0);
    }
}

/// Does it, and lets the proxy go on. Returns what puts things back.
fn disturb(
    fault: Fault,
    server: &Server,
    database: &Database<'_>,
    proxy: &Proxy,
    victim: &Running,
) -> Box<dyn FnOnce(&Server)> {
    let nothing: Box<dyn FnOnce(&Server)> = Box::new(|_| {});
    match fault {
        Fault::Kill => drop(victim.signal(Signal::SIGKILL)),
        Fault::Terminate => drop(victim.signal(Signal::SIGTERM)),
        Fault::Cut => proxy.cut(),
        Fault::EndBackends => {
            let name = database.name();
            server.session("postgres").sql(&format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
            ));
        }
        Fault::Restart => server.restart(),
        Fault::Crash => {
            server.kill();
            server.up();
        }
        // Before castoff comes, or it would be in already.
        Fault::NoSlots => unreachable!("see without_slots"),
        Fault::FullDisk => {
            let ballast = fill(server);
            proxy.release();
            return Box::new(move |server| {
                std::fs::remove_file(ballast).unwrap();
                recover(server);
            });
        }
    }
    proxy.release();
    nothing
}

/// How castoff may end when this happens to it.
fn judge(fault: Fault, story: &Story, first: &Finished, others: &[Finished]) {
    let allowed: &[Status] = match fault {
        // It may have been done but for saying goodbye.
        Fault::Kill => &[Status::Signal(9), Status::Code(0)],
        Fault::Terminate => &[Status::Code(143), Status::Code(0)],
        Fault::Cut | Fault::EndBackends | Fault::Restart | Fault::Crash => {
            &[Status::Code(0), Status::Code(12)]
        }
        Fault::NoSlots => &[Status::Code(0)],
        // Refused for want of space and rolled back, or the server went down over it.
        Fault::FullDisk => &[
            Status::Code(0),
            Status::Code(11),
            Status::Code(12),
            Status::Code(15),
            Status::Code(16),
        ],
    };
    // A statement that commits by itself may be done: the next start looks.
    let is_allowed = |finished: &Finished| {
        allowed.contains(&finished.status)
            || finished.status == Status::Code(16)
                && allowed.contains(&Status::Code(12))
                && finished.stderr.contains("error[apply-interrupted]: ")
    };
    let name = fault.name();
    assert!(is_allowed(first), "{} after {name}: {first}", story.name);
    for other in others {
        match fault {
            // What happens to one copy is none of the others' business.
            Fault::Kill | Fault::Terminate => {
                assert_eq!(
                    other.status,
                    Status::Code(0),
                    "{} beside {name}: {other}",
                    story.name
                );
            }
            Fault::Cut
            | Fault::EndBackends
            | Fault::Restart
            | Fault::Crash
            | Fault::NoSlots
            | Fault::FullDisk => {
                assert!(is_allowed(other), "{} beside {name}: {other}", story.name);
            }
        }
    }
}

/// The schema, the rows, and what the ledger says, without what may differ from run to run.
fn outcome(database: &Database<'_>) -> String {
    let contents = database.contents();
    let objects = contents.lines().filter(|line| {
        // Comments and sequences are listed with numbers of the database's own; the ledger's rows
        // have times and hosts in them.
        let changing = ["comment ", "sequence castoff.", "rows castoff."];
        !changing.iter().any(|start| line.starts_with(start))
    });
    let mut text: String = objects.flat_map(|line| [line, "\n"]).collect();
    text.push_str(&database.rows(
        "select revision, lineage from castoff.revision order by 1; \
         select revision, direction, count(*) from castoff.history where outcome = 'done' \
         group by 1, 2 order by 1, 2",
    ));
    text
}

/// A server whose data are on a disk of their own.
fn on_small_disk() -> Server {
    let server = Server::stopped(&[
        &format!("max_connections = {SLOTS}"),
        "max_wal_size = 32MB",
        "min_wal_size = 32MB",
    ]);
    let data = server.socket_directory().join("data");
    let copied = server.socket_directory().join("copied");
    let owner = std::fs::metadata(&data).unwrap();
    std::fs::rename(&data, &copied).unwrap();
    std::fs::create_dir(&data).unwrap();
    let options = format!("{DISK},uid={},gid={}", owner.uid(), owner.gid());
    let options = Some(options.as_str());
    mount(
        Some("castoff-test"),
        &data,
        Some("tmpfs"),
        MsFlags::empty(),
        options,
    )
    .unwrap();
    let copy = as_server(Command::new("cp"))
        .arg("-a")
        .arg(copied.join("."))
        .arg(&data)
        .status();
    assert!(copy.unwrap().success(), "cannot copy to the small disk");
    std::fs::remove_dir_all(copied).unwrap();
    server.up();
    server
}

/// Gives a server back its disk, and waits until it serves again.
fn recover(server: &Server) {
    until("the server has recovered", DEADLINE, || {
        if server.pids().1.is_none_or(is_gone) {
            server.launch();
        }
        Session::open(&server.url("postgres")).ok().map(drop)
    });
}

/// Writes a file until the disk is full.
fn fill(server: &Server) -> PathBuf {
    let path = server.socket_directory().join("data/ballast");
    let piece = vec![0; 64 * 1024];
    let mut file = std::fs::File::create(&path).unwrap();
    within(DEADLINE, || file.write_all(&piece).is_err().then_some(()))
        .expect("a small disk is full at some time");
    path
}
