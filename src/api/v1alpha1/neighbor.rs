//! A BGP neighbour, as manifests write it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PeerType, undescribed};
use crate::api::types::Secret;

/// Rule: how the neighbour's AS is given.
pub const ONE_REMOTE_AS: &str = "exactly one of asn and type must be set";
/// Rule: how the neighbour is found.
pub const ONE_LOCATOR: &str = "exactly one of address, interface and listenRange must be set";
/// Rule: `address`.
pub const IP_ADDRESS: &str = "must be an IP address";
/// Rule: `listenRange`.
pub const LISTEN_RANGE: &str = "must be an IP prefix, and not of IPv6 link-local addresses";
/// Rule: `interface`.
pub const INTERFACE: &str =
    "must be an interface name: no '/', ':' or white space, and neither '.' nor '..'";
/// Rule: where the password is.
pub const ONE_PASSWORD: &str = "only one of password and passwordSecret may be set";
/// Rule: both timers or none.
pub const BOTH_TIMERS: &str =
    "holdTimeSeconds and keepaliveTimeSeconds must be set together or not at all";
/// Rule: the hold time of RFC 4271 §4.2.
pub const HOLD_TIME: &str = "must be 0 or 3 to 65535 seconds";
/// Rule: the keepalive time.
pub const KEEPALIVE_TIME: &str = "keepaliveTimeSeconds must not exceed holdTimeSeconds";
/// Rule: EVPN and L3VPN are two ways of the same thing.
pub const EVPN_OR_VPN: &str = "evpn excludes ipv4vpn and ipv6vpn";
/// Rule: L3VPN runs over SRv6, hence over IPv6.
pub const VPN_NEEDS_IPV6: &str = "ipv4vpn and ipv6vpn need a neighbor with an IPv6 address";
/// Rule: reflection is an affair of one AS.
pub const CLIENT_IS_INTERNAL: &str = "routeReflectorClient needs a neighbor of type Internal";

/// A BGP neighbour of the router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.asn) != has(self.type)").message(ONE_REMOTE_AS))]
#[x_kube(validation = Rule::new("[has(self.address), has(self.interface), \
    has(self.listenRange)].filter(present, present).size() == 1").message(ONE_LOCATOR))]
#[x_kube(validation = Rule::new("!has(self.password) || !has(self.passwordSecret)")
    .message(ONE_PASSWORD))]
#[x_kube(validation = Rule::new("has(self.holdTimeSeconds) == has(self.keepaliveTimeSeconds)")
    .message(BOTH_TIMERS))]
#[x_kube(validation = Rule::new("!has(self.holdTimeSeconds) || \
    !has(self.keepaliveTimeSeconds) || self.keepaliveTimeSeconds <= self.holdTimeSeconds")
    .message(KEEPALIVE_TIME))]
#[x_kube(validation = Rule::new("!has(self.addressFamilies) || \
    !self.addressFamilies.exists(f, f.type in ['ipv4vpn', 'ipv6vpn']) || \
    (!has(self.interface) && !(has(self.address) && isIP(self.address) && \
    ip(self.address).family() == 4))").message(VPN_NEEDS_IPV6))]
#[x_kube(validation = Rule::new("!has(self.addressFamilies) || \
    !self.addressFamilies.exists(f, has(f.properties) && \
    f.properties.exists(p, p.type == 'routeReflectorClient')) || \
    (has(self.type) && self.type == 'Internal')").message(CLIENT_IS_INTERNAL))]
pub struct NeighborSpec {
    /// The neighbour's AS number. Exactly one of asn and type is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub asn: Option<i64>,

    /// Whether the neighbour is in the router's AS (Internal) or in any other (External).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub peer_type: Option<PeerType>,

    /// The neighbour's address. Exactly one of address, interface and listenRange is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 39))]
    #[x_kube(validation = Rule::new("isIP(self)").message(IP_ADDRESS))]
    pub address: Option<String>,

    /// The interface behind which the neighbour is found (BGP unnumbered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    #[x_kube(validation = Rule::new("self.matches('^[^/:\\\\s]+$') && self != '.' && self != '..'")
        .message(INTERFACE))]
    pub interface: Option<String>,

    /// Sessions are taken from any address of this prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 43))]
    #[x_kube(validation = Rule::new("isCIDR(self) && \
        !(cidr(self).ip().family() == 6 && cidr('fe80::/10').containsCIDR(self))")
        .message(LISTEN_RANGE))]
    pub listen_range: Option<String>,

    /// The neighbour's TCP port. Absent or 0: 179.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16384))]
    pub port: Option<i32>,

    /// The TCP-MD5 password of the session (RFC 2385). It is never written back.
    #[serde(default, skip_serializing)]
    #[schemars(
        with = "Option<String>",
        length(min = 1, max = 128),
        regex(pattern = r"^\S+$")
    )]
    pub password: Option<Secret>,

    /// The name of a Secret of type kubernetes.io/basic-auth in this object's namespace, whose key
    /// `password` holds what stands in `password` otherwise. Secrets of the Kubernetes API are
    /// read in the namespace of the agents alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub password_secret: Option<String>,

    /// Seconds of silence after which the session is over; 0 is never. Set together with
    /// keepaliveTimeSeconds. Absent: 180.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || (self >= 3 && self <= 65535)")
        .message(HOLD_TIME))]
    pub hold_time_seconds: Option<i64>,

    /// Seconds between keepalive messages. Set together with holdTimeSeconds. Absent: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub keepalive_time_seconds: Option<i64>,

    /// Seconds between attempts to connect. Absent: 120.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub connect_time_seconds: Option<i64>,

    /// What else is to be known of the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub properties: Vec<NeighborProperty>,

    /// Bidirectional forwarding detection. Present but empty: with FRR's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd: Option<BfdSpec>,

    /// The address families of the session. Absent: those that the node's objects need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 4),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    #[x_kube(validation = Rule::new("!self.exists(f, f.type == 'evpn') || \
        !self.exists(f, f.type in ['ipv4vpn', 'ipv6vpn'])").message(EVPN_OR_VPN))]
    pub address_families: Vec<AddressFamilySpec>,
}

/// A property of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NeighborProperty {
    /// Which property.
    #[serde(rename = "type")]
    pub property: NeighborPropertyType,

    /// Details of ebgpMultiHop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebgp_multi_hop: Option<EbgpMultiHopSpec>,
}

/// The properties that a session may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NeighborPropertyType {
    /// The neighbour may be more than one hop away.
    EbgpMultiHop,
}

/// Details of eBGP over more than one hop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EbgpMultiHopSpec {
    /// The most hops. Absent: 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub ttl: Option<i32>,
}

/// Bidirectional forwarding detection of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BfdSpec {
    /// The least interval between packets taken in, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 60000))]
    pub receive_interval: Option<i32>,

    /// The least interval between packets sent, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 60000))]
    pub transmit_interval: Option<i32>,

    /// After how many lost packets the neighbour is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 255))]
    pub detect_multiplier: Option<i32>,

    /// Whether this side begins. Absent: Active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_mode: Option<BfdSessionMode>,

    /// The least TTL of a packet taken in, for sessions over several hops.
    #[serde(
        default,
        rename = "minimumTTL",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 254))]
    pub minimum_ttl: Option<i32>,
}

/// Which side begins a BFD session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum BfdSessionMode {
    /// This side sends at once.
    Active,
    /// This side waits for the other.
    Passive,
}

/// An address family of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AddressFamilySpec {
    /// Which family.
    #[serde(rename = "type")]
    pub family: AddressFamilyType,

    /// What else is to be known of the family in this session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub properties: Vec<AddressFamilyProperty>,
}

/// The address families that a session may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamilyType {
    /// IPv4 unicast.
    Ipv4Unicast,
    /// IPv6 unicast.
    Ipv6Unicast,
    /// L2VPN EVPN.
    Evpn,
    /// VPN-IPv4.
    Ipv4Vpn,
    /// VPN-IPv6.
    Ipv6Vpn,
}

impl AddressFamilyType {
    /// The family as manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4Unicast => "ipv4unicast",
            Self::Ipv6Unicast => "ipv6unicast",
            Self::Evpn => "evpn",
            Self::Ipv4Vpn => "ipv4vpn",
            Self::Ipv6Vpn => "ipv6vpn",
        }
    }
}

/// A property of an address family in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressFamilyProperty {
    /// Which property.
    #[serde(rename = "type")]
    pub property: AddressFamilyPropertyType,
}

/// The properties that an address family may have in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AddressFamilyPropertyType {
    /// The neighbour is a client of this router, which reflects routes (RFC 4456).
    RouteReflectorClient,
}
