//! `castoff squash`: several revisions as one, by what they come to; proved before a file changes.

use tracing::info;

use super::diff::{Workshop, unknown};
use super::migrate::allow_losses;
use super::rebase::replace;
use super::revision::{history_in_directory, random_id};
use crate::cli::{KeepData, Squash as Arguments};
use crate::config::Config;
use crate::error::Error;
use crate::migrations::{FilesError, Migrations, NamedBytes};
use crate::report;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::revision::script::draft::{self, Draft};
use crate::revision::squash::{self, Data, Squash};
use crate::revision::squash_error::SquashError;
use crate::revision::target::{Range, Target};
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::schema::migration::Changes;
use crate::scratch::error::ScratchError;
use crate::scratch::{Scratch, Snapshot, proof, rows};
use crate::sql::ident::Ident;

pub(super) fn squash(config: &Config, stop: &Stop, arguments: &Arguments) -> Result<(), Error> {
    let (directory, history) = history_in_directory(config)?;
    let range: Range = arguments.range.parse()?;
    let data = match arguments.data {
        None => Data::Refuse,
        Some(KeepData::Keep) => Data::Keep,
        Some(KeepData::Drop) => Data::Drop,
    };
    let squash = squash::squash(&history, &range, data)?;
    // What is left out of comparisons must not be left out of the migrations.
    let mut whole = config.clone();
    whole.declared.without.clear();
    let workshop = Workshop::new(&whole, stop);
    let scratch = workshop.scratch()?;
    let files = Migrations::Directory(directory.to_owned())
        .files()?
        .migrations;
    let built = Built::new(scratch, &squash, &files)?;
    unknown(config, &[&built.old.1, &built.new.1])?;

    let forward = proof::changes(Some(scratch), &built.old.1, &built.new.1, false)?;
    let back = proof::changes(Some(scratch), &built.new.1, &built.old.1, false)?;
    allow_losses(config, stop, forward.losses(), Vec::new())?;
    let message = arguments.message.clone();
    let message = message.unwrap_or_else(|| squash.message());
    let text = text(&squash, &message, &forward, &back)?;
    let candidate = (squash.last.path.clone(), text.clone().into_bytes());
    built.prove(scratch, &squash, candidate.clone(), data)?;
    prove_history(&history, &squash, &files, candidate)?;
    // From here on a signal would come too late to leave things as they were.
    if let Some(signal) = stop.received() {
        return Err(Error::Stopped { signal });
    }
    write(&squash, &text)
}

/// The schemas at both ends, each with the database that it is in.
struct Built {
    below: Vec<NamedBytes>,
    old: (Ident, Snapshot),
    new: (Ident, Snapshot),
}

impl Built {
    fn new(
        scratch: &Scratch<'_>,
        squash: &Squash<'_>,
        files: &[NamedBytes],
    ) -> Result<Self, Error> {
        let of = |scripts: &[&Script]| -> Vec<NamedBytes> {
            let is_its =
                |(path, _): &&NamedBytes| scripts.iter().any(|script| script.path == *path);
            files.iter().filter(is_its).cloned().collect()
        };
        let below = of(&squash.below);
        let goal = Goal::Upgrade("heads".parse()?);
        let old = scratch.create(None)?;
        scratch.apply(&old, &Migrations::Given(below.clone()), &goal)?;
        let new = scratch.create(Some(&old))?;
        let all = [below.clone(), of(&squash.scripts)].concat();
        scratch.apply(&new, &Migrations::Given(all), &goal)?;
        let (before, after) = (scratch.read(&old)?, scratch.read(&new)?);
        Ok(Self {
            below,
            old: (old, before),
            new: (new, after),
        })
    }

    /// Goes the way of the new file, compares schema and rows with where the old files lead, goes
    /// back, and compares with where that began.
    fn prove(
        &self,
        scratch: &Scratch<'_>,
        squash: &Squash<'_>,
        candidate: NamedBytes,
        data: Data,
    ) -> Result<(), Error> {
        let copy = scratch.create(Some(&self.old.0))?;
        let mut files = self.below.clone();
        files.push(candidate);
        let migrations = Migrations::Given(files);
        let check = |movement, target, wanted: &Snapshot| -> Result<(), Error> {
            let left = proof::changes(Some(scratch), &scratch.read(&copy)?, wanted, false)?;
            if left.statements.is_empty() {
                return Ok(());
            }
            Err(ScratchError::NotProved {
                movement,
                target,
                left: left.texts(),
            }
            .into())
        };
        let upgraded = scratch.apply(&copy, &migrations, &Goal::Upgrade("heads".parse()?));
        upgraded.map_err(|error| of_kept(proof::refused(error), &squash.kept))?;
        check("upgrade", "where the old files do", &self.new.1)?;
        if data != Data::Drop {
            let relations = rows::differing(scratch, &self.new.1.schema, &self.new.0, &copy)?;
            if !relations.is_empty() {
                return Err(SquashError::RowsDiffer { relations }.into());
            }
        }
        if squash.irreversible().is_some() {
            return Ok(());
        }
        let base = match squash.down_revisions.as_slice() {
            [parent] => parent.as_str().parse()?,
            [] if squash.below.is_empty() => "base".parse()?,
            _ => format!("{}-1", squash.last.id).parse::<Target>()?,
        };
        let downgraded = scratch.apply(&copy, &migrations, &Goal::Downgrade(base));
        downgraded.map_err(proof::refused)?;
        check("downgrade", "where the old files began", &self.old.1)
    }
}

/// The same error, but where a refused statement is one that is kept.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else says what it is")]
fn of_kept(error: Error, kept: &str) -> Error {
    match error {
        Error::Scratch(ScratchError::NotRunnable { statement, refusal })
            if kept.contains(statement.trim()) =>
        {
            ScratchError::NotKept { statement, refusal }.into()
        }
        error => error,
    }
}

/// The text of the new file.
fn text(
    squash: &Squash<'_>,
    message: &str,
    forward: &Changes,
    back: &Changes,
) -> Result<String, Error> {
    let loses = !forward.losses().is_empty();
    let mut remarks = Vec::new();
    if loses {
        remarks.push("Restores the structure: what the upgrade lost does not come back.");
    }
    if !back.losses().is_empty() {
        remarks.push("Loses what was written into what the upgrade made.");
    }
    let mut forward = forward.section(if loses { "destructive" } else { "" }, &[]);
    forward.sql.push_str(&squash.kept);
    let back = back.section("", &remarks);
    let irreversible = squash.irreversible();
    let branch_labels = squash.branch_labels();
    let draft = Draft {
        id: &squash.last.id,
        message,
        down_revisions: &squash.down_revisions,
        depends_on: &squash.depends_on,
        branch_labels: &branch_labels,
        options: [
            &forward.options,
            if irreversible.is_some() {
                ""
            } else {
                &back.options
            },
        ],
        upgrade: &forward.sql,
        downgrade: if irreversible.is_some() {
            ""
        } else {
            &back.sql
        },
        irreversible: irreversible.as_deref(),
    };
    let mut header = squash.header();
    let open = draft::render_with(&draft, &header);
    let script = Script::parse(&squash.last.path, open.into_bytes())?;
    header.push(Squash::seal(&script));
    Ok(draft::render_with(&draft, &header))
}

/// All files as they are going to be still are a history, and every lineage is what it was: no
/// database above the range sees a difference.
fn prove_history(
    history: &History,
    squash: &Squash<'_>,
    files: &[NamedBytes],
    candidate: NamedBytes,
) -> Result<(), Error> {
    let is_gone = |path: &str| squash.scripts.iter().any(|script| script.path == path);
    let kept = files.iter().filter(|(path, _)| !is_gone(path)).cloned();
    let after = Migrations::Given(kept.chain([candidate]).collect()).history()?;
    let differs = |script: &&Script| after.lineage(&script.id) != history.lineage(&script.id);
    match after.iter().find(differs) {
        None => Ok(()),
        Some(script) => Err(Error::System(std::io::Error::other(format!(
            "the lineage of {} would change",
            script.id
        )))),
    }
}

/// Puts the new file in the place of the last, and removes the others. Whoever is stopped in
/// between has files that say the same: those that were taken in are passed over.
fn write(squash: &Squash<'_>, text: &str) -> Result<(), Error> {
    let last = squash.last;
    let unwritable = |path: &str| {
        let path = path.into();
        |source| FilesError::Unwritable { path, source }
    };
    replace(last, text, &random_id()?).map_err(unwritable(&last.path))?;
    let others = squash.scripts.iter().filter(|script| script.id != last.id);
    for script in others.clone() {
        std::fs::remove_file(&script.path).map_err(unwritable(&script.path))?;
    }
    let ids: Vec<&str> = others
        .map(|script| RevisionId::as_str(&script.id))
        .collect();
    info!(
        event = "squashed",
        revision = %last.id,
        revisions = ids.join(", "),
        "squashed {} into {}",
        ids.join(", "),
        last.id
    );
    info!(
        event = "squashed-databases",
        "databases at {} or above stay as they are; one that is still between must be taken to {} with the old files first",
        last.id,
        last.id
    );
    report::print(&format!("{}\n", last.path))
}
