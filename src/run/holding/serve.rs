//! The connections of the holding page: accepting them, answering once on each, and leaving none
//! behind. It runs in a thread of its own, since the engine's own may be busy.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::answer::{self, Question};
use crate::config::holding::Handover;
use crate::status::board::Board;

/// How long a client may take to send its request and to take the answer.
const EXCHANGE: Duration = Duration::from_secs(8);

/// How long a client that still sends may go on, altogether and from one piece to the next, and how
/// much. Closing before it has ended would take the answer away from it.
const LINGER: Duration = Duration::from_secs(10);
const LINGER_IDLE: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// The most connections at a time, and the part of the descriptors that they may take: the rest is
/// for the database.
const CONNECTIONS: usize = 256;
const PART_OF_DESCRIPTORS: u64 = 4;

/// The longest head of a request.
const HEAD: usize = 16 * 1024;

/// How long nothing is accepted after the system refused to.
const AFTER_A_REFUSAL: Duration = Duration::from_millis(100);

/// What is shown.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) board: Board,
    /// The user's own page.
    pub(super) template: Option<Arc<str>>,
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let accept = request.headers().get(header::ACCEPT);
        let question = Question {
            path: request.uri().path(),
            accept: accept.and_then(|value| value.to_str().ok()),
            template: self.template.as_deref(),
        };
        answer::answer(question, &self.board.status(), Instant::now())
    }
}

/// Answers until `over` ends, then finishes what was accepted, in the time that there is for it. What
/// was not, stays in the socket's queue; when nobody takes the socket, the queue is emptied as well.
pub(super) async fn serve(
    listener: TcpListener,
    site: Site,
    handover: Handover,
    finish: Duration,
    over: impl Future<Output = ()>,
) {
    let mut connections = Connections::new(site);
    tokio::pin!(over);
    loop {
        tokio::select! {
            biased;
            () = &mut over => break,
            Some(_) = connections.tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connections.add(stream),
                // Out of descriptors, most likely: waiting helps, a busy loop does not.
                Err(_) => sleep(AFTER_A_REFUSAL).await,
            },
        }
    }
    if handover == Handover::Close {
        connections.add_all(&listener).await;
    }
    drop(listener);
    // What is not done in this time is cut off with its tasks.
    drop(timeout(finish, connections.finish()).await);
}

/// Connections that are open.
struct Connections {
    site: Site,
    limit: usize,
    tasks: JoinSet<()>,
    /// Oldest first; some are done.
    order: VecDeque<AbortHandle>,
}

impl Connections {
    fn new(site: Site) -> Self {
        Self {
            site,
            limit: limit(),
            tasks: JoinSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Answers on one more. Where that is one too many, the oldest is ended: answering takes no time,
    /// so it belongs to a client that is slow, or that means no good.
    fn add(&mut self, stream: TcpStream) {
        self.order.retain(|task| !task.is_finished());
        if self.order.len() >= self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        let task = self.tasks.spawn(connection(stream, self.site.clone()));
        self.order.push_back(task);
    }

    /// Answers on all that wait to be accepted.
    async fn add_all(&mut self, listener: &TcpListener) {
        while let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await {
            self.add(stream);
        }
    }

    async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// How many connections may be open.
fn limit() -> usize {
    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let part = usize::try_from(descriptors / PART_OF_DESCRIPTORS).unwrap_or(usize::MAX);
    part.clamp(1, CONNECTIONS)
}

/// Answers one request. How it ends is the client's business.
async fn connection(stream: TcpStream, site: Site) {
    let more = AtomicBool::new(true);
    let service = service_fn(|request: Request<Incoming>| {
        more.store(!request.body().is_end_stream(), Ordering::Relaxed);
        ready(Ok::<_, Infallible>(site.answer(&request)))
    });
    let mut exchange = http1::Builder::new()
        // The server answers the next request, so that no connection stands in the handover's way.
        .keep_alive(false)
        .half_close(true)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let ended = timeout(
        EXCHANGE,
        poll_fn(|context| exchange.poll_without_shutdown(context)),
    )
    .await;
    let Ok(ended) = ended else { return };
    let rest = exchange.into_parts();
    let stream = rest.io.into_inner();
    // Whatever is unread when it is closed makes the system send a reset, which overtakes the answer.
    if ended.is_err() || more.load(Ordering::Relaxed) || !rest.read_buf.is_empty() {
        linger(stream).await.ok();
    }
}

/// Says that nothing more is coming, and reads what the client still sends, within limits.
async fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let reading = async {
        let mut buffer = vec![0; 16 * 1024];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = timeout(LINGER_IDLE, stream.read(&mut buffer)).await? {
            left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
            if left == 0 {
                break;
            }
        }
        Ok(())
    };
    timeout(LINGER, reading).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client reads that has sent half a request when the handover begins, and the rest
    /// right then. Another one connects after that.
    fn answer_at_the_handover(handover: Handover) -> (String, bool) {
        let work = async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let accepting = TcpListener::from_std(listener.try_clone()?)?;
            let (begin, over) = tokio::sync::oneshot::channel::<()>();
            let site = Site {
                board: Board::new(),
                template: None,
            };
            let over = async { drop(over.await) };
            let serving = serve(accepting, site, handover, Duration::from_mins(1), over);
            let serving = tokio::spawn(serving);
            let mut client = TcpStream::connect(address).await?;
            client.write_all(b"GET / HTTP/1.1\r\n").await?;
            // An answer to somebody who came later: the first was accepted.
            let mut other = TcpStream::connect(address).await?;
            other.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
            other.read_to_end(&mut Vec::new()).await?;
            begin.send(()).ok();
            client.try_write(b"Host: test\r\n\r\n")?;
            let late = std::net::TcpStream::connect(address)?;
            let mut answer = String::new();
            client.read_to_string(&mut answer).await?;
            // With the late one, which says nothing, where the queue was emptied.
            drop(late);
            serving.await?;
            Ok::<_, io::Error>((answer, listener.accept().is_ok()))
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime
            .enable_all()
            .build()
            .unwrap()
            .block_on(work)
            .unwrap()
    }

    #[test]
    fn what_was_accepted_is_answered_and_what_was_not_is_left() {
        let (answer, left) = answer_at_the_handover(Handover::Socket);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(left);
        let (answer, left) = answer_at_the_handover(Handover::Close);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(!left);
    }
}
