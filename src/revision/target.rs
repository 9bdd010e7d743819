//! Where to go: `head`, `base`, an id, `+1`.
