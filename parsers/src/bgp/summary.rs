//! `show bgp summary json`, of one instance or of all.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde::Deserialize;

use crate::{
    id::{Asn, PeerName},
    json::{self, Error},
    words::words,
};

words! {
    /// An address family, by FRR's JSON key.
    pub enum AddressFamily {
        /// IPv4 unicast, AFI 1 SAFI 1.
        Ipv4Unicast = "ipv4Unicast",
        /// IPv6 unicast, AFI 2 SAFI 1.
        Ipv6Unicast = "ipv6Unicast",
        /// EVPN, AFI 25 SAFI 70.
        L2VpnEvpn = "l2VpnEvpn",
    }
}

words! {
    /// The state of a session: those of RFC 4271 section 8.2.2, and FRR's own.
    pub enum PeerState {
        /// No connection is tried.
        Idle = "Idle",
        /// Shut down by configuration.
        IdleAdmin = "Idle (Admin)",
        /// Shut down because the peer sent more prefixes than allowed.
        IdlePrefixCount = "Idle (PfxCt)",
        /// A TCP connection is being opened.
        Connect = "Connect",
        /// Waiting before the next attempt, or for the peer to connect.
        Active = "Active",
        /// OPEN was sent.
        OpenSent = "OpenSent",
        /// OPEN was received, and accepted.
        OpenConfirm = "OpenConfirm",
        /// The session is up.
        Established = "Established",
        /// The session is down, and its routes are being removed.
        Clearing = "Clearing",
        /// The neighbour was removed from the configuration.
        Deleted = "Deleted",
    }
}

words! {
    /// What keeps an address family of a peer from exchanging routes.
    pub enum PeerCondition {
        /// Nothing.
        Ok = "OK",
        /// An eBGP peer without import or export policy (RFC 8212).
        Policy = "Policy",
        /// Shut down by configuration.
        Admin = "Admin",
        /// Too many prefixes.
        PrefixCount = "PfxCt",
    }
}

/// The address families of one BGP instance in which it has neighbours. Empty where there is
/// no instance, and where it has no neighbours; [`super::instances`] tells these apart.
pub type Families = BTreeMap<AddressFamily, Summary>;

/// One address family of a BGP instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The instance's router identifier.
    pub router_id: Ipv4Addr,
    /// The instance's own AS.
    #[serde(rename = "as")]
    pub asn: Asn,
    /// The kernel's identifier of the VRF; `None` when the kernel has no such VRF.
    #[serde(deserialize_with = "json::vrf_id")]
    pub vrf_id: Option<u32>,
    /// The VRF; `default` outside of any.
    pub vrf_name: String,
    /// Entries in this family's table.
    pub rib_count: u64,
    /// The peers for which the family is activated.
    pub peers: BTreeMap<PeerName, Peer>,
    /// Peers that are not established.
    pub failed_peers: u32,
    /// All peers.
    pub total_peers: u32,
}

/// A peer in one address family.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// What the peer calls itself; `None` before it said so.
    pub hostname: Option<String>,
    /// The peer's AS; 0 for `remote-as external` before the session came up.
    pub remote_as: Asn,
    /// The AS used towards the peer.
    pub local_as: Asn,
    /// Messages received since the configuration of the peer.
    #[serde(rename = "msgRcvd")]
    pub messages_received: u64,
    /// Messages sent since the configuration of the peer.
    #[serde(rename = "msgSent")]
    pub messages_sent: u64,
    /// Milliseconds since the session came up or went down; 0 for never.
    pub peer_uptime_msec: u64,
    /// Seconds since 1970 at which the session came up or went down; `None` for never.
    pub peer_uptime_established_epoch: Option<u64>,
    /// Prefixes accepted from the peer.
    #[serde(rename = "pfxRcd")]
    pub prefixes_received: u64,
    /// Prefixes sent to the peer.
    #[serde(rename = "pfxSnt")]
    pub prefixes_sent: u64,
    /// The session's state.
    pub state: PeerState,
    /// What keeps routes from flowing although the session may be up.
    #[serde(rename = "peerState")]
    pub condition: PeerCondition,
    /// How often the session came up.
    pub connections_established: u64,
    /// How often the session went down.
    pub connections_dropped: u64,
}

impl Peer {
    /// Whether the session is up.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.state == PeerState::Established
    }
}

/// Reads `show bgp summary json` or `show bgp vrf VRF summary json`.
///
/// # Errors
/// [`Error`] when the answer is none of these.
pub fn summary(answer: &[u8]) -> Result<Families, Error> {
    json::read("show bgp [vrf VRF] summary json", answer).map(Option::unwrap_or_default)
}

/// Reads `show bgp vrf all summary json`: address families by VRF.
///
/// # Errors
/// [`Error`] when the answer is none of these.
pub fn summary_of_all(answer: &[u8]) -> Result<BTreeMap<String, Families>, Error> {
    json::read("show bgp vrf all summary json", answer).map(Option::unwrap_or_default)
}
