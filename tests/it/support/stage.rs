//! castoff on a stage of the test's own: behind a program that takes rights away, in mounts of its
//! own, and where no database is.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use super::castoff::Castoff;
use super::found;
use super::project::Project;
use super::server::free_port;

/// A database that is not there: who comes so far waits for an hour.
pub(crate) fn nowhere(castoff: Castoff<'_>) -> Castoff<'_> {
    castoff
        .env(
            "DATABASE_URL",
            format!("postgres://x@127.0.0.1:{}/x", free_port()),
        )
        .env("CASTOFF_WAIT_TIMEOUT", "1h")
        .env("PATH", "/usr/bin:/bin")
}

/// Only root can become somebody else; elsewhere the test says that it proves nothing.
pub(crate) fn is_root(what: &str) -> bool {
    if !geteuid().is_root() {
        eprintln!("SKIPPED {what}: the tests do not run as root");
    }
    geteuid().is_root()
}

/// castoff behind another program that sets the stage, such as `setpriv` or `unshare`.
pub(crate) fn behind<'p>(project: &'p Project, stage: &[&str]) -> Castoff<'p> {
    let castoff = Castoff::program(project.directory(), Path::new(stage[0]));
    castoff.with(|command| {
        command.args(&stage[1..]).arg(binary(project));
    })
}

/// castoff where any user may execute it.
pub(crate) fn binary(project: &Project) -> PathBuf {
    let path = project.path("castoff");
    if !path.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_castoff"), &path).unwrap();
        found::open(project);
    }
    path
}

/// castoff behind `script` in a mount namespace of its own. `None` where this machine does not allow it.
pub(crate) fn in_own_mounts<'p>(project: &'p Project, script: &str) -> Option<Castoff<'p>> {
    let unshare = ["unshare", "--mount", "--"];
    let works = Command::new(unshare[0])
        .args(&unshare[1..])
        .arg("true")
        .output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED in mounts of its own: no mount namespaces here");
        return None;
    }
    let script = format!("set -e\n{script}\nexec \"$@\"");
    let stage = [&unshare[..], &["/bin/sh", "-c", &script, "sh"]].concat();
    Some(behind(project, &stage).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
}
