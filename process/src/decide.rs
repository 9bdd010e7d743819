//! What a signal means to an init. Pure: the loop does what is decided here.

use crate::signal::Signal;
use crate::supervision::{Receivers, Supervision};

/// What the init does about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Collects children that ended.
    Reap,
    /// Nothing: the signal is not to be sent.
    Drop,
    /// Sends a signal.
    Send {
        /// Which.
        signal: Signal,
        /// To whom.
        to: Receivers,
        /// Whether the child is killed when it has not stopped in time.
        then: Then,
    },
    /// Sends a signal that stops the child, and stops the init itself, so that the shell that
    /// started it gets its terminal back.
    Suspend {
        /// What is sent.
        signal: Signal,
        /// To whom.
        to: Receivers,
    },
    /// Goes on after a stop: the child's group gets the terminal back, if it is the init's to give,
    /// and the signal.
    Resume {
        /// What is sent.
        signal: Signal,
        /// To whom.
        to: Receivers,
    },
}

/// What comes after a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the child does with it what it likes.
    GoOn,
    /// The grace period begins, if it has not.
    Grace,
}

/// Whether the child stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// It runs.
    Running,
    /// A signal to the init stopped both.
    Suspended,
    /// The terminal stopped it, and the init with it: the whole group has to be told to go on.
    Stopped,
}

/// Decides what is done about a signal that reached the init.
pub fn decide(signal: Signal, job: Job, how: &Supervision) -> Action {
    if signal == Signal::CHLD {
        return Action::Reap;
    }
    let Some(sent) = how.rewrites.of(signal) else {
        return Action::Drop;
    };
    let to = how.receivers;
    if sent.suspends() {
        // The child alone may clean up first, or not stop at all. A group is stopped as a whole:
        // some of it may handle the signal and go on, and the shell would believe it stands.
        let signal = match to {
            Receivers::Child => sent,
            Receivers::Group => Signal::STOP,
        };
        return Action::Suspend { signal, to };
    }
    if sent == Signal::CONT {
        let to = match job {
            Job::Stopped => Receivers::Group,
            Job::Running | Job::Suspended => to,
        };
        return Action::Resume { signal: sent, to };
    }
    let then = if asks_to_stop(signal, sent) {
        Then::Grace
    } else {
        Then::GoOn
    };
    Action::Send {
        signal: sent,
        to,
        then,
    }
}

/// Whether the child is expected to end. SIGTERM is what engines stop a container with, whatever it
/// is sent as; SIGTERM and SIGINT are what a program is stopped with, whatever they came as. Not
/// SIGHUP, which makes many servers read their configuration again, and not SIGQUIT, which makes a
/// Java machine list its threads: whoever sends those expects the server to live.
fn asks_to_stop(received: Signal, sent: Signal) -> bool {
    received == Signal::TERM || sent == Signal::TERM || sent == Signal::INT
}

/// Whether a signal ends a pause, which has no child to ask.
pub fn ends_a_pause(signal: Signal) -> bool {
    signal == Signal::TERM || signal == Signal::INT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite;

    /// `how` is a list of rewrites, and `group`.
    fn check(how: &str, job: Job, signal: &str, expected: &str) {
        let mut supervision = Supervision::default();
        for word in how.split_whitespace() {
            if word == "group" {
                supervision.receivers = Receivers::Group;
            } else {
                let (from, to) = rewrite::parse(word).unwrap();
                supervision.rewrites.set(from, to);
            }
        }
        let shown = match decide(Signal::parse(signal).unwrap(), job, &supervision) {
            Action::Reap => "reap".to_owned(),
            Action::Drop => "drop".to_owned(),
            Action::Send { signal, to, then } => format!("{signal} {to:?} {then:?}"),
            Action::Suspend { signal, to } => format!("suspend {signal} {to:?}"),
            Action::Resume { signal, to } => format!("resume {signal} {to:?}"),
        };
        assert_eq!(shown, expected, "{how}: {signal}");
    }

    #[test]
    fn a_signal_is_sent_as_it_came() {
        check("", Job::Running, "TERM", "SIGTERM Child Grace");
        check("", Job::Running, "INT", "SIGINT Child Grace");
        check("", Job::Running, "USR1", "SIGUSR1 Child GoOn");
        check("", Job::Running, "SEGV", "SIGSEGV Child GoOn");
        check("", Job::Running, "RTMIN+3", "SIGRTMIN+3 Child GoOn");
        check("group", Job::Running, "WINCH", "SIGWINCH Group GoOn");
        check("", Job::Running, "CHLD", "reap");
    }

    #[test]
    fn a_reload_does_not_end_in_a_kill() {
        check("", Job::Running, "HUP", "SIGHUP Child GoOn");
        check("", Job::Running, "QUIT", "SIGQUIT Child GoOn");
        check("INT:USR1", Job::Running, "INT", "SIGUSR1 Child GoOn");
        check("TERM:QUIT", Job::Running, "TERM", "SIGQUIT Child Grace");
        check("QUIT:TERM", Job::Running, "QUIT", "SIGTERM Child Grace");
    }

    #[test]
    fn what_is_rewritten_to_nothing_is_dropped() {
        check("HUP:0", Job::Running, "HUP", "drop");
        check("TERM:0", Job::Running, "TERM", "drop");
        check("TSTP:0", Job::Running, "TSTP", "drop");
    }

    #[test]
    fn stopping_stops_both_and_going_on_goes_to_all_that_stand() {
        for name in ["TSTP", "TTIN", "TTOU"] {
            check("", Job::Running, name, &format!("suspend SIG{name} Child"));
            check("group", Job::Running, name, "suspend SIGSTOP Group");
        }
        check("", Job::Running, "CONT", "resume SIGCONT Child");
        check("", Job::Suspended, "CONT", "resume SIGCONT Child");
        check("", Job::Stopped, "CONT", "resume SIGCONT Group");
        check("group", Job::Running, "CONT", "resume SIGCONT Group");
        check("TSTP:TERM", Job::Running, "TSTP", "SIGTERM Child Grace");
    }
}
