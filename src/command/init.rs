//! `castoff init`: a migrations directory, a configuration file and a first revision; from an
//! existing database, its baseline, and on request its schema as a declaration.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::diff::{as_text, unknown};
use super::new_files;
use super::revision::{file_path, random_id};
use crate::cli::Init;
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::error::Error;
use crate::migrations::{self, FilesError, Migrations};
use crate::report;
use crate::revision::script::draft::{self, Draft};
use crate::revision::target::Target;
use crate::run::Context;
use crate::run::migrate::Goal;
use crate::run::signal::Stop;
use crate::schema::baseline::{self, forget_alembic, forget_passwords, give_all_to};
use crate::schema::model::{Kind, Schema};
use crate::schema::render::Sides;
use crate::scratch::declared::{Source, names_a_database};
use crate::scratch::error::ScratchError;
use crate::scratch::{self, Scratch, Snapshot, proof};

const CONFIG_FILE: &str = "castoff.toml";

const CONFIG: &str = "\
# castoff reads this file where it stands; the environment (CASTOFF_<KEY>) and flags win over it.
# Secrets do not belong here: use DATABASE_URL or DATABASE_URL_FILE.
migrations = {directory}
{declared}# wait_timeout = \"60s\"
# lock_timeout = \"10m\"
# on_newer = \"warn\"
";

/// A file that is not written yet.
type New = (PathBuf, String);

pub(super) fn init(config: &Config, stop: &Stop, arguments: &Init) -> Result<(), Error> {
    let directory = migrations::directory(&config.migrations);
    refuse_what_is_there(directory)?;
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
    let declared = arguments.declared.schema.as_deref();
    if arguments.from_database {
        let target = declared.map(declared_path).transpose()?;
        let database = Database::read(config, stop)?;
        let baseline = database.baseline()?;
        let section = baseline.section("", &[]);
        new = Draft {
            message: "baseline",
            options: [&section.options, ""],
            upgrade: &section.sql,
            irreversible: Some("this is where the migrations begin"),
            ..new
        };
        let file = (file_path(directory, &new), draft::render_new(&new));
        let declaration = target.map(|path| database.declaration(&path, &as_text(&baseline)));
        let declaration = declaration.unwrap_or_default();
        database.prove(&file, &declaration)?;
        // From here on a signal would come too late to leave things as they were.
        if let Some(signal) = stop.received() {
            return Err(Error::Stopped { signal });
        }
        write_all(&[vec![file], declaration].concat(), declared)?;
        info!(
            event = "baseline",
            "now run `castoff stamp {id}` on that database"
        );
        return Ok(());
    }
    let file = (file_path(directory, &new), draft::render_new(&new));
    write_all(&[file], None)
}

/// Nothing is written over, and nothing beside something that castoff does not know.
fn refuse_what_is_there(directory: &Path) -> Result<(), Error> {
    let mut entries = match directory.read_dir() {
        Ok(entries) => entries,
        Err(_) if !directory.exists() => return Ok(()),
        Err(_) => {
            let path = directory.display().to_string();
            return Err(Error::Exists { path });
        }
    };
    if entries.next().is_none() {
        return Ok(());
    }
    if migrations::is_alembic(directory) {
        return Err(FilesError::Empty {
            directory: directory.to_owned(),
            is_alembic: true,
        }
        .into());
    }
    let path = directory.display().to_string();
    Err(Error::Exists { path })
}

/// Where the declaration goes: a file that is not there, or a directory with nothing in it.
fn declared_path(named: &str) -> Result<PathBuf, Error> {
    if names_a_database(named) {
        // What stands behind may be a password.
        let (scheme, _) = named.split_once(['=', ':']).unwrap_or((named, ""));
        return Err(ConfigError::Value {
            origin: "--schema".into(),
            value: format!("{scheme}…"),
            wanted: "a path here: that is where the declaration is written",
        }
        .into());
    }
    let path = PathBuf::from(named);
    if is_one_file(&path) && path.exists() {
        let path = path.display().to_string();
        return Err(Error::Exists { path });
    }
    refuse_what_is_there(&path)?;
    Ok(path)
}

fn is_one_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sql")
}

/// The database that the migrations are to begin with.
struct Database<'c> {
    scratch: Option<Scratch<'c>>,
    /// A new database.
    empty: Snapshot,
    /// What is there, but for what a baseline leaves out.
    found: Snapshot,
}

impl<'c> Database<'c> {
    fn read(config: &'c Config, stop: &'c Stop) -> Result<Self, Error> {
        let mut found = scratch::read(&Context::to(config, stop, &config.database)?)?;
        unknown(config, &[&found])?;
        forget_alembic(&mut found.schema);
        for mapping in forget_passwords(&mut found.schema) {
            warn!("the baseline leaves the password of the {mapping} out: set it by hand");
        }
        let scratch = match Scratch::open(config, stop) {
            Ok(scratch) => Some(scratch),
            Err(error @ Error::Scratch(ScratchError::NoServer { .. })) => {
                warn!("the baseline is not proved: {error}");
                None
            }
            Err(error) => return Err(error),
        };
        let role = found.schema.role.clone();
        give_all_to(&mut found.schema, &role);
        found.schema.leave_role_unsaid();
        let empty = match &scratch {
            Some(scratch) => {
                let database = scratch.create(None)?;
                ours(&found, &scratch.read(&database)?)
            }
            None => found.with(usual(&found.schema)),
        };
        Ok(Self {
            scratch,
            empty,
            found,
        })
    }

    fn sides(&self) -> Sides<'_> {
        Sides {
            old: &self.empty.schema,
            new: &self.found.schema,
            keywords: &self.found.keywords,
            major: self.found.major,
            online: false,
        }
    }

    /// The statements that make it.
    fn baseline(&self) -> Result<crate::schema::migration::Changes, Error> {
        proof::changes(None, &self.empty, &self.found, false)
    }

    /// Its schema as a declaration.
    fn declaration(&self, path: &Path, statements: &str) -> Vec<New> {
        if is_one_file(path) {
            return vec![(path.to_owned(), statements.to_owned())];
        }
        let files = baseline::files(&self.sides()).into_iter();
        files.map(|(name, text)| (path.join(name), text)).collect()
    }

    /// Makes it again, by the baseline and by the declaration, and compares.
    fn prove(&self, file: &New, declaration: &[New]) -> Result<(), Error> {
        let Some(scratch) = &self.scratch else {
            return Ok(());
        };
        let check = |made: &Snapshot, movement| -> Result<(), Error> {
            let made = ours(&self.found, made);
            let left = proof::changes(Some(scratch), &made, &self.found, false)?;
            if left.statements.is_empty() {
                return Ok(());
            }
            Err(ScratchError::NotProved {
                movement,
                target: "the database",
                left: left.texts(),
            }
            .into())
        };
        let database = scratch.create(None)?;
        let (path, text) = file;
        let given = (path.display().to_string(), text.clone().into_bytes());
        let migrations = Migrations::Given(vec![given]);
        let applied = scratch.apply(&database, &migrations, &Goal::Upgrade(Target::head()));
        applied.map_err(proof::refused)?;
        check(&scratch.read(&database)?, "baseline")?;
        if declaration.is_empty() {
            return Ok(());
        }
        let sources = declaration.iter().map(|(path, text)| Source {
            path: path.display().to_string(),
            text: text.clone(),
        });
        let database = scratch.create(None)?;
        scratch.load(&database, &sources.collect::<Vec<_>>())?;
        check(&scratch.read(&database)?, "declaration")
    }
}

/// A scratch database's schema as if it were the role's of the database.
fn ours(found: &Snapshot, made: &Snapshot) -> Snapshot {
    let mut schema = made.schema.clone();
    give_all_to(&mut schema, &found.schema.role);
    made.with(schema)
}

/// What a new database has, where none can be made to look: as it is in this one.
fn usual(found: &Schema) -> Schema {
    let mut usual = Schema {
        role: found.role.clone(),
        ..Schema::default()
    };
    let is_usual = |kind, name: &str| {
        matches!(
            (kind, name),
            (Kind::Schema, "public") | (Kind::Extension, "plpgsql")
        )
    };
    for (id, attributes) in &found.objects {
        if is_usual(id.kind, id.own_name()) {
            usual.objects.insert(id.clone(), attributes.clone());
        }
    }
    usual
}

/// Writes the files, with the configuration file if there is none, and prints their paths.
fn write_all(files: &[New], declared: Option<&str>) -> Result<(), Error> {
    let config = (PathBuf::from(CONFIG_FILE), config_text(files, declared));
    let config = (!config.0.exists()).then_some(config);
    let all: Vec<New> = config.into_iter().chain(files.iter().cloned()).collect();
    new_files::write(&all)?;
    let paths = all.iter().map(|(path, _)| format!("{}\n", path.display()));
    report::print(&paths.collect::<String>())
}

/// The configuration file's text: where the first of the files is, and the declaration.
fn config_text(files: &[New], declared: Option<&str>) -> String {
    // A JSON string is a TOML string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let directory = files.first().and_then(|(path, _)| path.parent());
    let directory = directory.map_or(String::new(), |path| path.display().to_string());
    let declared = declared.map(|path| format!("declared = {}\n", quoted(path)));
    CONFIG
        .replace("{directory}", &quoted(&directory))
        .replace("{declared}", &declared.unwrap_or_default())
}
