//! New files: all of them or none, each of them whole, and never over one that is there.
//!
//! A file gets its name when all of it is on the disk, so that castoff, killed at any moment, leaves
//! no half of a migration behind that somebody might apply.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::revision::random_id;
use crate::error::Error;
use crate::migrations::FilesError;

/// What goes on behind the name of a file that is not complete: no migration is called so.
const PART: &str = "part";

/// Writes files, with the directories that they are in, in their order.
pub(super) fn write(files: &[(PathBuf, String)]) -> Result<(), Error> {
    let unique = random_id()?;
    let part = |path: &Path| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{unique}.{PART}"));
        path.with_file_name(name)
    };
    let written = write_all(files, part);
    for (path, _) in files {
        fs::remove_file(part(path)).ok();
    }
    Ok(written?)
}

fn write_all(
    files: &[(PathBuf, String)],
    part: impl Fn(&Path) -> PathBuf,
) -> Result<(), FilesError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        |source| FilesError::Unwritable { path, source }
    };
    for (path, text) in files {
        fill(&part(path), text).map_err(unwritable(path))?;
    }
    for (index, (path, text)) in files.iter().enumerate() {
        if let Err(source) = name(&part(path), path, text) {
            for (path, _) in &files[..index] {
                fs::remove_file(path).ok();
            }
            return Err(unwritable(path)(source));
        }
    }
    Ok(())
}

fn fill(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A second name fails where there is such a file, which a new name for the first would replace.
fn name(part: &Path, path: &Path, text: &str) -> io::Result<()> {
    match fs::hard_link(part, path) {
        // Not every file system can: then the file is written at once.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied | ErrorKind::CrossesDevices
            ) =>
        {
            fill(path, text)
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a directory, and what is in the files.
    fn contents(directory: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let mut found: Vec<(String, String)> = entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn all_are_written_or_none_and_nothing_is_written_over() {
        let id = random_id().unwrap();
        let directory = std::env::temp_dir().join(format!("castoff-new-files-{id}"));
        let file = |name: &str, text: &str| (directory.join(name), text.to_owned());
        write(&[file("a", "1"), file("b", "2")]).unwrap();
        let both = [("a".into(), "1".into()), ("b".into(), "2".into())];
        assert_eq!(contents(&directory), both);
        let refused = write(&[file("c", "3"), file("b", "4"), file("d", "5")]);
        assert!(refused.unwrap_err().to_string().contains('b'));
        assert_eq!(contents(&directory), both);
        fs::remove_dir_all(&directory).unwrap();
    }
}
