//! Password files (`~/.pgpass`), read as libpq reads them.
//!
//! Pure: the text comes in, the password of one connection goes out.

use std::path::Path;

use crate::database::secret::Secret;

/// What a password is looked up by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The host name, the address, or the directory of the socket.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// The user.
    pub user: &'a str,
}

/// The password on the first line of `text` that matches.
pub fn find(text: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    let fields = [host_field(wanted.host), &port, wanted.database, wanted.user];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            fields
                .iter()
                .try_fold(line, |rest, field| skip(rest, field))
        })
        .map(|rest| Secret::new(unescape(rest)))
}

/// The server's usual socket directories count as `localhost`, as the default one does in libpq.
fn host_field(host: &str) -> &str {
    const DEFAULTS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];
    if host.is_empty()
        || DEFAULTS
            .iter()
            .any(|known| Path::new(known) == Path::new(host))
    {
        "localhost"
    } else {
        host
    }
}

/// What follows the field and its colon, if the field is `wanted` or `*`.
fn skip<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut expected = wanted.chars();
    let mut characters = line.char_indices();
    while let Some((at, mut character)) = characters.next() {
        match character {
            ':' => return expected.next().is_none().then(|| &line[at + 1..]),
            '\\' => character = characters.next().map_or('\\', |(_, escaped)| escaped),
            _ => {}
        }
        if expected.next() != Some(character) {
            return None;
        }
    }
    None
}

/// The rest of the line up to an unescaped colon, without its backslashes.
fn unescape(text: &str) -> String {
    let mut password = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => break,
            '\\' => password.push(characters.next().unwrap_or('\\')),
            _ => password.push(character),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        check_host("db", text, expected);
    }

    fn check_host(host: &str, text: &str, expected: Option<&str>) {
        let wanted = Wanted {
            host,
            port: 5432,
            database: "app",
            user: "u",
        };
        let found = find(text, &wanted);
        assert_eq!(found.as_ref().map(Secret::expose), expected, "{text}");
    }

    #[test]
    fn takes_the_first_line_that_matches() {
        check("db:5432:app:u:p", Some("p"));
        check("db:5433:app:u:no\ndb:5432:app:u:p\n*:*:*:*:late", Some("p"));
        check("*:*:*:*:p", Some("p"));
        check("db:*:app:*:p", Some("p"));
        check("# db\n\ndb:5432:app:u:p\r\n", Some("p"));
        check("#db:5432:app:u:p", None);
        check("", None);
        check("d:5432:app:u:p", None);
        check("dbx:5432:app:u:p", None);
        check("db:5432:app", None);
        check("db:5432:app:u", None);
        check("db:5432:app:u:", Some(""));
        check("*x:5432:app:u:p", None);
        check("DB:5432:app:u:p", None);
    }

    #[test]
    fn reads_escapes() {
        check("db:5432:app:u:a\\:b\\\\c", Some("a:b\\c"));
        check("db:5432:app:u:a:b", Some("a"));
        check("d\\b:5432:app:u:p", Some("p"));
        check("db\\:5432:app:u:p:x", None);
        check("db:5432:app:u: é #", Some(" é #"));
        check_host("::1", "\\:\\:1:5432:app:u:p", Some("p"));
        check_host("::1", "::1:5432:app:u:p", None);
    }

    #[test]
    fn calls_the_usual_socket_directories_localhost() {
        check_host("/run/postgresql", "localhost:5432:app:u:p", Some("p"));
        check_host("/tmp", "localhost:5432:app:u:p", Some("p"));
        check_host("/srv/sockets", "/srv/sockets:5432:app:u:p", Some("p"));
        check_host("/srv/sockets", "localhost:5432:app:u:p", None);
        check_host("", "localhost:5432:app:u:p", Some("p"));
    }
}
