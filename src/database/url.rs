//! Connection URLs, read as libpq reads them.
//!
//! The grammar is libpq's and not RFC 3986's: `#`, `^`, `:` and spaces mean themselves in a
//! password, and only `@`, `/` and `%` must be escaped there. What libpq would read as something
//! the user cannot have meant (a host name with `@` in it) is an error that names the character.

use std::net::Ipv6Addr;

use crate::database::malformed::Malformed;
use crate::database::parameters;

/// The schemes that mean PostgreSQL. Anything may follow a `+`: `SQLAlchemy` names its driver so.
const SCHEMES: &[&str] = &["postgres", "postgresql", "postgis", "psql", "pgsql"];

const USER: &str = "the user name";
const PASSWORD: &str = "the password";
const HOST: &str = "the host";
const DATABASE: &str = "the database name";
const PARAMETER: &str = "a parameter";

/// Whether the text has the form of a URL, of whatever scheme.
pub fn looks_like(text: &str) -> bool {
    if is_jdbc(text) {
        return true;
    }
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Parameters in the order given; a later one overrides an earlier one of the same name.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    if is_jdbc(text) {
        return Err(Malformed::Jdbc);
    }
    let (scheme, rest) = text.split_once("://").ok_or(Malformed::Neither)?;
    let dialect = scheme.split_once('+').map_or(scheme, |(name, _)| name);
    if !SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(dialect))
    {
        return Err(Malformed::Scheme(scheme.to_owned()));
    }
    let mut pairs = Vec::new();
    let (credentials, rest) = match rest.find(['@', '/']) {
        Some(end) if rest[end..].starts_with('@') => (Some(&rest[..end]), &rest[end + 1..]),
        _ => (None, rest),
    };
    // If a further `@` follows, this character is what cut the password short.
    let misread = if credentials.is_some() {
        at_sign()
    } else {
        slash()
    };
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        push(&mut pairs, "user", decode(user, USER)?);
        push(&mut pairs, "password", decode(password, PASSWORD)?);
    }
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    if location.contains('@') {
        return Err(misread);
    }
    let (authority, database) = location.split_once('/').unwrap_or((location, ""));
    // First the query: only there can it be seen that the rest was a part of the password.
    let parameters = parse_query(query, &misread)?;
    parse_hosts(authority, &mut pairs)?;
    push(&mut pairs, "dbname", decode(database, DATABASE)?);
    pairs.extend(parameters);
    Ok(pairs)
}

fn is_jdbc(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("jdbc:"))
}

fn at_sign() -> Malformed {
    Malformed::Escape {
        part: PASSWORD,
        character: '@',
        escape: "%40",
    }
}

fn slash() -> Malformed {
    Malformed::Escape {
        part: PASSWORD,
        character: '/',
        escape: "%2F",
    }
}

fn push(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    if !value.is_empty() {
        pairs.push((name.to_owned(), value));
    }
}

fn parse_hosts(authority: &str, pairs: &mut Vec<(String, String)>) -> Result<(), Malformed> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for one in authority.split(',') {
        let (host, port) = split_port(one)?;
        if port.is_some_and(|port| !is_port(port)) {
            return Err(Malformed::Port);
        }
        hosts.push(decode(host, HOST)?);
        ports.push(port.unwrap_or_default());
    }
    push(pairs, "host", hosts.join(","));
    push(pairs, "port", ports.join(","));
    Ok(())
}

/// Empty means the default port. Checked here, where a bad one is not shown.
fn is_port(port: &str) -> bool {
    port.is_empty() || (!port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port != 0))
}

fn split_port(one: &str) -> Result<(&str, Option<&str>), Malformed> {
    let Some(bracketed) = one.strip_prefix('[') else {
        if one.parse::<Ipv6Addr>().is_ok() {
            return Err(Malformed::BareIpv6);
        }
        return Ok(one
            .split_once(':')
            .map_or((one, None), |(host, port)| (host, Some(port))));
    };
    let (host, rest) = bracketed.split_once(']').ok_or(Malformed::Bracket)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(Malformed::Bracket),
    }
}

fn parse_query(query: &str, misread: &Malformed) -> Result<Vec<(String, String)>, Malformed> {
    let mut pairs = Vec::new();
    let mut after_password = false;
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let name = piece.split_once('=').map(|(name, _)| name);
        let known = name.is_some_and(is_known);
        // Before an unknown name is shown to anybody: is it a name at all?
        if !known && after_password {
            return Err(Malformed::Escape {
                part: PASSWORD,
                character: '&',
                escape: "%26",
            });
        }
        if !known && query.contains('@') {
            return Err(misread.clone());
        }
        let (name, value) = piece.split_once('=').ok_or(Malformed::MissingEquals)?;
        let name = decode(name, PARAMETER)?;
        let part = if name == "password" {
            PASSWORD
        } else {
            PARAMETER
        };
        let value = decode(value, part)?;
        after_password = name == "password";
        if name == "ssl" && value == "true" {
            // libpq does the same, for the sake of JDBC URLs.
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((name, value));
        }
    }
    Ok(pairs)
}

fn is_known(name: &str) -> bool {
    parameters::find(name).is_some() || parameters::foreign_owner(name).is_some()
}

fn decode(text: &str, part: &'static str) -> Result<String, Malformed> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Malformed::Percent(part));
        };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => return Err(Malformed::Nul(part)),
            Ok(byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| Malformed::Utf8(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let shown = match parse(url) {
            Ok(pairs) => pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "{url}");
    }

    #[test]
    fn reads_the_usual_forms() {
        check("postgres://", "");
        check("postgresql://db", "host=db");
        check("postgresql://db/app", "host=db dbname=app");
        check("postgresql://db:5433/app", "host=db port=5433 dbname=app");
        check("postgres://u@db/app", "user=u host=db dbname=app");
        check(
            "postgres://u:p@db:1/app",
            "user=u password=p host=db port=1 dbname=app",
        );
        check("postgres://u:@db", "user=u host=db");
        check("postgres://:p@db", "password=p host=db");
        check("postgres://db/?user=u", "host=db user=u");
        check(
            "postgres://db?user=u&password=p",
            "host=db user=u password=p",
        );
        check("postgres:///app", "dbname=app");
        check("postgres://u@/app", "user=u dbname=app");
        check("postgres://db:/app", "host=db dbname=app");
    }

    #[test]
    fn takes_the_schemes_of_other_tools() {
        check(
            "postgresql+psycopg2://u@db/app",
            "user=u host=db dbname=app",
        );
        check("postgresql+asyncpg://u@db/app", "user=u host=db dbname=app");
        check("postgresql+psycopg://db", "host=db");
        check("postgres+pg8000://db", "host=db");
        check("postgis://db/gis", "host=db dbname=gis");
        check("psql://db", "host=db");
        check("PostgreSQL://db", "host=db");
        check(
            "mysql://db",
            "error: `mysql://` is not a scheme of PostgreSQL",
        );
        check(
            "mysql+pymysql://db",
            "error: `mysql+pymysql://` is not a scheme of PostgreSQL",
        );
        check(
            "sqlite:///a.db",
            "error: `sqlite://` is not a scheme of PostgreSQL",
        );
        check(
            "jdbc:postgresql://db/app?user=u",
            "error: it is a JDBC URL, which only Java programs read",
        );
    }

    #[test]
    fn reads_hosts() {
        check("postgres://a,b/app", "host=a,b port=, dbname=app");
        check("postgres://a:1,b:2/app", "host=a,b port=1,2 dbname=app");
        check("postgres://a,b:2/app", "host=a,b port=,2 dbname=app");
        check("postgres://[::1]/app", "host=::1 dbname=app");
        check(
            "postgres://[2001:db8::1]:5433",
            "host=2001:db8::1 port=5433",
        );
        check("postgres://[::1]:1,b:2", "host=::1,b port=1,2");
        check(
            "postgres://%2Frun%2Fpostgresql/app",
            "host=/run/postgresql dbname=app",
        );
        check("postgres:///app?host=/tmp", "dbname=app host=/tmp");
        check(
            "postgres://u@/app?host=/tmp&port=5433",
            "user=u dbname=app host=/tmp port=5433",
        );
        check("postgres://%40castoff/app", "host=@castoff dbname=app");
        check(
            "postgres://[::1/app",
            "error: the brackets around an IPv6 address are not closed, or not followed by `:port`",
        );
        check(
            "postgres://[::1]5432/app",
            "error: the brackets around an IPv6 address are not closed, or not followed by `:port`",
        );
        check(
            "postgres://::1/app",
            "error: an IPv6 address must stand in brackets",
        );
        check(
            "postgres://db:54x/app",
            "error: what follows `host:` is not a port number",
        );
        check(
            "postgres://db:0/app",
            "error: what follows `host:` is not a port number",
        );
        check(
            "postgres://db:+1/app",
            "error: what follows `host:` is not a port number",
        );
        check(
            "postgres://db:65536/app",
            "error: what follows `host:` is not a port number",
        );
        check(
            "postgres://u:hunter2",
            "error: what follows `host:` is not a port number",
        );
    }

    #[test]
    fn reads_badly_escaped_passwords_as_libpq_does() {
        check("postgres://u:a#b@db", "user=u password=a#b host=db");
        check("postgres://u:a^b c@db", "user=u password=a^b c host=db");
        check("postgres://u:a?b@db", "user=u password=a?b host=db");
        check("postgres://u:a:b@db", "user=u password=a:b host=db");
        check("postgres://u:a%40b%2Fc@db", "user=u password=a@b/c host=db");
        check("postgres://u:%C3%A9@db", "user=u password=é host=db");
        check("postgres://u:a&b=c@db", "user=u password=a&b=c host=db");
        check("postgres://u:a+b@db", "user=u password=a+b host=db");
        check("postgres://u:a[b]@db", "user=u password=a[b] host=db");
        check("postgres://u%3Ax:p@db", "user=u:x password=p host=db");
    }

    #[test]
    fn names_the_character_that_must_be_escaped() {
        let at = "error: `@` in the password must be written `%40`";
        let slash = "error: `/` in the password must be written `%2F`";
        check("postgres://u:hun@ter2@db/app", at);
        check("postgres://u:hun@ter2@db:1/app?sslmode=require", at);
        check("postgres://u:hun@ter?2@db/app", at);
        check("postgres://u:hun@ter?2=x@db/app", at);
        check("postgres://u:hun@t/er2@db/app", at);
        check("postgres://user@server:hunter2@db/app", at);
        check("postgres://u:hun/ter2@db/app", slash);
        check("postgres://u:12/34@db/app", slash);
        check("postgres://u:hun?t/er2@db/app", slash);
        let percent = "error: `%` in the password must be followed by two hexadecimal digits; \
                       a real `%` is written `%25`";
        check("postgres://u:50%off@db", percent);
        check("postgres://u:50%@db", percent);
        check("postgres://u:50%4@db", percent);
        check("postgres://u:50%é@db", percent);
        check(
            "postgres://u:a%00b@db",
            "error: `%00` in the password is not allowed",
        );
        check(
            "postgres://u:%FF@db",
            "error: the escapes in the password do not make UTF-8",
        );
        check(
            "postgres://db?user=u&password=hun&ter2=1",
            "error: `&` in the password must be written `%26`",
        );
    }

    #[test]
    fn reads_parameters() {
        check(
            "postgres://db?sslmode=verify-full",
            "host=db sslmode=verify-full",
        );
        check("postgres://db?ssl=true", "host=db sslmode=require");
        check("postgres://db?ssl=require", "host=db ssl=require");
        check(
            "postgres://db?options=-c%20geqo%3Doff",
            "host=db options=-c geqo=off",
        );
        check(
            "postgres://db?options=-cgeqo=off",
            "host=db options=-cgeqo=off",
        );
        check("postgres://db?a=1&&b=2&", "host=db a=1 b=2");
        check("postgres://db/?user=a@b", "host=db user=a@b");
        check("postgres://u@db?user=a@b", "user=u host=db user=a@b");
        // Without a slash, libpq too takes all before the `@` for the user.
        check("postgres://db?user=a@b", "user=db?user=a host=b");
        check("postgres://db?sslmode", "error: a parameter has no `=`");
        check(
            "postgres://db?user=%g",
            "error: `%` in a parameter must be followed by two hexadecimal digits; \
             a real `%` is written `%25`",
        );
    }

    #[test]
    fn tells_a_url_from_other_texts() {
        for url in [
            "postgres://",
            "postgresql+psycopg2://x",
            "mysql://",
            "jdbc:postgresql:x",
        ] {
            assert!(looks_like(url), "{url}");
        }
        for text in [
            "host=db",
            "options='a://b'",
            "",
            "db:5432/app",
            "://",
            "1a://x",
        ] {
            assert!(!looks_like(text), "{text}");
        }
    }
}
