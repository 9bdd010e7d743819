//! Where others can see how castoff is doing.

use std::path::PathBuf;

use super::layers::Layers;

/// The files that castoff keeps for others to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Always holds what castoff is doing, as JSON.
    pub status_file: Option<PathBuf>,
    /// Gets the metrics, for `node_exporter`.
    pub metrics_file: Option<PathBuf>,
    /// Gets the error that ends castoff, in one line.
    pub termination_log: Option<PathBuf>,
}

impl Observed {
    pub(super) fn read(layers: &Layers) -> Self {
        Self {
            status_file: layers.path("status_file"),
            metrics_file: layers.path("metrics_file"),
            termination_log: layers.path("termination_log"),
        }
    }
}
