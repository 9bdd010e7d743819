//! Sending the statements of a section, and finding the one that failed.
//!
//! Statement by statement costs a round trip each; the whole file in one message costs the server
//! memory for all of it (measured: 317 MB for 50 MB). So statements go out in windows: slices of
//! the script of bounded size, one simple-protocol message each, a few in flight. The server
//! answers each statement of a message in turn, so the answers before an error count the
//! statements that succeeded. See "Multiple Statements in a Simple Query" in PostgreSQL's manual.
//! Inside the transaction that the caller opened this is the same as sending them one by one.

use std::collections::VecDeque;
use std::io::Cursor;
use std::ops::Range;
use std::pin::pin;

use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryStream};

use super::meter::Meter;
use crate::database::failure::Failure;
use crate::database::record::Movement;
use crate::place::Place;
use crate::revision::plan::{Direction, Step};
use crate::revision::script::{Downgrade, Script, Section, SectionOptions};
use crate::sql::ident::Literal;
use crate::sql::split::Statement;
use crate::sql::strings::escapes_after;

/// Bytes of script in one message, unless a single statement is longer.
const WINDOW: usize = 64 * 1024;

/// Messages sent before the first is answered: enough to keep the server busy.
const IN_FLIGHT: usize = 4;

/// A `copy … from stdin` sends its data in pieces of this many bytes.
const COPY_PIECE: usize = 64 * 1024;

/// The statement of a section that did not succeed.
#[derive(Debug)]
pub struct StatementFailure {
    /// Which one, counted from 0.
    pub index: usize,
    /// Byte in the script where the server saw the trouble, if it said so.
    pub offset: Option<usize>,
    /// What happened.
    pub failure: Failure,
}

/// What is sent at once.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Statements in one message.
    Window(Range<usize>),
    /// One `copy … from stdin` and its data.
    Copy(usize),
}

/// Runs statements in order, in the transaction that the caller opened. The meter counts them.
pub async fn run(
    client: &Client,
    text: &str,
    statements: &[Statement],
    meter: &mut Meter,
) -> Result<(), StatementFailure> {
    let mut in_flight = VecDeque::new();
    for piece in pieces(text, statements) {
        match piece {
            Piece::Window(range) => {
                let sent = send(client, text, statements, range).await?;
                in_flight.push_back(sent);
                if in_flight.len() == IN_FLIGHT {
                    answers(in_flight.pop_front(), text, statements, meter).await?;
                }
            }
            Piece::Copy(index) => {
                while let Some(window) = in_flight.pop_front() {
                    answers(Some(window), text, statements, meter).await?;
                }
                Box::pin(copy(client, text, &statements[index], meter))
                    .await
                    .map_err(|failure| StatementFailure {
                        index,
                        offset: None,
                        failure,
                    })?;
            }
        }
    }
    while let Some(window) = in_flight.pop_front() {
        answers(Some(window), text, statements, meter).await?;
    }
    Ok(())
}

/// A window that is on its way.
struct Sent {
    range: Range<usize>,
    stream: SimpleQueryStream,
}

/// The slice of the script that a window stands for, comments between its statements included.
fn slice(statements: &[Statement], range: &Range<usize>) -> Range<usize> {
    statements[range.start].span.start..statements[range.end - 1].span.end
}

async fn send(
    client: &Client,
    text: &str,
    statements: &[Statement],
    range: Range<usize>,
) -> Result<Sent, StatementFailure> {
    let message = &text[slice(statements, &range)];
    match client.simple_query_raw(message).await {
        Ok(stream) => Ok(Sent { range, stream }),
        Err(error) => Err(StatementFailure {
            index: range.start,
            offset: None,
            failure: error.into(),
        }),
    }
}

/// Reads the answers to one window, and finds the statement that failed.
async fn answers(
    window: Option<Sent>,
    text: &str,
    statements: &[Statement],
    meter: &mut Meter,
) -> Result<(), StatementFailure> {
    let Some(Sent { range, stream }) = window else {
        return Ok(());
    };
    let mut stream = pin!(stream);
    let mut done = 0;
    while let Some(answer) = stream.next().await {
        match answer {
            Ok(SimpleQueryMessage::CommandComplete(_)) => {
                done += 1;
                meter.statement();
            }
            // Rows of a `select` are of no interest to anybody here.
            Ok(_) => {}
            Err(error) => {
                let failure = Failure::from(error);
                let start = slice(statements, &range).start;
                let offset = failure
                    .refusal()
                    .and_then(|refusal| refusal.position)
                    .map(|position| byte_offset(text, start, position));
                let index = blame(statements, &range, done, offset);
                return Err(StatementFailure {
                    index,
                    offset,
                    failure,
                });
            }
        }
    }
    Ok(())
}

/// The failing statement of a window: the one after those that were answered, or, since a message
/// is parsed whole before any of it runs, the one that a syntax error points into.
fn blame(
    statements: &[Statement],
    range: &Range<usize>,
    done: usize,
    offset: Option<usize>,
) -> usize {
    let answered = (range.start + done).min(range.end - 1);
    let pointed_at = offset.map_or(range.start, |offset| {
        let starts_before = |statement: &Statement| statement.span.start <= offset;
        let before = statements[range.clone()].partition_point(starts_before);
        range.start + before.saturating_sub(1)
    });
    answered.max(pointed_at)
}

/// PostgreSQL counts characters from 1; Rust counts bytes.
fn byte_offset(text: &str, start: usize, position: u32) -> usize {
    let characters = usize::try_from(position).unwrap_or(1).saturating_sub(1);
    let rest = text.get(start..).unwrap_or_default();
    start
        + rest
            .char_indices()
            .nth(characters)
            .map_or(rest.len(), |(offset, _)| offset)
}

/// Cuts a section into pieces.
fn pieces(text: &str, statements: &[Statement]) -> impl Iterator<Item = Piece> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = statements.get(next)?;
        let start = next;
        next += 1;
        if first.copy_data.is_some() {
            return Some(Piece::Copy(start));
        }
        while let Some(statement) = statements.get(next) {
            let before = statements[next - 1].span.clone();
            let gap = &text[before.end..statement.span.start];
            let fits = statement.span.end - first.span.start <= WINDOW;
            // A line such as `\restrict` between two statements is psql's, not the server's.
            if !fits || statement.copy_data.is_some() || gap.contains('\\') {
                break;
            }
            // The server reads the strings of a message before it runs any of it.
            if escapes_after(&text.as_bytes()[before]).is_some() {
                break;
            }
            next += 1;
        }
        Some(Piece::Window(start..next))
    })
}

/// Runs one `copy … from stdin` with the data that follows it in the script.
async fn copy(
    client: &Client,
    text: &str,
    statement: &Statement,
    meter: &mut Meter,
) -> Result<(), Failure> {
    let data = statement.copy_data.clone().unwrap_or(0..0);
    let mut told = meter.copy(data.len());
    let sink = client
        .copy_in::<_, Cursor<Vec<u8>>>(&text[statement.span.clone()])
        .await?;
    let mut sink = pin!(sink);
    for piece in text.as_bytes()[data].chunks(COPY_PIECE) {
        sink.send(Cursor::new(piece.to_vec())).await?;
        told.sent(piece.len());
    }
    sink.finish().await?;
    meter.statement();
    Ok(())
}

/// Which way a step goes, and the section that it runs.
pub fn of_step<'h>(step: &Step<'h>) -> (Movement, Option<&'h Section>) {
    match (step.direction, &step.script.downgrade) {
        (Direction::Upgrade, _) => (Movement::Upgrade, Some(&step.script.upgrade)),
        (Direction::Downgrade, Downgrade::Script(section)) => (Movement::Downgrade, Some(section)),
        // The plan refuses both before anything runs.
        (Direction::Downgrade, Downgrade::Irreversible { .. } | Downgrade::Missing) => {
            (Movement::Downgrade, None)
        }
    }
}

/// The statements that set a section's own timeouts, by `set` or `set local`. The values are
/// quoted: the parser has checked their form.
pub fn timeouts(options: &SectionOptions, set: &str) -> String {
    let settings = [
        ("lock_timeout", &options.lock_timeout),
        ("statement_timeout", &options.statement_timeout),
    ];
    let statement = |(name, value): (&str, &Option<String>)| {
        value
            .as_deref()
            .map(|value| format!("{set} {name} = {};\n", Literal(value)))
    };
    settings.into_iter().filter_map(statement).collect()
}

/// The place of one statement, as an error shows it.
pub fn place(script: &Script, section: &Section, index: usize, offset: Option<usize>) -> Place {
    let Some(statement) = section.statements.get(index) else {
        return Place::file(&script.path);
    };
    let span = statement.span.clone();
    let place = Place::of(&script.path, &script.text, span.start, span.end);
    let note = format!("statement {} of {}", index + 1, section.statements.len());
    let Some(offset) = offset.filter(|offset| span.contains(offset)) else {
        return place.with_note(note);
    };
    let exact = Place::of(&script.path, &script.text, offset, span.end);
    // A long statement is shown from the line that the server points at.
    let shown_to = place.line + place.excerpt.len();
    if exact.line < shown_to {
        place.with_note(note)
    } else {
        exact.with_note(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    fn check(text: &str, expected: &[Piece]) {
        let statements = split(text, 0..text.len()).unwrap();
        assert_eq!(pieces(text, &statements).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn statements_share_a_message_until_something_comes_between() {
        check("", &[]);
        check("select 1", &[Piece::Window(0..1)]);
        check(
            "select 1; select 2; -- a comment\nselect 3;",
            &[Piece::Window(0..3)],
        );
        check(
            "select 1;\n\\restrict x\nselect 2;",
            &[Piece::Window(0..1), Piece::Window(1..2)],
        );
        check(
            "select 1;\ncopy t from stdin;\n1\n\\.\nselect 2;",
            &[Piece::Window(0..1), Piece::Copy(1), Piece::Window(2..3)],
        );
    }

    #[test]
    fn what_changes_the_reading_of_strings_ends_a_message() {
        check(
            "select 1; set standard_conforming_strings = off; select 'a\\'b'; reset all",
            &[Piece::Window(0..2), Piece::Window(2..4)],
        );
    }

    #[test]
    fn a_window_is_bounded_and_a_long_statement_has_its_own() {
        let long = format!("select '{}'", "x".repeat(WINDOW));
        check(
            &format!("select 1; {long}; select 2"),
            &[
                Piece::Window(0..1),
                Piece::Window(1..2),
                Piece::Window(2..3),
            ],
        );
    }

    #[test]
    fn blames_the_statement_that_was_not_answered_or_the_one_pointed_into() {
        let text = "select 1; select 2; selec 3; select 4";
        let statements = split(text, 0..text.len()).unwrap();
        let blame = |done, offset| blame(&statements, &(0..4), done, offset);
        assert_eq!(blame(1, None), 1);
        assert_eq!(
            blame(0, text.find("selec 3")),
            2,
            "nothing of a message with a syntax error runs"
        );
        assert_eq!(blame(4, None), 3);
    }

    #[test]
    fn positions_are_characters() {
        assert_eq!(byte_offset("ä€x", 0, 3), 5);
        assert_eq!(byte_offset("abc", 1, 1), 1);
        assert_eq!(byte_offset("abc", 0, 9), 3);
    }
}
