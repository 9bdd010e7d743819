//! Clients that ask all the time, each on a connection of its own, and forgive nothing.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::http::{self, Answer, request};
use super::{DEADLINE, until};

/// How long from one request to the next: 200 a second.
const PACE: Duration = Duration::from_millis(5);

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Asked {
    began: Instant,
    ended: Instant,
    answer: io::Result<Answer>,
}

impl Asked {
    fn has(&self, status: u16) -> bool {
        self.answer
            .as_ref()
            .is_ok_and(|answer| answer.status == status)
    }

    fn is_refused(&self) -> bool {
        let error = self.answer.as_ref().err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// All that were asked, in the order they ended.
type Log = Arc<Mutex<Vec<Asked>>>;

/// Clients of one port.
#[derive(Debug)]
pub(crate) struct Crowd {
    log: Log,
    stop: Sender<()>,
    leader: JoinHandle<()>,
}

impl Crowd {
    /// A client that connects anew for each request, begun on time even while others wait for their
    /// answers.
    pub(crate) fn strangers(port: u16, path: &'static str) -> Self {
        Self::start(move |log, stop| {
            let mut clients = Vec::new();
            while stop.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let log = Arc::clone(log);
                clients.push(thread::spawn(move || {
                    ask(&log, || {
                        let mut stream = http::connect(port)?;
                        let request = request("GET", path, &["Connection: close"]);
                        stream.write_all(request.as_bytes())?;
                        http::to_the_end(&mut stream)
                    });
                }));
            }
            for client in clients {
                client.join().unwrap();
            }
        })
    }

    /// A client that keeps its connection for as long as the server does.
    pub(crate) fn regular(port: u16, path: &'static str) -> Self {
        Self::start(move |log, stop| {
            let mut kept: Option<TcpStream> = None;
            while stop.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                ask(log, || {
                    let mut stream = kept.take().map_or_else(|| http::connect(port), Ok)?;
                    stream.write_all(request("GET", path, &[]).as_bytes())?;
                    let answer = http::one(&mut stream)?;
                    kept = Some(stream).filter(|_| !answer.is_last());
                    Ok(answer)
                });
            }
        })
    }

    fn start(work: impl FnOnce(&Log, &mpsc::Receiver<()>) + Send + 'static) -> Self {
        let log = Log::default();
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&log);
        Self {
            log,
            stop,
            leader: thread::spawn(move || work(&shared, &stopped)),
        }
    }

    /// Returns when so many more were answered like this.
    pub(crate) fn until_answered(&self, status: u16, more: usize) {
        let count = || {
            let log = self.log.lock().unwrap();
            log.iter().filter(|asked| asked.has(status)).count()
        };
        let before = count();
        let what = format!("{more} more answers are {status}");
        until(&what, DEADLINE, || (count() >= before + more).then_some(()));
    }

    /// Ends, and looks back: nothing was lost, and 503 became 200 once.
    pub(crate) fn check(self) {
        self.stop.send(()).unwrap();
        self.leader.join().unwrap();
        let log = Arc::into_inner(self.log).unwrap().into_inner().unwrap();
        let first = |status| {
            let answered = log.iter().filter(|asked| asked.has(status));
            let ended = answered.map(|asked| asked.ended).min();
            ended.unwrap_or_else(|| panic!("no answer is {status}"))
        };
        let listening = first(503);
        let serving = first(200);
        for asked in &log {
            // castoff needs a moment to start, and nobody promised it before.
            if asked.is_refused() && asked.began < listening {
                continue;
            }
            assert!(asked.has(503) || asked.has(200), "{asked:?}");
            // What was asked after the server had answered once, the server answered.
            assert!(
                asked.has(200) || asked.began < serving,
                "back to 503: {asked:?}"
            );
            assert!(asked.has(503) || asked.ended > listening, "{asked:?}");
        }
        let count = |status| log.iter().filter(|asked| asked.has(status)).count();
        assert!(count(503) >= 50 && count(200) >= 50, "{}", log.len());
    }
}

/// Asks, and writes down what became of it.
fn ask(log: &Log, exchange: impl FnOnce() -> io::Result<Answer>) {
    let began = Instant::now();
    let answer = exchange();
    let ended = Instant::now();
    log.lock().unwrap().push(Asked {
        began,
        ended,
        answer,
    });
}
