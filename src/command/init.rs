//! `castoff init`: a migrations directory, a configuration file and a first revision; from an
//! existing database, its baseline.

use std::path::{Path, PathBuf};
use std::process::Command;

use tracing::info;

use super::revision::{random_id, write};
use crate::cli::Init;
use crate::config::Config;
use crate::database::conninfo::{self, Conninfo, Location};
use crate::error::Error;
use crate::migrations::{self, FilesError};
use crate::report;
use crate::revision::script::draft::Draft;
use crate::sql::split::split;
use crate::sql::split_error::SplitError;

const CONFIG_FILE: &str = "castoff.toml";

const CONFIG: &str = "\
# castoff reads this file where it stands; the environment (CASTOFF_<KEY>) and flags win over it.
# Secrets do not belong here: use DATABASE_URL or DATABASE_URL_FILE.
migrations = {directory}
# wait_timeout = \"60s\"
# lock_timeout = \"10m\"
# on_newer = \"warn\"
";

pub(super) fn init(config: &Config, arguments: &Init) -> Result<(), Error> {
    let directory = migrations::directory(&config.migrations);
    if directory
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        let path = directory.display().to_string();
        return Err(if migrations::is_alembic(directory) {
            FilesError::Empty {
                directory: directory.to_owned(),
                is_alembic: true,
            }
            .into()
        } else {
            Error::Exists { path }
        });
    }
    let id = random_id()?;
    let mut new = Draft {
        id: &id,
        message: "first revision",
        down_revisions: &[],
        depends_on: &[],
        branch_labels: &[],
        options: [""; 2],
        upgrade: "",
        downgrade: "",
        irreversible: None,
    };
    let baseline;
    if arguments.from_database {
        baseline = cleaned(&dump(config)?).map_err(|error| Error::Dump {
            reason: error.to_string(),
        })?;
        new = Draft {
            message: "baseline",
            upgrade: &baseline,
            irreversible: Some("this is where the migrations begin"),
            ..new
        };
    }
    std::fs::create_dir_all(directory).map_err(|source| FilesError::Unwritable {
        path: directory.to_owned(),
        source,
    })?;
    let path = write(directory, &new)?;
    if !Path::new(CONFIG_FILE).exists() {
        // A JSON string is a TOML string.
        let name = serde_json::Value::from(directory.display().to_string()).to_string();
        std::fs::write(CONFIG_FILE, CONFIG.replace("{directory}", &name)).map_err(|source| {
            FilesError::Unwritable {
                path: CONFIG_FILE.into(),
                source,
            }
        })?;
        report::print(&format!("{CONFIG_FILE}\n"))?;
    }
    report::print(&format!("{}\n", path.display()))?;
    if arguments.from_database {
        info!(
            event = "baseline",
            "now run `castoff stamp {id}` on that database"
        );
    }
    Ok(())
}

/// The schema as PostgreSQL itself prints it. Credentials go by the environment, which the process
/// list does not show.
fn dump(config: &Config) -> Result<String, Error> {
    let conninfo = conninfo::resolve(&config.database)?;
    let failed = |reason: String| Error::Dump { reason };
    let program = find_pg_dump(config).ok_or_else(|| failed("it is not installed".into()))?;
    let output = Command::new(program)
        .args([
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            "--no-password",
        ])
        .arg(format!("--exclude-schema={}", config.ledger_schema))
        .arg("--exclude-table=*.alembic_version")
        .args(
            config
                .role
                .iter()
                .map(|role| format!("--role={}", role.as_str())),
        )
        .envs(libpq_environment(&conninfo))
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failed(words.lines().last().unwrap_or_default().to_owned()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".into()))
}

/// `pg_dump` from PATH, else the newest where Debian keeps them. The newest also wins over Debian's
/// wrapper, which may choose one that is older than the server.
fn find_pg_dump(config: &Config) -> Option<PathBuf> {
    let is_wrapper = |path: &PathBuf| {
        path.canonicalize()
            .is_ok_and(|target| target.ends_with("pg_wrapper"))
    };
    let on_path = config.path.iter().flat_map(std::env::split_paths);
    let on_path = on_path
        .map(|directory| directory.join("pg_dump"))
        .find(|path| path.is_file());
    let newest = || {
        let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
        versions
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .max()
            .map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/pg_dump")))
            .filter(|path| path.is_file())
    };
    match on_path {
        Some(path) if !is_wrapper(&path) => Some(path),
        wrapper => newest().or(wrapper),
    }
}

/// The connection as libpq's variables say it.
fn libpq_environment(conninfo: &Conninfo) -> Vec<(&'static str, String)> {
    let hosts = conninfo.hosts.iter().map(|host| match &host.location {
        Location::Network { name, .. } => name.clone(),
        Location::Socket(directory) => directory.display().to_string(),
    });
    let ports = conninfo.hosts.iter().map(|host| host.port.to_string());
    let mut environment = vec![
        ("PGHOST", hosts.collect::<Vec<_>>().join(",")),
        ("PGPORT", ports.collect::<Vec<_>>().join(",")),
        ("PGUSER", conninfo.user.clone()),
        ("PGDATABASE", conninfo.database.clone()),
        ("PGSSLMODE", conninfo.tls.mode.name().to_owned()),
    ];
    let password = conninfo
        .hosts
        .iter()
        .find_map(|host| host.password.as_ref());
    environment.extend(password.map(|password| ("PGPASSWORD", password.expose().to_owned())));
    environment
}

/// Session settings of `pg_dump` that castoff sets itself, or that older servers do not know.
const DROPPED_SETTINGS: [&str; 8] = [
    "SET statement_timeout",
    "SET lock_timeout",
    "SET idle_in_transaction_session_timeout",
    "SET transaction_timeout",
    "SET client_encoding",
    "SET standard_conforming_strings = on",
    "SET client_min_messages",
    "SET row_security",
];

/// The statements of the dump, without psql's lines, the settings above, and the dump's comments.
fn cleaned(dump: &str) -> Result<String, SplitError> {
    let statements = split(dump, 0..dump.len())?;
    let texts = statements
        .iter()
        .filter_map(|statement| dump.get(statement.span.clone()));
    let is_kept = |text: &&str| {
        !DROPPED_SETTINGS
            .iter()
            .any(|setting| text.starts_with(setting))
    };
    Ok(texts
        .filter(is_kept)
        .flat_map(|text| [text, ";\n\n"])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dump: &str, expected: &str) {
        assert_eq!(cleaned(dump).unwrap(), expected);
    }

    #[test]
    fn a_dump_keeps_its_statements_and_its_function_bodies() {
        check(
            "--\n-- Dump\n--\n\n\\restrict x\nSET lock_timeout = 0;\nSET check_function_bodies = false;\n\n\n--\n\nCREATE TABLE a ();\n",
            "SET check_function_bodies = false;\n\nCREATE TABLE a ();\n\n",
        );
        check(
            "CREATE FUNCTION f() AS $$\n-- why\n\n\nbegin end $$;\n-- gone\n",
            "CREATE FUNCTION f() AS $$\n-- why\n\n\nbegin end $$;\n\n",
        );
    }
}
