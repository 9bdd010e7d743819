//! System calls as safe functions, one each and nothing decided. Only what takes numbers, or memory
//! that a reference vouches for, is here.
#![expect(
    unsafe_code,
    reason = "the standard library has none of these; each says why it is sound"
)]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use libc::{c_int, pid_t};

use crate::signal::Signal;

/// A set of signals as the kernel keeps it for a thread.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Every signal that can be blocked.
fn all() -> Mask {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to memory of the right size.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: sigfillset(3) has filled it; it cannot fail for a valid pointer.
    Mask(unsafe { set.assume_init() })
}

/// Blocks every signal, and says what was blocked before.
pub(crate) fn block_all() -> io::Result<Mask> {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    let all = all();
    // SAFETY: both pointers are to sets, the second one for the kernel to fill.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all.0, before.as_mut_ptr()) };
    checked(result)?;
    // SAFETY: sigprocmask(2) fills it when it succeeds, and it did.
    Ok(Mask(unsafe { before.assume_init() }))
}

/// Blocks exactly these signals.
pub(crate) fn set_mask(mask: &Mask) -> io::Result<()> {
    // SAFETY: the first pointer is to a set; nothing is asked for.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const mask.0, std::ptr::null_mut()) };
    checked(result).map(drop)
}

/// The set with bit n-1 for signal n.
pub(crate) fn mask_of(bits: u64) -> Mask {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to memory of the right size.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: sigemptyset(3) has filled it; it cannot fail for a valid pointer.
    let mut set = unsafe { set.assume_init() };
    for number in (1..=64).filter(|number| bits >> (number - 1) & 1 == 1) {
        // SAFETY: the pointer is to a set; a number that the C library keeps to itself is refused.
        unsafe { libc::sigaddset(&raw mut set, number) };
    }
    Mask(set)
}

/// Ignores a signal from now on, or gives it its default action. Fails for those that the C library
/// keeps to itself.
pub(crate) fn ignore(number: c_int, ignored: bool) -> io::Result<()> {
    let action = if ignored {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    };
    // SAFETY: neither action is a function, so nothing of this program can be called by it.
    let before = unsafe { libc::signal(number, action) };
    if before == libc::SIG_ERR {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Gives a signal that the C library keeps to itself its default action.
pub(crate) fn default_internal(number: c_int) {
    /// All of `struct kernel_sigaction`, whatever its order: handler, flags, restorer and mask.
    /// Zero is the default action, no flags, nothing blocked.
    static DEFAULT: [u64; 4] = [0; 4];
    // SAFETY: the kernel reads at most as much as is there, and writes nothing. No thread uses the
    // C library's internal signals: this is called before an exec, where there is one thread.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            number,
            &raw const DEFAULT,
            std::ptr::null_mut::<u64>(),
            8_usize,
        )
    };
}

/// Waits for any signal that is blocked. Nothing: the time is over, or the process was stopped and
/// goes on.
pub(crate) fn wait_for_signal(timeout: Option<Duration>) -> Option<Signal> {
    let all = all();
    let result = match timeout {
        None => {
            // SAFETY: the pointer is to a set; nothing is asked about the signal but its number.
            unsafe { libc::sigwaitinfo(&raw const all.0, std::ptr::null_mut()) }
        }
        Some(timeout) => {
            let timeout = libc::timespec {
                tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                tv_nsec: timeout.subsec_nanos().into(),
            };
            // SAFETY: as above, and the third pointer is to a time.
            unsafe {
                libc::sigtimedwait(&raw const all.0, std::ptr::null_mut(), &raw const timeout)
            }
        }
    };
    Signal::new(result)
}

/// Sends a signal; a negative number is a process group.
pub(crate) fn kill(pid: pid_t, signal: Signal) -> io::Result<()> {
    // SAFETY: takes two numbers and touches no memory.
    checked(unsafe { libc::kill(pid, signal.number()) }).map(drop)
}

/// Splits this process in two. `None` in the child.
///
/// The child has one thread, and the memory of all: this is for a process of one thread, which
/// castoff is until its runtime starts. With more, locks of the others would stay locked for ever in
/// the child, which stalls it but breaks no memory.
pub(crate) fn fork() -> io::Result<Option<pid_t>> {
    // SAFETY: see above; the caller starts no thread before.
    let pid = checked(unsafe { libc::fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// Puts a process into a group.
pub(crate) fn set_group(pid: pid_t, group: pid_t) -> io::Result<()> {
    // SAFETY: takes two numbers and touches no memory.
    checked(unsafe { libc::setpgid(pid, group) }).map(drop)
}

/// The group of this process.
pub(crate) fn group() -> pid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpgrp() }
}

/// This process.
pub(crate) fn pid() -> pid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// The parent of this process; 0 when it is out of sight.
pub(crate) fn parent() -> pid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getppid() }
}

/// The group that has this terminal; nothing where this is not the terminal of this session, or not
/// open at all.
pub(crate) fn foreground(terminal: c_int) -> Option<pid_t> {
    // SAFETY: takes a number and touches no memory.
    checked(unsafe { libc::tcgetpgrp(terminal) }).ok()
}

/// Gives a terminal to a group.
pub(crate) fn set_foreground(terminal: c_int, group: pid_t) -> io::Result<()> {
    // SAFETY: takes two numbers and touches no memory.
    checked(unsafe { libc::tcsetpgrp(terminal, group) }).map(drop)
}

/// Orphans below this process become its children, as they become those of PID 1.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this option takes a number and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1_u64, 0_u64, 0_u64, 0_u64) };
    checked(result).map(drop)
}

/// This process gets a signal when its parent dies.
pub(crate) fn die_with_parent(signal: Signal) -> io::Result<()> {
    let number = i64::from(signal.number());
    // SAFETY: this option takes a number and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, number, 0_u64, 0_u64, 0_u64) };
    checked(result).map(drop)
}

/// The name of this process in listings that show no arguments.
pub(crate) fn set_name() {
    // SAFETY: this option reads a string with a zero at its end.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"castoff".as_ptr(), 0_u64, 0_u64, 0_u64) };
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It returned this status.
    Status(u8),
    /// This signal ended it.
    Signal(c_int),
}

/// A child that has ended and is not collected yet; nothing where there is none.
pub(crate) fn ended_child() -> Option<pid_t> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    about(libc::P_ALL, 0, options).map(|info| {
        // SAFETY: waitid(2) fills this field.
        unsafe { info.si_pid() }
    })
}

/// The signal that stopped this child, told once.
pub(crate) fn stopped_by(pid: pid_t) -> Option<Signal> {
    let info = about(libc::P_PID, pid, libc::WSTOPPED | libc::WNOHANG)?;
    // SAFETY: waitid(2) fills this field.
    Signal::new(unsafe { info.si_status() })
}

fn about(which: libc::idtype_t, pid: pid_t, options: c_int) -> Option<libc::siginfo_t> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let id = libc::id_t::try_from(pid).ok()?;
    // SAFETY: the pointer is to memory of the right size.
    let result = unsafe { libc::waitid(which, id, info.as_mut_ptr(), options) };
    // SAFETY: zeroed, and all of its fields are numbers.
    let info = unsafe { info.assume_init() };
    // SAFETY: waitid(2) fills this field, or leaves it zero where no child has anything to tell.
    let pid = unsafe { info.si_pid() };
    (result == 0 && pid != 0).then_some(info)
}

/// Whether this is a child of this process, ended or not.
pub(crate) fn is_child(pid: pid_t) -> bool {
    let Ok(id) = libc::id_t::try_from(pid) else {
        return false;
    };
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to memory of the right size.
    unsafe { libc::waitid(libc::P_PID, id, info.as_mut_ptr(), options) == 0 }
}

/// Collects a child that has ended.
pub(crate) fn collect(pid: pid_t) -> Option<Ended> {
    let mut status = 0;
    // SAFETY: the pointer is to a number.
    let collected = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    if collected != pid {
        return None;
    }
    if libc::WIFEXITED(status) {
        u8::try_from(libc::WEXITSTATUS(status))
            .ok()
            .map(Ended::Status)
    } else {
        libc::WIFSIGNALED(status).then(|| Ended::Signal(libc::WTERMSIG(status)))
    }
}

/// Closes all descriptors from 3 on. Where the kernel cannot, those that /proc names. Says whether it
/// could.
pub(crate) fn close_from_3() -> bool {
    // SAFETY: whoever calls this has nothing open that it needs: it is for the init, which uses
    // nothing but standard error and the terminal, from its beginning to its end.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    if result == 0 {
        return true;
    }
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return false;
    };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<c_int> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // SAFETY: as above. The descriptor of the listing itself is closed already.
        unsafe { libc::close(number) };
    }
    true
}

/// Gives the memory of the program's text back, which is read again from the file as far as it is
/// used again. What the start-up touched counts as this process's otherwise, for ever.
pub(crate) fn release_text() {
    unsafe extern "C" {
        static __executable_start: u8;
        static etext: u8;
    }
    const PAGE: usize = 4096;
    let start = &raw const __executable_start;
    let length = (&raw const etext).addr().saturating_sub(start.addr());
    // SAFETY: from the beginning of the program to the end of its text there is nothing that can be
    // written, so that the file has the same; relocated data comes behind it. Where a page is larger
    // than thought, or the addresses are none of a mapping, the call is refused.
    unsafe {
        libc::madvise(
            start.cast_mut().cast(),
            length / PAGE * PAGE,
            libc::MADV_DONTNEED,
        )
    };
}

/// Takes the values of variables that begin so out of this process's environment, where others could
/// read them in /proc for as long as it lives.
pub(crate) fn forget_variables(prefix: &[u8]) {
    unsafe extern "C" {
        static mut environ: *mut *mut libc::c_char;
    }
    // SAFETY: reads a pointer; there is one thread, and it changes no variable meanwhile.
    let mut entry = unsafe { environ };
    loop {
        if entry.is_null() {
            return;
        }
        // SAFETY: the list ends with a null pointer, and this is not behind it.
        let text = unsafe { *entry };
        if text.is_null() {
            return;
        }
        // SAFETY: each entry is a string with a zero at its end.
        let length = unsafe { libc::strlen(text) };
        // SAFETY: these bytes are the string's, on the stack or the heap, and nobody else has them.
        let bytes = unsafe { std::slice::from_raw_parts_mut(text.cast::<u8>(), length) };
        if bytes.starts_with(prefix)
            && let Some(value) = bytes.iter().position(|byte| *byte == b'=')
            && let Some(value) = bytes.get_mut(value + 1..)
        {
            value.fill(0);
        }
        // SAFETY: the list ends with a null pointer, and this was not it.
        entry = unsafe { entry.add(1) };
    }
}

/// Becomes another program. Returns why it could not.
pub(crate) fn exec(path: &CString, arguments: &[CString]) -> io::Error {
    let mut pointers: Vec<*const libc::c_char> =
        arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let no_variables = [std::ptr::null::<libc::c_char>()];
    // SAFETY: each pointer is to a string with a zero at its end that outlives the call, and both
    // lists end with a null pointer.
    unsafe { libc::execve(path.as_ptr(), pointers.as_ptr(), no_variables.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends this process at once.
pub(crate) fn exit(status: u8) -> ! {
    // SAFETY: ends the process; nothing of this program runs after it.
    unsafe { libc::_exit(status.into()) }
}

/// Writes, as far as that can be done at once.
pub(crate) fn write(descriptor: c_int, bytes: &[u8]) {
    // SAFETY: the pointer and the length are those of a slice.
    unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
}
