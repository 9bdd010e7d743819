//! Between castoff and the server: passes bytes on, counts them, and stops at one of them until
//! somebody has done what is to be done there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A port of its own, in front of a server's.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    reached: Receiver<()>,
}

struct Shared {
    upstream: u16,
    state: Mutex<State>,
    changed: Condvar,
    reached: SyncSender<()>,
}

struct State {
    /// Bytes that were passed on, both ways, over all connections.
    passed: u64,
    /// The byte to stop at, until that was done.
    stop_at: Option<u64>,
    /// Whether everybody waits for the trial to go on.
    held: bool,
    closed: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Listens, and will stop after `stop_at` bytes; without a number it passes everything on.
    pub(crate) fn start(upstream: u16, stop_at: Option<u64>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, reached) = sync_channel(1);
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::new(State {
                passed: 0,
                stop_at,
                held: false,
                closed: false,
                streams: Vec::new(),
            }),
            changed: Condvar::new(),
            reached: sender,
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.state.lock().unwrap().closed {
                    return;
                }
                // A client may have gone again; and no connection may wait for another's server.
                let Ok(client) = client else { continue };
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.connect(client));
            }
        });
        Self {
            port,
            shared,
            reached,
        }
    }

    /// Where castoff connects to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many bytes were passed on.
    pub(crate) fn passed(&self) -> u64 {
        self.shared.state.lock().unwrap().passed
    }

    /// Whether the byte has been reached, within a moment.
    pub(crate) fn is_reached(&self, within: Duration) -> bool {
        self.reached.recv_timeout(within).is_ok()
    }

    /// Goes on.
    pub(crate) fn release(&self) {
        self.shared.state.lock().unwrap().held = false;
        self.shared.changed.notify_all();
    }

    /// Breaks every connection there is, and passes later ones.
    pub(crate) fn cut(&self) {
        for stream in self.shared.state.lock().unwrap().streams.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
        self.release();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().closed = true;
        self.cut();
        // Wakes the thread that accepts.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        // A server that is down refuses; dropping the client's side tells it.
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.upstream)) else {
            return;
        };
        {
            let mut state = self.state.lock().unwrap();
            state.streams.push(client.try_clone().unwrap());
            state.streams.push(server.try_clone().unwrap());
        }
        for (from, to) in [
            (client.try_clone().unwrap(), server.try_clone().unwrap()),
            (server, client),
        ] {
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.pass(from, to));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let allowed = self.allow(rest.len());
                let (now, later) = rest.split_at(allowed);
                if to.write_all(now).is_err() {
                    from.shutdown(Shutdown::Both).ok();
                    return;
                }
                rest = later;
                if !rest.is_empty() {
                    self.hold();
                }
            }
        }
        to.shutdown(Shutdown::Write).ok();
    }

    /// How many of these bytes may pass now. All, unless the stop lies among them.
    fn allow(&self, count: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        while state.held {
            state = self.changed.wait(state).unwrap();
        }
        let count = count as u64;
        let allowed = match state.stop_at {
            Some(stop) if stop < state.passed + count => {
                state.stop_at = None;
                state.held = true;
                stop.saturating_sub(state.passed)
            }
            _ => count,
        };
        state.passed += allowed;
        usize::try_from(allowed).unwrap()
    }

    /// Tells the trial that the byte is reached, and waits for it.
    fn hold(&self) {
        self.reached.send(()).ok();
        let mut state = self.state.lock().unwrap();
        while state.held {
            state = self.changed.wait(state).unwrap();
        }
    }
}
