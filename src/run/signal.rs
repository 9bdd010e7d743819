//! Being told to stop. Handlers stand from the first moment to the exec, in every phase: the
//! kernel ignores SIGTERM for a PID 1 that has no handler.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// The signals that ask castoff to stop.
const STOPPING: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// Tells whether, and when, somebody asks castoff to stop.
#[derive(Debug)]
pub struct Stop {
    received: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
    wake: StdStream,
}

impl Stop {
    /// Installs the handlers.
    pub fn install() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let at_once = Arc::new(AtomicBool::new(false));
        let (wake, waker) = StdStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        // A signal between two registrations would reach the first handler alone, and be lost.
        let stopping: SigSet = STOPPING
            .into_iter()
            .filter_map(|signal| Signal::try_from(signal).ok())
            .collect();
        stopping.thread_block()?;
        for signal in STOPPING {
            // The handlers run in this order.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&at_once))?;
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&received), number)?;
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        stopping.thread_unblock()?;
        Ok(Self {
            received,
            at_once,
            wake,
        })
    }

    /// The signal that came, if one did.
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.received.load(Ordering::SeqCst))
            .ok()
            .filter(|&signal| signal != 0)
    }

    /// Waits for a signal. Must be called inside the runtime.
    pub async fn wait(&self) -> i32 {
        loop {
            if let Some(signal) = self.received() {
                return signal;
            }
            let woken = async {
                let mut wake = UnixStream::from_std(self.wake.try_clone()?)?;
                wake.read_u8().await
            };
            if woken.await.is_err() {
                // Without the pipe the flag is all there is; the phases look at it as well.
                std::future::pending::<()>().await;
            }
        }
    }

    /// From here on a signal ends the process in the handler itself. Whoever calls this looks at
    /// [`Stop::received`] afterwards, so that no signal falls between the last look and the exec,
    /// which gives handled signals their default action back.
    pub fn end_at_once(&self) {
        self.at_once.store(true, Ordering::SeqCst);
    }
}
