//! `show bfd peers json`: the sessions of bfdd.

use std::net::IpAddr;

use serde::Deserialize;

use crate::{
    json::{self, Error},
    words::words,
};

words! {
    /// The state of a BFD session (RFC 5880 section 4.1), as bfdd writes it.
    pub enum SessionState {
        /// Up.
        Up = "up",
        /// The neighbour answers, and does not say yet that it hears us.
        Init = "init",
        /// Down.
        Down = "down",
        /// Shut down by configuration.
        Shutdown = "shutdown",
    }
}

/// A BFD session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Peer {
    /// The neighbour's address.
    pub peer: IpAddr,
    /// The VRF; `default` outside of any.
    pub vrf: String,
    /// The link that the session is bound to; none over several hops.
    pub interface: Option<String>,
    /// Its state.
    #[serde(rename = "status")]
    pub state: SessionState,
    /// Why this side last took it down, in FRR's words; `ok` for never.
    #[serde(default)]
    pub diagnostic: String,
    /// Why the other side last took it down, in FRR's words; `ok` for never.
    #[serde(default, rename = "remote-diagnostic")]
    pub remote_diagnostic: String,
}

/// Reads `show bfd peers json`.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn peers(answer: &[u8]) -> Result<Vec<Peer>, Error> {
    json::read("show bfd peers json", answer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
