//! What tells an edited migration from the one that was applied.
