//! How a fresh connection becomes an encrypted one, or stays as it is.
//!
//! tokio-postgres asks for TLS by itself, but reports neither what the server answered nor how
//! the login went. So castoff tells it that the stream starts encrypted (`direct`), which hands
//! over the bare socket, and does the asking here. The stream that comes back also watches the
//! first answer of the server, for `require_auth` and for ports where something else listens.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::database::conninfo::AuthMethod;
use crate::database::greeting::Greeting;
use crate::database::patient::poll_end;
use crate::database::tls::{self, TlsFileError};
use crate::database::tls_options::TlsOptions;

/// `SSLRequest`: its length, and the number that stands where a protocol version would.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

type RustlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What to do with a fresh connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing.
    None,
    /// Ask for TLS, and go on without if the server has none.
    IfOffered,
    /// Ask for TLS, and give up if the server has none.
    Required,
    /// Start TLS without asking.
    Direct,
}

/// Makes connections as [`Encryption`] says. Also what a cancel request needs.
#[derive(Clone)]
pub struct Connector {
    encryption: Encryption,
    options: Arc<TlsOptions>,
    accepted: Arc<[AuthMethod]>,
    encrypted: Arc<AtomicBool>,
    announced: Arc<OnceLock<i32>>,
}

impl Connector {
    /// For one address. `accepted` is `require_auth`; empty for any login.
    pub fn new(encryption: Encryption, options: &TlsOptions, accepted: &[AuthMethod]) -> Self {
        Self {
            encryption,
            options: Arc::new(options.clone()),
            accepted: accepted.into(),
            encrypted: Arc::new(AtomicBool::new(false)),
            announced: Arc::new(OnceLock::new()),
        }
    }

    /// Whether a TLS handshake has succeeded.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.load(Ordering::Relaxed)
    }

    /// The process id that the server announced at the first login, for cancel requests. A pooler
    /// announces one of its own invention. Unknown over a unix socket, which nobody reads along.
    pub fn announced(&self) -> Option<i32> {
        self.announced.get().copied()
    }

    async fn start(self, socket: Socket, name: String) -> Result<Stream, HandshakeError> {
        let greeting = Greeting::new(Arc::clone(&self.accepted), Arc::clone(&self.announced));
        let inner = match self.encryption {
            Encryption::None => Inner::Plain(socket),
            Encryption::Direct => self.handshake(socket, name).await?,
            Encryption::IfOffered | Encryption::Required => self.ask(socket, name).await?,
        };
        Ok(Stream { inner, greeting })
    }

    async fn ask(&self, mut socket: Socket, name: String) -> Result<Inner, HandshakeError> {
        socket
            .write_all(&SSL_REQUEST)
            .await
            .map_err(HandshakeError::Io)?;
        socket.flush().await.map_err(HandshakeError::Io)?;
        // One byte and no more: what follows must come through TLS (CVE-2021-23222).
        let answer = socket.read_u8().await.map_err(HandshakeError::Io)?;
        match answer {
            b'S' => self.handshake(socket, name).await,
            b'N' if self.encryption == Encryption::IfOffered => Ok(Inner::Plain(socket)),
            b'N' => Err(HandshakeError::Refused),
            b'E' => Err(HandshakeError::ServerError),
            _ => Err(HandshakeError::NotPostgres),
        }
    }

    async fn handshake(&self, socket: Socket, name: String) -> Result<Inner, HandshakeError> {
        let config = tls::client_config(&self.options)?;
        let Ok(connect) =
            MakeTlsConnect::<Socket>::make_tls_connect(&mut MakeRustlsConnect::new(config), &name);
        let stream = connect.connect(socket).await.map_err(HandshakeError::Tls)?;
        self.encrypted.store(true, Ordering::Relaxed);
        Ok(Inner::Tls(Box::new(stream)))
    }
}

/// Why a connection did not come to the login.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The network.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The server has no TLS.
    #[error("server does not support TLS")]
    Refused,
    /// The server answered with an error instead, as one does that cannot start a process.
    #[error("the server answered with an error")]
    ServerError,
    /// Something else listens there.
    #[error("not a PostgreSQL server")]
    NotPostgres,
    /// A file of ours.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// rustls, or the server's rejection.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Stream;
    type TlsConnect = Start;
    type Error = Infallible;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Start, Infallible> {
        Ok(Start {
            connector: self.clone(),
            name: domain.to_owned(),
        })
    }
}

/// One connection about to start.
pub struct Start {
    connector: Connector,
    name: String,
}

impl TlsConnect<Socket> for Start {
    type Stream = Stream;
    type Error = HandshakeError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, HandshakeError>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(self.connector.start(socket, self.name))
    }
}

enum Inner {
    Plain(Socket),
    Tls(Box<RustlsStream>),
}

/// A connection, encrypted or not.
pub struct Stream {
    inner: Inner,
    greeting: Greeting,
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            Inner::Plain(_) => ChannelBinding::none(),
            Inner::Tls(stream) => stream.channel_binding(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        let new = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(self.greeting.see(new).map_err(io::Error::other))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A cancel request is the one thing that ends without an answer. tokio-postgres hangs up
        // at once; libpq waits until the server does, which says that the request is on its way.
        // PgBouncer needs it: it drops the request of a client that is gone, and 1.18 falls over.
        if self.greeting.is_awaited() {
            match &mut self.inner {
                Inner::Plain(socket) => ready!(poll_end(socket, cx)),
                Inner::Tls(stream) => ready!(poll_end(stream, cx)),
            }
        }
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
