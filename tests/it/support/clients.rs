//! The client programs of PostgreSQL.

use std::path::PathBuf;

use super::supervisor::binaries;

/// A client of the server under test; else the machine's newest. The servers from npm come without
/// clients.
pub(crate) fn client(name: &str) -> PathBuf {
    let own = binaries().join(name);
    if own.is_file() {
        return own;
    }
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    installed
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|path| path.is_file())
        .max()
        .unwrap_or_else(|| panic!("no {name}: install postgresql-client"))
}
