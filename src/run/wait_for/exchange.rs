//! One question over HTTP. Redirects are not followed: what a URL names is to be ready itself.

use std::cell::OnceCell;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{self, Either};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::connection;
use super::probe::{Miss, explain};
use crate::config::awaited::http::HttpTarget;
use crate::database::connect_error::certificate_message;
use crate::database::tls;
use crate::run::wait_error::Refusal;

/// As much of a body is looked through. An endpoint for health answers with less.
const LONGEST_BODY: usize = 64 * 1024;

/// How castoff calls itself.
const AGENT: &str = concat!("castoff/", env!("CARGO_PKG_VERSION"));

/// TLS for all questions. Reading the system's authorities takes a while, so it is done once, and
/// only where something is asked over TLS.
#[derive(Default)]
pub(super) struct Https(OnceCell<TlsConnector>);

impl Https {
    fn connector(&self) -> &TlsConnector {
        self.0
            .get_or_init(|| TlsConnector::from(Arc::new(tls::https_config())))
    }
}

/// Asks, and looks whether the answer is the one that is expected. The caller limits the whole of
/// it; `within` is what connecting may take of that.
pub(super) async fn ask(https: &Https, target: &HttpTarget, within: Duration) -> Result<(), Miss> {
    let stream = connection::open(&target.address, within).await?;
    if !target.tls {
        return exchange(TokioIo::new(stream), target).await;
    }
    let host = &target.address.host;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Miss::Never(Refusal::Tls(format!("`{host}` is not a name for TLS"))))?;
    let stream = https.connector().connect(name, stream).await;
    let stream = stream.map_err(|error| explain_tls(&error, host))?;
    exchange(TokioIo::new(stream), target).await
}

/// A certificate that is refused now is refused in a second too; a connection that was closed may
/// be the server's start.
fn explain_tls(error: &io::Error, host: &str) -> Miss {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(problem @ rustls::Error::InvalidCertificate(_)) => {
            Miss::Never(Refusal::Tls(certificate_message(problem, host)))
        }
        Some(problem) => Miss::Never(Refusal::Tls(format!("TLS handshake failed: {problem}"))),
        None => explain(error),
    }
}

async fn exchange<S>(stream: S, target: &HttpTarget) -> Result<(), Miss>
where
    S: Read + Write + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(stream)
        .await
        .map_err(|error| explain_http(&error))?;
    let asking = pin!(async move {
        let answer = sender.send_request(request(target)?).await;
        judge(target, answer.map_err(|error| explain_http(&error))?).await
    });
    // The connection has to be driven; when it ends first, the rest of the answer is there.
    match future::select(asking, pin!(connection)).await {
        Either::Left((judged, _)) => judged,
        Either::Right((_, asking)) => asking.await,
    }
}

fn request(target: &HttpTarget) -> Result<Request<Empty<Bytes>>, Miss> {
    let mut request = Request::get(target.path_and_query.as_str())
        .header(HOST, target.host_header.as_str())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close");
    if let Some(credentials) = &target.credentials {
        let pair = format!("{}:{}", credentials.user, credentials.password);
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
        request = request.header(AUTHORIZATION, value.map_err(|_| unsuitable())?);
    }
    request.body(Empty::new()).map_err(|_| unsuitable())
}

fn unsuitable() -> Miss {
    Miss::later("the URL makes no request")
}

async fn judge(target: &HttpTarget, answer: Response<Incoming>) -> Result<(), Miss> {
    let status = answer.status();
    if !target.expects(status.as_u16()) {
        let remark = if status.is_redirection() {
            ", and redirects are not followed"
        } else {
            ""
        };
        return Err(Miss::later(format!("status {}{remark}", status.as_u16())));
    }
    let Some(wanted) = &target.body else {
        return Ok(());
    };
    let mut body = answer.into_body();
    let mut read = Vec::new();
    while read.len() < LONGEST_BODY
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame.map_err(|error| explain_http(&error))?.into_data() {
            read.extend_from_slice(&data);
        }
        // A body may be without an end.
        if contains(&read, wanted.as_bytes()) {
            return Ok(());
        }
    }
    Err(Miss::later(format!(
        "status {}, but the body does not contain `{wanted}`",
        status.as_u16()
    )))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn explain_http(error: &hyper::Error) -> Miss {
    let source = std::error::Error::source(error);
    if let Some(error) = source.and_then(|source| source.downcast_ref::<io::Error>()) {
        explain(error)
    } else if error.is_parse() {
        Miss::later("not an HTTP server")
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Miss::later("connection closed before it answered")
    } else {
        Miss::later(error.to_string())
    }
}
