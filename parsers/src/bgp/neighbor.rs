//! `show bgp neighbors json`: why a session is not up, and what it exchanges.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::{AddressFamily, PeerState};
use crate::{
    id::{Asn, PeerName},
    json::{self, Error},
    words::words,
};

/// The neighbours of one BGP instance. Empty where there is no instance, and where it has no
/// neighbours; [`super::instances`] tells these apart.
pub type Neighbors = BTreeMap<PeerName, Neighbor>;

/// A neighbour, and how its session fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbor {
    /// The neighbour's AS; 0 for `remote-as external` before the session came up.
    pub remote_as: Asn,
    /// The AS used towards the neighbour.
    pub local_as: Asn,
    /// `neighbor X description`.
    pub description: Option<String>,
    /// The session's state.
    pub state: PeerState,
    /// Whether `neighbor X shutdown` is configured.
    pub admin: AdminState,
    /// Since when the session is up; `None` while it is not.
    pub uptime: Option<Uptime>,
    /// Why the session last went, or stayed, down; `None` for never.
    pub last_reset: Option<LastReset>,
    /// The address families configured, with counters.
    pub families: BTreeMap<AddressFamily, FamilyCounters>,
    /// The address families that both sides announced in their OPEN messages.
    pub negotiated: BTreeSet<AddressFamily>,
    /// The address families of which the neighbour has said that it told all it knew when the
    /// session came up (End-of-RIB, RFC 4724 section 2).
    pub told: BTreeSet<AddressFamily>,
    /// How often the session came up.
    pub connections_established: u64,
    /// How often the session went down.
    pub connections_dropped: u64,
    /// The BFD session that guards the neighbour, if one is configured.
    pub bfd: Option<Bfd>,
}

/// Whether an operator wants the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminState {
    /// The session is wanted.
    Up,
    /// `neighbor X shutdown` is configured.
    Shutdown,
}

/// Since when a session is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    /// Milliseconds.
    pub msec: u64,
    /// Seconds since 1970 at which the session came up.
    pub since_epoch: u64,
}

/// Why a session last went, or stayed, down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReset {
    /// How many milliseconds ago.
    pub ago_msec: u64,
    /// FRR's words, for example `BGP Notification received` or `Waiting for peer OPEN`.
    pub reason: String,
    /// FRR's number for it (`PEER_DOWN_…` in `bgpd/bgpd.h`).
    pub code: Option<u32>,
    /// The NOTIFICATION sent or received, if it was one.
    pub notification: Option<Notification>,
}

/// A NOTIFICATION message (RFC 4271 section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// FRR's words, for example `OPEN Message Error/Bad Peer AS`.
    pub words: String,
    /// Whether graceful restart was bypassed by a hard reset (RFC 8538).
    pub hard_reset: bool,
}

/// What one address family exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct FamilyCounters {
    /// Prefixes accepted from the neighbour.
    #[serde(rename = "acceptedPrefixCounter")]
    pub accepted: u64,
    /// Prefixes sent; `None` while nothing can be sent.
    #[serde(rename = "sentPrefixCounter")]
    pub sent: Option<u64>,
}

words! {
    /// The state of a BFD session (RFC 5880 section 4.1), as bgpd knows it.
    pub enum BfdStatus {
        /// Up.
        Up = "Up",
        /// Down.
        Down = "Down",
        /// Shut down by configuration.
        AdminDown = "Admin Down",
        /// bgpd has heard nothing of it yet.
        Unknown = "Unknown",
    }
}

/// The BFD session that guards a neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bfd {
    /// Its state.
    pub status: BfdStatus,
    /// After how many missed packets it goes down.
    pub detect_multiplier: u32,
    /// Milliseconds between packets at which we can receive.
    pub rx_min_interval: u32,
    /// Milliseconds between packets at which we want to send.
    pub tx_min_interval: u32,
}

/// Reads `show bgp neighbors json` or `show bgp vrf VRF neighbors json`.
///
/// # Errors
/// [`Error`] when the answer is neither.
pub fn neighbors(answer: &[u8]) -> Result<Neighbors, Error> {
    json::read("show bgp [vrf VRF] neighbors json", answer).map(Option::unwrap_or_default)
}

/// The neighbour as FRR writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    remote_as: Asn,
    local_as: Asn,
    nbr_desc: Option<String>,
    bgp_state: PeerState,
    #[serde(default)]
    admin_shut_down: bool,
    bgp_timer_up_msec: Option<u64>,
    bgp_timer_up_established_epoch: Option<u64>,
    last_reset_timer_msecs: Option<u64>,
    last_reset_due_to: Option<String>,
    last_reset_code: Option<u32>,
    last_notification_reason: Option<String>,
    #[serde(default)]
    last_notification_hard_reset: bool,
    address_family_info: BTreeMap<AddressFamily, FamilyCounters>,
    #[serde(default)]
    neighbor_capabilities: Capabilities,
    #[serde(default)]
    graceful_restart_info: Restart,
    connections_established: u64,
    connections_dropped: u64,
    peer_bfd_info: Option<Bfd>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    #[serde(default)]
    multiprotocol_extensions: BTreeMap<AddressFamily, Announced>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Restart {
    #[serde(default)]
    end_of_rib_recv: BTreeMap<AddressFamily, bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announced {
    #[serde(default)]
    advertised_and_received: bool,
}

impl<'de> Deserialize<'de> for Neighbor {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Written::deserialize(input).map(Self::from)
    }
}

impl From<Written> for Neighbor {
    fn from(written: Written) -> Self {
        let times = written
            .bgp_timer_up_msec
            .zip(written.bgp_timer_up_established_epoch);
        let hard_reset = written.last_notification_hard_reset;
        let notification = written
            .last_notification_reason
            .map(|words| Notification { words, hard_reset });
        let code = written.last_reset_code;
        let reset = written
            .last_reset_timer_msecs
            .zip(written.last_reset_due_to);
        let announced = written.neighbor_capabilities.multiprotocol_extensions;
        Self {
            remote_as: written.remote_as,
            local_as: written.local_as,
            description: written.nbr_desc,
            state: written.bgp_state,
            admin: if written.admin_shut_down {
                AdminState::Shutdown
            } else {
                AdminState::Up
            },
            uptime: times.map(|(msec, since_epoch)| Uptime { msec, since_epoch }),
            last_reset: reset.map(|(ago_msec, reason)| LastReset {
                ago_msec,
                reason,
                code,
                notification,
            }),
            families: written.address_family_info,
            negotiated: announced
                .into_iter()
                .filter_map(|(family, sides)| sides.advertised_and_received.then_some(family))
                .collect(),
            told: written
                .graceful_restart_info
                .end_of_rib_recv
                .into_iter()
                .filter_map(|(family, has_come)| has_come.then_some(family))
                .collect(),
            connections_established: written.connections_established,
            connections_dropped: written.connections_dropped,
            bfd: written.peer_bfd_info,
        }
    }
}
