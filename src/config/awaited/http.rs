//! An answer over HTTP that is waited for: where to ask, and what to expect.
//!
//! What is expected stands in the URL's fragment, which is never sent to a server:
//! `http://api:8080/health#status=200-299,404&body=ready`.

use std::fmt;
use std::ops::RangeInclusive;

use hyper::Uri;

use super::{Address, address_of};

/// A URL and the answer that is expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Whether it is asked over TLS.
    pub tls: bool,
    /// Who is asked.
    pub address: Address,
    /// The host and, unless it is the scheme's own, the port: as the header `Host` has them.
    pub host_header: String,
    /// The path and the query. The query may hold secrets.
    pub path_and_query: String,
    /// The user and the password of the URL, decoded.
    pub credentials: Option<Credentials>,
    /// The statuses that count as ready.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// The text that the body has to contain.
    pub body: Option<String>,
}

/// A user and a password. They are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(…)")
    }
}

const URL: &str =
    "http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH], with `%` before what is no letter";
const FRAGMENT: &str = "a URL with #status=200-299,404 or #body=TEXT, or both joined by &";
const STATUS: &str = "a URL with statuses from 100 to 999, such as #status=200-299,404";
const BODY: &str = "a URL with a text in #body=TEXT, with `%25` for `%` and `%26` for `&`";

impl HttpTarget {
    /// Reads a URL, or says what it should have been.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = url.parse().map_err(|_| URL)?;
        let authority = uri.authority().ok_or(URL)?;
        let tls = uri.scheme_str() == Some("https");
        let own_port = if tls { 443 } else { 80 };
        let (userinfo, host) = match authority.as_str().rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority.as_str()),
        };
        // A host alone may end in a bracket, and holds no other colon then.
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.ends_with(']'));
        let with_port = if has_port {
            host.to_owned()
        } else {
            format!("{host}:{own_port}")
        };
        let address = address_of(&with_port).ok_or(URL)?;
        let host_header = if address.port == own_port {
            let (name, _) = with_port.rsplit_once(':').ok_or(URL)?;
            name.to_owned()
        } else {
            with_port
        };
        let mut target = Self {
            tls,
            address,
            host_header,
            path_and_query: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            credentials: userinfo.map(credentials).transpose()?,
            statuses: vec![200..=299],
            body: None,
        };
        for pair in fragment.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("status", value)) => target.statuses = statuses(value).ok_or(STATUS)?,
                Some(("body", value)) => {
                    let body = decode(value).filter(|body| !body.is_empty());
                    target.body = Some(body.ok_or(BODY)?);
                }
                _ => return Err(FRAGMENT),
            }
        }
        Ok(target)
    }

    /// Whether this status counts as ready.
    pub fn expects(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| range.contains(&status))
    }
}

impl fmt::Display for HttpTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let (path, query) = match self.path_and_query.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.path_and_query.as_str(), ""),
        };
        write!(formatter, "{scheme}://{}{path}{query}", self.host_header)
    }
}

fn credentials(userinfo: &str) -> Result<Credentials, &'static str> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Ok(Credentials {
        user: decode(user).ok_or(URL)?,
        password: decode(password).ok_or(URL)?,
    })
}

/// `200-299,404`.
fn statuses(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let status = |text: &str| {
        let number = text.parse().ok()?;
        (100..=999).contains(&number).then_some(number)
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = status(first)?..=status(last)?;
        (!range.is_empty()).then_some(range)
    };
    text.split(',').map(range).collect()
}

/// Puts characters in the place of `%41` and the like (RFC 3986, 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(digits[0])? * 16 + digit(digits[1])?;
        bytes.push(u8::try_from(value).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match HttpTarget::parse(text) {
            Ok(target) => format!(
                "{} {} {} {:?} {:?} as {target}",
                target.address,
                target.host_header,
                target.path_and_query,
                target.statuses,
                target.body,
            ),
            Err(wanted) => format!("not {wanted}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn a_url_says_whom_to_ask_and_for_what() {
        check("http://api", "api:80 api / [200..=299] None as http://api/");
        check(
            "https://api/a?b=c",
            "api:443 api /a?b=c [200..=299] None as https://api/a?…",
        );
        check(
            "https://api:443/",
            "api:443 api / [200..=299] None as https://api/",
        );
        check(
            "http://[::1]:8080/a",
            "[::1]:8080 [::1]:8080 /a [200..=299] None as http://[::1]:8080/a",
        );
        check(
            "http://[::1]",
            "[::1]:80 [::1] / [200..=299] None as http://[::1]/",
        );
        for wrong in [
            "http://",
            "http:api",
            "http:///a",
            "http://api:0",
            "http://api:x",
            "http://a b/",
            "http://api/a b",
            "http://u%zz@api/",
        ] {
            check(wrong, &format!("not {URL}"));
        }
    }

    #[test]
    fn the_fragment_says_what_to_expect() {
        check(
            "http://api/#status=200-299,404&body=re%61dy%20%26%25",
            r#"api:80 api / [200..=299, 404..=404] Some("ready &%") as http://api/"#,
        );
        check(
            "http://api/#",
            "api:80 api / [200..=299] None as http://api/",
        );
        for wrong in ["#status=", "#status=99", "#status=300-200", "#status=2xx"] {
            check(&format!("http://api/{wrong}"), &format!("not {STATUS}"));
        }
        check("http://api/#body=", &format!("not {BODY}"));
        check("http://api/#body=%4", &format!("not {BODY}"));
        for wrong in ["#ready", "#text=a"] {
            check(&format!("http://api/{wrong}"), &format!("not {FRAGMENT}"));
        }
        let target = HttpTarget::parse("http://api#status=204,500-599").unwrap();
        let expected = [200, 204, 499, 500, 599].map(|status| target.expects(status));
        assert_eq!(expected, [false, true, false, true, true]);
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let target = HttpTarget::parse("http://al%40ice:s:e%2Fcret@api/").unwrap();
        let credentials = target.credentials.clone().unwrap();
        assert_eq!(credentials.user, "al@ice");
        assert_eq!(credentials.password, "s:e/cret");
        assert_eq!(target.to_string(), "http://api/");
        assert!(!format!("{target:?}").contains("cret"));
    }
}
