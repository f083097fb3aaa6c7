//! `RawFRRConfig`, as manifests write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::ObjectStatus;

/// Lines of FRR configuration as they are, for what no other object can say. For experiments: an
/// object of this kind counts in the namespace of the router itself only.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "RawFRRConfig",
    root = "RawFrrConfig",
    plural = "rawfrrconfigs",
    shortname = "rfc",
    category = "perouter",
    namespaced,
    status = "ObjectStatus",
    derive = "PartialEq",
    doc = "Lines of FRR configuration as they are, for what no other object can say. For experiments: an object of this kind counts in the namespace of the router itself only.",
    printcolumn = r#"{"name": "Priority", "type": "integer", "jsonPath": ".spec.priority"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct RawFrrConfigSpec {
    /// The nodes that this object concerns. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,

    /// Of several objects, those with lower numbers come first.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub priority: i32,

    /// The lines, in their contexts, as in a configuration file of FRR. What belongs to a
    /// context is indented.
    #[schemars(length(min = 1))]
    pub raw_config: String,
}
