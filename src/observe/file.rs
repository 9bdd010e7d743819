//! Files that are there whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::process;
use crate::status::document::{Document, Identity};

/// More than any status file has.
const LONGEST: u64 = 1024 * 1024;

/// Puts a new file in the place of the old one: whoever reads sees the one or the other. After a crash
/// of the machine it may be either, which is why nothing is synced. Where that fails the old one goes,
/// as far as it can: what it says is true no more.
pub(super) fn replace(path: &Path, bytes: &[u8], process: &Identity) -> io::Result<()> {
    // Not the place of a device: as root that would succeed.
    if let Ok(data) = fs::symlink_metadata(path)
        && !data.is_file()
    {
        return Err(io::Error::other("it is there, and is not a regular file"));
    }
    let beside = beside(path, process)?;
    // One that a killed castoff of the same number left.
    fs::remove_file(&beside).ok();
    let result = create(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        fs::remove_file(&beside).ok();
        fs::remove_file(path).ok();
    }
    result
}

/// Writes a file that is not there yet: never through a link that somebody put there.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(path)?;
    file.write_all(bytes)
}

/// `.status.json.web-1.7.tmp`: hidden from whoever reads all files of a directory by their ending, and
/// of this process alone, also where several containers have the directory.
fn beside(path: &Path, process: &Identity) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let name = format!(
        ".{}.{}.{}.tmp",
        name.to_string_lossy(),
        process.host,
        process.pid
    );
    Ok(path.with_file_name(name))
}

/// The document of a status file.
pub fn read(path: &Path) -> io::Result<Document> {
    use io::Read as _;
    let mut text = String::new();
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::File::open(path)?
        .take(LONGEST)
        .read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(io::Error::other)
}

/// Another process that lives and keeps this file: `docker exec … castoff upgrade` has the variables of
/// the castoff that became the server, and must not write over its status.
pub(super) fn keeper_of(path: &Path, this: &Identity) -> Option<Identity> {
    let other = read(path).ok()?.process;
    let lives = process::look(&other, this) == process::Life::Alive;
    (lives && other.pid != this.pid).then_some(other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        let process = process::this();
        for text in ["one", "two"] {
            replace(&path, text.as_bytes(), &process).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        // Somebody else's file is not written through a link in the place of the temporary one.
        let victim = directory.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        symlink(&victim, beside(&path, &process).unwrap()).unwrap();
        replace(&path, b"three", &process).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        let files = directory.path().read_dir().unwrap().count();
        assert_eq!(files, 2);
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let process = process::this();
        let refused = |path: &Path| replace(path, b"x", &process).unwrap_err().to_string();
        let wrong = "it is there, and is not a regular file";
        assert_eq!(refused(directory.path()), wrong);
        assert_eq!(refused(Path::new("/dev/null")), wrong);
        let path = directory.path().join("link");
        symlink("/dev/null", &path).unwrap();
        assert_eq!(refused(&path), wrong);
    }
}
