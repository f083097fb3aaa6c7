//! Provider Edge routing on Kubernetes nodes.
//!
//! One way through the house, and data goes only this way:
//!
//! ```text
//!  manifests                     kernel            FRR
//!      │                            │ observe       │ observe
//!      ▼                            ▼               ▼
//!   [api] ──▶ [intent] ──▶ [plan]: desired, difference, ordered undoable steps
//!                             │
//!                             ▼ execute: [netlink], [frr]
//!                          [verify]: facts read back ──▶ findings ──▶ [status]
//! ```
//!
//! The middle (`api`, `intent`, `plan`, `verify`, the conditions of `status`) is pure: no
//! sockets, no runtime, no clock. I/O stands at the two ends, and [`agent`] joins them. Beside all
//! nodes' agents one [`controller`] does what one alone can do for a cluster.

pub mod agent;
pub mod api;
pub mod cli;
pub mod controller;
pub mod frr;
pub mod intent;
pub mod lab;
pub mod netlink;
pub mod plan;
pub mod status;
pub mod verify;
