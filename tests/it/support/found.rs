//! What castoff becomes where it matters who that is: a shell that writes down the user, the rights
//! and the environment it was given, into a directory that any user may write to.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use super::castoff::Castoff;
use super::project::Project;

/// Lets every user look into the project and write beside the server's record.
pub(crate) fn open(project: &Project) {
    let directory = project.path("found");
    std::fs::create_dir_all(&directory).unwrap();
    for (path, mode) in [(project.directory(), 0o755), (&directory, 0o777)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
}

/// castoff with the server's command line: everything behind `--`.
pub(crate) fn server<'p>(castoff: Castoff<'p>, project: &Project) -> Castoff<'p> {
    // What another user wrote, the next one could not write over.
    std::fs::remove_dir_all(project.path("found")).ok();
    open(project);
    let out = project.path("found").display().to_string();
    castoff.args(["--", "/bin/sh", "-c", include_str!("found.sh"), "web", &out])
}

/// The server's record.
#[derive(Debug)]
pub(crate) struct Found {
    /// `/proc/PID/status`, by name.
    pub(crate) status: BTreeMap<String, String>,
    /// The environment's entries, `NAME=value`, sorted.
    pub(crate) environment: Vec<Vec<u8>>,
    /// The arguments.
    pub(crate) arguments: Vec<Vec<u8>>,
    /// Where its descriptors lead, as `ls -l` shows it.
    pub(crate) descriptors: String,
}

impl Found {
    /// Reads the record of a server that has ended.
    pub(crate) fn of(project: &Project) -> Self {
        let file = |name: &str| std::fs::read(project.path("found").join(name)).unwrap();
        let list = |name: &str| {
            let bytes = file(name);
            let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
            let items = bytes.split(|&byte| byte == 0).map(<[u8]>::to_vec);
            items.collect::<Vec<_>>()
        };
        let text = |name: &str| String::from_utf8(file(name)).unwrap();
        let status = text("status");
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        let fields = lines.map(|(name, value)| (name.to_owned(), value.split_whitespace()));
        let mut environment = list("environ");
        environment.sort();
        Self {
            status: fields
                .map(|(name, words)| (name, words.collect::<Vec<_>>().join(" ")))
                .collect(),
            environment,
            arguments: list("cmdline"),
            descriptors: text("fd"),
        }
    }

    /// The ids, the groups, the capabilities and whether it can gain any: one line each.
    pub(crate) fn rights(&self) -> String {
        let names = [
            "Uid",
            "Gid",
            "Groups",
            "CapInh",
            "CapPrm",
            "CapEff",
            "CapAmb",
            "NoNewPrivs",
        ];
        names
            .map(|name| format!("{name}: {}\n", self.status[name]))
            .concat()
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.environment.iter();
        values.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}
