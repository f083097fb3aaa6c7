//! The manifests' kinds on a real Kubernetes API server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it found by failing"
)]

mod agent;
mod bed;
mod calls;
mod cluster;
mod controller;
mod installed;
mod kinds;
mod plugin;
mod refusals;
mod steps;
