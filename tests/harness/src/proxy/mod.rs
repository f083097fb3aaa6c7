//! Proxies in front of a real FRR that make one thing go wrong, at a chosen moment.
//!
//! [`VtyProxy`] stands before the vty sockets, [`NorthboundProxy`] before the gRPC ports. Both
//! forward every request to the daemon and every answer back, byte for byte, and ask a
//! [`Faults`] before each request whether this is the one that fails.
//!
//! What always holds:
//!
//! - requests are counted in the order in which they arrive whole, over all daemons of a proxy;
//! - a fault strikes once; until the next is armed, all goes through;
//! - what was forwarded is answered by the daemon to its end, whether or not the client still
//!   waits: a real FRR loses its gRPC server when a call is broken off.

mod northbound;
#[cfg(test)]
mod tests;
mod vty;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::{Daemon, HarnessError};
pub use northbound::NorthboundProxy;
pub use vty::VtyProxy;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with a refusal, and the daemon never sees it.
    Refused {
        /// As the protocol numbers it: the status byte of a vty (13 is "configuration failed"),
        /// the code of a gRPC status (3 is `INVALID_ARGUMENT`, 14 `UNAVAILABLE`).
        status: u8,
        /// What is said.
        words: &'static str,
    },
    /// The connection closes before the daemon sees it.
    ClosedBefore,
    /// The daemon does it, and the connection closes before the client hears of that.
    ClosedAfter,
    /// The daemon does it, and the answer is held back for so long.
    Late(Duration),
}

/// Which request fails, and what has gone through. Clones are the same value.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    armed: Option<(usize, Fault)>,
    seen: Vec<String>,
    struck: Option<String>,
}

impl Faults {
    /// Lets the `at`-th request from now on fail; the first is 1.
    pub fn arm(&self, at: usize, fault: Fault) {
        *self.state() = State {
            armed: Some((at, fault)),
            ..State::default()
        };
    }

    /// Lets all go through, and counts anew.
    pub fn disarm(&self) {
        *self.state() = State::default();
    }

    /// The requests since this was armed or disarmed, each as its daemon and its text.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.state().seen.clone()
    }

    /// The request that failed, as its daemon and its text; none as long as fewer were made.
    #[must_use]
    pub fn struck(&self) -> Option<String> {
        self.state().struck.clone()
    }

    /// Counts a request, and says what shall go wrong with it.
    fn next(&self, daemon: Daemon, request: &str) -> Option<Fault> {
        let mut state = self.state();
        let request = format!("{daemon}: {request}");
        state.seen.push(request.clone());
        let (at, fault) = state.armed?;
        if at != state.seen.len() {
            return None;
        }
        state.armed = None;
        state.struck = Some(request);
        Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed elsewhere does not make the state wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that a proxy runs on: its own, so that a test may block.
struct Background(Option<Runtime>);

impl Background {
    fn start() -> Result<Self, HarnessError> {
        (Builder::new_multi_thread().worker_threads(1).enable_all())
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(HarnessError::system("start the thread of a proxy"))
    }

    /// The runtime, which is there until the proxy is dropped.
    fn runtime(&self) -> Result<&Runtime, HarnessError> {
        let ended = || HarnessError::system("use a proxy")(io::ErrorKind::NotConnected.into());
        self.0.as_ref().ok_or_else(ended)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Dropped as it is, a runtime may not be inside of another, as most tests are.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
