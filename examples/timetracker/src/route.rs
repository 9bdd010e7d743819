//! Which page a request asks for. Pure.

use hyper::Method;

/// What the server can do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`: all projects.
    Home,
    /// `/projects/{id}`: one project.
    Project(i64),
    /// `POST /projects/{id}/entries`: a new time entry.
    AddEntry(i64),
    /// `/style.css`.
    Style,
    /// `/healthz`: the server answers at all.
    Alive,
    /// `/readyz`: it and its database do.
    Ready,
}

/// Why a request leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// There is nothing under this path.
    NotFound,
    /// The path exists, for other methods.
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
}

/// Finds the page of a path.
pub(crate) fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let found = match segments.as_slice() {
        [""] => Route::Home,
        ["style.css"] => Route::Style,
        ["healthz"] => Route::Alive,
        ["readyz"] => Route::Ready,
        ["projects", id] => Route::Project(number(id)?),
        ["projects", id, "entries"] => Route::AddEntry(number(id)?),
        _ => return Err(NoRoute::NotFound),
    };
    let (allowed, allow) = match found {
        Route::AddEntry(_) => (method == Method::POST, "POST"),
        Route::Home | Route::Project(_) | Route::Style | Route::Alive | Route::Ready => {
            (method == Method::GET || method == Method::HEAD, "GET, HEAD")
        }
    };
    if allowed {
        Ok(found)
    } else {
        Err(NoRoute::MethodNotAllowed { allow })
    }
}

/// Digits only: `str::parse` would take `+1` as well, and one page should have one address.
fn number(segment: &str) -> Result<i64, NoRoute> {
    if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoRoute::NotFound);
    }
    segment.parse().map_err(|_| NoRoute::NotFound)
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::route;

    fn check(request: &str, expected: &str) {
        let (method, path) = request.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let found = match route(&method, path) {
            Ok(route) => format!("{route:?}"),
            Err(refusal) => format!("{refusal:?}"),
        };
        assert_eq!(found, expected, "{request}");
    }

    #[test]
    fn each_page_has_one_address() {
        check("GET /", "Home");
        check("HEAD /", "Home");
        check("GET /style.css", "Style");
        check("GET /healthz", "Alive");
        check("GET /readyz", "Ready");
        check("GET /projects/12", "Project(12)");
        check("POST /projects/12/entries", "AddEntry(12)");
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/nothing",
            "//",
            "/projects",
            "/projects/",
            "/projects/+1",
            "/projects/1/",
            "/projects/1/tasks",
            "/projects/99999999999999999999",
            "/healthz/",
            "",
        ] {
            check(&format!("GET {path}"), "NotFound");
        }
    }

    #[test]
    fn other_methods_are_told_what_is_allowed() {
        check("POST /", r#"MethodNotAllowed { allow: "GET, HEAD" }"#);
        check(
            "DELETE /projects/1",
            r#"MethodNotAllowed { allow: "GET, HEAD" }"#,
        );
        check(
            "GET /projects/1/entries",
            r#"MethodNotAllowed { allow: "POST" }"#,
        );
        check("POST /nothing", "NotFound");
    }
}
