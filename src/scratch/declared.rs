//! The declared schema: files of DDL, what a command prints, or a database.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::error::ScratchError;
use crate::config::Config;
use crate::config::declared::{DEFAULT, DeclaredFrom};
use crate::error::Error;
use crate::run;
use crate::run::signal::Stop;

/// How long the command may take.
const COMMAND: Duration = Duration::from_mins(10);

/// Folders in folders, at most: a link may lead in a circle.
const DEEPEST: usize = 32;

/// One text of the declaration.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, or the command, as errors name it.
    pub path: String,
    /// Its DDL.
    pub text: String,
}

/// The declaration.
#[derive(Clone, Debug)]
pub enum Declaration {
    /// DDL.
    Texts(Vec<Source>),
    /// A database that is as the schema is to be, by its URL.
    Database(String),
}

/// Whether somebody named a database: by its URL, or by `name=value`, and not a file that is there.
pub fn names_a_database(named: &str) -> bool {
    named.contains("://") || (named.contains('=') && !Path::new(named).exists())
}

/// Reads the declaration.
pub fn find(config: &Config, stop: &Stop) -> Result<Declaration, Error> {
    let path = match &config.declared.from {
        DeclaredFrom::Named(named) if names_a_database(named) => {
            return Ok(Declaration::Database(named.clone()));
        }
        DeclaredFrom::Command(words) => {
            let text = printed(words, &config.secret_variables, stop)?;
            if text.trim().is_empty() {
                // Nothing at all would mean to drop everything: models that nobody imported.
                return Err(ScratchError::Command {
                    command: words.join(" "),
                    reason: "it prints nothing".to_owned(),
                }
                .into());
            }
            let path = format!("`{}`", words.join(" "));
            return Ok(Declaration::Texts(vec![Source { path, text }]));
        }
        DeclaredFrom::Named(path) => PathBuf::from(path),
        DeclaredFrom::Default => PathBuf::from(DEFAULT),
    };
    let mut paths = Vec::new();
    let none = |why| ScratchError::NotDeclared {
        path: path.clone(),
        why,
    };
    if path.is_dir() {
        files(&path, DEEPEST, &mut paths)?;
    } else if path.exists() {
        paths.push(path.clone());
    } else {
        return Err(none("is not there").into());
    }
    if paths.is_empty() {
        // Nothing at all would mean to drop everything.
        return Err(none("has no `*.sql` files").into());
    }
    paths.sort();
    let read = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Source {
            path: path.display().to_string(),
            text,
        }),
        Err(source) => Err(ScratchError::NotReadable { path, source }.into()),
    };
    Ok(Declaration::Texts(
        paths.into_iter().map(read).collect::<Result<_, Error>>()?,
    ))
}

/// The `*.sql` files of a directory and the folders in it, but for hidden ones.
fn files(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ScratchError> {
    let unreadable = |source| ScratchError::NotReadable {
        path: directory.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                files(&path, depth - 1, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
    Ok(())
}

/// What a command prints, in a process group of its own.
fn printed(words: &[String], hidden: &[String], stop: &Stop) -> Result<String, Error> {
    let failed = |reason: String| ScratchError::Command {
        command: words.join(" "),
        reason,
    };
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("it is empty".into()).into());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for name in hidden {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    run::block_on(async {
        let waiting = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            if let Some(mut stdout) = child.stdout.take() {
                stdout.read_to_end(&mut bytes)?;
            }
            Ok::<_, std::io::Error>((bytes, child.wait()?))
        });
        let (bytes, status) = tokio::select! {
            biased;
            signal = stop.wait() => {
                killpg(group, Signal::SIGKILL).ok();
                return Err(Error::Stopped { signal });
            }
            done = waiting => {
                let done = done.map_err(std::io::Error::other).and_then(|done| done);
                done.map_err(Error::System)?
            }
            () = tokio::time::sleep(COMMAND) => {
                killpg(group, Signal::SIGKILL).ok();
                return Err(failed(format!("it has not ended after {} min", COMMAND.as_secs() / 60)).into());
            }
        };
        if !status.success() {
            let how = status.code().map_or_else(
                || status.to_string(),
                |code| format!("it ended with status {code}"),
            );
            return Err(failed(how).into());
        }
        let text = String::from_utf8(bytes);
        text.map_err(|_| failed("what it prints is no UTF-8".into()).into())
    })
}
