//! Layer 2 segments: what bgpd, zebra and the kernel know of the hosts in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use super::{Origin, Rd, Read, Standing, Unreadable};
use crate::api::types::Vni;
use crate::api::{Peer, RouteTarget};
use crate::plan::link::Mac;

/// What was read of all segments together.
#[derive(Clone, Debug)]
pub struct SegmentFacts {
    /// What zebra knows of their VNIs (`show evpn vni detail json`).
    pub zebra: Read<BTreeMap<Vni, ZebraSegment>>,
    /// The hosts that zebra knows (`show evpn mac vni all json`).
    pub hosts: Read<HashMap<(Vni, Mac), Host>>,
    /// The addresses that zebra found in two places (`show evpn arp-cache vni all json`).
    pub duplicate_addresses: Read<Vec<(Vni, IpAddr)>>,
    /// The EVPN table's Type-2 routes, one entry a path
    /// (`show bgp l2vpn evpn route type 2 json`).
    pub macs: Read<Vec<MacPath>>,
    /// The EVPN table's Type-3 routes, one entry a path
    /// (`show bgp l2vpn evpn route type 3 json`).
    pub floods: Read<Vec<FloodPath>>,
    /// This router's own routes of segments that were sent to each neighbour
    /// (`show bgp l2vpn evpn rd RD neighbors X advertised-routes json`). A neighbour that is not
    /// listed was not asked.
    pub advertised: BTreeMap<Peer, Read<HashSet<SegmentRoute>>>,
    /// The hosts that the kernel's bridges learned at their ports (`bridge fdb`, `master`).
    pub learned: Read<Vec<LearnedMac>>,
}

impl Default for SegmentFacts {
    fn default() -> Self {
        Self {
            zebra: Err(Unreadable::not_read()),
            hosts: Err(Unreadable::not_read()),
            duplicate_addresses: Err(Unreadable::not_read()),
            macs: Err(Unreadable::not_read()),
            floods: Err(Unreadable::not_read()),
            advertised: BTreeMap::new(),
            learned: Err(Unreadable::not_read()),
        }
    }
}

/// A route of a segment, whoever told it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentRoute {
    /// A Type-3 route: who takes part.
    Flood {
        /// The route distinguisher.
        rd: Rd,
        /// The router that takes part: its VTEP.
        originator: IpAddr,
    },
    /// A Type-2 route: a host.
    Mac {
        /// The route distinguisher.
        rd: Rd,
        /// The host's MAC.
        mac: Mac,
        /// The host's address, where the route tells one.
        ip: Option<IpAddr>,
    },
}

impl fmt::Display for SegmentRoute {
    /// The route without its distinguisher, which people know by the segment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flood { originator, .. } => write!(f, "VTEP {originator}"),
            Self::Mac { mac, ip: None, .. } => write!(f, "{mac}"),
            Self::Mac {
                mac, ip: Some(ip), ..
            } => write!(f, "{mac} {ip}"),
        }
    }
}

/// A layer 2 VNI as zebra knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZebraSegment {
    /// The VRF of its SVI.
    pub vrf: Option<String>,
    /// Its VXLAN device.
    pub vxlan: Option<String>,
    /// Its SVI, the bridge.
    pub svi: Option<String>,
    /// The VTEP that its tunnels start from.
    pub vtep: IpAddr,
}

/// A host as zebra knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Where it is.
    pub place: HostPlace,
    /// What zebra makes of its moves.
    pub moves: Moves,
}

/// Where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPlace {
    /// Behind a port of this router.
    Local,
    /// Behind another router.
    Remote,
    /// Not known: zebra has heard of it by a neighbour entry alone.
    Unknown,
}

/// What zebra makes of the moves of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Nothing.
    Plausible,
    /// It moves to and fro too fast: there are two of it (RFC 7432 §15.1).
    Duplicate,
}

/// One path to a MAC: a Type-2 route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacPath {
    /// The route distinguisher.
    pub rd: Rd,
    /// The host's MAC.
    pub mac: Mac,
    /// The host's address, where the route tells one.
    pub ip: Option<IpAddr>,
    /// Where it came from.
    pub came: Came,
}

impl MacPath {
    /// The route, without the path.
    #[must_use]
    pub fn route(&self) -> SegmentRoute {
        SegmentRoute::Mac {
            rd: self.rd.clone(),
            mac: self.mac,
            ip: self.ip,
        }
    }
}

/// One path to a router that takes part in a segment: a Type-3 route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloodPath {
    /// The route distinguisher.
    pub rd: Rd,
    /// The router that takes part: its VTEP.
    pub originator: IpAddr,
    /// Where it came from.
    pub came: Came,
}

impl FloodPath {
    /// The route, without the path.
    #[must_use]
    pub fn route(&self) -> SegmentRoute {
        SegmentRoute::Flood {
            rd: self.rd.clone(),
            originator: self.originator,
        }
    }
}

/// What all paths of the EVPN table have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// Who told it.
    pub origin: Origin,
    /// The next hop: a VTEP.
    pub next_hop: IpAddr,
    /// Its route targets.
    pub targets: Vec<RouteTarget>,
    /// How it fares in the choice of the best path.
    pub standing: Standing,
}

/// A MAC that a bridge learned at one of its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedMac {
    /// The port's index.
    pub port: u32,
    /// The MAC.
    pub mac: Mac,
}
