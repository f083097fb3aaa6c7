//! How the tunnel endpoints of the fabric are reached, and how the ways to neighbours are
//! watched.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{KernelRoute, Read, Unreadable};
use crate::api::types::InterfaceName;

/// What was read of the default instance and the main table.
#[derive(Clone, Debug)]
pub struct UnderlayFacts {
    /// The next hops of bgpd's default instance (`show bgp nexthop json`).
    pub next_hops: Read<HashMap<IpAddr, Reach>>,
    /// By which route zebra reaches the next hops that bgpd asked it about; without one it has
    /// no route (`show ip nht json`, `show ipv6 nht json`).
    pub tracked: Read<HashMap<IpAddr, Option<IpNet>>>,
    /// The kernel's main table in the router's namespace.
    pub table: Read<Vec<KernelRoute>>,
    /// The BFD sessions outside of VRFs (`show bfd peers json`).
    pub bfd: Read<Vec<BfdSession>>,
}

impl Default for UnderlayFacts {
    fn default() -> Self {
        Self {
            next_hops: Err(Unreadable::not_read()),
            tracked: Err(Unreadable::not_read()),
            table: Err(Unreadable::not_read()),
            bfd: Err(Unreadable::not_read()),
        }
    }
}

/// Whether bgpd takes a next hop as one that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Paths by it may be used.
    Reachable,
    /// Paths by it are invalid.
    Unreachable,
}

/// A BFD session (RFC 5880).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdSession {
    /// The neighbour's address.
    pub peer: IpAddr,
    /// The link that it is bound to; none over several hops.
    pub link: Option<InterfaceName>,
    /// Its state.
    pub state: BfdState,
    /// Why this side last took it down, in FRR's words.
    pub diagnostic: String,
    /// Why the other side last took it down, in FRR's words.
    pub remote_diagnostic: String,
}

/// The state of a BFD session (RFC 5880 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BfdState {
    /// Up.
    Up,
    /// The neighbour answers; a moment later it is up.
    Init,
    /// Anything else, in FRR's word: `down`, `shutdown`.
    Down(String),
}
