//! `castoff rebase`: my revision behind a colleague's that was merged first.
//!
//! Only files change. Whether a revision is applied somewhere is not asked: the database at hand is
//! not the only one. One where it is applied refuses to start with the new file (`parents-mismatch`).

use std::fs::{self, File};
use std::io::{self, Write as _};

use tracing::info;

use crate::cli::Rebase;
use crate::config::Config;
use crate::error::Error;
use crate::migrations::FilesError;
use crate::report;
use crate::revision::id::RevisionId;
use crate::revision::rebase;
use crate::revision::script::Script;
use crate::revision::target::{InvalidTarget, Target};

use super::revision::{history_in_directory, random_id};

/// The byte order mark, which is no part of a script's text and stays in its file.
const MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) fn rebase(config: &Config, arguments: &Rebase) -> Result<(), Error> {
    let target = |name: &Option<String>| -> Result<Option<Target>, InvalidTarget> {
        name.as_deref().map(str::parse).transpose()
    };
    let (moved, onto) = (target(&arguments.revision)?, target(&arguments.onto)?);
    let (_, history) = history_in_directory(config)?;
    let rebase = rebase::rebase(&history, moved.as_ref(), onto.as_ref())?;
    let script = rebase.script;
    let unwritable = |path: &str| {
        let path = path.into();
        |source| FilesError::Unwritable { path, source }
    };
    // Each step leaves files that fit together: whoever is stopped here has odd names at most.
    replace(script, &rebase.text, &random_id()?).map_err(unwritable(&script.path))?;
    tell(&rebase);
    for rebase::Rename { from, to } in &rebase.renames {
        fs::rename(from, to).map_err(unwritable(to))?;
        info!(event = "renamed", "renamed {from} to {to}");
    }
    let name_now = |path: &str| {
        let rename = rebase.renames.iter().find(|rename| rename.from == path);
        rename.map_or(path, |rename| &rename.to).to_owned()
    };
    let first = name_now(&script.path);
    let others = rebase.renames.iter().map(|rename| rename.to.clone());
    let paths = std::iter::once(first.clone()).chain(others.filter(|path| *path != first));
    report::print(&paths.map(|path| path + "\n").collect::<String>())
}

fn tell(rebase: &rebase::Rebase<'_>) {
    let id = &rebase.script.id;
    let before: Vec<&str> = rebase.instead_of.iter().map(RevisionId::as_str).collect();
    let before = if before.is_empty() {
        "nothing".to_owned()
    } else {
        before.join(", ")
    };
    info!(
        event = "rebased",
        revision = %id,
        onto = %rebase.onto,
        "revision {id} follows {} now, instead of {before}",
        rebase.onto
    );
    info!(
        event = "rebased-applied",
        "where {id} is applied already, take it back first, with the old file (castoff downgrade)"
    );
}

/// Puts the new text in the place of the old one, all at once. The file keeps its mode and, where
/// this user may give it away, its owner.
pub(super) fn replace(script: &Script, text: &str, unique: &RevisionId) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(&script.path)?;
    let bytes = fs::read(&path)?;
    let mark = if bytes.starts_with(MARK) { MARK } else { b"" };
    if bytes[mark.len()..] != *script.text.as_bytes() {
        return Err(io::Error::other("somebody else has just changed it"));
    }
    let metadata = fs::metadata(&path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Not the name of a migration, also if it is left behind.
    name.push(format!(".{unique}.part"));
    let part = path.with_file_name(name);
    let write = || {
        let mut file = File::create_new(&part)?;
        file.write_all(mark)?;
        file.write_all(text.as_bytes())?;
        keep_owner(&file, &metadata);
        file.set_permissions(metadata.permissions())?;
        file.sync_all()?;
        fs::rename(&part, &path)
    };
    write().inspect_err(|_| {
        fs::remove_file(&part).ok();
    })
}

/// Somebody who works as root in a container does not take the file from its owner.
fn keep_owner(file: &File, metadata: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    fchown(file, Some(metadata.uid()), Some(metadata.gid())).ok();
}
