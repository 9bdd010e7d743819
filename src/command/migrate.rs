//! `castoff migrate`: the migration from the head to the declared schema, proved before it is
//! written.

use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use super::diff::{self, Workshop};
use super::new_files;
use super::rename::Renaming;
use super::revision::{file_path, history_in_directory, id, random_id};
use crate::config::{Config, MigrationsFrom};
use crate::error::Error;
use crate::migrations::{self, FilesError, Migrations, NamedBytes};
use crate::report;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan_error::PlanError;
use crate::revision::script::draft::{self, Draft};
use crate::revision::target::Target;
use crate::run;
use crate::run::signal::Stop;
use crate::schema::migration::Changes;
use crate::schema::statement::Runs;
use crate::scratch::declared;
use crate::scratch::error::ScratchError;
use crate::scratch::proof::{self, Step};

/// The directory of the first migration, which goes again if nothing is written into it.
struct NewDirectory<'c>(Option<&'c Path>);

impl<'c> NewDirectory<'c> {
    /// Makes `./migrations`, unless it is there, or somebody named another one, or this executable
    /// carries migrations: then files are missing, and not the first of them.
    fn make(from: &'c MigrationsFrom) -> Result<Self, Error> {
        let directory = migrations::directory(from);
        let is_first = matches!(from, MigrationsFrom::EmbeddedOr(_))
            && !directory.exists()
            && migrations::find(from).is_err();
        if !is_first {
            return Ok(Self(None));
        }
        std::fs::create_dir(directory).map_err(|source| FilesError::Unwritable {
            path: directory.to_owned(),
            source,
        })?;
        Ok(Self(Some(directory)))
    }
}

impl Drop for NewDirectory<'_> {
    fn drop(&mut self) {
        if let Some(directory) = self.0 {
            // Refused when there is something in it.
            std::fs::remove_dir(directory).ok();
        }
    }
}

/// A file that is not written yet.
struct Candidate {
    id: RevisionId,
    path: PathBuf,
    text: String,
}

/// Writes it, or several in a chain; nothing if there is nothing to do.
pub(super) fn migrate(
    config: &Config,
    stop: &Stop,
    message: &str,
    rev_id: Option<&str>,
) -> Result<(), Error> {
    let _new = NewDirectory::make(&config.migrations)?;
    let (directory, history) = history_in_directory(config)?;
    let parent = only_head(&history)?;
    let last_id = id(rev_id, &history)?;
    let declaration = declared::find(config, stop)?;

    let workshop = Workshop::new(config, stop);
    let scratch = workshop.scratch()?;
    let (database, mut head) = workshop.revision(&Target::head())?;
    let mut declared = workshop.declared(&declaration)?;
    diff::fit(&mut head, &mut declared);
    diff::unknown(config, &[&head, &declared])?;
    let mut wishes = config.declared.renames.clone();
    wishes.extend(diff::comments(Some(&declaration))?);
    let renaming = Renaming {
        scratch,
        database: &database,
        head: &head,
        declared: &declared,
    };
    let (renamed, perhaps) = renaming.settle(stop, wishes)?;
    let from = match &renamed {
        Some(renamed) => (&renamed.database, &renamed.snapshot),
        None => (&database, &head),
    };
    let mut steps = proof::steps(scratch, from, &declared, config.declared.online)?;
    if let Some(renamed) = renamed {
        renamed.lead(&mut steps);
    }
    if steps.is_empty() {
        info!(
            event = "no-changes",
            "no changes: the declared schema is what the head makes"
        );
        return Ok(());
    }
    let losses = steps
        .iter()
        .flat_map(|step| step.upgrade.losses())
        .collect();
    allow_losses(config, stop, losses, perhaps)?;
    let candidates = candidates(directory, message, parent.as_ref(), &last_id, &steps)?;
    let known = directory_files(directory)?;
    let mut files = known.clone();
    files.extend(candidates.iter().map(|candidate| {
        let path = candidate.path.display().to_string();
        (path, candidate.text.clone().into_bytes())
    }));
    let base = match &parent {
        Some(parent) => parent.as_str().parse()?,
        None => "base".parse()?,
    };
    proof::prove(scratch, (&database, &head), &declared, files, &base)?;
    tell_long_locks(&steps);
    // From here on a signal would come too late to leave things as they were.
    if let Some(signal) = stop.received() {
        return Err(Error::Stopped { signal });
    }
    // Somebody else may have written one meanwhile, and what was proved is not what is there.
    if directory_files(directory)? != known {
        return Err(FilesError::Unwritable {
            path: directory.to_owned(),
            source: io::Error::other("somebody else has just changed it"),
        }
        .into());
    }
    write(&candidates)
}

fn directory_files(directory: &Path) -> Result<Vec<NamedBytes>, Error> {
    Ok(Migrations::Directory(directory.to_owned())
        .files()?
        .migrations)
}

/// What is to be followed: the only head, or nothing.
fn only_head(history: &History) -> Result<Option<RevisionId>, Error> {
    match history.heads().as_slice() {
        [] => Ok(None),
        [head] => Ok(Some((*head).clone())),
        heads => Err(PlanError::SeveralHeads {
            target: "head".to_owned(),
            heads: heads.iter().copied().cloned().collect(),
        }
        .into()),
    }
}

/// Goes on only when nothing is lost, or somebody says that it is meant.
pub(super) fn allow_losses(
    config: &Config,
    stop: &Stop,
    losses: Vec<String>,
    candidates: Vec<String>,
) -> Result<(), Error> {
    if losses.is_empty() || config.allow_destructive {
        return Ok(());
    }
    if report::can_ask() {
        for loss in &losses {
            info!(event = "loses", "would lose data: {loss}");
        }
        if asked(stop, "write this migration all the same? [y/N] ")? {
            return Ok(());
        }
    }
    Err(ScratchError::LosesData { losses, candidates }.into())
}

/// Whether somebody at the terminal says yes.
pub(super) fn asked(stop: &Stop, question: &str) -> Result<bool, Error> {
    let question = question.to_owned();
    let answer = run::block_on(async {
        let asking = tokio::task::spawn_blocking(move || report::ask(&question));
        tokio::select! {
            biased;
            signal = stop.wait() => Err(Error::Stopped { signal }),
            answer = asking => Ok(answer.unwrap_or_default()),
        }
    })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Says what keeps others waiting for longer than a moment.
fn tell_long_locks(steps: &[Step]) {
    let upgrades = steps.iter().map(|step| &step.upgrade);
    let locks: Vec<String> = upgrades.flat_map(Changes::long_locks).collect();
    if !locks.is_empty() {
        info!(
            event = "long-locks",
            "others wait while the upgrade goes through all rows: it {}",
            locks.join("; it ")
        );
    }
}

/// The files of the steps, in a chain.
fn candidates(
    directory: &Path,
    message: &str,
    parent: Option<&RevisionId>,
    last_id: &RevisionId,
    steps: &[Step],
) -> Result<Vec<Candidate>, Error> {
    let is_ordinary = |step: &&Step| !step.is_rename && step.upgrade.run_together();
    let is_only = steps.iter().filter(is_ordinary).count() == 1;
    let mut candidates: Vec<Candidate> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let is_last = index + 1 == steps.len();
        let id = if is_last {
            last_id.clone()
        } else {
            random_id()?
        };
        let runs = step.upgrade.statements.first().map(|first| first.runs);
        let message = match runs {
            _ if step.is_rename && !is_last => format!("{message}: new names"),
            Some(Runs::Before) if !is_last => format!("{message}: values of enums"),
            Some(Runs::Alone) if steps.len() > 1 => format!("{message}: online"),
            _ if is_last || is_only => message.to_owned(),
            _ => format!("{message}: part {}", index + 1),
        };
        let before = candidates.last().map(|candidate| &candidate.id);
        let parents: Vec<RevisionId> = before.or(parent).cloned().into_iter().collect();
        let loses = !step.upgrade.losses().is_empty();
        let mut remarks = Vec::new();
        if loses {
            remarks.push("Restores the structure: what the upgrade lost does not come back.");
        }
        if !step.downgrade.losses().is_empty() {
            remarks.push("Loses what was written into what the upgrade made.");
        }
        let forward = step
            .upgrade
            .section(if loses { "destructive" } else { "" }, &[]);
        let back = step.downgrade.section("", &remarks);
        let draft = Draft {
            id: &id,
            message: &message,
            down_revisions: &parents,
            depends_on: &[],
            branch_labels: &[],
            options: [&forward.options, &back.options],
            upgrade: &forward.sql,
            downgrade: &back.sql,
            irreversible: None,
        };
        let path = file_path(directory, &draft);
        let text = draft::render_new(&draft);
        candidates.push(Candidate { id, path, text });
    }
    Ok(candidates)
}

/// Writes all, or none.
fn write(candidates: &[Candidate]) -> Result<(), Error> {
    let files = candidates
        .iter()
        .map(|one| (one.path.clone(), one.text.clone()));
    new_files::write(&files.collect::<Vec<_>>())?;
    let mut paths = String::new();
    for Candidate { id, path, .. } in candidates {
        info!(event = "written", revision = %id, "wrote revision {id}");
        paths = format!("{paths}{}\n", path.display());
    }
    report::print(&paths)
}
