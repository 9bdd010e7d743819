//! Who said what: the parameters from the connection string, the service file and the
//! environment, laid over each other as libpq does.
//!
//! The connection string wins over the service, which wins over the environment. Each value
//! remembers where it came from, so that an error can say what to correct.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::database::conninfo::Sources;
use crate::database::conninfo_error::ConninfoError;
use crate::database::malformed::Malformed;
use crate::database::parameters::{self, Support};
use crate::database::{keyword_value, service, url};
use crate::place::Place;

/// Variables that say where the database is. If none is set and there is no URL, none was named.
const NAMING: &[&str] = &[
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGSERVICE",
    "PGSERVICEFILE",
];

/// A value and where it came from.
#[derive(Clone)]
pub struct Setting {
    /// The value, perhaps empty.
    pub value: String,
    /// A variable, an option or a file.
    pub origin: String,
}

/// All parameters that somebody gave, by their names in libpq.
#[derive(Default)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// The parameter, if somebody gave it and it is not empty.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name).filter(|setting| !setting.value.is_empty())
    }

    /// Its value, if somebody gave one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|setting| setting.value.as_str())
    }

    /// Where the parameter came from, for an error.
    pub fn origin(&self, name: &str) -> String {
        self.get(name)
            .map(|setting| setting.origin.clone())
            .unwrap_or_default()
    }

    /// Takes what is not given yet. Within `pairs` the last one counts, as in libpq.
    fn add(&mut self, pairs: Vec<(String, String)>, origin: &str) -> Result<(), ConninfoError> {
        let mut layer = BTreeMap::new();
        for (name, value) in pairs {
            let name = check(&name, &value, origin)?;
            layer.insert(
                name,
                Setting {
                    value,
                    origin: origin.to_owned(),
                },
            );
        }
        for (name, setting) in layer {
            self.0.entry(name).or_insert(setting);
        }
        Ok(())
    }
}

/// Reads all sources, the files among them included.
pub fn gather(sources: &Sources) -> Result<Settings, ConninfoError> {
    let mut settings = Settings::default();
    let text = sources
        .url
        .as_ref()
        .map(|(text, origin)| (text.trim(), origin));
    match text.filter(|(text, _)| !text.is_empty()) {
        Some((text, origin)) => {
            let pairs = parse(text).map_err(|malformed| ConninfoError::Malformed {
                origin: origin.clone(),
                malformed,
            })?;
            settings.add(pairs, origin)?;
        }
        None if !NAMING.iter().any(|name| variable(sources, name).is_some()) => {
            return Err(ConninfoError::Missing);
        }
        None => {}
    }
    let service = settings
        .value("service")
        .or_else(|| variable(sources, "PGSERVICE"));
    if let Some(service) = service.map(str::to_owned) {
        let (pairs, origin) = read_service(&service, &settings, sources)?;
        settings.add(pairs, &origin)?;
    }
    for parameter in parameters::PARAMETERS {
        let Some(name) = parameter.variable else {
            continue;
        };
        if let Some(value) = variable(sources, name) {
            check_value(parameter.name, name, parameter.support, value, name)?;
            let setting = Setting {
                value: value.to_owned(),
                origin: name.to_owned(),
            };
            settings.0.entry(parameter.name).or_insert(setting);
        }
    }
    Ok(settings)
}

/// A variable that is set to something. Compose files often set empty ones.
pub fn variable<'a>(sources: &'a Sources, name: &str) -> Option<&'a str> {
    sources
        .environment
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// The content of a file, or `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<String>, ConninfoError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unreadable(path, source)),
    }
}

/// The error about a file that cannot be read.
pub fn unreadable(path: &Path, source: io::Error) -> ConninfoError {
    let place = Box::new(Place::file(&path.display().to_string()));
    ConninfoError::Unreadable {
        path: path.to_owned(),
        place,
        source,
    }
}

fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    if text.len() > 1
        && ['"', '\'']
            .iter()
            .any(|&q| text.starts_with(q) && text.ends_with(q))
    {
        return Err(Malformed::Quotes);
    }
    let is_url = url::looks_like(text);
    let forbidden = |c: &char| c.is_control() && (is_url || !c.is_whitespace());
    if let Some(control) = text.chars().find(forbidden) {
        return Err(Malformed::Control(control.into()));
    }
    if is_url {
        return url::parse(text);
    }
    if !text.contains('=') {
        return Err(Malformed::Neither);
    }
    keyword_value::parse(text)
}

fn check(name: &str, value: &str, origin: &str) -> Result<&'static str, ConninfoError> {
    if let Some(parameter) = parameters::find(name) {
        check_value(parameter.name, name, parameter.support, value, origin)?;
        return Ok(parameter.name);
    }
    let (origin, name) = (origin.to_owned(), name.to_owned());
    if let Some(owner) = parameters::foreign_owner(&name) {
        return Err(ConninfoError::Foreign {
            origin,
            name,
            owner,
        });
    }
    let nearest = parameters::nearest(&name);
    Err(ConninfoError::Unknown {
        origin,
        name,
        nearest,
    })
}

fn check_value(
    name: &'static str,
    shown: &str,
    support: Support,
    value: &str,
    origin: &str,
) -> Result<(), ConninfoError> {
    let (shown, why) = match support {
        Support::Refused(why) if !value.is_empty() => (shown.to_owned(), why),
        Support::Only(values, why) if !value.is_empty() && !values.contains(&value) => {
            (format!("{name}={value}"), why)
        }
        Support::Works | Support::Refused(_) | Support::Only(..) => return Ok(()),
    };
    Err(ConninfoError::Unsupported {
        origin: origin.to_owned(),
        name: shown,
        why,
    })
}

fn read_service(
    service: &str,
    settings: &Settings,
    sources: &Sources,
) -> Result<(Vec<(String, String)>, String), ConninfoError> {
    let named = settings
        .value("servicefile")
        .or_else(|| variable(sources, "PGSERVICEFILE"));
    let own = named.map(PathBuf::from).or_else(|| {
        sources
            .home
            .as_ref()
            .map(|home| home.join(".pg_service.conf"))
    });
    let system =
        variable(sources, "PGSYSCONFDIR").map(|folder| Path::new(folder).join("pg_service.conf"));
    let mut files = Vec::new();
    for path in own.into_iter().chain(system) {
        let text = match read(&path)? {
            Some(text) => text,
            // A file that was named must be there.
            None if named.is_some() && files.is_empty() => {
                return Err(unreadable(&path, io::ErrorKind::NotFound.into()));
            }
            None => String::new(),
        };
        let shown = path.display().to_string();
        if let Some(pairs) = service::find(&text, service, &shown)? {
            return Ok((pairs, shown));
        }
        files.push(path);
    }
    Err(ConninfoError::ServiceUnknown {
        service: service.to_owned(),
        files,
    })
}
