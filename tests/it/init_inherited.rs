//! What the command inherits through an init: everything that was meant for it, and nothing of the
//! init's own. And what the init itself holds on to meanwhile.
//!
//! The rows are those of [`super::init_rows`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Pid, geteuid};

use super::support::project::Project;
use super::support::supervised::{Init, PLACES, Place, Supervised, program, status_line};
use super::support::web;
use super::support::{DEADLINE, until, within};

/// `SigBlk` and `SigIgn` of the command. Not of a shell, which may change them before it tells.
fn masks(init: Init<'_>) -> [u64; 2] {
    let finished = init.command(["cat", "/proc/self/status"]).output();
    finished.status(0);
    ["SigBlk:", "SigIgn:"].map(|name| {
        let mut lines = finished.stdout.lines();
        let mask = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    })
}

/// The same without an init, and without what the C library of whoever started the tests may have left
/// ignored, as cargo's does: 32 and 33, which an init takes back.
fn plain_masks(init: Init<'_>) -> [u64; 2] {
    let [blocked, ignored] = masks(init);
    [blocked, ignored & !web::LIBC]
}

#[test]
fn ignored_and_blocked_signals_reach_the_command_unchanged() {
    for place in PLACES {
        for change in [
            "--ignore-signal=HUP,INT,QUIT,PIPE,USR1,TERM",
            "--ignore-signal=TSTP,TTIN,TTOU,WINCH",
            "--block-signal=HUP,USR2,PIPE,TERM,CHLD",
            "--block-signal=TSTP,TTIN,TTOU",
        ] {
            let project = Project::empty();
            let through = ["env", change];
            let plain = plain_masks(Init::none(&project, place).through(through));
            let under = masks(Init::new(&project, place).through(through));
            assert_eq!(under, plain, "{place:?} {change}");
            // The comparison is not of nothing with nothing.
            assert_ne!(plain, [0, 0]);
        }
    }
}

#[test]
fn a_clean_parent_has_a_clean_command() {
    for place in PLACES {
        let project = Project::empty();
        // Whoever runs the tests may ignore signals: a shell does in what it puts in the background.
        let clean = ["env", "--default-signal"];
        let plain = plain_masks(Init::none(&project, place).through(clean));
        let under = masks(Init::new(&project, place).through(clean));
        assert_eq!(under, plain, "{place:?}");
        assert_eq!(under, [0, 0], "{place:?}");
    }
}

/// The file that descriptor 7 is open on.
const SEVENTH: [&str; 4] = ["/bin/sh", "-c", r#"exec 7>seventh; exec "$@""#, "sh"];

#[test]
fn the_command_has_the_descriptors_that_were_handed_in_and_no_other() {
    for place in PLACES {
        let project = Project::empty();
        let through = |init: Init<'_>| {
            let init = init.through(SEVENTH);
            let finished = init.command(["ls", "/proc/self/fd"]).output();
            finished.status(0);
            finished.stdout
        };
        // Whoever started the tests may have left them more than three.
        let plain = through(Init::none(&project, place));
        assert!(plain.lines().any(|line| line == "7"), "{plain}");
        assert_eq!(through(Init::new(&project, place)), plain, "{place:?}");
    }
}

/// What a process's descriptors are open on.
fn opened(pid: Pid) -> Vec<PathBuf> {
    let entries = Path::new("/proc").join(pid.to_string()).join("fd");
    let links = entries.read_dir().unwrap().flatten();
    links
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .collect()
}

#[test]
fn the_init_itself_holds_nothing_that_the_command_may_want_to_close() {
    for place in PLACES {
        let project = Project::empty();
        let init = Init::new(&project, place).through(SEVENTH);
        let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
        let seventh = project.path("seventh").canonicalize().unwrap();
        assert!(opened(supervised.child()).contains(&seventh));
        let held = opened(supervised.init());
        assert!(!held.contains(&seventh), "{place:?}: {held:?}");
        assert!(held.len() <= 16, "{held:?}");
    }
}

#[test]
fn a_socket_that_was_handed_to_the_init_is_the_commands() {
    let project = Project::empty();
    let handed = [
        "/bin/sh",
        "-c",
        r#"exec 3</dev/null; LISTEN_PID=$$ exec "$@""#,
        "sh",
    ];
    for place in PLACES {
        for (through, expected) in [
            (&handed[..], "the command's"),
            (&["env", "LISTEN_PID=4711"], "4711"),
        ] {
            let init = Init::new(&project, place);
            let init = through
                .iter()
                .fold(init, |init, word| init.through([*word]));
            let script = r#"[ "$LISTEN_PID" != $$ ] || LISTEN_PID="the command's"
                echo "$LISTEN_PID $LISTEN_FDS""#;
            let finished = init.shell(script).env("LISTEN_FDS", "1").output();
            finished.status(0);
            assert_eq!(finished.stdout, format!("{expected} 1\n"), "{place:?}");
        }
    }
}

#[test]
fn a_parent_that_ignores_sigchld_does_not_make_it_hang() {
    for place in PLACES {
        let project = Project::empty();
        let ignoring = ["env", "--ignore-signal=CHLD"];
        let init = Init::new(&project, place).through(ignoring);
        init.output("exit 5").status(5);
        let init = Init::new(&project, place).through(["env", "--block-signal=CHLD"]);
        init.output("exit 6").status(6);
        // The command ignores it still.
        let plain = plain_masks(Init::none(&project, place).through(ignoring));
        let under = masks(Init::new(&project, place).through(ignoring));
        assert_eq!(under, plain, "{place:?}");
    }
}

#[test]
fn closed_standard_streams_are_no_obstacle() {
    for place in PLACES {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let project = Project::empty();
            let through = format!(r#"exec "$@" {closed}"#);
            let init = Init::new(&project, place).through(["/bin/sh", "-c", &through, "sh"]);
            let script = "(ls -l /proc/$$/fd >opened 2>/dev/null </dev/null); exit 5";
            init.output(script).status(5);
            // What the command gets in their place is nothing, or /dev/null: not the init's own.
            // A parenthesis is a process: what it opens is not open in the shell that is looked at.
            let opened = std::fs::read_to_string(project.path("opened")).unwrap();
            for line in opened.lines().filter(|line| line.contains(" -> ")) {
                let (name, target) = line.split_once(" -> ").unwrap();
                let number = name.rsplit(' ').next().unwrap();
                let usual = target == "/dev/null" || target.starts_with("pipe:");
                let is_other = !["0", "1", "2"].contains(&number);
                assert!(usual || is_other, "{place:?} {closed}: {line}");
            }
        }
    }
}

#[test]
fn the_init_leaves_its_directory_and_the_command_stays_in_it() {
    for place in PLACES {
        let project = Project::empty();
        let directory = project.directory().canonicalize().unwrap();
        let init = Init::new(&project, place);
        let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
        let at = |pid: Pid| std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
        assert_eq!(at(supervised.child()), directory, "{place:?}");
        assert_eq!(at(supervised.init()), Path::new("/"), "{place:?}");

        // A path from there is meant from there.
        symlink("/bin/sh", project.path("server")).unwrap();
        let init = Init::new(&project, place).command(["./server", "-c", "exit 4"]);
        init.output().status(4);
    }
}

/// What the command may be waiting for, a file system that is to be unmounted say, does not depend
/// on who is quicker.
#[test]
fn the_init_has_left_before_its_command_begins() {
    let project = Project::empty();
    for place in PLACES {
        for _ in 0..20 {
            let init = Init::new(&project, place);
            // The command's first act, by way of the shell that it is.
            let script = r#"readlink "/proc/$PPID/cwd"; readlink "/proc/$$/cwd""#;
            let finished = init.shell(script).output();
            assert_eq!(finished.stdout, "/\n[dir]\n", "{place:?}");
        }
    }
}

#[test]
fn the_init_does_not_wake_up_while_nothing_happens() {
    let project = Project::empty();
    let init = Init::pid_1(&project);
    let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
    let init = supervised.init();
    let switches = || status_line(init, "voluntary_ctxt_switches");
    // It has come to rest when a while passes without any.
    let pause = || within(Duration::from_millis(2500), || None::<()>);
    let settled = until("it comes to rest", DEADLINE, || {
        let before = switches();
        pause();
        (switches() == before).then_some(before)
    });
    pause();
    assert_eq!(switches(), settled);
}

#[test]
fn arguments_and_variables_are_the_same_bytes() {
    let project = Project::empty();
    let bytes = |bytes| OsStr::from_bytes(bytes);
    let odd = [
        &b"\xff\xfe"[..],
        b"",
        b" a\tb\n",
        b"--",
        b"-x",
        b"'\"$\\`*?",
    ];
    let script = "cat /proc/$$/cmdline >$REPORT.cmdline; cat /proc/$$/environ >$REPORT.environ";
    let run = |init: Init<'_>, report: &str| {
        let words = ["/bin/sh", "-c", script, "sh"].map(|word| bytes(word.as_bytes()));
        let words = words.into_iter().chain(odd.map(bytes));
        let castoff = init.command(words).with(|command| {
            command
                .env("ODD", bytes(b"\xff\xfe =\n"))
                .env(bytes(b"\xc3\x28"), "x")
                .env("EMPTY", "")
                .env("lower", "a=b=c");
        });
        castoff.env("REPORT", report).output().status(0);
        let read = |kind| std::fs::read(project.path(&format!("{report}.{kind}"))).unwrap();
        (read("cmdline"), read("environ"))
    };
    let plain = run(Init::none(&project, Place::Pid1), "report");
    let under = run(Init::pid_1(&project), "report");
    assert_eq!(under.0, plain.0);
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "\n");
    let texts = (shown(&under.1), shown(&plain.1));
    assert!(under.1 == plain.1, "{}\nis not\n{}", texts.0, texts.1);
    assert!(plain.0.windows(3).any(|part| part == b"\xff\xfe\0"));
}

/// Without the right to anything. The root file system and `/tmp` are the container tests' part.
#[test]
fn it_runs_as_any_user_with_no_capability() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED as any user: only root can become one");
        return;
    }
    let project = Project::empty();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.directory(), mode).unwrap();
    // Copied by another process, and to where any user can read it.
    let copy = project.path("init");
    let copied = Command::new("install").arg(program()).arg(&copy).status();
    assert!(copied.unwrap().success());
    for place in PLACES {
        let confined = [
            "setpriv",
            "--reuid=12345",
            "--regid=0",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--no-new-privs",
        ];
        let init = Init::new(&project, place).through(confined);
        let init = init.program(copy.clone());
        let script = "id -u; id -g; grep -e CapEff -e CapBnd -e NoNewPrivs /proc/$$/status; \
            echo ready >&2; exec sleep 1000";
        let supervised: Supervised = init.start_shell(script);
        supervised.signal(15);
        let finished = supervised.wait();
        finished.status(143);
        let expected =
            "12345\n0\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n";
        assert_eq!(finished.stdout, expected, "{place:?}");
    }
}
