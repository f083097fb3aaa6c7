//! `Underlay`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::neighbor::NeighborSpec;
use super::{ObjectStatus, undescribed};

/// Rule: all interfaces are of one type.
pub const ONE_INTERFACE_TYPE: &str = "interfaces must all be of one type";
/// Rule: `routerIDCIDR`.
pub const ROUTER_ID_CIDR: &str = "must be an IPv4 prefix, such as 10.0.0.0/24";
/// Rule: the part that belongs to the type.
pub const INTERFACE_PART: &str =
    "type NetworkDevice needs networkDevice alone, and type CNIDevice needs cniDevice alone";
/// Rule: `tunnelEndpoint.cidrs`.
pub const ENDPOINT_CIDRS: &str = "must be an IP prefix, such as 100.65.0.0/24";
/// Rule: at most one IPv4 prefix.
pub const ONE_IPV4_ENDPOINT: &str = "at most one IPv4 prefix is allowed";
/// Rule: at most one IPv6 prefix.
pub const ONE_IPV6_ENDPOINT: &str = "at most one IPv6 prefix is allowed";
/// Rule: locators travel by IS-IS.
pub const SRV6_NEEDS_ISIS: &str = "srv6 needs isis";
/// Rule: SRv6 encapsulates from an IPv6 address.
pub const SRV6_NEEDS_IPV6: &str = "srv6 needs an IPv6 prefix in tunnelEndpoint.cidrs";
/// Rule: a cluster is not a router.
pub const CLUSTER_ID_OUTSIDE: &str = "routeReflector.clusterID must be outside routerIDCIDR";
/// Rule: `routeReflector.clusterID`.
pub const CLUSTER_ID: &str = "must be an IPv4 address";
/// Rule: `srv6.locator.basePrefix`.
pub const BASE_PREFIX: &str = "must be an IPv6 prefix";
/// Rule: `isis.interfaces[].name`.
pub const ISIS_INTERFACE: &str =
    "must be an interface name: no '/', ':' or white space, and neither '.' nor '..'";

/// The fabric: how nodes reach the other routers.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "Underlay",
    shortname = "ul",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "The fabric: how nodes reach the other routers.",
    printcolumn = r#"{"name": "ASN", "type": "integer", "jsonPath": ".spec.asn"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.srv6) || has(self.isis)").message(SRV6_NEEDS_ISIS))]
#[x_kube(validation = Rule::new("!has(self.srv6) || (has(self.tunnelEndpoint) && \
    self.tunnelEndpoint.cidrs.exists(c, isCIDR(c) && cidr(c).ip().family() == 6))")
    .message(SRV6_NEEDS_IPV6))]
#[x_kube(validation = Rule::new("!has(self.routeReflector) || \
    !isIP(self.routeReflector.clusterID) || !isCIDR(self.routerIDCIDR) || \
    !cidr(self.routerIDCIDR).containsIP(self.routeReflector.clusterID)")
    .message(CLUSTER_ID_OUTSIDE))]
pub struct UnderlaySpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// The AS number of the routers.
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub asn: i64,

    /// Where router identifiers are taken from, by node index.
    #[serde(default = "default_router_id_cidr", rename = "routerIDCIDR")]
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4")
        .message(ROUTER_ID_CIDR))]
    pub router_id_cidr: String,

    /// The BGP neighbours of the routers.
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub neighbors: Vec<NeighborSpec>,

    /// The interfaces that lead into the fabric.
    #[schemars(length(min = 1, max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = Rule::new("self.all(i, i.type == self[0].type)")
        .message(ONE_INTERFACE_TYPE))]
    pub interfaces: Vec<UnderlayInterface>,

    /// Where tunnels end. Absent: the routers have no tunnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_endpoint: Option<TunnelEndpointSpec>,

    /// Forwarding goes on while BGP restarts (RFC 4724). Absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_restart: Option<GracefulRestartSpec>,

    /// IS-IS in the fabric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isis: Option<IsisSpec>,

    /// Segment routing over IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srv6: Option<Srv6Spec>,

    /// The routers reflect routes (RFC 4456).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_reflector: Option<RouteReflectorSpec>,
}

fn default_router_id_cidr() -> String {
    "10.0.0.0/24".to_owned()
}

/// An interface that leads into the fabric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.type == 'NetworkDevice') == has(self.networkDevice) && \
    (self.type == 'CNIDevice') == has(self.cniDevice)").message(INTERFACE_PART))]
pub struct UnderlayInterface {
    /// Which of the parts below is set.
    #[serde(rename = "type")]
    pub interface_type: InterfaceType,

    /// A NIC of the host, which moves into the router's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_device: Option<NetworkDeviceSpec>,

    /// An interface that a CNI plugin makes in the router's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cni_device: Option<CniDeviceSpec>,
}

/// How an interface comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterfaceType {
    /// It is a NIC of the host.
    NetworkDevice,
    /// A CNI plugin makes it.
    #[serde(rename = "CNIDevice")]
    CniDevice,
}

/// A NIC of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkDeviceSpec {
    /// Its name.
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[a-zA-Z][a-zA-Z0-9._-]*$")
    )]
    pub interface_name: String,
}

/// An interface that a CNI plugin makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CniDeviceSpec {
    /// How the plugin's configuration is given.
    #[serde(rename = "type")]
    pub config_type: CniConfigType,

    /// A CNI configuration or configuration list, version 1.0.0 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AnyObject>")]
    pub raw_config: Option<Map<String, Value>>,

    /// The name of the interface.
    #[serde(default = "default_cni_interface_name")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[a-zA-Z][a-zA-Z0-9._-]*$")
    )]
    pub interface_name: String,

    /// The plugin's capability arguments, such as `ips` and `mac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AnyObject>")]
    pub runtime_config: Option<Map<String, Value>>,
}

fn default_cni_interface_name() -> String {
    "net1".to_owned()
}

/// How a CNI configuration is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CniConfigType {
    /// As it is.
    RawConfig,
}

/// The schema of an object with any fields.
struct AnyObject;

impl JsonSchema for AnyObject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyObject".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

/// Where tunnels end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct TunnelEndpointSpec {
    /// Where the routers' tunnel endpoints are taken from, by node index; one prefix for each
    /// IP version.
    #[schemars(
        length(min = 1, max = 2),
        inner(length(min = 1, max = 43)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))").message(ENDPOINT_CIDRS))]
    #[x_kube(validation = Rule::new("self.filter(c, isCIDR(c) && \
        cidr(c).ip().family() == 4).size() <= 1").message(ONE_IPV4_ENDPOINT))]
    #[x_kube(validation = Rule::new("self.filter(c, isCIDR(c) && \
        cidr(c).ip().family() == 6).size() <= 1").message(ONE_IPV6_ENDPOINT))]
    pub cidrs: Vec<String>,
}

/// BGP graceful restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GracefulRestartSpec {
    /// How long neighbours wait for a router to come back, in seconds.
    #[serde(default = "default_restart_time")]
    #[schemars(range(min = 1, max = 4095))]
    pub restart_time_seconds: i64,

    /// How long a router keeps a restarting neighbour's routes, in seconds.
    #[serde(default = "default_stale_path_time")]
    #[schemars(range(min = 1, max = 4095))]
    pub stale_path_time_seconds: i64,
}

const fn default_restart_time() -> i64 {
    120
}

const fn default_stale_path_time() -> i64 {
    360
}

/// IS-IS in the fabric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsisSpec {
    /// The network entity title of node 0; each node adds its index to the system identifier.
    #[schemars(
        length(min = 25, max = 25),
        regex(pattern = r"^[0-9a-f]{2}\.([0-9a-f]{4}\.){4}[0-9a-f]{2}$")
    )]
    pub base_net: String,

    /// What the instance does beyond its defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub features: Vec<IsisFeature>,

    /// The interfaces that differ from the defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub interfaces: Vec<IsisInterface>,

    /// The level. Absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 2]))]
    pub level: Option<i32>,
}

/// What an IS-IS instance may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IsisFeature {
    /// Only passive interfaces' prefixes are announced.
    AdvertisePassiveOnly,
}

/// An interface in IS-IS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsisInterface {
    /// Its name.
    #[schemars(length(min = 1, max = 15))]
    #[x_kube(validation = Rule::new("self.matches('^[^/:\\\\s]+$') && self != '.' && self != '..'")
        .message(ISIS_INTERFACE))]
    pub name: String,

    /// The IP versions that IS-IS carries on it.
    #[serde(default, rename = "ipFamily", skip_serializing_if = "Option::is_none")]
    pub ip_family: Option<IsisIpFamily>,

    /// What the interface does beyond its defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub features: Vec<IsisInterfaceFeature>,
}

/// The IP versions that IS-IS carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum IsisIpFamily {
    /// IPv4 alone.
    IPv4,
    /// IPv6 alone.
    IPv6,
    /// Both.
    DualStack,
}

/// What an interface may do in IS-IS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IsisInterfaceFeature {
    /// It is announced but no neighbours are sought on it.
    Passive,
}

/// Segment routing over IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Srv6Spec {
    /// How packets are encapsulated. Absent: H.Encaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encap_behavior: Option<EncapBehavior>,

    /// Where the routers' locators are taken from.
    pub locator: LocatorSpec,
}

/// How SRv6 encapsulates (RFC 8986 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum EncapBehavior {
    /// With a segment routing header, always.
    #[serde(rename = "H.Encaps")]
    Encaps,
    /// The first segment is in the destination address alone.
    #[serde(rename = "H.Encaps.Red")]
    EncapsReduced,
}

/// Where SRv6 locators are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocatorSpec {
    /// The prefix of node 0's locator.
    #[schemars(length(min = 1, max = 43))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 6")
        .message(BASE_PREFIX))]
    pub base_prefix: String,

    /// How segment identifiers are laid out.
    pub format: LocatorFormat,
}

/// How SRv6 segment identifiers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LocatorFormat {
    /// Micro segments: a block of 32 bits, nodes and functions of 16.
    #[serde(rename = "usid-f3216")]
    UsidF3216,
}

/// Route reflection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct RouteReflectorSpec {
    /// The cluster of the reflectors.
    #[serde(default = "default_cluster_id", rename = "clusterID")]
    #[schemars(length(min = 7, max = 15))]
    #[x_kube(validation = Rule::new("isIP(self) && ip(self).family() == 4").message(CLUSTER_ID))]
    pub cluster_id: String,
}

fn default_cluster_id() -> String {
    "192.0.2.1".to_owned()
}
