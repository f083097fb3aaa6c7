//! `L3VPN`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::l3vni::HOST_AS_DIFFERS;
use super::{HostSessionSpec, ObjectStatus};

/// A VRF whose routes are exchanged over the fabric as VPN routes, with SRv6 in place of VXLAN.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "L3VPN",
    root = "L3Vpn",
    plural = "l3vpns",
    shortname = "vpn",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "A VRF whose routes are exchanged over the fabric as VPN routes, with SRv6 in place of VXLAN. This version refuses every object of this kind: VRFs over SRv6 are not supported yet. Nothing is made of it on any node, as its condition Accepted says.",
    printcolumn = r#"{"name": "VRF", "type": "string", "jsonPath": ".spec.vrf"}"#,
    printcolumn = r#"{"name": "RD", "type": "integer", "jsonPath": ".spec.rdAssignedNumber"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.hostSession) || !has(self.hostSession.hostASN) || \
    self.hostSession.hostASN != self.hostSession.asn").message(HOST_AS_DIFFERS))]
pub struct L3VpnSpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// The name of the VRF, and of its link.
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[a-zA-Z][a-zA-Z0-9_-]*$")
    )]
    pub vrf: String,

    /// What tells the VRF's routes from those of other VRFs of the node: the second half of its
    /// route distinguisher, whose first half is the node's router ID.
    #[schemars(range(min = 1, max = 65535))]
    pub rd_assigned_number: i32,

    /// The BGP session with the host. Absent: the VRF has no leg to the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_session: Option<HostSessionSpec>,

    /// Route targets of the routes sent. Absent: `<asn>:<rdAssignedNumber>`, with the underlay's
    /// asn.
    #[serde(default, rename = "exportRTs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(max = 21), regex(pattern = r"^[0-9]+(\.[0-9]+\.[0-9]+\.[0-9]+)?:[0-9]+$")),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub export_rts: Vec<String>,

    /// Route targets of the routes taken in, at least one.
    #[serde(rename = "importRTs")]
    #[schemars(
        length(min = 1, max = 100),
        inner(length(max = 21), regex(pattern = r"^[0-9]+(\.[0-9]+\.[0-9]+\.[0-9]+)?:[0-9]+$")),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub import_rts: Vec<String>,
}
