//! What an init does with the signals that it gets: they reach the command, each exactly once.
//!
//! The rows are those of [`super::init_rows`].

use super::support::listener::{self, Heard, VARIABLE, send};
use super::support::project::Project;
use super::support::supervised::{Init, Opt, PLACES, Place, Stat, Supervised, first_child};
use super::support::{DEADLINE, until};

/// HUP, INT, QUIT, USR1, USR2 and TERM.
const USUAL: [i32; 6] = [1, 2, 3, 10, 12, 15];

/// KILL and STOP, which nobody can forward; CHLD, which is the init's own; and TSTP, TTIN and TTOU,
/// which stop the command and have tests of their own.
const SPECIAL: [i32; 6] = [9, 19, 17, 20, 21, 22];

/// Sends each of these to the init; the listener must hear exactly them.
#[track_caller]
fn check_forwarded(place: Place, signals: &[i32]) {
    let project = Project::empty();
    let (supervised, heard) = Init::new(&project, place).start_listener();
    let init = supervised.init();
    for signal in signals {
        heard.after(init, *signal);
    }
    assert_eq!(heard.all(), signals, "{place:?}");
}

#[test]
fn the_usual_signals_reach_the_command() {
    for place in PLACES {
        check_forwarded(place, &USUAL);
    }
}

#[test]
fn every_signal_that_a_user_can_send_reaches_the_command() {
    let all = (1..=31).filter(|signal| !SPECIAL.contains(signal));
    let all: Vec<i32> = all.collect();
    for place in PLACES {
        check_forwarded(place, &all);
    }
}

#[test]
fn real_time_signals_reach_the_command() {
    let all: Vec<i32> = (34..=64).collect();
    check_forwarded(Place::Pid1, &all);
}

#[test]
fn none_of_four_hundred_signals_is_lost() {
    for place in PLACES {
        check_forwarded(place, &[10; 400]);
    }
}

/// Two listeners in one process group; the second is the init's command.
fn start_two(init: Init<'_>, project: &Project) -> (Supervised, Heard, Heard) {
    let helper = Heard::new(project, "helper");
    let main = Heard::new(project, "main");
    let script = format!(
        "{VARIABLE}='{}' \"$@\" & {VARIABLE}='{}' exec \"$@\"",
        helper.path().display(),
        main.path().display(),
    );
    let mut words = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    words.extend(listener::command());
    let supervised = init.start(words);
    helper.until_ready();
    main.until_ready();
    (supervised, main, helper)
}

#[test]
fn signals_go_to_the_whole_group_when_asked() {
    for place in PLACES {
        let project = Project::empty();
        let init = Init::new(&project, place).option(Opt::KillGroup);
        let (supervised, main, helper) = start_two(init, &project);
        for signal in USUAL {
            main.after(supervised.init(), signal);
        }
        until("the helper has heard them", DEADLINE, || {
            (helper.all().len() >= USUAL.len()).then_some(())
        });
        // Nothing is heard twice: what is last was sent to the listeners themselves.
        let command = supervised.child();
        helper.after(first_child(command), 64);
        main.after(command, 64);
        let expected = [&USUAL[..], &[64]].concat();
        assert_eq!(main.all(), expected, "{place:?}");
        assert_eq!(helper.all(), expected, "{place:?}");
    }
}

#[test]
fn signals_go_to_the_command_alone_otherwise() {
    let project = Project::empty();
    let (supervised, main, helper) = start_two(Init::pid_1(&project), &project);
    for signal in USUAL {
        main.after(supervised.init(), signal);
    }
    // A signal with a higher number is taken after those that came before it.
    helper.after(first_child(supervised.child()), 64);
    assert_eq!(helper.all(), [64]);
    assert_eq!(main.all(), USUAL);
}

#[test]
fn the_command_leads_a_group_of_its_own() {
    for place in PLACES {
        let project = Project::empty();
        let (supervised, _) = Init::new(&project, place).start_listener();
        let child = supervised.child();
        assert_eq!(Stat::of(child).group, child.as_raw(), "{place:?}");
        assert_ne!(Stat::of(supervised.init()).group, child.as_raw());
    }
}

#[test]
fn a_stop_signal_stops_the_command_and_the_init_until_they_go_on() {
    for signal in [20, 21, 22] {
        let project = Project::empty();
        let init = Init::under(&project);
        let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
        let (init, child) = (supervised.init(), supervised.child());
        supervised.signal(signal);
        Stat::until_state(child, 'T');
        Stat::until_state(init, 'T');
        supervised.signal(18);
        Stat::until_state(init, 'S');
        Stat::until_state(child, 'S');
        supervised.signal(15);
        supervised.wait().status(143);
    }
}

#[test]
fn pid_1_goes_on_while_a_stop_signal_has_stopped_its_command() {
    for signal in [20, 21, 22] {
        let project = Project::empty();
        let init = Init::pid_1(&project);
        let supervised = init.start_shell("echo ready >&2; exec sleep 1000");
        let child = supervised.child();
        supervised.signal(signal);
        Stat::until_state(child, 'T');
        // The kernel does not stop a PID 1, and it must not wait for somebody who could.
        Stat::until_state(supervised.init(), 'S');
        supervised.signal(18);
        Stat::until_state(child, 'S');
        supervised.signal(15);
        supervised.wait().status(143);
    }
}

#[test]
fn a_signal_is_rewritten_or_dropped_when_asked() {
    let project = Project::empty();
    let init = Init::pid_1(&project).option(Opt::Rewrite("TERM:QUIT"));
    let init = init.option(Opt::Rewrite("HUP:0"));
    let (supervised, heard) = init.start_listener();
    let init = supervised.init();
    heard.after(init, 15);
    send(init, 1);
    heard.after(init, 10);
    assert_eq!(heard.all(), [3, 10]);
}

/// Signals that come while castoff starts: each is either castoff's end or reaches the command.
#[test]
fn no_signal_is_lost_while_the_command_starts() {
    for delay in 0..40 {
        let project = Project::empty();
        let init =
            Init::under(&project).through(["/bin/sh", "-c", r#"echo up >&2; exec "$@""#, "sh"]);
        let mut supervised = init.start(["sleep", "1000"]);
        supervised.running.stderr_until("up", DEADLINE);
        // Spins for a while that differs, through the start and past its end.
        let mut init = supervised.init();
        for _ in 0..delay * 20 {
            init = supervised.init();
        }
        send(init, 15);
        supervised.wait().status(143);
    }
}

/// The command has another user, and the init lacks the capability to signal it.
#[test]
fn a_command_that_may_not_be_signalled_does_not_end_the_init() {
    let project = Project::empty().file("gate", "");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.directory(), mode).unwrap();
    let init = Init::pid_1(&project).through(["setpriv", "--bounding-set=-kill"]);
    let script = "echo ready >&2; while [ -e gate ]; do sleep 0.02; done; exit 7";
    let user = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let words = user.into_iter().chain(["/bin/sh", "-c", script]);
    let mut supervised = init.start(words);
    supervised.running.stderr_until("ready", DEADLINE);
    for signal in USUAL {
        supervised.signal(signal);
    }
    std::fs::remove_file(project.path("gate")).unwrap();
    supervised.wait().status(7);
}
