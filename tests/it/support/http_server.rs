//! A web server of the test's own, which answers as the test wants at that moment.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The authority that signed the server's certificate, as a file.
pub(crate) const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/support/tls/authority.pem"
);

/// A web server. Its threads end with the test process.
#[derive(Debug)]
pub(crate) struct Http {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    answer: String,
    requests: Vec<String>,
}

impl Http {
    /// Answers on this port with a status line, headers and a body.
    pub(crate) fn start(answer: &str) -> Self {
        Self::serve(answer, None)
    }

    /// The same over TLS, for `localhost`.
    pub(crate) fn start_tls(answer: &str) -> Self {
        let certificate = include_bytes!("tls/localhost.pem");
        let key = include_bytes!("tls/localhost.key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(key).unwrap(),
            );
        Self::serve(answer, Some(Arc::new(config.unwrap())))
    }

    fn serve(answer: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            answer: answer.to_owned(),
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                match &tls {
                    None => answer_one(stream, &shared),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        answer_one(StreamOwned::new(connection, stream), &shared);
                    }
                }
            }
        });
        Self { port, state }
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.state.lock().unwrap().answer);
    }

    /// All requests so far, heads alone.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// Reads the head of one request and answers it. A client that goes away, or refuses the
/// certificate, is no concern of this server's.
fn answer_one(mut stream: impl Read + Write, state: &Mutex<State>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(String::from_utf8(head).unwrap());
        state.answer.clone()
    };
    let (status, body) = answer.split_once("\n\n").unwrap_or((answer.as_str(), ""));
    let head = status.replace('\n', "\r\n");
    let length = body.len();
    let text = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).ok();
    stream.flush().ok();
}
