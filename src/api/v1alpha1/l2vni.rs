//! `L2VNI`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpVersion, ObjectStatus, undescribed};

/// Rule: the part that belongs to the routing domain's type.
pub const DOMAIN_PART: &str = "type L3VNI needs l3vni alone, and type L3VPN needs l3vpn alone";
/// Rule: the part that belongs to the host master's type.
pub const MASTER_PART: &str =
    "type LinuxBridge needs linuxBridge alone, and type OVSBridge needs ovsBridge alone";
/// Rule: who names the bridge.
pub const BRIDGE_NAME: &str =
    "lifecycle External needs the name of a bridge, and lifecycle Managed has none";
/// Rule: `gatewayIPs`.
pub const GATEWAY_IPS: &str =
    "must be IP addresses with the length of their subnet, such as 192.168.10.1/24";
/// Rule: at most one IPv4 address.
pub const ONE_IPV4_GATEWAY: &str = "at most one IPv4 address is allowed";
/// Rule: at most one IPv6 address.
pub const ONE_IPV6_GATEWAY: &str = "at most one IPv6 address is allowed";
/// Transition rule: hosts have their gateway in their configuration.
pub const GATEWAY_IPS_IMMUTABLE: &str = "gatewayIPs is immutable";
/// Rule: a gateway leads somewhere.
pub const GATEWAY_NEEDS_DOMAIN: &str = "gatewayIPs needs routingDomain";

/// A layer 2 segment that is stretched over the fabric.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "L2VNI",
    root = "L2Vni",
    plural = "l2vnis",
    shortname = "l2v",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "A layer 2 segment that is stretched over the fabric.",
    printcolumn = r#"{"name": "VNI", "type": "integer", "jsonPath": ".spec.vni"}"#,
    printcolumn = r#"{"name": "Routing domain", "type": "string", "jsonPath": ".spec.routingDomain.l3vni.name"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.gatewayIPs) || self.gatewayIPs.size() == 0 || \
    has(self.routingDomain)").message(GATEWAY_NEEDS_DOMAIN))]
#[x_kube(validation = Rule::new("(has(self.gatewayIPs) ? self.gatewayIPs : []) == \
    (has(oldSelf.gatewayIPs) ? oldSelf.gatewayIPs : [])").message(GATEWAY_IPS_IMMUTABLE))]
pub struct L2VniSpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// The VRF that the segment is routed in. Absent: it is not routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_domain: Option<RoutingDomainSpec>,

    /// The VXLAN network identifier of the segment.
    #[schemars(range(min = 1, max = 16_777_215))]
    pub vni: i32,

    /// The UDP port of the VXLAN.
    #[serde(default = "super::l3vni::default_vxlan_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub vxlan_port: i32,

    /// The IP version of the tunnel. Absent: IPv4 if the underlay has it, else IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlay_address_family: Option<IpVersion>,

    /// What the host's end of the segment is attached to. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_master: Option<HostMasterSpec>,

    /// The addresses at which every node is the segment's gateway, one for each IP version.
    #[serde(default, rename = "gatewayIPs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 2),
        inner(length(min = 1, max = 43)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))").message(GATEWAY_IPS))]
    #[x_kube(validation = Rule::new("self.filter(c, isCIDR(c) && \
        cidr(c).ip().family() == 4).size() <= 1").message(ONE_IPV4_GATEWAY))]
    #[x_kube(validation = Rule::new("self.filter(c, isCIDR(c) && \
        cidr(c).ip().family() == 6).size() <= 1").message(ONE_IPV6_GATEWAY))]
    pub gateway_ips: Vec<String>,
}

/// What kind of object makes a VRF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum RoutingDomainType {
    /// An L3VNI.
    #[serde(rename = "L3VNI")]
    L3Vni,
    /// An L3VPN.
    #[serde(rename = "L3VPN")]
    L3Vpn,
}

/// The object whose VRF a segment is routed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'L3VNI' ? has(self.l3vni) && !has(self.l3vpn) : \
    has(self.l3vpn) && !has(self.l3vni)").message(DOMAIN_PART))]
pub struct RoutingDomainSpec {
    /// Its kind.
    #[serde(rename = "type")]
    pub domain_type: RoutingDomainType,

    /// The L3VNI, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l3vni: Option<ObjectRef>,

    /// The L3VPN, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l3vpn: Option<ObjectRef>,
}

/// An object of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What kind of bridge the host's end of a segment is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum HostMasterType {
    /// A bridge of the kernel.
    LinuxBridge,
    /// A bridge of Open vSwitch.
    #[serde(rename = "OVSBridge")]
    OvsBridge,
}

/// What the host's end of a segment is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'LinuxBridge' ? has(self.linuxBridge) && \
    !has(self.ovsBridge) : has(self.ovsBridge) && !has(self.linuxBridge)").message(MASTER_PART))]
pub struct HostMasterSpec {
    /// Its kind.
    #[serde(rename = "type")]
    pub master_type: HostMasterType,

    /// The bridge of the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linux_bridge: Option<BridgeSpec>,

    /// The bridge of Open vSwitch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ovs_bridge: Option<BridgeSpec>,
}

/// Who makes a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Lifecycle {
    /// The router, and it takes it away again.
    Managed,
    /// Somebody else.
    External,
}

/// A bridge in the host's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(self.lifecycle == 'External') == has(self.name)")
    .message(BRIDGE_NAME))]
pub struct BridgeSpec {
    /// Who makes it.
    pub lifecycle: Lifecycle,

    /// Its name, for a bridge that somebody else makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[a-zA-Z][a-zA-Z0-9._-]*$")
    )]
    pub name: Option<String>,
}
