//! A connection over a unix socket that is not hung up before the server does so.
//!
//! For cancel requests: see [`crate::database::encryption`], which does the same over TCP.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// Reads to the end before it shuts down.
pub struct Patient(UnixStream);

impl Patient {
    /// Connects to the socket at this path.
    pub async fn connect(path: &PathBuf) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self)
    }
}

/// Waits until the other side hangs up. How it does so is its own affair.
pub fn poll_end<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
    let mut bytes = [0; 64];
    loop {
        let mut buf = ReadBuf::new(&mut bytes);
        let read = Pin::new(&mut *stream).poll_read(cx, &mut buf);
        if ready!(read).is_err() || buf.filled().is_empty() {
            return Poll::Ready(());
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_end(&mut self.0, cx));
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
