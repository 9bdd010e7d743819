//! Connection strings of the form `host=db user=app`, read as libpq reads them.

use crate::database::malformed::Malformed;
use crate::database::parameters;

/// Parameters in the order given; a later one overrides an earlier one of the same name.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    let mut after_bare_password = false;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let name = &rest[..end];
        // What follows an unquoted password is perhaps its second word, and never shown.
        if after_bare_password && parameters::find(name).is_none() {
            return Err(Malformed::SpaceInPassword);
        }
        let after = rest[end..].trim_start();
        let Some(value) = after.strip_prefix('=').filter(|_| !name.is_empty()) else {
            return Err(Malformed::MissingEquals);
        };
        let value = value.trim_start();
        let quoted = value.strip_prefix('\'');
        after_bare_password = name == "password" && quoted.is_none();
        let (value, remaining) = match quoted {
            Some(value) => read_quoted(value)?,
            None => read_bare(value),
        };
        pairs.push((name.to_owned(), value));
        rest = remaining.trim_start();
    }
    Ok(pairs)
}

fn read_bare(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character.is_whitespace() {
            return (value, &text[at..]);
        }
        if character == '\\' {
            value.extend(characters.next().map(|(_, escaped)| escaped));
        } else {
            value.push(character);
        }
    }
    (value, "")
}

fn read_quoted(text: &str) -> Result<(String, &str), Malformed> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((value, &text[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    Err(Malformed::UnterminatedQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Ok(pairs) => pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("|"),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn reads_pairs() {
        check("", "");
        check("host=db", "host=db");
        check("  host=db   user=app ", "host=db|user=app");
        check("host = db user\t=\napp", "host=db|user=app");
        check("password='a b'", "password=a b");
        check("password='a\\'b\\\\'", "password=a'b\\");
        check("password=a\\ b\\'c", "password=a b'c");
        check("password=''host=db", "password=|host=db");
        check("password=a#b@c/d", "password=a#b@c/d");
        check("password=a=b", "password=a=b");
        check("password= host=db", "password=host=db");
        check("host=db port=", "host=db|port=");
        check("hosd=db", "hosd=db");
        check("password=a host=db", "password=a|host=db");
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        check("host", "error: a parameter has no `=`");
        check("host db", "error: a parameter has no `=`");
        check("=db", "error: a parameter has no `=`");
        check("password='a", "error: a quoted value does not end");
        check("password='a\\'", "error: a quoted value does not end");
        let space = "error: the password seems to hold a space, but does not stand in quotes";
        check("password=hunter 2", space);
        check("password=hunter 2 host=db", space);
        check("password=hunter two=2", space);
    }
}
