//! What the schema is to be, and where two schemas can be compared.

use std::collections::BTreeSet;

use super::error::ConfigError;
use super::layers::Layers;
use super::value::Setting;
use crate::schema::model::Aspect;
use crate::schema::rename::wish::{self, Wish};

/// The schema that the project declares, and the server for scratch databases.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Where the declaration is.
    pub from: DeclaredFrom,
    /// The URL of the server for scratch databases, and where it was given.
    pub scratch: Option<(String, String)>,
    /// Whether statements for tables in use are to go without long locks.
    pub online: bool,
    /// Whether what is not compared is an error.
    pub strict: bool,
    /// What is left out of comparisons.
    pub without: BTreeSet<Aspect>,
    /// What has another name now.
    pub renames: Vec<Wish>,
}

/// Where the declared schema is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredFrom {
    /// A file, a directory, or the URL of a database, as somebody named it.
    Named(String),
    /// A command that prints it, as words.
    Command(Vec<String>),
    /// Nobody said: `./schema`.
    Default,
}

/// Where the declared schema is when nobody says.
pub const DEFAULT: &str = "schema";

impl Declared {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let command = layers.parse("schema_command", None, |setting| setting.words().map(Some))?;
        let named = layers.pick("declared").map(|setting| setting.value);
        Ok(Self {
            from: match (named, command) {
                (Some(named), _) => DeclaredFrom::Named(named),
                (None, Some(command)) => DeclaredFrom::Command(command),
                (None, None) => DeclaredFrom::Default,
            },
            scratch: layers
                .pick("scratch_url")
                .map(|setting| (setting.value, setting.origin.replace('`', ""))),
            online: layers.parse("online", true, Setting::on_or_off)?,
            strict: layers.flag("strict")?,
            without: {
                let settings = layers.list("without")?;
                settings.iter().map(aspect).collect::<Result<_, _>>()?
            },
            renames: {
                let settings = layers.list("rename")?;
                settings.iter().map(rename).collect::<Result<_, _>>()?
            },
        })
    }
}

fn aspect(setting: &Setting) -> Result<Aspect, ConfigError> {
    match setting.value.as_str() {
        "owners" => Ok(Aspect::Owner),
        "privileges" => Ok(Aspect::Privileges),
        "comments" => Ok(Aspect::Comment),
        _ => Err(setting.refuse("owners, privileges or comments")),
    }
}

fn rename(setting: &Setting) -> Result<Wish, ConfigError> {
    wish::wish(&setting.value).ok_or_else(|| setting.refuse("OLD=NEW, such as t.old=new"))
}
