//! What this process inherited from its parent, before anything changed it: the signals that are
//! ignored, and those that are blocked. Rust's start-up ignores SIGPIPE before `main`, so this is
//! read by a constructor, which the C library calls earlier.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// Bit n-1 stands for signal n, as in proc(5).
static IGNORED: AtomicU64 = AtomicU64::new(0);
static BLOCKED: AtomicU64 = AtomicU64::new(0);

/// The highest signal of Linux.
pub const LAST_SIGNAL: i32 = 64;

/// Signals that were ignored when this process began: bit n-1 stands for signal n.
pub fn ignored() -> u64 {
    IGNORED.load(Ordering::Relaxed)
}

/// Signals that were blocked when this process began: bit n-1 stands for signal n.
pub fn blocked() -> u64 {
    BLOCKED.load(Ordering::Relaxed)
}

/// Ignores and blocks what was ignored and blocked when this process began, and nothing else. For
/// the moment before an exec. Signals that have a handler get their default action by the exec.
pub(crate) fn restore() -> io::Result<()> {
    for number in 1..=LAST_SIGNAL {
        let bit = 1 << (number - 1);
        if ignored() & bit != 0 {
            sys::ignore(number, true)?;
        }
    }
    // The only one that is ignored in here, by Rust's start-up. To ask for each would cost as much
    // time as all the rest.
    if ignored() & (1 << (libc::SIGPIPE - 1)) == 0 {
        sys::ignore(libc::SIGPIPE, false)?;
    }
    // What a parent of Rust or of the C library's own leaves ignored by accident.
    for number in 32..34 {
        sys::default_internal(number);
    }
    sys::set_mask(&sys::mask_of(blocked()))
}

#[used]
#[expect(
    unsafe_code,
    reason = "there is no safe way to run before Rust's start-up"
)]
// SAFETY: the C library calls each entry of this section once, in the only thread there is. What is
// called needs nothing of Rust's runtime.
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = read;

extern "C" fn read() {
    let mut ignored = 0;
    let mut blocked = 0;
    for signal in 1..=LAST_SIGNAL {
        let bit = 1 << (signal - 1);
        if is_ignored(signal) {
            ignored |= bit;
        }
    }
    if let Some(mask) = mask() {
        for signal in 1..=LAST_SIGNAL {
            #[expect(unsafe_code, reason = "libc's function is not marked as safe")]
            // SAFETY: reads a set that the kernel filled; any signal number may be asked for.
            if unsafe { libc::sigismember(&raw const mask, signal) } == 1 {
                blocked |= 1 << (signal - 1);
            }
        }
    }
    IGNORED.store(ignored, Ordering::Relaxed);
    BLOCKED.store(blocked, Ordering::Relaxed);
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "libc's function is not marked as safe")]
    // SAFETY: asks for the action and changes nothing; the pointer is to memory of the right size.
    let result = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    if result != 0 {
        // Signals that the C library keeps to itself.
        return false;
    }
    #[expect(unsafe_code, reason = "it was written by the call above")]
    // SAFETY: sigaction(2) fills it when it succeeds, and it did.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction == libc::SIG_IGN
}

fn mask() -> Option<libc::sigset_t> {
    let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "libc's function is not marked as safe")]
    // SAFETY: asks for the mask and changes nothing; the pointer is to memory of the right size.
    let result = unsafe { libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr()) };
    #[expect(unsafe_code, reason = "it was written by the call above")]
    // SAFETY: sigprocmask(2) fills it when it succeeds.
    (result == 0).then(|| unsafe { mask.assume_init() })
}
