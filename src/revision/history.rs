//! The graph of all revisions.
