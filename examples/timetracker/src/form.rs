//! The form for a time entry: the body of a request, checked. Pure.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// The longest entry that is believed: a day.
const MAX_MINUTES: i32 = 24 * 60;

/// A time entry as somebody typed it, checked as far as that goes without the database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewEntry {
    /// The task.
    pub(crate) task: i64,
    /// Who worked.
    pub(crate) person: i64,
    /// When it began, in UTC: `2026-03-02T09:30`.
    pub(crate) started: String,
    /// How long it took, 1 to 1,440.
    pub(crate) minutes: i32,
    /// Free text, may be empty.
    pub(crate) remark: String,
    /// Whether the customer pays for it.
    pub(crate) billable: bool,
}

/// What is wrong with a form, for the person who filled it in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidForm {
    /// Not what a browser sends.
    #[error("The form was not sent as text.")]
    NotText,
    /// A field that must be there.
    #[error("The field “{0}” is missing or not understood.")]
    Field(&'static str),
    /// Too short or too long.
    #[error("Minutes must be between 1 and {MAX_MINUTES}.")]
    Minutes,
    /// Text that the database cannot store.
    #[error("The remark contains a zero byte.")]
    ZeroByte,
}

/// Reads an `application/x-www-form-urlencoded` body.
pub(crate) fn parse(body: &[u8]) -> Result<NewEntry, InvalidForm> {
    let fields = fields(body)?;
    let field = |name: &'static str| fields.get(name).map_or("", String::as_str);
    let number = |name| field(name).parse().map_err(|_| InvalidForm::Field(name));
    let minutes: i32 = field("minutes")
        .parse()
        .map_err(|_| InvalidForm::Field("minutes"))?;
    if !(1..=MAX_MINUTES).contains(&minutes) {
        return Err(InvalidForm::Minutes);
    }
    let started = field("started");
    if !is_minute(started) {
        return Err(InvalidForm::Field("started"));
    }
    let remark = field("remark").trim();
    if remark.contains('\0') {
        return Err(InvalidForm::ZeroByte);
    }
    Ok(NewEntry {
        task: number("task")?,
        person: number("person")?,
        started: started.to_owned(),
        minutes,
        remark: remark.to_owned(),
        billable: fields.contains_key("billable"),
    })
}

fn fields(body: &[u8]) -> Result<BTreeMap<String, String>, InvalidForm> {
    let body = str::from_utf8(body).map_err(|_| InvalidForm::NotText)?;
    body.split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, InvalidForm> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text)
        .decode_utf8()
        .map_err(|_| InvalidForm::NotText)?;
    Ok(decoded.into_owned())
}

/// Whether the text has the shape of `2026-03-02T09:30`; the database knows whether there is such a day.
fn is_minute(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00";
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            exact => byte == *exact,
        })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn check(body: &str, expected: &str) {
        let found = match parse(body.as_bytes()) {
            Ok(e) => format!(
                "task {} person {} {} {} min [{}] {}",
                e.task, e.person, e.started, e.minutes, e.remark, e.billable
            ),
            Err(invalid) => invalid.to_string(),
        };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_filled_form_becomes_an_entry() {
        check(
            "task=3&person=2&started=2026-03-02T09%3A30&minutes=45&remark=caf%C3%A9+%26+cake&billable=on",
            "task 3 person 2 2026-03-02T09:30 45 min [café & cake] true",
        );
        check(
            "task=3&person=2&started=2026-03-02T09:30&minutes=1440",
            "task 3 person 2 2026-03-02T09:30 1440 min [] false",
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        check("", "The field “minutes” is missing or not understood.");
        check("minutes=0", "Minutes must be between 1 and 1440.");
        check("minutes=1441", "Minutes must be between 1 and 1440.");
        check(
            "minutes=5&started=yesterday",
            "The field “started” is missing or not understood.",
        );
        check(
            "minutes=5&started=2026-03-02T09:30&person=2",
            "The field “task” is missing or not understood.",
        );
        check(
            "minutes=5&started=2026-03-02T09:30&task=3&person=x",
            "The field “person” is missing or not understood.",
        );
        check("minutes=%FF", "The form was not sent as text.");
        check(
            "minutes=5&started=2026-03-02T09:30&remark=%00",
            "The remark contains a zero byte.",
        );
    }
}
