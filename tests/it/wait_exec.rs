//! Waiting for `exec:COMMAND`: its status, what it is given, what it says, and its end.

use expect_test::expect;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::support::project::Project;
use super::support::server::is_gone;
use super::support::transcript::prepare;
use super::support::{DEADLINE, until};

#[test]
fn a_command_is_ready_when_it_ends_with_0() {
    let project = Project::empty().file("probe.sh", "echo looking; test -e flag");
    let castoff = project.castoff(["wait", "--for", "exec:/bin/sh probe.sh"]);
    let mut running = castoff.env("PATH", "/bin:/usr/bin").spawn();
    running.stderr_until("it ended with status 1", DEADLINE);
    std::fs::write(project.path("flag"), "").unwrap();
    // What it says is told only where it fails in the end.
    running.wait(DEADLINE).check(&expect![[r#"
        status 0
        --- stderr
        castoff: waiting for exec:/bin/sh …: it ended with status 1
        castoff: exec:/bin/sh … is ready after [time]
        castoff: ready: exec:/bin/sh …
    "#]]);
}

#[test]
fn a_command_has_castoffs_environment_without_its_secrets() {
    let project = Project::empty().file("probe.sh", "env > seen; /bin/cat");
    let castoff = project.castoff(["wait", "--for", "exec:/bin/sh probe.sh", "--log", "debug"]);
    let castoff = castoff
        .env("PATH", "/bin:/usr/bin")
        .env("CASTOFF_DATABASE_URL", "")
        .env("CASTOFF_PLACEHOLDER_X", "shh, a value")
        .env("OTHER", "seen");
    castoff.output().status(0);
    let seen = std::fs::read_to_string(project.path("seen")).unwrap();
    assert!(seen.contains("OTHER=seen\n"), "{seen}");
    for hidden in ["CASTOFF_DATABASE_URL", "CASTOFF_PLACEHOLDER_X"] {
        assert!(!seen.contains(hidden), "{seen}");
    }
}

/// Starts castoff with a command that runs until it is ended, and returns its number and that of a
/// process that it started.
fn endless(project: &Project) -> [Pid; 2] {
    until("the command runs", DEADLINE, || {
        let text = std::fs::read_to_string(project.path("pids")).ok()?;
        let mut pids = text.strip_suffix('\n')?.split(' ');
        let mut next = || Some(Pid::from_raw(pids.next()?.parse().ok()?));
        Some([next()?, next()?])
    })
}

const ENDLESS: &str = "trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & \
    echo $$ $! > pids.new; mv pids.new pids; while :; do sleep 0.05; done";

fn until_gone(pids: [Pid; 2]) {
    until("the command and what it started are gone", DEADLINE, || {
        pids.iter().all(|pid| is_gone(*pid)).then_some(())
    });
}

#[test]
fn a_command_is_never_left_behind() {
    let project = Project::empty().file("probe.sh", ENDLESS);
    let line = "wait --wait-timeout 5s --for 'exec:/bin/sh probe.sh'";
    let running = prepare(&project, None, line)
        .env("PATH", "/bin:/usr/bin")
        .spawn();
    let pids = endless(&project);
    running.wait(DEADLINE).check(&expect![[r#"
        status 11
        --- stderr
        castoff: waiting for exec:/bin/sh …: it has not ended
        error[target-not-ready]: exec:/bin/sh … is not ready after 5 s: it has not ended
          help: check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)
    "#]]);
    until_gone(pids);

    let project = Project::empty().file("probe.sh", ENDLESS);
    let line = "wait --wait-timeout 1h --for 'exec:/bin/sh probe.sh'";
    let running = prepare(&project, None, line)
        .env("PATH", "/bin:/usr/bin")
        .spawn();
    let pids = endless(&project);
    running.signal(Signal::SIGTERM);
    running.wait(DEADLINE).status(143);
    until_gone(pids);
}
