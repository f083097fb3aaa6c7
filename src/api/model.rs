//! The domain objects: valid by construction, and all that the rest of the program reads.
//!
//! They hold only what the program acts on. What a manifest may say beyond that was refused
//! on the way here, by name.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use perouter_parsers::running_config::Config;

use super::route_target::RouteTarget;
use super::selector::NodeSelector;
use super::types::{Asn, InterfaceName, ObjectKey, Secret, Vni, VrfName};

/// One valid object of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// The fabric of this node.
    Underlay(Object<Underlay>),
    /// One VRF over VXLAN.
    L3Vni(Object<L3Vni>),
    /// One layer 2 segment over VXLAN.
    L2Vni(Object<L2Vni>),
    /// The host's own routes in the fabric.
    L3Passthrough(Object<L3Passthrough>),
    /// Lines of FRR configuration, as they are.
    RawFrrConfig(Object<RawFrrConfig>),
}

impl Manifest {
    /// Names the object.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        match self {
            Self::Underlay(object) => &object.key,
            Self::L3Vni(object) => &object.key,
            Self::L2Vni(object) => &object.key,
            Self::L3Passthrough(object) => &object.key,
            Self::RawFrrConfig(object) => &object.key,
        }
    }

    /// The generation that the API server gave to it; a file has none.
    #[must_use]
    pub const fn generation(&self) -> Option<i64> {
        match self {
            Self::Underlay(object) => object.generation,
            Self::L3Vni(object) => object.generation,
            Self::L2Vni(object) => object.generation,
            Self::L3Passthrough(object) => object.generation,
            Self::RawFrrConfig(object) => object.generation,
        }
    }

    /// The nodes that the object concerns.
    #[must_use]
    pub const fn selector(&self) -> &NodeSelector {
        match self {
            Self::Underlay(object) => &object.selector,
            Self::L3Vni(object) => &object.selector,
            Self::L2Vni(object) => &object.selector,
            Self::L3Passthrough(object) => &object.selector,
            Self::RawFrrConfig(object) => &object.selector,
        }
    }
}

/// An object: who it is, which version of it, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<T> {
    /// Names it.
    pub key: ObjectKey,
    /// `metadata.generation`: the version of the specification, counted by the API server.
    pub generation: Option<i64>,
    /// The nodes that it concerns.
    pub selector: NodeSelector,
    /// What it says.
    pub spec: T,
}

/// The fabric: how this node reaches the other routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlay {
    /// The AS number of this router.
    pub asn: Asn,
    /// Router identifiers are taken from here, by node index. Host bits are zero.
    pub router_id_cidr: Ipv4Net,
    /// Whom to speak BGP with; at least one, none twice, and no overlapping ranges.
    pub neighbors: Vec<Neighbor>,
    /// The NICs that move into the router's namespace; at least one, none twice.
    pub interfaces: Vec<InterfaceName>,
    /// VXLAN tunnel endpoints are taken from here, by node index.
    pub tunnel_endpoint: TunnelEndpoint,
    /// Whether, and how long, forwarding goes on while BGP restarts (RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
    /// The cluster, when this router reflects routes (RFC 4456).
    pub reflector_cluster: Option<Ipv4Addr>,
}

/// Where VXLAN tunnel endpoints are taken from, for each IP version. Host bits are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelEndpoint {
    /// The IPv4 prefix.
    pub ipv4: Option<Ipv4Net>,
    /// The IPv6 prefix.
    pub ipv6: Option<Ipv6Net>,
}

impl TunnelEndpoint {
    /// Tunnels over IPv4 alone.
    #[must_use]
    pub const fn over_ipv4(cidr: Ipv4Net) -> Self {
        Self {
            ipv4: Some(cidr),
            ipv6: None,
        }
    }

    /// Whether there are tunnels at all.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }
}

/// BGP graceful restart (RFC 4724). Both times are 1 to 4095 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracefulRestart {
    /// How long neighbours wait for this router to come back, in seconds.
    pub restart_time: u16,
    /// How long this router keeps a restarting neighbour's routes, in seconds.
    pub stale_path_time: u16,
}

/// Where a neighbour is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// At this address.
    Address(IpAddr),
    /// Alone behind this interface (BGP unnumbered).
    Interface(InterfaceName),
    /// At any address of this prefix: it opens the session. Host bits are zero.
    Range(IpNet),
}

impl fmt::Display for Peer {
    /// As FRR names it: its address, its interface, or its peer group, which is named after
    /// the prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Interface(name) => name.fmt(f),
            Self::Range(prefix) => prefix.fmt(f),
        }
    }
}

/// Bidirectional forwarding detection of a session (RFC 5880); `None` leaves FRR's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bfd {
    /// The least interval between packets taken in, in milliseconds, 10 to 60000.
    pub receive_interval: Option<u16>,
    /// The least interval between packets sent, in milliseconds, 10 to 60000.
    pub transmit_interval: Option<u16>,
    /// After how many lost packets the neighbour is gone, 2 to 255.
    pub detect_multiplier: Option<u8>,
    /// Which side begins.
    pub mode: BfdMode,
    /// The least TTL of packets taken in on sessions over several hops, 1 to 254.
    pub minimum_ttl: Option<u8>,
}

/// Which side begins a BFD session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BfdMode {
    /// This side sends at once.
    #[default]
    Active,
    /// This side waits for the other.
    Passive,
}

/// A BGP neighbour of the fabric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Where it is.
    pub peer: Peer,
    /// Which AS it is in.
    pub remote_as: RemoteAs,
    /// Its TCP port; `None` is FRR's default, 179.
    pub port: Option<NonZeroU16>,
    /// The TCP-MD5 password (RFC 2385): 1 to 80 printable ASCII characters, no space.
    pub password: Option<Secret>,
    /// Session timers; `None` leaves FRR's defaults, 60 s and 180 s.
    pub timers: Option<Timers>,
    /// Seconds between attempts to connect, 1 to 65535; `None` leaves FRR's default, 120 s.
    pub connect_time: Option<u16>,
    /// Whether the neighbour may be more than one hop away.
    pub ebgp_multihop: Option<Multihop>,
    /// Whether the path to it is watched by BFD.
    pub bfd: Option<Bfd>,
    /// Which address families the session carries.
    pub families: Families,
    /// The families in which this router reflects routes to it (RFC 4456).
    pub reflector_client: BTreeSet<Family>,
}

/// Which AS a neighbour is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteAs {
    /// This one.
    Number(Asn),
    /// Any but our own.
    External,
    /// Our own.
    Internal,
}

/// BGP session timers (RFC 4271 §10), in seconds: the hold time is 0 or at least 3, and the
/// keepalive time is not above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Seconds between keepalive messages.
    pub keepalive: u16,
    /// Seconds of silence after which the session is over; 0 is never.
    pub hold: u16,
}

/// eBGP over more than one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multihop {
    /// The most hops, 1 to 255; `None` leaves FRR's default, 255.
    pub ttl: Option<u8>,
}

/// Which address families a session carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Families {
    /// Those that the node's other objects need.
    Derived,
    /// Exactly these; never empty.
    Explicit(BTreeSet<Family>),
}

/// An address family of a BGP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4 unicast, AFI 1, SAFI 1.
    Ipv4Unicast,
    /// IPv6 unicast, AFI 2, SAFI 1.
    Ipv6Unicast,
    /// L2VPN EVPN, AFI 25, SAFI 70 (RFC 7432).
    Evpn,
}

/// A VRF whose routes travel the fabric as EVPN Type-5 routes (RFC 9136).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Vni {
    /// The VRF.
    pub vrf: VrfName,
    /// Its VNI.
    pub vni: Vni,
    /// The UDP port of the VXLAN, never 0.
    pub vxlan_port: u16,
    /// Over which IP version its tunnels go; `None` is IPv4 where the underlay has it, else IPv6.
    pub tunnels_over: Option<IpVersion>,
    /// The BGP session with the host; without one the VRF has no leg to the host.
    pub host_session: Option<HostSession>,
    /// Routes with any of these are taken in; none means that FRR derives `<asn>:<vni>`.
    pub import_rts: Vec<RouteTarget>,
    /// Routes go out with all of these; none means that FRR derives `<asn>:<vni>`.
    pub export_rts: Vec<RouteTarget>,
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A layer 2 segment over VXLAN, whose addresses travel the fabric as EVPN Type-2 routes
/// (RFC 7432).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L2Vni {
    /// Its VNI.
    pub vni: Vni,
    /// The UDP port of the VXLAN, never 0.
    pub vxlan_port: u16,
    /// Over which IP version its tunnels go; `None` is IPv4 where the underlay has it, else IPv6.
    pub tunnels_over: Option<IpVersion>,
    /// The name of the L3VNI, in the same namespace, whose VRF routes the segment.
    pub routing_domain: Option<String>,
    /// What the host's end is attached to; without one it stands free.
    pub host_master: Option<HostMaster>,
    /// Where every node is the segment's gateway.
    pub gateways: Gateways,
}

/// A bridge of the host that a segment's end is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostMaster {
    /// One of our own, made for the segment.
    Managed,
    /// One that somebody else makes.
    External(InterfaceName),
}

/// The addresses of a segment's gateway, the same on all nodes, each with the length of its
/// subnet; none without a routing domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gateways {
    /// The one of IPv4.
    pub ipv4: Option<Ipv4Net>,
    /// The one of IPv6.
    pub ipv6: Option<Ipv6Net>,
}

impl Gateways {
    /// All of them, host bits included.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        let ipv4 = self.ipv4.map(IpNet::V4);
        ipv4.into_iter().chain(self.ipv6.map(IpNet::V6))
    }
}

/// The host's own routes in the fabric, by a BGP session with the router's default instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Passthrough {
    /// The session; its own AS number means nothing, the underlay's counts.
    pub host_session: HostSession,
}

/// The BGP session between a VRF, or the router itself, and the host, over a veth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSession {
    /// Our AS number in this VRF.
    pub asn: Asn,
    /// The host's AS.
    pub remote_as: RemoteAs,
    /// Both ends of the veth are addressed from here, by node index.
    pub local_cidr: LocalCidr,
    /// Which prefixes may pass.
    pub allowed: AllowedPrefixes,
}

/// Where the ends of a veth take their addresses from; at least one. Host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalCidr {
    /// The IPv4 prefix.
    pub ipv4: Option<Ipv4Net>,
    /// The IPv6 prefix.
    pub ipv6: Option<Ipv6Net>,
}

impl LocalCidr {
    /// Addresses of IPv4 alone.
    #[must_use]
    pub const fn of_ipv4(cidr: Ipv4Net) -> Self {
        Self {
            ipv4: Some(cidr),
            ipv6: None,
        }
    }

    /// Both, as far as they are there.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        let ipv4 = self.ipv4.map(IpNet::V4);
        ipv4.into_iter().chain(self.ipv6.map(IpNet::V6))
    }
}

/// Which prefixes may pass a host session; `None` is all, an empty list is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPrefixes {
    /// From the host into the VRF.
    pub incoming: Option<Vec<PrefixRule>>,
    /// From the VRF to the host.
    pub outgoing: Option<Vec<PrefixRule>>,
}

/// A prefix, and how long those within it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrefixRule {
    /// The prefix. Host bits are zero.
    pub prefix: IpNet,
    /// The shortest that passes; not shorter than the prefix.
    pub min_length: u8,
    /// The longest that passes; not shorter than `min_length`.
    pub max_length: u8,
}

/// FRR configuration as people wrote it, for what no other object can say.
#[derive(Clone, PartialEq, Eq)]
pub struct RawFrrConfig {
    /// Lower ones come first.
    pub priority: u32,
    /// The lines, in their contexts.
    pub config: Config,
}

impl fmt::Debug for RawFrrConfig {
    /// The lines may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawFrrConfig")
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
