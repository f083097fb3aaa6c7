//! `L3VNI`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{HostSessionSpec, IpVersion, ObjectStatus};

/// Rule: the session with the host is eBGP when both numbers are given.
pub const HOST_AS_DIFFERS: &str = "hostASN must differ from asn";

/// A VRF whose routes are exchanged over the fabric as EVPN Type-5 routes.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "L3VNI",
    root = "L3Vni",
    plural = "l3vnis",
    shortname = "l3v",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "A VRF whose routes are exchanged over the fabric as EVPN Type-5 routes.",
    printcolumn = r#"{"name": "VRF", "type": "string", "jsonPath": ".spec.vrf"}"#,
    printcolumn = r#"{"name": "VNI", "type": "integer", "jsonPath": ".spec.vni"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.hostSession) || !has(self.hostSession.hostASN) || \
    self.hostSession.hostASN != self.hostSession.asn").message(HOST_AS_DIFFERS))]
pub struct L3VniSpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// The name of the VRF, and of its link.
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[a-zA-Z][a-zA-Z0-9_-]*$")
    )]
    pub vrf: String,

    /// The VXLAN network identifier of the VRF.
    #[schemars(range(min = 1, max = 16_777_215))]
    pub vni: i32,

    /// The UDP port of the VXLAN.
    #[serde(default = "default_vxlan_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub vxlan_port: i32,

    /// The IP version of the tunnel. Absent: IPv4 if the underlay has it, else IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlay_address_family: Option<IpVersion>,

    /// The BGP session with the host. Absent: the VRF has no leg to the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_session: Option<HostSessionSpec>,

    /// Route targets of the routes sent. Absent: `<asn>:<vni>`.
    #[serde(default, rename = "exportRTs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(max = 21), regex(pattern = r"^[0-9]+(\.[0-9]+\.[0-9]+\.[0-9]+)?:[0-9]+$")),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub export_rts: Vec<String>,

    /// Route targets of the routes taken in. Absent: `<asn>:<vni>`. When they change, FRR installs
    /// the VRF's routes from the fabric anew, which may cost it packets for a tenth of a second.
    #[serde(default, rename = "importRTs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(max = 21), regex(pattern = r"^[0-9]+(\.[0-9]+\.[0-9]+\.[0-9]+)?:[0-9]+$")),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub import_rts: Vec<String>,
}

/// The port that IANA assigned to VXLAN (RFC 7348).
pub(super) const fn default_vxlan_port() -> i32 {
    4789
}
