//! The loop of an init: waits for a signal, and does what it means. Plain system calls, no heap, and
//! no wake-up without a reason: a time limit is set only while a grace period runs.

use std::time::{Duration, Instant};

use crate::decide::{self, Action, Job, Then};
use crate::signal::Signal;
use crate::stay::{self, Child};
use crate::supervision::{Receivers, Supervision};
use crate::sys::{self, Ended};

/// What changes while the loop runs.
struct State {
    /// When the child is killed, once it has been asked to stop.
    deadline: Option<Instant>,
    job: Job,
}

/// Looks after the child until it ends, and ends with its status. All signals are blocked already,
/// by [`stay::stay`].
pub fn supervise(child: Child, how: &Supervision) -> ! {
    leave_memory();
    let mut state = State {
        deadline: None,
        job: Job::Running,
    };
    // Whatever ended before anybody listened.
    reap(child, how, &mut state);
    loop {
        let left = state.deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            left.max(Duration::from_nanos(1))
        });
        let Some(signal) = sys::wait_for_signal(left) else {
            if state
                .deadline
                .is_some_and(|deadline| deadline <= Instant::now())
            {
                state.deadline = None;
                let grace = how.grace.unwrap_or_default().as_millis();
                let (grace, unit) = match grace % 1000 {
                    0 => (grace / 1000, "s"),
                    _ => (grace, "ms"),
                };
                how.story.warn(format_args!(
                    "process {} has not stopped within {grace} {unit}: it is killed",
                    child.pid
                ));
                send(Signal::KILL, how.receivers, child, how);
            }
            continue;
        };
        act(signal, child, how, &mut state);
    }
}

/// Collects orphans until SIGTERM or SIGINT, as PID 1 of a pod whose containers share their
/// processes.
pub fn pause(how: &Supervision) -> ! {
    if stay::prepare(how).is_err() {
        sys::exit(70);
    }
    stay::leave_places();
    leave_memory();
    // Whatever ended before anybody listened.
    collect_all(how);
    loop {
        match sys::wait_for_signal(None) {
            Some(signal) if decide::ends_a_pause(signal) => {
                how.story.debug(format_args!("{signal}: the pause ends"));
                sys::exit(0);
            }
            Some(Signal::CHLD) => collect_all(how),
            Some(_) | None => {}
        }
    }
}

/// An init keeps no memory that it does not need, and nothing of castoff's own where the child could
/// read it.
fn leave_memory() {
    sys::forget_variables(b"CASTOFF_");
    sys::release_text();
}

fn act(signal: Signal, child: Child, how: &Supervision, state: &mut State) {
    match decide::decide(signal, state.job, how) {
        Action::Reap => reap(child, how, state),
        Action::Drop => how.story.debug(format_args!("{signal} is dropped")),
        Action::Send { signal, to, then } => {
            send(signal, to, child, how);
            if then == Then::Grace && state.deadline.is_none() {
                // A time that no clock reaches is for ever.
                state.deadline = how
                    .grace
                    .and_then(|grace| Instant::now().checked_add(grace));
            }
        }
        Action::Suspend { signal, to } => {
            send(signal, to, child, how);
            state.job = Job::Suspended;
            suspend(how);
        }
        Action::Resume { signal, to } => {
            // Only what the shell gave to this job may be passed on.
            if let Some(terminal) = child.terminal
                && sys::foreground(terminal) == Some(sys::group())
            {
                sys::set_foreground(terminal, child.pid).ok();
            }
            state.job = Job::Running;
            send(signal, to, child, how);
        }
    }
}

/// Stops this process too, as a shell expects of a job. PID 1 cannot be stopped from inside, and
/// goes on.
fn suspend(how: &Supervision) {
    how.story.debug(format_args!("the init stops too"));
    sys::kill(sys::pid(), Signal::STOP).ok();
}

/// Collects every child that has ended, and ends if it was the one.
fn reap(child: Child, how: &Supervision, state: &mut State) {
    while let Some(pid) = sys::ended_child() {
        if pid == child.pid && how.receivers == Receivers::Group {
            // Before it is collected, because until then nobody else can get its number. Whoever
            // is left of the group is asked to stop, as by a shell that ends.
            sys::kill(-pid, Signal::TERM).ok();
        }
        let Some(ended) = sys::collect(pid) else {
            continue;
        };
        tell_of(pid, ended, how);
        if pid == child.pid {
            end(child, ended, how);
        }
    }
    let stopped = sys::stopped_by(child.pid);
    if let Some(signal) = stopped {
        how.story
            .debug(format_args!("process {} is stopped by {signal}", child.pid));
        // From the keyboard: the shell that started castoff waits for castoff, not for the child.
        // Not a second time for a stop that came from the init: it would swallow the SIGCONT that
        // is waiting by now.
        let stops_too = state.job == Job::Running && child.terminal.is_some() && sys::pid() != 1;
        if signal.suspends() && stops_too {
            state.job = Job::Stopped;
            suspend(how);
        }
    }
}

/// Collects every process that has ended.
fn collect_all(how: &Supervision) {
    while let Some(pid) = sys::ended_child()
        && let Some(ended) = sys::collect(pid)
    {
        tell_of(pid, ended, how);
    }
}

fn tell_of(pid: i32, ended: Ended, how: &Supervision) {
    match ended {
        Ended::Status(status) => how
            .story
            .collected(format_args!("process {pid} ended with status {status}")),
        Ended::Signal(number) => match Signal::new(number) {
            Some(signal) => how
                .story
                .collected(format_args!("process {pid} was ended by {signal}")),
            None => how
                .story
                .collected(format_args!("process {pid} was ended by signal {number}")),
        },
    }
}

/// Ends with the child's status, as a shell tells it: 128+n for signal n.
fn end(child: Child, ended: Ended, how: &Supervision) -> ! {
    if let Some(terminal) = child.terminal
        && sys::foreground(terminal) == Some(child.pid)
    {
        // A script that goes on behind castoff may read from it.
        sys::set_foreground(terminal, sys::group()).ok();
    }
    let status = match ended {
        Ended::Status(status) => status,
        Ended::Signal(number) => 128 | u8::try_from(number).unwrap_or_default(),
    };
    sys::exit(if how.forgiven.has(status) { 0 } else { status })
}

/// Sends a signal. That it does not arrive is no reason to end: the child may belong to another user
/// by now, or have ended just before.
fn send(signal: Signal, to: Receivers, child: Child, how: &Supervision) {
    let pid = child.pid;
    let sent = match to {
        Receivers::Child => sys::kill(pid, signal),
        // A child that has moved to another group is still the child.
        Receivers::Group => sys::kill(-pid, signal).or_else(|_| sys::kill(pid, signal)),
    };
    match sent {
        Ok(()) => how
            .story
            .debug(format_args!("{signal} is sent to process {pid}")),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => how.story.warn(format_args!(
            "{signal} may not be sent to process {pid}: it belongs to another user"
        )),
        Err(_) => how
            .story
            .debug(format_args!("{signal} finds no process {pid}")),
    }
}
