//! What an init does with processes that nobody else waits for, and with those that are left when
//! its command ends.
//!
//! The rows are those of [`super::init_rows`].

use super::support::listener::{self, Heard, VARIABLE, send};
use super::support::project::Project;
use super::support::server::children;
use super::support::supervised::{Init, Opt, PLACES, Place, Stat, first_child, program};
use super::support::{DEADLINE, until};

/// Each subshell starts a process that it does not wait for.
const ORPHANS: &str = "i=0; while [ $i -lt 3000 ]; do ( : & ); i=$((i + 1)); done; \
    echo ready >&2; exec sleep 1000";

#[test]
fn three_thousand_orphans_leave_no_zombie() {
    for place in PLACES {
        let project = Project::empty();
        let supervised = Init::new(&project, place).start_shell(ORPHANS);
        let (init, child) = (supervised.init(), supervised.child());
        until("all orphans are reaped", DEADLINE, || {
            (children(init) == [child]).then_some(())
        });
        supervised.signal(15);
        supervised.wait().status(143);
    }
}

#[test]
fn an_orphan_that_dies_later_is_reaped_and_its_status_is_nobodys() {
    for place in PLACES {
        let project = Project::empty();
        let script = "( setsid sleep 1000 & ); echo ready >&2; while [ ! -e gate ]; do sleep 0.02; done; exit 9";
        let supervised = Init::new(&project, place).start_shell(script);
        let init = supervised.init();
        let both = until("the orphan is adopted", DEADLINE, || {
            let both = children(init);
            (both.len() == 2).then_some(both)
        });
        listener::send(both[1], 9);
        until("it is reaped", DEADLINE, || {
            (children(init) == both[..1]).then_some(())
        });
        std::fs::write(project.path("gate"), "").unwrap();
        supervised.wait().status(9);
    }
}

/// A shell that became the init has left it a child that is dead already: no SIGCHLD will come.
#[test]
fn zombies_from_before_the_init_are_reaped() {
    let project = Project::empty();
    let before = r#": & exec "$@""#;
    let init = Init::pid_1(&project).through(["/bin/sh", "-c", before, "sh"]);
    let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
    let init = supervised.init();
    until("one child is left", DEADLINE, || {
        (children(init).len() == 1).then_some(())
    });
    supervised.signal(15);
    supervised.wait().status(143);
}

#[test]
fn the_init_ends_with_its_command_while_orphans_live() {
    let script = "( setsid sleep 1000 </dev/null >/dev/null 2>&1 & ); exit 3";
    for place in PLACES {
        let project = Project::empty();
        Init::new(&project, place).output(script).status(3);
    }
}

/// A listener beside the command in its group, or in another one. The shell over the init lives as
/// long as `gate`, so that who is left can be looked at.
#[track_caller]
fn left_behind(group: bool, start: &str, signal: Option<i32>) {
    let project = Project::empty().file("gate", "");
    let heard = Heard::new(&project, "heard");
    let mut init = Init::under(&project);
    if group {
        init = init.option(Opt::KillGroup);
    }
    let keep = r#""$@"; echo "ended $?" >&2; while [ -e gate ]; do sleep 0.02; done; :"#;
    let script = format!(
        "{VARIABLE}='{}' {start} \"$@\" & until [ -e heard ]; do sleep 0.02; done; exit 3",
        heard.path().display()
    );
    let mut words = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    words.extend(listener::command());
    let init = init.through(["/bin/sh", "-c", keep, "keep"]);
    let mut supervised = init.start(words);
    supervised.running.stderr_until("ended 3", DEADLINE);
    // The init is gone, and the listener is adopted by the PID 1 of the namespace.
    let pid_1 = first_child(supervised.running.pid());
    let keeper = first_child(pid_1);
    let listener = until("the listener is adopted", DEADLINE, || {
        let adopted = children(pid_1);
        adopted.into_iter().find(|pid| *pid != keeper)
    });
    // What the init sent was sent before, has a lower number, and so is taken before.
    send(listener, 64);
    until("the listener has heard the last one", DEADLINE, || {
        heard.all().contains(&64).then_some(())
    });
    let expected: Vec<i32> = signal.into_iter().chain([64]).collect();
    assert_eq!(heard.all(), expected, "{start}");
    std::fs::remove_file(project.path("gate")).unwrap();
}

#[test]
fn the_rest_of_the_group_is_told_to_stop_when_the_command_has_ended() {
    left_behind(true, "", Some(15));
    left_behind(true, "setsid", None);
}

#[test]
fn who_is_left_is_not_touched_without_the_group() {
    left_behind(false, "", None);
}

#[test]
fn orphans_come_to_an_init_that_is_not_pid_1() {
    let project = Project::empty();
    let init = Init::under(&project);
    let script = "( setsid sleep 1000 & ); echo ready >&2; exec sleep 1000";
    let supervised = init.start_shell(script);
    let init = supervised.init();
    let adopted = until("the orphan is adopted", DEADLINE, || {
        children(init).get(1).copied()
    });
    assert_eq!(Stat::of(adopted).parent, init.as_raw());
    supervised.signal(15);
    supervised.wait().status(143);
}

#[test]
fn an_init_that_is_not_pid_1_runs_and_says_nothing_about_it() {
    let project = Project::empty();
    let finished = Init::under(&project).output("echo out; exit 4");
    finished.status(4);
    assert_eq!((&*finished.stdout, &*finished.stderr), ("out\n", ""));
}

#[test]
fn the_command_hears_when_the_inits_parent_dies() {
    let project = Project::empty();
    // The shell between the namespace's PID 1 and the init is the one that is killed.
    let between = r#""$@"; :"#;
    let init = Init::under(&project).option(Opt::ParentDeath("USR1"));
    // The shell over both must not end with it.
    let init = init.through(["/bin/sh", "-c", r#""$@"; exec sleep 1000"#, "stay"]);
    let init = init.through(["/bin/sh", "-c", between, "between"]);
    let (supervised, heard) = init.start_listener();
    let stay = first_child(first_child(supervised.running.pid()));
    let between = first_child(stay);
    let name = std::fs::read(format!("/proc/{}/cmdline", first_child(between))).unwrap();
    let name = String::from_utf8_lossy(&name).into_owned();
    assert!(name.starts_with(&program().display().to_string()), "{name}");
    let listener = first_child(first_child(between));
    listener::send(between, 9);
    until("the listener has heard it", DEADLINE, || {
        (heard.all() == [10]).then_some(())
    });
    heard.after(listener, 64);
    assert_eq!(heard.all(), [10, 64]);
}

#[test]
fn an_init_under_an_init_passes_everything_on() {
    let project = Project::empty();
    let inner: Vec<String> = Init::pid_1(&project).words();
    let heard = Heard::new(&project, "heard");
    let words = inner.into_iter().chain(listener::command());
    let castoff = Init::pid_1(&project).command(words);
    let running = castoff.env(VARIABLE, heard.path()).spawn();
    heard.until_ready();
    let outer = first_child(running.pid());
    for signal in [1, 10, 15, 64] {
        heard.after(outer, signal);
    }
    assert_eq!(heard.all(), [1, 10, 15, 64]);
    listener::send(first_child(first_child(outer)), 9);
    running.wait(DEADLINE).status(137);

    // What the inner command leaves behind is adopted by the inner init, and reaped.
    let project = Project::empty();
    let words = Init::pid_1(&project).words();
    let shell = [
        "/bin/sh",
        "-c",
        "i=0; while [ $i -lt 100 ]; do ( : & ); i=$((i + 1)); done; exit 6",
    ];
    let words = words.into_iter().chain(shell.map(str::to_owned));
    Init::new(&project, Place::Pid1)
        .command(words)
        .output()
        .status(6);
}
