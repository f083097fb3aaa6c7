//! The BGP session with the host, as manifests write it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PeerType;

/// Rule: how the host's AS is given.
pub const ONE_REMOTE_AS: &str = "exactly one of hostASN and hostType must be set";
/// Rule: a session needs addresses.
pub const SOME_CIDR: &str = "at least one of ipv4 and ipv6 must be set";
/// Transition rule: addresses do not change under a running session.
pub const LOCAL_CIDR_IMMUTABLE: &str = "localCIDR is immutable";
/// Rule: `localCIDR.ipv4`.
pub const IPV4_CIDR: &str = "must be an IPv4 prefix, such as 192.168.10.0/24";
/// Rule: `localCIDR.ipv6`.
pub const IPV6_CIDR: &str = "must be an IPv6 prefix, such as 2001:db8::/64";
/// Rule: `allowedPrefixes.in[].prefix`.
pub const ALLOWED_PREFIX: &str = "must be an IP prefix, such as 172.16.0.0/12";
/// Rule: the lengths of an allowed prefix.
pub const ALLOWED_LENGTHS: &str = "minLength and maxLength must lie between the length of the \
    prefix and that of an address, and minLength must not exceed maxLength";

/// A BGP session between the router and the host, over a veth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.hostASN) != has(self.hostType)").message(ONE_REMOTE_AS))]
pub struct HostSessionSpec {
    /// The router's AS number in this session.
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub asn: i64,

    /// The host's AS number. Exactly one of hostASN and hostType is set.
    #[serde(default, rename = "hostASN", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub host_asn: Option<i64>,

    /// Whether the host is in the router's AS (Internal) or in any other (External).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_type: Option<PeerType>,

    /// Where both ends of the veth take their addresses from, by node index.
    #[serde(rename = "localCIDR")]
    #[x_kube(validation = Rule::new("self == oldSelf").message(LOCAL_CIDR_IMMUTABLE))]
    pub local_cidr: LocalCidrSpec,

    /// Which prefixes may pass the session. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_prefixes: Option<AllowedPrefixesSpec>,
}

/// Which prefixes may pass a host session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedPrefixesSpec {
    /// What the host may announce. Absent: everything; empty: nothing.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub incoming: Option<Vec<AllowedPrefixSpec>>,

    /// What is announced to the host. Absent: everything; empty: nothing.
    #[serde(default, rename = "out", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub outgoing: Option<Vec<AllowedPrefixSpec>>,
}

/// A prefix that may pass, and how long those within it may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!isCIDR(self.prefix) || \
    ((!has(self.minLength) || self.minLength >= cidr(self.prefix).prefixLength()) && \
    (!has(self.maxLength) || self.maxLength >= cidr(self.prefix).prefixLength()) && \
    (!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength) && \
    (cidr(self.prefix).ip().family() == 6 || ((!has(self.minLength) || self.minLength <= 32) && \
    (!has(self.maxLength) || self.maxLength <= 32))))").message(ALLOWED_LENGTHS))]
pub struct AllowedPrefixSpec {
    /// The prefix.
    #[schemars(length(min = 1, max = 43))]
    #[x_kube(validation = Rule::new("isCIDR(self)").message(ALLOWED_PREFIX))]
    pub prefix: String,

    /// The shortest prefix within it that may pass. Absent: its own length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 128))]
    pub min_length: Option<i32>,

    /// The longest prefix within it that may pass. Absent: minLength, or its own length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 128))]
    pub max_length: Option<i32>,
}

/// The prefixes of a host session, one per IP version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.ipv4) || has(self.ipv6)").message(SOME_CIDR))]
pub struct LocalCidrSpec {
    /// The IPv4 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4")
        .message(IPV4_CIDR))]
    pub ipv4: Option<String>,

    /// The IPv6 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 43))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 6")
        .message(IPV6_CIDR))]
    pub ipv6: Option<String>,
}
