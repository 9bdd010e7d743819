//! The page that is shown until the server serves, and how the server gets the port.

use std::path::PathBuf;

use super::error::ConfigError;
use super::layers::Layers;
use super::value::Setting;

/// Where castoff answers while it waits and migrates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The address, `HOST:PORT`.
    pub listen: String,
    /// How the server gets the port.
    pub handover: Handover,
    /// A page of the user's instead of castoff's.
    pub page: Option<PathBuf>,
}

/// How the server gets the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// As descriptor 3, by systemd's protocol (`sd_listen_fds(3)`): nothing is refused meanwhile.
    Socket,
    /// castoff closes the port, and the server binds it by itself.
    Close,
}

impl Holding {
    pub(super) fn read(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        let Some(listen) = layers.pick("listen") else {
            return Ok(None);
        };
        Ok(Some(Self {
            listen: listen.value,
            handover: layers.parse("listen_handover", Handover::Socket, handover)?,
            page: layers.path("holding_page"),
        }))
    }
}

fn handover(setting: &Setting) -> Result<Handover, ConfigError> {
    match setting.value.as_str() {
        "socket" => Ok(Handover::Socket),
        "close" => Ok(Handover::Close),
        _ => Err(setting.refuse("socket or close")),
    }
}
