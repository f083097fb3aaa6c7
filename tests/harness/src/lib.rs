//! Starts real FRR daemons in namespaces of their own, for tests.
//!
//! [`Frr::start`] makes one router: a fresh network, mount and PID namespace,
//! in which the daemons of a Debian root run as they would on a machine of
//! their own. Nothing of the root is written: it is mounted read-only, and
//! `/run/frr`, `/etc/frr`, `/var/lib/frr` and `/tmp` are directories of the
//! instance. The vty sockets lie in a directory that the test sees.
//!
//! What always holds: when an [`Frr`] is dropped, or the test process dies in
//! any way at all, the kernel kills every daemon. The first process of the PID
//! namespace reads a pipe that only the test holds open; the end of the pipe is
//! the end of the namespace.
//!
//! What a real FRR cannot be made to do, a [`proxy`] before it does: let the k-th request fail.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use perouter_harness::{Daemon, Frr, Options};
//!
//! let frr = Frr::start(Options::default())?;
//! let version = frr.vty(Daemon::Bgpd, &["show version"])?;
//! let zebra = frr.grpc_connect(Daemon::Zebra.grpc_port())?;
//! # Ok(())
//! # }
//! ```

mod daemon;
mod error;
mod frr;
pub mod kube;
mod link;
mod namespace;
mod options;
pub mod proxy;
mod vty;

use std::path::PathBuf;

pub use daemon::Daemon;
pub use error::HarnessError;
pub use frr::Frr;
pub use link::{End, connect};
pub use options::Options;
pub use vty::VtyAnswer;

/// The Debian root with FRR: `PEROUTER_ROOT`, else `/var/cache/perouter/root`,
/// with symbolic links resolved.
///
/// # Errors
///
/// [`HarnessError::NoRoot`] when there is no `usr/lib/frr/zebra` below it.
pub fn frr_root() -> Result<PathBuf, HarnessError> {
    let path = std::env::var_os("PEROUTER_ROOT")
        .map_or_else(|| PathBuf::from("/var/cache/perouter/root"), PathBuf::from);
    let missing = |source| HarnessError::NoRoot {
        path: path.clone(),
        source,
    };
    let root = path.canonicalize().map_err(missing)?;
    std::fs::metadata(root.join("usr/lib/frr/zebra")).map_err(missing)?;
    Ok(root)
}
