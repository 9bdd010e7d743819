//! What castoff does with processes and descriptors that needs `unsafe`. Everything else of castoff
//! forbids it; what is here has a safe face.

pub mod credentials;
pub mod descriptor;
pub mod inherited;
