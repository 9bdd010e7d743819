//! Connections and requests: accepts, answers, and stops in good order.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::form;
use crate::pages;
use crate::route::{NoRoute, Route, route};
use crate::store::{Store, StoreError};

/// How long requests that have begun may go on once the server is to stop.
const GRACE: Duration = Duration::from_millis(700);

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take altogether, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest form that is read.
const MAX_BODY: usize = 16 * 1024;

/// More clients than this wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// Serves until `stop` ends, then lets open requests finish for a moment.
pub(crate) async fn serve(listener: TcpListener, store: Store, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, store.clone(), stopped.clone()));
                }
                // Out of descriptors, most likely: waiting helps, a busy loop does not.
                Err(error) => {
                    crate::say(&format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    drop(stopping);
    let finish = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        crate::say("some requests were not finished");
    }
}

async fn connection(stream: TcpStream, store: Store, mut stopped: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(|request| {
                let store = store.clone();
                async move { Ok::<_, Infallible>(timely(request, &store).await) }
            }),
        );
    tokio::pin!(connection);
    // How a connection ends is the client's business: broken pipes are not worth a line.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await.ok();
        }
    }
}

async fn timely(request: Request<Incoming>, store: &Store) -> Answer {
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, respond(request, store)).await;
    let mut answer = answered.unwrap_or_else(|_| {
        let message = "The server is too slow at the moment.";
        page(
            StatusCode::SERVICE_UNAVAILABLE,
            pages::problem("Try again later", message),
        )
    });
    let headers = answer.headers_mut();
    for (name, value) in [
        // Everything that the pages need is on this server: anything else was injected.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn respond(request: Request<Incoming>, store: &Store) -> Answer {
    let answered = match route(request.method(), request.uri().path()) {
        Ok(Route::Home) => home(store).await,
        Ok(Route::Project(id)) => project(store, id).await,
        Ok(Route::AddEntry(id)) => add_entry(request, store, id).await,
        // Not the database: a restart of the server would not bring that back.
        Ok(Route::Alive) => Ok(answer(StatusCode::OK, TEXT, "ok\n".into())),
        Ok(Route::Ready) => ready(store).await,
        Ok(Route::Style) => Ok(style()),
        Err(NoRoute::NotFound) => Ok(not_found()),
        Err(NoRoute::MethodNotAllowed { allow }) => Ok(method_not_allowed(allow)),
    };
    answered.unwrap_or_else(|error| {
        crate::say(&told(&error));
        let status = match error {
            StoreError::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::Query(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        page(
            status,
            pages::problem("Something went wrong", "The database did not answer."),
        )
    })
}

async fn home(store: &Store) -> Result<Answer, StoreError> {
    let hours = store.hours().await?;
    Ok(page(StatusCode::OK, pages::home(&hours)))
}

async fn project(store: &Store, id: i64) -> Result<Answer, StoreError> {
    Ok(match store.project(id).await? {
        Some(project) => page(StatusCode::OK, pages::project(&project)),
        None => not_found(),
    })
}

async fn add_entry(
    request: Request<Incoming>,
    store: &Store,
    project: i64,
) -> Result<Answer, StoreError> {
    // Browsers say where a form came from; a form on another site has no business here.
    let site = request
        .headers()
        .get("sec-fetch-site")
        .map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return Ok(bad_request("The form came from another site."));
    }
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return Ok(bad_request("The form is too long."));
    };
    let entry = match form::parse(&body.to_bytes()) {
        Ok(entry) => entry,
        Err(invalid) => return Ok(bad_request(&invalid.to_string())),
    };
    if !store.add_entry(project, &entry).await? {
        return Ok(bad_request(
            "There is no such day, task or person in this project.",
        ));
    }
    // See other: reloading the page does not send the form again.
    let mut answer = answer(StatusCode::SEE_OTHER, TEXT, "added\n".into());
    let location = HeaderValue::try_from(format!("/projects/{project}#entries"))
        .expect("a number makes a valid header");
    answer.headers_mut().insert(header::LOCATION, location);
    Ok(answer)
}

async fn ready(store: &Store) -> Result<Answer, StoreError> {
    Ok(match store.ping().await {
        Ok(()) => answer(StatusCode::OK, TEXT, "ok\n".into()),
        Err(error) => {
            crate::say(&told(&error));
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                TEXT,
                "the database does not answer\n".into(),
            )
        }
    })
}

fn style() -> Answer {
    answer(
        StatusCode::OK,
        "text/css; charset=utf-8",
        include_str!("style.css").into(),
    )
}

fn not_found() -> Answer {
    page(
        StatusCode::NOT_FOUND,
        pages::problem("Not found", "There is no such page."),
    )
}

fn method_not_allowed(allow: &'static str) -> Answer {
    let message = "This page does not do that.";
    let mut answer = page(
        StatusCode::METHOD_NOT_ALLOWED,
        pages::problem("Method not allowed", message),
    );
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

fn bad_request(message: &str) -> Answer {
    page(
        StatusCode::BAD_REQUEST,
        pages::problem("Not saved", message),
    )
}

fn page(status: StatusCode, page: impl Display) -> Answer {
    answer(status, HTML, page.to_string().into())
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An error with its causes, on one line.
fn told(error: &StoreError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
