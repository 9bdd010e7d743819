//! Takes out of a text what differs from run to run, so that the rest can be a snapshot.

/// Replaces each needle by its label, then durations, process ids and points in time.
pub(crate) fn redact(text: &str, needles: &[(String, &str)]) -> String {
    let mut text = text.to_owned();
    for (needle, label) in needles {
        text = replace_words(&text, needle, label);
    }
    text.split_inclusive('\n')
        .map(|line| moments(&pids(&durations(line))))
        .collect()
}

/// Replaces a needle where no letter or digit touches it: port 80 is not in 8080.
fn replace_words(text: &str, needle: &str, label: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(needle) {
        let end = at + needle.len();
        let before = done
            .chars()
            .last()
            .filter(|_| at == 0)
            .or(rest[..at].chars().last());
        let after = rest[end..].chars().next();
        let alone = ![before, after]
            .iter()
            .flatten()
            .any(char::is_ascii_alphanumeric);
        done.push_str(&rest[..at]);
        done.push_str(if alone { label } else { needle });
        rest = &rest[end..];
    }
    done + rest
}

/// `(84 ms)`, `(1.2 s)` and `after 84 ms` become `([time])` and `after [time]`. Other durations
/// are settings, which are the same in each run.
fn durations(line: &str) -> String {
    let mut done = line.to_owned();
    for before in [
        "(",
        "ready after ",
        "connected for ",
        "running for ",
        "within ",
        "after ",
        "for ",
    ] {
        let mut start = 0;
        while let Some(at) = done[start..].find(before) {
            start += at + before.len();
            let end = start + duration(&done[start..]);
            // `not ready after 30 s` is what somebody configured.
            let measured = match before {
                "ready after " => !done[..start].ends_with("not ready after "),
                "within " | "after " | "for " => done[start..end].ends_with(" ms"),
                _ => true,
            };
            if end > start && measured {
                done.replace_range(start..end, "[time]");
            }
        }
    }
    done
}

/// The length of the duration at the start: a number, a space and a unit.
fn duration(text: &str) -> usize {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(0);
    let unit = ["ms", "s", "min", "h"]
        .iter()
        .find(|unit| {
            let rest = text[digits..]
                .strip_prefix(' ')
                .and_then(|rest| rest.strip_prefix(**unit));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
        .map(|unit| unit.len());
    match unit {
        Some(unit) if digits > 0 => digits + 1 + unit,
        _ => 0,
    }
}

/// `pid 123` becomes `pid [pid]`, and `pid = 123` likewise.
fn pids(line: &str) -> String {
    let mut done = line.to_owned();
    for before in ["pid ", "pid = ", "pid: "] {
        let mut start = 0;
        while let Some(at) = done[start..].find(before) {
            start += at + before.len();
            let rest = &done[start..];
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            if digits > 0 {
                done.replace_range(start..start + digits, "[pid]");
            }
        }
    }
    done
}

/// `2026-11-02T10:14:00.123Z` and `2026-11-02 10:14:00.123+00` become `[when]`.
fn moments(line: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00 00:00";
    let mut done = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let matches = rest.len() >= SHAPE.len()
            && rest.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b' ' => byte == b' ' || byte == b'T',
                other => byte == *other,
            });
        let length = if matches {
            let tail = |c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | 'Z'));
            SHAPE.len()
                + rest[SHAPE.len()..]
                    .find(tail)
                    .unwrap_or(rest.len() - SHAPE.len())
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        done.push_str(if matches { "[when]" } else { &rest[..length] });
        rest = &rest[length..];
    }
    done
}

mod tests {
    use super::redact;

    fn check(text: &str, expected: &str) {
        let needles = [
            ("5432".to_owned(), "[port]"),
            ("/tmp/x".to_owned(), "[dir]"),
        ];
        assert_eq!(redact(text, &needles), expected);
    }

    #[test]
    fn only_what_differs_from_run_to_run_is_taken_out() {
        check(
            "applied a (84 ms), b (1.2 s)",
            "applied a ([time]), b ([time])",
        );
        check("not ready after 30 s", "not ready after 30 s");
        check(
            "is ready after 1.3 s, running for 2 s",
            "is ready after [time], running for [time]",
        );
        check("gave up after 84 ms", "gave up after [time]");
        check(
            "127.0.0.1:5432 is not 15432",
            "127.0.0.1:[port] is not 15432",
        );
        check("54325432", "54325432");
        check(
            "where pid = 77; pid 8 (pid)",
            "where pid = [pid]; pid [pid] (pid)",
        );
        check(
            "at 2026-11-02T10:14:00.123Z, 2026-11-02",
            "at [when], 2026-11-02",
        );
        check("read /tmp/x/a.sql\nä", "read [dir]/a.sql\nä");
    }
}
