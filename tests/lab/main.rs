//! Tests that run labs: real kernel, real FRR, the program as people call it.
//!
//! They need root, and the root file system, which the first of them builds if need be.
//! `PEROUTER_ROOT` names another one. A lab that cannot run is a failure, never a skip.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fabric;
mod graceful;
mod harness;
mod lifetime;
mod passthrough;
mod pinging;
mod requests;
mod switches;
mod workloads;
