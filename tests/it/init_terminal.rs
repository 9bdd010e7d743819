//! An init between a terminal and its command: the terminal is the command's, and what is typed
//! reaches the command once.
//!
//! The rows are those of [`super::init_rows`].

use nix::unistd::Pid;

use super::support::castoff::Status;
use super::support::listener::{self, Heard, VARIABLE, send};
use super::support::project::Project;
use super::support::supervised::{Init, Opt, Place, Stat, first_child};
use super::support::terminal::Terminal;
use super::support::{DEADLINE, until};

/// Makes its standard input the controlling terminal of a new session, and becomes the rest.
const SESSION: [&str; 2] = ["setsid", "--ctty"];

/// Who leads the session of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leader {
    /// A process over the init, as with a shell that somebody types into.
    Another,
    /// The init, as with `docker run -it`.
    Init,
}

const LEADERS: [Leader; 2] = [Leader::Another, Leader::Init];

/// PID 1 on a terminal.
fn on_terminal(project: &Project, leader: Leader) -> Init<'_> {
    let init = Init::pid_1(project);
    match leader {
        Leader::Another => init.around(SESSION),
        Leader::Init => init.through(SESSION),
    }
}

/// A listener under an init on a terminal.
fn start_listener(init: Init<'_>, project: &Project) -> (Terminal, Heard) {
    let heard = Heard::new(project, "heard");
    let castoff = init
        .command(listener::command())
        .env(VARIABLE, heard.path());
    let terminal = Terminal::start_with_input(castoff);
    heard.until_ready();
    (terminal, heard)
}

#[test]
fn the_terminal_is_handed_to_the_command() {
    for leader in LEADERS {
        let project = Project::empty();
        let init = on_terminal(&project, leader);
        let (terminal, _) = start_listener(init, &project);
        let init = first_child(terminal.pid());
        let child = first_child(init);
        let stat = Stat::of(child);
        assert_eq!(stat.group, child.as_raw(), "{leader:?}");
        assert_eq!(stat.foreground, child.as_raw(), "{leader:?}");
    }
}

#[test]
fn ctrl_c_reaches_the_command_exactly_once() {
    for leader in LEADERS {
        for group in [false, true] {
            let project = Project::empty();
            let mut init = on_terminal(&project, leader);
            if group {
                init = init.option(Opt::KillGroup);
            }
            let (mut terminal, heard) = start_listener(init, &project);
            let init = first_child(terminal.pid());
            for (keys, signal) in [("\u{3}", 2), ("\u{1c}", 3), ("\u{3}", 2)] {
                let before = heard.all().len();
                terminal.type_keys(keys);
                until("the key is heard", DEADLINE, || {
                    (heard.all().len() > before).then_some(())
                });
                assert_eq!(heard.all()[before..], [signal], "{leader:?}, {group}");
            }
            heard.after(init, 64);
            assert_eq!(heard.all(), [2, 3, 2, 64], "{leader:?}, {group}");
        }
    }
}

/// A session leader that gives its terminal up is sent SIGHUP and SIGCONT, and so is its group.
#[test]
fn the_command_hears_nothing_of_how_it_got_the_terminal() {
    for leader in LEADERS {
        let project = Project::empty();
        let init = on_terminal(&project, leader);
        let (terminal, heard) = start_listener(init, &project);
        heard.after(first_child(terminal.pid()), 64);
        assert_eq!(heard.all(), [64], "{leader:?}");
    }
}

#[test]
fn a_command_may_read_from_and_write_to_its_terminal() {
    for leader in LEADERS {
        let project = Project::empty();
        let script = "stty tostop; echo gi''ve; read -r line; echo \"got $line\"; exit 6";
        let castoff = on_terminal(&project, leader).shell(script);
        let mut terminal = Terminal::start_with_input(castoff);
        terminal.until_drawn(&["give"]);
        terminal.type_keys("it\n");
        let (status, written) = terminal.wait();
        assert_eq!(status, Status::Code(6), "{written:?}");
        assert!(written.contains("got it"), "{written:?}");
    }
}

#[test]
fn a_shell_under_it_has_its_job_control() {
    for leader in LEADERS {
        let project = Project::empty();
        let castoff = on_terminal(&project, leader).command(["/bin/sh", "-i"]);
        let mut terminal = Terminal::start_with_input(castoff);
        // The quotes tell what is written from the echo of what is typed.
        terminal.type_keys("echo rea''dy\n");
        terminal.until_drawn(&["ready"]);
        let shell = first_child(first_child(terminal.pid()));
        terminal.type_keys("sleep 1000\n");
        let sleep = foreground_child(&terminal);
        terminal.type_keys("\u{1a}");
        Stat::until_state(sleep, 'T');
        terminal.type_keys("echo stop''ped\n");
        terminal.until_drawn(&["stopped"]);
        terminal.type_keys("bg\n");
        Stat::until_state(sleep, 'S');
        assert_eq!(Stat::of(shell).foreground, shell.as_raw());
        terminal.type_keys("fg\n");
        assert_eq!(foreground_child(&terminal), sleep);
        terminal.type_keys("\u{3}");
        terminal.type_keys("echo en''ded with $?\n");
        terminal.until_drawn(&["ended with 130"]);
        terminal.type_keys("exit 5\n");
        let (status, written) = terminal.wait();
        assert_eq!(status, Status::Code(5), "{leader:?}: {written:?}");
    }
}

/// The child of the shell under the init, when it has the terminal.
fn foreground_child(terminal: &Terminal) -> Pid {
    let shell = first_child(first_child(terminal.pid()));
    let child = first_child(shell);
    until("it has the terminal", DEADLINE, || {
        (Stat::of(shell).foreground == child.as_raw()).then_some(())
    });
    child
}

/// Somebody types an init's command line into a shell, and then its job is stopped and fetched back.
fn check_stopped(stop: impl FnOnce(&mut Terminal, Pid)) {
    let project = Project::empty();
    let words = Init::new(&project, Place::Pid1).words();
    let shell = Init::none(&project, Place::Pid1).through(SESSION);
    let mut terminal = Terminal::start_with_input(shell.command(["/bin/sh", "-i"]));
    let line = words.join(" ");
    terminal.type_keys(&format!("{line} sh -c 'echo start''ed; exec sleep 1000'\n"));
    terminal.until_drawn(&["started"]);
    let shell = first_child(terminal.pid());
    let init = first_child(shell);
    let child = first_child(init);
    stop(&mut terminal, init);
    Stat::until_state(child, 'T');
    Stat::until_state(init, 'T');
    terminal.type_keys("echo stop''ped\n");
    terminal.until_drawn(&["stopped"]);
    terminal.type_keys("fg\n");
    Stat::until_state(init, 'S');
    Stat::until_state(child, 'S');
    until("the command has the terminal", DEADLINE, || {
        (Stat::of(child).foreground == child.as_raw()).then_some(())
    });
    terminal.type_keys("\u{3}");
    terminal.type_keys("echo en''ded with $?\n");
    terminal.until_drawn(&["ended with 130"]);
    terminal.type_keys("exit 5\n");
    let (status, written) = terminal.wait();
    assert_eq!(status, Status::Code(5), "{written:?}");
}

#[test]
fn ctrl_z_stops_the_init_with_its_command_and_the_shell_goes_on() {
    check_stopped(|terminal, _| terminal.type_keys("\u{1a}"));
}

/// That the command has stopped is told to the init when it goes on. To stop for it once more would
/// leave the shell with a job that cannot be fetched back.
#[test]
fn a_stop_signal_stops_the_init_once() {
    check_stopped(|_, init| send(init, 20));
}

#[test]
fn pipes_pass_through() {
    let project = Project::empty();
    let line = format!(
        "head -c 3000000 /dev/urandom | tee before | {} cat >after; echo \"status $?\"",
        Init::pid_1(&project).words().join(" ")
    );
    let finished = Init::none(&project, Place::Under).output(&line);
    assert_eq!(finished.stdout, "status 0\n", "{finished}");
    let read = |name: &str| std::fs::read(project.path(name)).unwrap();
    assert_eq!(read("before").len(), 3_000_000);
    assert!(read("before") == read("after"), "the bytes differ");
    // Whoever reads from the command sees its end, and the command its reader's.
    let line = format!(
        "{} sh -c 'while echo x; do :; done 2>/dev/null; echo over >over' | head -n 1",
        Init::pid_1(&project).words().join(" ")
    );
    let finished = Init::none(&project, Place::Under).output(&line);
    assert_eq!(finished.stdout, "x\n", "{finished}");
}
