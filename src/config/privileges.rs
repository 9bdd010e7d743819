//! What the server may do and see.

use super::error::ConfigError;
use super::layers::Layers;

/// What the server may do and see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Whether executing a file may never give it more privileges: `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// Whether it gets `VAR` with the content of the file that `VAR_FILE` names.
    pub expand_secrets: bool,
    /// Variables that it does not get, besides castoff's own secrets.
    pub unset_env: Vec<String>,
}

impl Privileges {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let unset = layers.list("unset_env")?.into_iter();
        Ok(Self {
            no_new_privs: layers.flag("no_new_privs")?,
            expand_secrets: layers.flag("expand_secrets")?,
            unset_env: unset.map(|setting| setting.value).collect(),
        })
    }
}
