//! The only writer to the terminal: data on standard output, the story on standard error.
//!
//! The rest of the program tells its story as `tracing` events. Here they become one line a step,
//! or one JSON object a line. A reader that went away is not an error of castoff's: the migration
//! matters more than the line about it.

mod bar;

use std::io::{self, IsTerminal, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Uid, fchown};
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::config::{LogFormat, LogLevel};
use crate::error::Error;
use crate::event::{Fields, milliseconds, timestamp};
use crate::status::Failure;
use crate::status::board::Board;
use bar::{Bar, Shown};

/// The line at the foot of the terminal. Whoever writes takes it away first.
static BAR: Mutex<Option<Bar>> = Mutex::new(None);

fn bar() -> MutexGuard<'static, Option<Bar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts telling the story on standard error, and on the board.
pub fn tell(level: LogLevel, format: LogFormat, board: &Board) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Where no line can be drawn, progress is told as in a log.
    if format == LogFormat::Text && io::stderr().is_terminal() {
        *bar() = Bar::new();
    }
    let story = Story {
        format,
        filter,
        board: board.clone(),
        progress: Mutex::new(None),
    };
    let subscriber = tracing_subscriber::registry()
        .with(story)
        .with(board.clone());
    // The board comes last, so that the story can say what was before. Only a second call could
    // fail, and it would change nothing.
    tracing::subscriber::set_global_default(subscriber).ok();
}

/// Prints data, whole lines, on standard output.
pub fn print(data: &str) -> Result<(), Error> {
    leave_terminal();
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(data.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        // `castoff history | head` closes the pipe when it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::Output),
    }
}

/// Whether somebody sits at a terminal who can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks at the terminal. The answer is a line, or nothing at the end of the input.
pub fn ask(question: &str) -> String {
    leave_terminal();
    let mut answer = String::new();
    let asked = io::stderr().write_all(question.as_bytes());
    if asked.is_ok() {
        io::stdin().read_line(&mut answer).ok();
    }
    answer
}

/// Prints one JSON document on standard output.
pub fn print_json(document: &Value) -> Result<(), Error> {
    print(&format!("{document:#}\n"))
}

/// Tells the error that ends the run.
pub fn fail(error: &Error, failure: &Failure, format: LogFormat) {
    let text = match format {
        LogFormat::Text => render(error),
        LogFormat::Json => format!("{}\n", error_as_json(error, failure)),
    };
    write_story(&text);
}

/// Standard error for a process that castoff starts: what it says is part of the story. It begins
/// on a clean line, and castoff draws nothing until it has told something else.
pub fn story_of_a_child() -> std::process::Stdio {
    leave_terminal();
    io::stderr().into()
}

/// Lets another user open the standard streams by name, as servers do that log to `/dev/stdout`. Engines
/// make them for the user that a container begins as. Pipes and terminals alone: a file belongs to
/// whoever made it. Where this is not allowed, they can still be written to as they are.
pub fn give_streams_to(user: u32) {
    let give = |stream: BorrowedFd<'_>| {
        let is_pipe = fstat(stream).is_ok_and(|stat| {
            SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFIFO
        });
        if is_pipe || stream.is_terminal() {
            fchown(stream, Some(Uid::from_raw(user)), None).ok();
        }
    };
    give(io::stdin().as_fd());
    give(io::stdout().as_fd());
    give(io::stderr().as_fd());
}

/// Draws the time that has passed, where a line is drawn at the foot of the terminal. To be called
/// about once a second: nothing else happens while a long statement runs.
pub fn tick() {
    if let Some(bar) = bar().as_ref() {
        bar.tick();
    }
}

/// Takes away what is drawn at the foot of the terminal, for whoever writes to it now.
pub fn leave_terminal() {
    if let Some(bar) = bar().as_mut() {
        bar.clear();
    }
}

/// Tells of a bug of castoff's own, and returns the line that says so.
pub fn bug(panic: &str) -> String {
    // The bug may have been met while the line was drawn: whoever draws has the lock.
    if let Ok(mut bar) = BAR.try_lock()
        && let Some(bar) = bar.as_mut()
    {
        bar.clear();
    }
    let line = format!("error[bug]: castoff has a bug: {panic}");
    let text = format!("{line}\n  help: report this line with `castoff --version`\n");
    io::stderr().write_all(text.as_bytes()).ok();
    line
}

/// The error as people read it.
///
/// ```text
/// error[apply-failed]: revision 3f2a9c41d07b failed and was rolled back
///   --> migrations/202611021014_3f2a9c41d07b_check_total.sql:6 (statement 2 of 2)
///    6 | alter table invoice
///   caused by: 42703 column "totl" does not exist
///   help: correct the SQL and deploy again; the database is unchanged
/// ```
pub fn render(error: &Error) -> String {
    let mut text = format!("error[{}]: {error}\n", error.code());
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    if let Some(place) = error.place() {
        line(format!("  --> {place}"));
        for (offset, content) in place.excerpt.iter().enumerate() {
            line(format!("{:>4} | {content}", place.line + offset));
        }
    }
    for cause in error.causes() {
        line(format!("  caused by: {cause}"));
    }
    for (name, content) in error.notes() {
        line(format!("  {name}: {}", content.replace('\n', "\n    ")));
    }
    line(format!("  help: {}", error.help()));
    text
}

fn error_as_json(error: &Error, failure: &Failure) -> Value {
    let mut document = Map::new();
    let mut set = |key: &str, value: Value| drop(document.insert(key.to_owned(), value));
    set("timestamp", now().into());
    set("level", "error".into());
    set("event", "error".into());
    set("code", error.code().into());
    set("exit_status", error.exit_status().into());
    set("phase", failure.phase.name().into());
    set("phase_milliseconds", milliseconds(failure.lasted).into());
    set("message", error.to_string().into());
    if let Some(place) = error.place() {
        set("path", place.path.clone().into());
        let (line, column) = place.exact.unzip();
        set("line", line.unwrap_or(place.line).into());
        if let Some(column) = column {
            set("column", column.into());
        }
    }
    set("causes", error.causes().into());
    for (name, content) in error.notes() {
        set(&name.replace(' ', "_"), content.into());
    }
    set("help", error.help().into());
    Value::Object(document)
}

/// A line of the story goes out in one write, so that replicas on one terminal do not interleave.
fn write_story(text: &str) {
    let mut bar = bar();
    if let Some(bar) = bar.as_mut() {
        bar.clear();
    }
    io::stderr().write_all(text.as_bytes()).ok();
}

fn now() -> String {
    timestamp(time::OffsetDateTime::now_utc())
}

/// The board follows the story whatever part of it is told.
const ON_THE_BOARD: LevelFilter = LevelFilter::INFO;

/// Writes events to standard error.
struct Story {
    format: LogFormat,
    filter: LevelFilter,
    /// Still shows what was before an event that is being told.
    board: Board,
    /// When a log last had a line of progress, or could have had the first.
    progress: Mutex<Option<Instant>>,
}

impl Story {
    /// Whether an event is drawn, or left out, instead of being written as a line.
    fn is_drawn(&self, fields: &Fields) -> bool {
        match fields.text("event") {
            Some("phase") => self.format == LogFormat::Text || self.is_present(fields),
            // For people the line that says `applied` is enough.
            Some("applying") if self.format == LogFormat::Text => {
                if let Some(bar) = bar().as_mut() {
                    bar.step(fields.message.clone());
                }
                true
            }
            Some("progress") => {
                if let Some(bar) = bar().as_mut() {
                    bar.show(&shown(fields));
                    return true;
                }
                let mut last = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
                let is_due = last.is_some_and(|last| last.elapsed() >= bar::SELDOM);
                if is_due || last.is_none() {
                    *last = Some(Instant::now());
                }
                !is_due
            }
            _ => false,
        }
    }

    /// Whether a phase is entered that goes on.
    fn is_present(&self, fields: &Fields) -> bool {
        fields.text("phase") == Some(self.board.status().phase.name())
    }

    /// Says of a new phase what came before it, and how long that took.
    fn complete(&self, fields: &mut Fields) {
        if fields.text("event") == Some("phase") {
            let before = self.board.status();
            let mut set = |name: &str, value| drop(fields.others.insert(name.to_owned(), value));
            set("previous", before.phase.name().into());
            set(
                "previous_milliseconds",
                milliseconds(before.since.elapsed()).into(),
            );
        }
    }
}

impl<S: Subscriber> Layer<S> for Story {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.level() <= &self.filter.max(ON_THE_BOARD)
            && metadata.target().starts_with("castoff")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter.max(ON_THE_BOARD))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > self.filter {
            return;
        }
        let mut fields = Fields::of(event);
        if self.is_drawn(&fields) {
            return;
        }
        self.complete(&mut fields);
        write_story(&match self.format {
            LogFormat::Text => as_text(level, &fields.message),
            LogFormat::Json => as_json(level, fields),
        });
    }
}

fn shown(fields: &Fields) -> Shown {
    let text = |name| fields.text(name).unwrap_or_default().to_owned();
    Shown {
        what: text("what"),
        done: fields.number("done"),
        total: fields.number("total"),
        unit: text("unit"),
        left: fields.number("left_seconds"),
    }
}

fn as_text(level: Level, message: &str) -> String {
    let mark = match level {
        Level::ERROR => "error: ",
        Level::WARN => "warning: ",
        _ => "",
    };
    let mut text = format!("castoff: {mark}{}", message.replace('\n', "\n    "));
    text.push('\n');
    text
}

fn as_json(level: Level, fields: Fields) -> String {
    let mut document = Map::new();
    document.insert("timestamp".to_owned(), now().into());
    document.insert(
        "level".to_owned(),
        level.as_str().to_ascii_lowercase().into(),
    );
    document.insert("message".to_owned(), fields.message.into());
    document.extend(fields.others);
    format!("{}\n", Value::Object(document))
}
