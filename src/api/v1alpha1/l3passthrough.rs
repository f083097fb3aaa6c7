//! `L3Passthrough`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{HostSessionSpec, ObjectStatus};

/// The host's own routes in the fabric, without a VRF and without a tunnel.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "L3Passthrough",
    plural = "l3passthroughs",
    shortname = "l3p",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "The host's own routes in the fabric, without a VRF and without a tunnel.",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct L3PassthroughSpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// The BGP session with the host. Its asn means nothing: the underlay's counts.
    pub host_session: HostSessionSpec,
}
