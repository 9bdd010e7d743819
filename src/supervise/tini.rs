//! tini's command line, for engines that call their init so: `docker-init -- CMD`. The options are
//! those of tini 0.19, and its variables; nothing of castoff's own is read.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use castoff_process::signal::Signal;
use castoff_process::supervision::{Receivers, Supervision};
use castoff_process::tell::Level;

use super::error::InitError;

/// What Docker looks for when it asks its init who it is; the rest is for people.
const VERSION: &str = concat!(
    "tini version 0.19.0 (castoff ",
    env!("CARGO_PKG_VERSION"),
    ")\n"
);

const LICENSE: &str =
    "castoff is distributed under the Apache License 2.0 or the MIT License, at your choice.\n";

const HELP: &str = "\
castoff as tini: starts CMD and stays as its init

Usage: tini [OPTIONS] CMD... | tini [OPTIONS] -- CMD... | tini --version

  -g         send signals to the whole process group of CMD
  -p SIGNAL  get SIGNAL when the parent dies, and pass it on
  -e STATUS  exit with 0 when CMD exits with STATUS; repeatable
  -w         warn of processes that are collected
  -v         tell more; repeatable
  -s         adopt orphans when not PID 1 (always done)
  -l         show the licence
  -h         show this help

Variables: TINI_KILL_PROCESS_GROUP, TINI_VERBOSITY; TINI_SUBREAPER needs not be set.
";

/// tini's levels: from 3 on each signal is told.
const DEBUG: u32 = 3;

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A text for standard output.
    Print(String),
    /// A command that is to be looked after.
    Supervise {
        /// The command and its arguments.
        command: Vec<OsString>,
        /// How.
        how: Box<Supervision>,
    },
}

/// Reads the arguments as getopt(3) does: options may be put together, and end at the first word
/// that is none. `variable` looks up tini's variables.
pub(super) fn read(
    arguments: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Wish, InitError> {
    // tini does nothing about a child that does not stop: the engine does.
    let mut how = Supervision::default();
    if variable("TINI_KILL_PROCESS_GROUP").is_some() {
        how.receivers = Receivers::Group;
    }
    let level = variable("TINI_VERBOSITY");
    let level = level.and_then(|level| level.to_str()?.parse().ok());
    let mut verbosity: u32 = level.unwrap_or(1);
    if arguments.len() == 1 && arguments[0] == "--version" {
        return Ok(Wish::Print(VERSION.to_owned()));
    }
    let mut words = arguments.iter();
    let command = loop {
        let Some(word) = words.next() else {
            break Vec::new();
        };
        let letters = match word.as_bytes() {
            b"--" => break words.cloned().collect(),
            [b'-', letters @ ..] if !letters.is_empty() => letters,
            _ => break std::iter::once(word).chain(words).cloned().collect(),
        };
        let mut letters = letters.iter();
        while let Some(letter) = letters.next() {
            match letter {
                b's' => {}
                b'g' => how.receivers = Receivers::Group,
                b'w' => how.story.collected = Level::Warn,
                b'v' => verbosity += 1,
                b'h' => return Ok(Wish::Print(HELP.to_owned())),
                b'l' => return Ok(Wish::Print(LICENSE.to_owned())),
                b'p' | b'e' => {
                    let rest = letters.as_slice();
                    let value = if rest.is_empty() {
                        words.next().cloned()
                    } else {
                        Some(OsString::from_vec(rest.to_vec()))
                    };
                    set(&mut how, *letter, value)?;
                    break;
                }
                _ => {
                    return Err(refuse(format!(
                        "`{}` is no option of tini's",
                        word.display()
                    )));
                }
            }
        }
    };
    if command.is_empty() {
        return Err(refuse("no command is given".to_owned()));
    }
    how.story.level = match verbosity {
        0 => Level::Nothing,
        DEBUG.. => Level::Debug,
        _ => Level::Warn,
    };
    Ok(Wish::Supervise {
        command,
        how: Box::new(how),
    })
}

/// An option with a value.
fn set(how: &mut Supervision, letter: u8, value: Option<OsString>) -> Result<(), InitError> {
    let option = char::from(letter);
    let Some(value) = value else {
        return Err(refuse(format!("`-{option}` has no value")));
    };
    let shown = value.to_string_lossy();
    if letter == b'p' {
        let signal = Signal::parse(&shown);
        let refused = || refuse(format!("`-p {shown}`: not a signal"));
        how.parent_death = Some(signal.ok_or_else(refused)?);
    } else {
        let status = shown.parse();
        let refused = |_| refuse(format!("`-e {shown}`: not an exit status from 0 to 255"));
        how.forgiven.add(status.map_err(refused)?);
    }
    Ok(())
}

fn refuse(reason: String) -> InitError {
    InitError::Usage { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, variables: &[(&str, &str)], expected: &str) {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let shown = match read(&words, variable) {
            Ok(Wish::Print(text)) => text.lines().next().unwrap_or_default().to_owned(),
            Ok(Wish::Supervise { command, how }) => format!(
                "{command:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                how.receivers,
                how.parent_death.map(Signal::number),
                how.forgiven.iter().collect::<Vec<_>>(),
                how.story.level,
                how.story.collected,
                how.grace,
            ),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn takes_what_tini_takes() {
        let plain = r#"["x"] Child None [] Warn Debug None"#;
        check("-- x", &[], plain);
        check("x", &[], plain);
        check("-s -- x", &[("TINI_SUBREAPER", "")], plain);
        check("x -g", &[], r#"["x", "-g"] Child None [] Warn Debug None"#);
        check("-- -x", &[], r#"["-x"] Child None [] Warn Debug None"#);
        check(
            "-wvvgs -pSIGKILL -e 143 -e1 -- x",
            &[],
            r#"["x"] Group Some(9) [1, 143] Debug Warn None"#,
        );
        check(
            "-v x",
            &[("TINI_VERBOSITY", "2")],
            r#"["x"] Child None [] Debug Debug None"#,
        );
        check(
            "x",
            &[("TINI_KILL_PROCESS_GROUP", ""), ("TINI_VERBOSITY", "0")],
            r#"["x"] Group None [] Nothing Debug None"#,
        );
    }

    #[test]
    fn says_what_engines_want_to_know() {
        let version = concat!(
            "tini version 0.19.0 (castoff ",
            env!("CARGO_PKG_VERSION"),
            ")"
        );
        check("--version", &[], version);
        check(
            "-h",
            &[],
            "castoff as tini: starts CMD and stays as its init",
        );
        check("-l", &[], LICENSE.trim_end());
    }

    #[test]
    fn refuses_what_tini_does_not_take() {
        check("", &[], "error: no command is given");
        check("-g --", &[], "error: no command is given");
        check("-x y", &[], "error: `-x` is no option of tini's");
        check("--grace 1s", &[], "error: `--grace` is no option of tini's");
        check("-p", &[], "error: `-p` has no value");
        check("-p NOPE x", &[], "error: `-p NOPE`: not a signal");
        check(
            "-e 256 x",
            &[],
            "error: `-e 256`: not an exit status from 0 to 255",
        );
    }
}
