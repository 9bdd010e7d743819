//! What the holding page answers: a request and the status in, a response out. Pure.

use std::time::Instant;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::accept::{Form, form};
use crate::status::Status;
use crate::status::{metrics, page};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What an answer depends on, besides the status. Methods are all answered alike: `HEAD` loses its
/// body on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    pub(super) path: &'q str,
    /// The `Accept` header.
    pub(super) accept: Option<&'q str>,
    /// The user's own page.
    pub(super) template: Option<&'q str>,
}

/// Answers with what castoff is doing at this moment.
pub(super) fn answer(question: Question<'_>, status: &Status, now: Instant) -> Response<String> {
    match question.path {
        // As long as somebody answers, castoff works: it has deadlines of its own, and whoever ends
        // it because a migration takes long makes it take longer.
        "/healthz" => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/metrics" => response(StatusCode::OK, METRICS, metrics::render(status, now)),
        "/readyz" => {
            let form = match form(question.accept) {
                Form::Html => Form::Text,
                form @ (Form::Json | Form::Text) => form,
            };
            not_yet(form, None, status, now)
        }
        _ => not_yet(form(question.accept), question.template, status, now),
    }
}

/// The answer of a server that is not there yet, to whatever is asked of it.
fn not_yet(form: Form, template: Option<&str>, status: &Status, now: Instant) -> Response<String> {
    let (kind, body) = match (form, template) {
        (Form::Html, Some(template)) => (HTML, page::with(template, status, now)),
        (Form::Html, None) => (HTML, page::html(status, now)),
        (Form::Json, _) => (JSON, format!("{}\n", page::json(status, now))),
        (Form::Text, _) => (TEXT, line(status)),
    };
    let mut response = response(StatusCode::SERVICE_UNAVAILABLE, kind, body);
    let headers = response.headers_mut();
    headers.insert(
        header::RETRY_AFTER,
        HeaderValue::from(page::retry_after(status, now)),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // A page of the user's may load what it likes.
    if form == Form::Html && template.is_none() {
        let policy = HeaderValue::from_static(page::CONTENT_SECURITY_POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The phase first, so that a probe's log says why: `migrating: step 2 of 5`.
fn line(status: &Status) -> String {
    let phase = status.phase.name();
    match status.step {
        Some((step, steps)) => format!("{phase}: step {step} of {steps}\n"),
        None => format!("{phase}\n"),
    }
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        // True for a moment: no proxy and no browser may show it once the server serves.
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::status::phase::Phase;

    fn migrating() -> Status {
        let start = Instant::now();
        let mut status = Status::new(start);
        status.enter(Phase::Migrating, start + Duration::from_secs(1));
        status.step = Some((2, 5));
        status
    }

    fn ask(path: &str, accept: Option<&str>, template: Option<&str>) -> Response<String> {
        let status = migrating();
        let now = status.since + Duration::from_secs(3);
        let question = Question {
            path,
            accept,
            template,
        };
        answer(question, &status, now)
    }

    fn header<'r>(response: &'r Response<String>, name: &str) -> Option<&'r str> {
        let value = response.headers().get(name)?;
        value.to_str().ok()
    }

    fn check(path: &str, accept: Option<&str>, expected: (u16, &str, Option<&str>)) {
        let response = ask(path, accept, None);
        let kind = header(&response, "content-type").unwrap();
        let retry = header(&response, "retry-after");
        assert_eq!(
            (response.status().as_u16(), kind, retry),
            expected,
            "{path}"
        );
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert!(!response.body().is_empty());
        assert_eq!(
            response.headers().contains_key("content-security-policy"),
            kind == HTML
        );
    }

    #[test]
    fn probes_metrics_and_everything_else() {
        let browser = Some("text/html,*/*;q=0.8");
        let program = Some("application/json");
        check("/healthz", None, (200, TEXT, None));
        check("/healthz", browser, (200, TEXT, None));
        check("/metrics", None, (200, METRICS, None));
        check("/readyz", None, (503, TEXT, Some("1")));
        check("/readyz", browser, (503, TEXT, Some("1")));
        check("/readyz", program, (503, JSON, Some("1")));
        check("/", browser, (503, HTML, Some("1")));
        check("/a/b.png", program, (503, JSON, Some("1")));
        check("/healthz/", None, (503, TEXT, Some("1")));
        check("*", None, (503, TEXT, Some("1")));
        check("", None, (503, TEXT, Some("1")));
    }

    #[test]
    fn a_probe_says_how_far_it_is() {
        assert_eq!(
            ask("/readyz", None, None).body(),
            "migrating: step 2 of 5\n"
        );
        let mut status = Status::new(Instant::now());
        assert_eq!(line(&status), "starting\n");
        status.enter(Phase::Waiting, status.since);
        assert_eq!(line(&status), "waiting\n");
    }

    #[test]
    fn a_page_of_the_users_is_not_kept_from_loading_what_it_needs() {
        let response = ask("/", Some("text/html"), Some("<p>soon"));
        assert!(response.body().starts_with("<p>soon"));
        assert_eq!(header(&response, "content-security-policy"), None);
        assert_eq!(header(&response, "content-type"), Some(HTML));
    }
}
