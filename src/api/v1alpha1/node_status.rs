//! `RouterNodeConfigurationStatus`: what an agent writes of its node.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one node made of the objects that concern it. Its agent writes it; its name is the node's.
#[derive(Clone, Debug, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "network.openperouter.io",
    version = "v1alpha1",
    kind = "RouterNodeConfigurationStatus",
    root = "RouterNodeConfigurationStatus",
    plural = "routernodeconfigurationstatuses",
    shortname = "rns",
    category = "perouter",
    namespaced,
    status = "NodeStatus",
    derive = "PartialEq",
    doc = "What one node made of the objects that concern it. Its agent writes it; its name is the node's.",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Degraded", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Degraded\")].status"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "priority": 1, "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
pub struct RouterNodeConfigurationStatusSpec {}

/// What is true of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Ready and Degraded, which are opposites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,

    /// The BGP sessions that were asked for: those that are established, and all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<UpOfAll>,

    /// The VNIs that were asked for, of both layers: those that are up, and all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnis: Option<UpOfAll>,

    /// The objects that are not as they should be, with the first reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "atomic"))]
    pub failed_resources: Vec<FailedResource>,

    /// All objects that concern the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096), extend("x-kubernetes-list-type" = "atomic"))]
    pub objects: Vec<ObjectOnNode>,
}

/// How many are up, and how many there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpOfAll {
    /// Those that are up.
    #[schemars(with = "i32", range(min = 0, max = 1_000_000))]
    pub up: u32,
    /// All that were asked for.
    #[schemars(with = "i32", range(min = 0, max = 1_000_000))]
    pub all: u32,
}

/// An object that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedResource {
    /// Its kind.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its namespace.
    #[schemars(length(max = 63))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Which part of it failed.
    pub reason: FailureReason,
    /// Why, in the words of FRR or the kernel where there are some.
    #[schemars(length(min = 1, max = 500))]
    pub message: String,
}

/// Which part of an object failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureReason {
    /// It was refused as it is written.
    ValidationFailed,
    /// What it needs is not there.
    DependencyFailed,
    /// FRR or the kernel does not hold it.
    OverlayAttachmentFailed,
    /// A session or a hop of a route is not as it should be.
    VerificationFailed,
}

/// What is true of one object on the node: conditions that are true are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectOnNode {
    /// Its kind.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The generation that was looked at; none for an object of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// The conditions that are not true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub not_true: Vec<NotTrue>,
}

/// A condition that is not true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotTrue {
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// `False` or `Unknown`.
    #[schemars(length(min = 1, max = 7))]
    pub status: String,
    /// Why, in one word.
    #[schemars(length(min = 1, max = 63))]
    pub reason: String,
    /// Why, for people.
    #[schemars(length(max = 500))]
    pub message: String,
}
