//! What castoff does with processes and descriptors that needs `unsafe`. Everything else of castoff
//! forbids it; what is here has a safe face.
//!
//! An init in the order of what happens: what castoff is told ([`supervision`], with [`signal`] and
//! [`rewrite`]), the fork ([`stay`]), leaving the engine's memory ([`small`]), and the loop
//! ([`supervise`]), which asks [`decide`] what a signal means and tells what it does ([`tell`]).

pub mod credentials;
pub mod decide;
pub mod descriptor;
pub mod inherited;
pub mod rewrite;
pub mod signal;
pub mod small;
pub mod socket;
pub mod stay;
pub mod supervise;
pub mod supervision;
mod sys;
pub mod tell;
