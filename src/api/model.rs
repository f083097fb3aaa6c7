//! The domain objects: valid by construction, and all that the rest of the program reads.
//!
//! They hold only what the program acts on. What a manifest may say beyond that was refused
//! on the way here, by name.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use ipnet::Ipv4Net;

use super::route_target::RouteTarget;
use super::types::{Asn, InterfaceName, ObjectKey, Secret, Vni, VrfName};

/// One valid object of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// The fabric of this node.
    Underlay(Object<Underlay>),
    /// One VRF over VXLAN.
    L3Vni(Object<L3Vni>),
}

impl Manifest {
    /// Names the object.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        match self {
            Self::Underlay(object) => &object.key,
            Self::L3Vni(object) => &object.key,
        }
    }

    /// The generation that the API server gave to it; a file has none.
    #[must_use]
    pub const fn generation(&self) -> Option<i64> {
        match self {
            Self::Underlay(object) => object.generation,
            Self::L3Vni(object) => object.generation,
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
    /// Whom to speak BGP with; at least one, no address twice.
    pub neighbors: Vec<Neighbor>,
    /// The NICs that move into the router's namespace; at least one, none twice.
    pub interfaces: Vec<InterfaceName>,
    /// VXLAN tunnel endpoints are taken from here, by node index. Host bits are zero.
    pub tunnel_endpoint: Option<Ipv4Net>,
    /// Whether, and how long, forwarding goes on while BGP restarts (RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
}

/// BGP graceful restart (RFC 4724). Both times are 1 to 4095 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracefulRestart {
    /// How long neighbours wait for this router to come back, in seconds.
    pub restart_time: u16,
    /// How long this router keeps a restarting neighbour's routes, in seconds.
    pub stale_path_time: u16,
}

/// A BGP neighbour of the fabric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Where it is.
    pub address: Ipv4Addr,
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
    /// Which address families the session carries.
    pub families: Families,
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
    /// The BGP session with the host; without one the VRF has no leg to the host.
    pub host_session: Option<HostSession>,
    /// Routes with any of these are taken in; none means that FRR derives `<asn>:<vni>`.
    pub import_rts: Vec<RouteTarget>,
    /// Routes go out with all of these; none means that FRR derives `<asn>:<vni>`.
    pub export_rts: Vec<RouteTarget>,
}

/// The BGP session between a VRF and the host, over a veth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostSession {
    /// Our AS number in this VRF.
    pub asn: Asn,
    /// The host's AS.
    pub remote_as: RemoteAs,
    /// Both ends of the veth are addressed from here, by node index. Host bits are zero.
    pub local_cidr: Ipv4Net,
}
