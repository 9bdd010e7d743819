//! The usual form of `castoff supervise`, read by hand: an init is to start in no time, and the
//! parser of the whole command line takes longer than all the rest. What is not understood here is
//! not judged here.

use std::ffi::{OsStr, OsString};

use crate::cli::{Options, Supervise};

/// `CMD…` behind `castoff --`.
pub(super) fn of_command(command: &[OsString]) -> Option<(Supervise, Options)> {
    let arguments = Supervise {
        server: command.to_vec(),
        ..Supervise::default()
    };
    (!command.is_empty()).then(|| (arguments, Options::default()))
}

/// Options, `--` and `CMD…` behind `castoff supervise`; nothing where it is anything else.
pub(super) fn read(words: &[OsString]) -> Option<(Supervise, Options)> {
    let mut arguments = Supervise::default();
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            arguments.server = words.cloned().collect();
            return (!arguments.server.is_empty() && !arguments.pause)
                .then_some((arguments, options));
        }
        let word = word.to_str()?;
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let how = &mut arguments.supervision;
        match (name, value) {
            ("--kill-group", value) => {
                set(
                    &mut how.kill_group,
                    value.unwrap_or_else(|| "true".to_owned()),
                )?;
            }
            ("--pause", None) if !arguments.pause => arguments.pause = true,
            (name, value) => {
                // A value may be the next word, if it does not look like an option.
                let next = || words.next().map(OsString::as_os_str).and_then(value_of);
                let value = value.or_else(next)?;
                match name {
                    "--rewrite" => how.rewrite.push(value),
                    "--remap-status" => how.remap_status.push(value),
                    "--grace" => set(&mut how.grace, value)?,
                    "--parent-death-signal" => set(&mut how.parent_death_signal, value)?,
                    "--log" => set(&mut options.log, value)?,
                    "--log-format" => set(&mut options.log_format, value)?,
                    _ => return None,
                }
            }
        }
    }
    arguments.pause.then_some((arguments, options))
}

fn value_of(word: &OsStr) -> Option<String> {
    let word = word.to_str()?;
    (!word.starts_with('-')).then(|| word.to_owned())
}

/// Each once, as the other parser has it.
fn set(option: &mut Option<String>, value: String) -> Option<()> {
    option.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    /// What both parsers read is the same.
    fn check_read(line: &str) {
        let (arguments, options) = read(&words(line)).unwrap_or_else(|| panic!("{line}"));
        let mut all = words("castoff supervise");
        all.extend(words(line));
        let cli = Cli::try_parse_from(all).unwrap();
        let Command::Supervise(expected) = cli.command else {
            panic!("{line}");
        };
        assert_eq!(format!("{arguments:?}"), format!("{expected:?}"));
        assert_eq!(format!("{options:?}"), format!("{:?}", cli.options));
    }

    #[test]
    fn reads_as_the_whole_parser_does() {
        check_read("-- server --grace 1s -- x");
        check_read("--kill-group --grace 5s -- server");
        check_read("--kill-group=false --grace=5s --log=debug --log-format json -- server");
        check_read("--rewrite TERM:QUIT --rewrite=HUP:0 --remap-status 143 -- server");
        check_read("--parent-death-signal KILL -- server");
        check_read("--grace= -- server");
        check_read("--pause");
        check_read("--pause --log debug");
    }

    #[test]
    fn leaves_everything_else_to_the_whole_parser() {
        for line in [
            "",
            "--",
            "server",
            "server -- x",
            "--help",
            "-h -- x",
            "--unknown -- x",
            "--grace -- x",
            "--grace 1s --grace 2s -- x",
            "--grace --pause",
            "--pause -- x",
            "--pause --pause",
            "--pause=true",
            "--kill-group true -- x",
            "--migrations m -- x",
        ] {
            assert!(read(&words(line)).is_none(), "{line}");
        }
    }
}
