//! Splitting castoff into an init and the process that it looks after.
//!
//! All signals are blocked before, so that none is lost in between: what comes for the init waits in
//! the kernel until the loop asks for it.
//!
//! The init has left its directory and its descriptors before the child goes on: what a command does
//! first, unmounting a file system say, must not depend on who is quicker.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::signal::Signal;
use crate::supervision::Supervision;
use crate::{inherited, sys};

/// The signal that this process gets when its init dies; 0 for none. Kept here because a change of
/// the user makes the kernel forget it.
static WITH_INIT: AtomicI32 = AtomicI32::new(0);

/// Which of the two this process is.
#[derive(Debug)]
pub enum Side {
    /// The init, which looks after this child.
    Init(Child),
    /// The child. Its signals are as they were before.
    Child,
}

/// The process that an init looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its id, and that of its process group.
    pub pid: i32,
    /// The descriptor of the terminal that its group was given, if there is one.
    pub terminal: Option<i32>,
}

/// Splits castoff in two. To be called while it has one thread.
pub fn stay(how: &Supervision) -> io::Result<Side> {
    let before = prepare(how)?;
    let terminal = own_terminal();
    let init = sys::pid();
    // Without a descriptor to spare the command starts all the same, and does not wait.
    let gate = io::pipe().ok();
    let Some(pid) = sys::fork()? else {
        be_the_child(how, init, terminal);
        if let Some(gate) = gate {
            wait_for_end(gate);
        }
        sys::set_mask(&before)?;
        return Ok(Side::Child);
    };
    // Whoever comes first; the other one may be too late, which does no harm.
    sys::set_group(pid, pid).ok();
    // The pipe is closed with all others, or by itself. Either lets the child go on, and so does the
    // end of an init that is killed here.
    if leave_places() {
        std::mem::forget(gate);
    } else {
        drop(gate);
    }
    Ok(Side::Init(Child { pid, terminal }))
}

/// Returns when the init has nothing open any more, this pipe's end included.
fn wait_for_end((mut reader, writer): (PipeReader, PipeWriter)) {
    drop(writer);
    // There is nothing to be read but the end.
    reader.read_to_end(&mut Vec::new()).ok();
}

/// An init keeps no directory and no descriptor from being taken away. Says whether the descriptors
/// are closed.
pub(crate) fn leave_places() -> bool {
    std::env::set_current_dir("/").ok();
    sys::close_from_3()
}

/// What an init does before it has a child: blocks all signals, adopts orphans, and is told when its
/// parent dies. Returns what was blocked before.
pub(crate) fn prepare(how: &Supervision) -> io::Result<sys::Mask> {
    let before = sys::block_all()?;
    // Children of a process that ignores it vanish without a status. It is ignored again where the
    // child gets the signals as castoff inherited them.
    sys::ignore(libc::SIGCHLD, false)?;
    if sys::pid() != 1
        && let Err(error) = sys::adopt_orphans()
    {
        let code = error.raw_os_error().unwrap_or_default();
        how.story
            .debug(format_args!("orphans are not adopted: error {code}"));
    }
    if let Some(signal) = how.parent_death {
        let parent = sys::parent();
        sys::die_with_parent(signal)?;
        // It died before it could be asked for.
        if sys::parent() != parent {
            sys::kill(sys::pid(), signal)?;
        }
    }
    Ok(before)
}

/// The terminal of this session, if this process has it: a job in the background must not take it
/// from the one in front.
fn own_terminal() -> Option<i32> {
    let group = sys::group();
    (0..3).find(|number| sys::foreground(*number) == Some(group))
}

/// The child leads a group of its own, so that the keyboard's signals reach it once, and from the
/// terminal.
fn be_the_child(how: &Supervision, init: i32, terminal: Option<i32>) {
    if let Some(signal) = how.parent_death {
        WITH_INIT.store(signal.number(), Ordering::Relaxed);
        end_with_init();
        // It was killed before it could be asked for.
        if sys::parent() != init {
            sys::kill(sys::pid(), signal).ok();
        }
    }
    if sys::set_group(0, 0).is_ok()
        && let Some(terminal) = terminal
    {
        // SIGTTOU, which a process in the background gets for this, is blocked.
        sys::set_foreground(terminal, sys::pid()).ok();
    }
}

/// Asks again for the signal at the init's death, after a change of the user.
fn end_with_init() {
    if let Some(signal) = Signal::new(WITH_INIT.load(Ordering::Relaxed)) {
        sys::die_with_parent(signal).ok();
    }
}

/// Lets `command` start with the signals that castoff inherited: what was ignored is ignored, what
/// was blocked is blocked, and nothing else. For a command that replaces this process.
pub fn keep_inherited_signals(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    #[expect(
        unsafe_code,
        reason = "the standard library resets SIGPIPE, and has no other way to set it after that"
    )]
    // SAFETY: the closure makes system calls alone, and runs in this very process, just before the
    // exec: it may do whatever this process may.
    unsafe {
        command.pre_exec(|| {
            inherited::restore()?;
            end_with_init();
            Ok(())
        })
    };
}
