//! How a server is looked after by its init.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Layers;

/// How long a server may take to stop, unless something else is said: what Docker gives a container.
const GRACE: Duration = Duration::from_secs(10);

/// How `run --init` and `supervise` look after the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Whether signals go to the server's whole process group.
    pub kill_group: bool,
    /// How long the server may take to stop before it is killed. Nothing: for ever.
    pub grace: Option<Duration>,
}

impl Init {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let grace = layers.duration("grace", GRACE)?;
        Ok(Self {
            kill_group: layers.flag("kill_group")?,
            grace: Some(grace).filter(|grace| !grace.is_zero()),
        })
    }
}
