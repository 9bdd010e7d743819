//! What has to run to reach a target.
