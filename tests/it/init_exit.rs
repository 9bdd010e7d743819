//! How an init ends: with its command's status, or with a reason why there is none.
//!
//! The rows are those of [`super::init_rows`].

use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;

use super::support::castoff::Castoff;
use super::support::listener::send;
use super::support::project::Project;
use super::support::server::children;
use super::support::supervised::{Init, Opt, PLACES, Place, first_child, program};
use super::support::{DEADLINE, until};

/// What a signal that ends a process by itself is; KILL too. The real-time ones follow.
const DEADLY: [i32; 22] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30,
];

/// Runs the init many times from one shell. `$i` is the run's number in both scripts.
#[track_caller]
fn check_all(numbers: &[i32], script: &str, expected: &str) {
    let project = Project::empty();
    let words = Init::pid_1(&project).words().join(" ");
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let text = format!(
        "ulimit -c 0; for i in {}; do {words} /bin/sh -c \"{script}\"; s=$?; \
         [ $s = $(({expected})) ] || echo \"$i: $s\"; done; echo done",
        list.join(" ")
    );
    let finished = Init::none(&project, Place::Under).output(&text);
    assert_eq!(finished.stdout, "done\n", "{finished}");
}

#[test]
fn every_exit_status_is_passed_on() {
    let all: Vec<i32> = (0..=255).collect();
    check_all(&all, "exit $i", "i");
    let project = Project::empty();
    for status in [0, 1, 77, 128, 255] {
        let script = format!("exit {status}");
        Init::pid_1(&project).output(&script).status(status);
    }
}

#[test]
fn death_by_a_signal_is_128_and_its_number() {
    let real_time = 34..=64;
    let all: Vec<i32> = DEADLY.into_iter().chain(real_time).collect();
    check_all(&all, r"kill -$i \$\$", "128 + i");
    let project = Project::empty();
    for signal in [6, 9, 15] {
        let script = format!("ulimit -c 0; kill -{signal} $$");
        Init::pid_1(&project).output(&script).status(128 + signal);
    }
}

#[test]
fn a_status_counts_as_success_when_asked() {
    let project = Project::empty();
    for place in PLACES {
        let init = || Init::new(&project, place).option(Opt::Remap("143"));
        let init = || init().option(Opt::Remap("7"));
        init().output("kill -TERM $$").status(0);
        init().output("exit 143").status(0);
        init().output("exit 7").status(0);
        init().output("exit 8").status(8);
        init().output("exit 0").status(0);
    }
}

#[test]
fn a_command_that_is_missing_or_not_executable_is_named() {
    let project = Project::empty().file("readme", "text");
    for place in PLACES {
        for (command, status) in [
            ("no-such-server", 127),
            ("./no-such-server", 127),
            ("./readme", 126),
            ("/", 126),
        ] {
            let finished = Init::new(&project, place).command([command]).output();
            finished.status(status);
            assert!(finished.stderr.contains(command), "{finished}");
            assert_eq!(finished.stdout, "");
        }
    }
}

#[test]
fn diagnostics_go_to_stderr_alone_and_only_when_asked() {
    let project = Project::empty();
    for place in PLACES {
        let quiet = Init::new(&project, place).output("echo out; exit 3");
        quiet.status(3);
        assert_eq!((&*quiet.stdout, &*quiet.stderr), ("out\n", ""));
        let flag = Init::new(&project, place).option(Opt::Verbose);
        let variable = Init::new(&project, place).shell("echo out; exit 3");
        for loud in [
            flag.shell("echo out; exit 3"),
            variable.env("CASTOFF_LOG", "debug"),
        ] {
            let loud = loud.output();
            loud.status(3);
            assert_eq!(loud.stdout, "out\n", "{place:?}");
            assert!(loud.stderr.contains("status 3"), "{place:?}: {loud}");
        }
    }
}

#[test]
fn a_command_that_does_not_stop_is_killed_after_the_grace() {
    for place in PLACES {
        let project = Project::empty();
        let init = Init::new(&project, place).option(Opt::Grace("300ms"));
        let script = r#"trap "" TERM; echo ready >&2; while :; do sleep 0.02; done"#;
        let supervised = init.start_shell(script);
        supervised.signal(15);
        supervised.wait().status(137);
    }
}

#[test]
fn nobody_is_killed_within_the_grace_or_without_one() {
    let script = r#"trap "sleep 0.5; exit 4" TERM; echo ready >&2; while :; do sleep 0.02; done"#;
    for grace in ["1h", "0"] {
        let project = Project::empty();
        let init = Init::pid_1(&project).option(Opt::Grace(grace));
        let supervised = init.start_shell(script);
        supervised.signal(15);
        supervised.wait().status(4);
    }
}

#[test]
fn the_whole_group_is_killed_after_the_grace() {
    let project = Project::empty();
    let init = Init::under(&project).option(Opt::Grace("300ms"));
    let init = init.option(Opt::KillGroup);
    // Two that do not stop. The pipe's reader sees its end when neither is left.
    let script = r#"trap "" TERM; (while :; do sleep 0.02; done) & echo ready >&2; while :; do sleep 0.02; done"#;
    let init = init.through([
        "/bin/sh",
        "-c",
        r#""$@" | cat; echo "all are gone" >&2"#,
        "sh",
    ]);
    let mut supervised = init.start(["/bin/sh", "-c", script]);
    supervised.running.stderr_until("ready", DEADLINE);
    let piping = first_child(supervised.running.pid());
    let piping = first_child(piping);
    // The init is the first of the pipe's two.
    let init = first_child(piping);
    send(init, 15);
    supervised.running.stderr_until("all are gone", DEADLINE);
}

#[test]
fn a_copy_named_docker_init_is_one() {
    let project = Project::empty();
    let path = project.path("docker-init");
    symlink(program(), &path).unwrap();
    let version = Castoff::program(project.directory(), &path)
        .args(["--version"])
        .output();
    version.status(0);
    assert!(version.stdout.contains("tini version"), "{version}");
    let docker = |script: &str| {
        // `dockerd` starts it as `/sbin/docker-init -- CMD`.
        let init = Init::none(&project, Place::Pid1).through([path.to_str().unwrap(), "--"]);
        init.shell(script).output()
    };
    docker("exit 9").status(9);
    let finished = docker("( : & ); echo $$");
    finished.status(0);
    assert_ne!(finished.stdout, "1\n", "the command is not the init");
    // Its name is what it was started as, not what its file is called.
    let named = Castoff::program(project.directory(), program()).with(|command| {
        command.arg0("/usr/bin/docker-init").arg("--version");
    });
    let named = named.output();
    named.status(0);
    assert!(named.stdout.contains("tini version"), "{named}");
}

#[test]
fn two_dashes_alone_are_enough() {
    let project = Project::empty();
    let program = program().to_str().unwrap();
    for place in PLACES {
        let init = Init::none(&project, place).through([program, "--"]);
        let finished = init.shell("echo $$ $PPID; exit 8").output();
        finished.status(8);
        let expected = match place {
            Place::Pid1 => "2 1\n",
            Place::Under => "3 2\n",
        };
        assert_eq!(finished.stdout, expected);
    }
}

/// PID 1 of a pod whose containers share their processes.
#[test]
fn a_pause_reaps_orphans_until_it_is_told_to_stop() {
    for signal in [15, 2] {
        let project = Project::empty();
        let program = program().to_str().unwrap();
        let before = r#"( setsid sleep 1000 & ); exec "$@""#;
        let init = Init::none(&project, Place::Pid1).through(["/bin/sh", "-c", before, "sh"]);
        let supervised = init.start([program, "supervise", "--pause"]);
        let init = first_child(supervised.running.pid());
        let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm"));
        until("it pauses", DEADLINE, || {
            (name(init).unwrap() == "castoff\n").then_some(())
        });
        let orphan = first_child(init);
        // HUP means nothing to it.
        send(init, 1);
        send(orphan, 9);
        until("the orphan is reaped", DEADLINE, || {
            children(init).is_empty().then_some(())
        });
        send(init, signal);
        let finished = supervised.wait();
        finished.status(0);
        assert_eq!((&*finished.stdout, &*finished.stderr), ("", ""));
    }
}

#[test]
fn an_init_without_a_command_says_so() {
    let project = Project::empty();
    let program = program().to_str().unwrap();
    for words in [&["supervise"][..], &["supervise", "--"]] {
        let words = [&[program], words].concat();
        let finished = Init::none(&project, Place::Under).command(words).output();
        finished.status(2);
        assert!(finished.stderr.contains("CMD"), "{finished}");
    }
}
