//! Leaving the engine's memory: the init becomes castoff anew, in a form that does nothing but the
//! loop. What it needs to know stands in its arguments, where a list of processes shows it:
//!
//! ```text
//! castoff supervise --child=7 --grace=10000ms --rewrite=TERM:QUIT -- gunicorn app:app
//! ```
//!
//! Its environment is empty: what others could read of it in /proc would otherwise hold castoff's
//! own secrets for as long as the server lives.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use crate::rewrite;
use crate::stay::Child;
use crate::supervision::{Receivers, Supervision};
use crate::tell::{Form, Level, Story};
use crate::{supervise, sys};

/// The option that is for castoff itself alone.
const CHILD: &str = "--child=";

/// Looks after the child, in as little memory as can be: in a new image of this program, or in this
/// one where that cannot be had, without /proc for instance.
pub fn supervise(child: Child, how: &Supervision, command: &[OsString]) -> ! {
    let words = write(child, how, command);
    let is_understood = read(&words) == Some((child, *how));
    let arguments: Option<Vec<CString>> = words
        .into_iter()
        .map(|argument| CString::new(argument.into_vec()).ok())
        .collect();
    let arguments = arguments.filter(|_| is_understood);
    if let (Some(arguments), Ok(path)) = (arguments, CString::new("/proc/self/exe")) {
        let error = sys::exec(&path, &arguments);
        let code = error.raw_os_error().unwrap_or_default();
        how.story
            .debug(format_args!("the init stays where it is: error {code}"));
    }
    supervise::supervise(child, how)
}

/// Looks after a child if these arguments, the program's name first, are those of an init that has
/// one. To be called before anything else.
pub fn resume(arguments: &[OsString]) {
    if let Some((child, how)) = read(arguments)
        && sys::is_child(child.pid)
    {
        sys::set_name();
        supervise::supervise(child, &how);
    }
}

fn write(child: Child, how: &Supervision, command: &[OsString]) -> Vec<OsString> {
    let mut words = vec![
        "castoff".to_owned(),
        "supervise".to_owned(),
        format!("{CHILD}{}", child.pid),
    ];
    if let Some(number) = child.terminal {
        words.push(format!("--terminal={number}"));
    }
    if how.receivers == Receivers::Group {
        words.push("--kill-group".to_owned());
    }
    for (from, to) in how.rewrites.changes() {
        let to = to.map_or_else(|| "0".to_owned(), |to| to.to_string());
        words.push(format!("--rewrite={from}:{to}"));
    }
    if let Some(grace) = how.grace {
        let milliseconds = grace.as_millis().min(u64::MAX.into());
        words.push(format!("--grace={milliseconds}ms"));
    }
    for status in how.forgiven.iter() {
        words.push(format!("--remap-status={status}"));
    }
    let level = match how.story.level {
        Level::Nothing => "--log=error",
        Level::Warn => "--log=warn",
        Level::Debug => "--log=debug",
    };
    words.push(level.to_owned());
    if how.story.collected == Level::Warn {
        words.push("--warn-collected".to_owned());
    }
    if how.story.form == Form::Json {
        words.push("--log-format=json".to_owned());
    }
    words.push("--".to_owned());
    let command = command.iter().cloned();
    words
        .into_iter()
        .map(OsString::from)
        .chain(command)
        .collect()
}

fn read(arguments: &[OsString]) -> Option<(Child, Supervision)> {
    let mut words = arguments.iter().map(|argument| OsStr::as_bytes(argument));
    if words.nth(1)? != b"supervise" {
        return None;
    }
    let pid = text(words.next()?)?.strip_prefix(CHILD)?.parse().ok()?;
    let mut child = Child {
        pid,
        terminal: None,
    };
    let mut how = Supervision::default();
    let mut story = Story::default();
    for word in words {
        let word = text(word)?;
        if word == "--" {
            break;
        }
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "--terminal" => child.terminal = Some(value.parse().ok()?),
            "--kill-group" => how.receivers = Receivers::Group,
            "--rewrite" => {
                let (from, to) = rewrite::parse(value)?;
                how.rewrites.set(from, to);
            }
            "--grace" => {
                let milliseconds = value.strip_suffix("ms")?.parse().ok()?;
                how.grace = Some(Duration::from_millis(milliseconds));
            }
            "--remap-status" => how.forgiven.add(value.parse().ok()?),
            "--log" => {
                story.level = match value {
                    "error" => Level::Nothing,
                    "debug" => Level::Debug,
                    _ => Level::Warn,
                }
            }
            "--warn-collected" => story.collected = Level::Warn,
            "--log-format" => story.form = Form::Json,
            _ => return None,
        }
    }
    how.story = story;
    Some((child, how))
}

fn text(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;

    #[test]
    fn what_was_written_is_read_again() {
        let mut how = Supervision {
            receivers: Receivers::Group,
            grace: Some(Duration::from_millis(10_001)),
            story: Story {
                level: Level::Debug,
                collected: Level::Warn,
                form: Form::Json,
            },
            ..Supervision::default()
        };
        how.forgiven.add(143);
        how.forgiven.add(0);
        how.rewrites.set(Signal::TERM, Signal::parse("QUIT"));
        how.rewrites.set(Signal::INT, None);
        how.rewrites.set(Signal::CONT, Signal::parse("RTMIN+3"));
        let child = Child {
            pid: 17,
            terminal: Some(0),
        };
        for (child, how) in [
            (child, how),
            (
                Child {
                    terminal: None,
                    ..child
                },
                Supervision::default(),
            ),
        ] {
            let command = [OsString::from("--rewrite=x"), OsString::from_vec(vec![255])];
            let words = write(child, &how, &command);
            assert_eq!(read(&words), Some((child, how)), "{words:?}");
        }
    }

    fn check_not(line: &str) {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        assert_eq!(read(&words), None, "{line}");
    }

    #[test]
    fn nothing_else_is_read() {
        check_not("castoff");
        check_not("castoff run --child=7");
        check_not("castoff supervise -- x");
        check_not("castoff supervise --grace=1s -- --child=7");
        check_not("castoff supervise --child=x -- y");
        check_not("castoff supervise --child=7 --grace=10s -- y");
        check_not("castoff supervise --child=7 --unknown -- y");
    }
}
