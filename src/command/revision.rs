//! `castoff revision`: a new, empty migration file on the head.

use std::path::{Path, PathBuf};

use tracing::info;

use super::new_files;
use crate::cli::Revision;
use crate::config::Config;
use crate::error::Error;
use crate::migrations::{self, FilesError, Migrations};
use crate::report;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan_error::PlanError;
use crate::revision::script::draft::{self, Draft};

pub(super) fn revision(config: &Config, arguments: &Revision) -> Result<(), Error> {
    let (directory, history) = history_in_directory(config)?;
    let mut depends_on = Vec::new();
    for name in &arguments.depends_on {
        let scripts = history.revisions(&name.parse()?)?.into_iter();
        depends_on.extend(scripts.map(|script| script.id.clone()));
    }
    let new = Draft {
        id: &id(arguments.rev_id.as_deref(), &history)?,
        message: &arguments.message,
        down_revisions: &parents(&history, arguments)?,
        depends_on: &depends_on,
        branch_labels: &arguments.branch_label,
        options: [""; 2],
        upgrade: "",
        downgrade: "",
        irreversible: None,
    };
    write_readable(directory, &new)
}

/// The directory and what is in it: new files go there, also when this executable carries older
/// ones.
pub(super) fn history_in_directory(config: &Config) -> Result<(&Path, History), Error> {
    let directory = migrations::directory(&config.migrations);
    if !directory.is_dir() {
        let directory = directory.to_owned();
        let source = migrations::find(&config.migrations)?;
        return Err(match source {
            Migrations::Embedded(_) => FilesError::Embedded { directory },
            Migrations::Directory(_) | Migrations::Given(_) => FilesError::None { directory },
        }
        .into());
    }
    let history = Migrations::Directory(directory.to_owned()).history()?;
    Ok((directory, history))
}

/// Writes a new file and prints its path; takes it back if the history cannot be read with it: a
/// label may be taken.
pub(super) fn write_readable(directory: &Path, new: &Draft<'_>) -> Result<(), Error> {
    let path = write(directory, new)?;
    if let Err(error) = Migrations::Directory(directory.to_owned()).history() {
        std::fs::remove_file(&path).ok();
        return Err(error);
    }
    info!(event = "written", revision = %new.id, "wrote revision {}", new.id);
    report::print(&format!("{}\n", path.display()))
}

/// The id that was asked for, or a random one as Alembic makes them: 12 hexadecimal digits.
pub(super) fn id(wanted: Option<&str>, history: &History) -> Result<RevisionId, Error> {
    if let Some(wanted) = wanted {
        let id = RevisionId::new(wanted)?;
        return match history.get(&id) {
            Some(script) => Err(Error::Exists {
                path: script.path.clone(),
            }),
            None => Ok(id),
        };
    }
    random_id()
}

/// A new random id.
pub(super) fn random_id() -> Result<RevisionId, Error> {
    let mut bytes = [0_u8; 6];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::System(std::io::Error::other(error.to_string())))?;
    let text = bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Ok(RevisionId::new(&text)?)
}

fn parents(history: &History, arguments: &Revision) -> Result<Vec<RevisionId>, Error> {
    let parent = match arguments.head.as_deref() {
        Some(name) => match history.revisions(&name.parse()?)?.as_slice() {
            [] => return Ok(Vec::new()),
            [parent] => parent.id.clone(),
            heads => {
                let heads = heads.iter().map(|script| script.id.clone()).collect();
                let target = name.to_owned();
                return Err(PlanError::SeveralHeads { target, heads }.into());
            }
        },
        None => match history.heads().as_slice() {
            [] => return Ok(Vec::new()),
            [head] => (*head).clone(),
            heads => {
                let heads = heads.iter().copied().cloned().collect();
                return Err(PlanError::SeveralHeads {
                    target: "head".to_owned(),
                    heads,
                }
                .into());
            }
        },
    };
    match history.children(&parent).first() {
        Some(child) if !arguments.splice => Err(Error::NotAHead {
            parent,
            child: (*child).clone(),
        }),
        _ => Ok(vec![parent]),
    }
}

/// Where a new file goes.
pub(super) fn file_path(directory: &Path, new: &Draft<'_>) -> PathBuf {
    use time::macros::format_description;
    let now = time::OffsetDateTime::now_utc()
        .format(format_description!("[year][month][day][hour][minute]"))
        .unwrap_or_default();
    directory.join(draft::file_name(&now, new.id, new.message))
}

fn write(directory: &Path, new: &Draft<'_>) -> Result<PathBuf, Error> {
    let path = file_path(directory, new);
    new_files::write(&[(path.clone(), draft::render_new(new))])?;
    Ok(path)
}
