//! All nodes and objects of a cluster, by what their agents and the controller wrote into the
//! Kubernetes API: what `kubectl perouter status -o json` prints.
//!
//! What always holds: what nobody has said is not true; and what was said of an earlier generation
//! of an object says nothing of this one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition as ApiCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::condition::{ConditionStatus, ConditionType};
use super::report::Verdict;
use crate::api::v1alpha1::NodeStatus;
use crate::api::v1alpha1::node_status::UpOfAll;
use crate::api::{Kind, ObjectKey};
use routers::Router;

pub mod routers;

#[cfg(test)]
pub(crate) mod tests;

/// The kind of a node's status.
const OF_NODE: &str = "RouterNodeConfigurationStatus";

/// What there is to say of a node that says nothing.
const NOTHING_TOLD: &str = "its agent has not told anything yet";

/// What is true of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// Whether all is well.
    pub verdict: Verdict,
    /// The first that is not, when it is not; empty when it is.
    pub cause: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// The nodes that have a status or a router's pod, by name.
    pub nodes: Vec<NodeRow>,
    /// The objects, in the order of their kinds.
    pub objects: Vec<ObjectRow>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// Whether it is ready.
    pub ready: ConditionStatus,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its BGP sessions; none when its agent does not count them.
    pub sessions: Option<UpOfAll>,
    /// Its VNIs; none when its agent does not count them.
    pub vnis: Option<UpOfAll>,
    /// The first thing that is not as it should be; empty when it is ready.
    pub finding: String,
}

/// One object, over all nodes that it concerns.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// The object.
    pub object: ObjectKey,
    /// Its conditions; one that nobody wrote of this generation is missing.
    pub conditions: BTreeMap<ConditionType, OfAll>,
}

/// A condition over all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfAll {
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// When its status changed last.
    pub since: Timestamp,
}

/// An answer that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what kubectl printed is no list of objects")]
pub struct UnknownList(#[from] serde_json::Error);

/// A list as the API server makes it.
#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    kind: String,
    metadata: ObjectMeta,
    #[serde(default)]
    status: serde_json::Value,
}

/// The part of an object's status that is read.
#[derive(Default, Deserialize)]
struct Folded {
    #[serde(default)]
    conditions: Vec<ApiCondition>,
}

impl ClusterReport {
    /// Reads a list of statuses of nodes and of our objects, as `kubectl get -o json` prints it,
    /// beside the routers that have a pod.
    ///
    /// # Errors
    /// When it is no such list.
    pub fn read(list: &str, routers: &[Router], now: Timestamp) -> Result<Self, UnknownList> {
        let list: List = serde_json::from_str(list)?;
        let (mut nodes, mut objects) = (Vec::new(), Vec::new());
        for item in list.items {
            if item.kind == OF_NODE {
                nodes.push(node(item)?);
            } else if let Some(object) = object(item)? {
                objects.push(object);
            }
        }
        let has_row = |router: &&Router| nodes.iter().any(|row: &NodeRow| row.node == router.node);
        let silent = routers.iter().filter(|router| !has_row(router));
        let silent: Vec<NodeRow> = silent.map(NodeRow::without_status).collect();
        nodes.extend(silent);
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        objects.sort_by(|a, b| a.object.cmp(&b.object));
        let cause = cause(&nodes, &objects);
        Ok(Self {
            verdict: if cause.is_empty() {
                Verdict::Ready
            } else {
                Verdict::NotReady
            },
            cause,
            at: now,
            nodes,
            objects,
        })
    }
}

impl NodeRow {
    /// Of a node that nothing was written of.
    fn without_status(router: &Router) -> Self {
        let finding = match &router.pod {
            Ok(_) => NOTHING_TOLD.to_owned(),
            Err(why) => why.clone(),
        };
        Self {
            node: router.node.clone(),
            ready: ConditionStatus::Unknown,
            since: None,
            sessions: None,
            vnis: None,
            finding,
        }
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready == ConditionStatus::True
    }
}

impl ObjectRow {
    /// Whether it is ready on all nodes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions
            .get(&ConditionType::Ready)
            .is_some_and(|ready| ready.status == ConditionStatus::True)
    }

    /// What is not as it should be; empty when it is ready.
    #[must_use]
    pub fn what(&self) -> &str {
        match self.conditions.get(&ConditionType::Ready) {
            Some(ready) if ready.status == ConditionStatus::True => "",
            Some(ready) => &ready.message,
            None => "the controller has not told of it as it is now",
        }
    }
}

fn node(item: Item) -> Result<NodeRow, UnknownList> {
    let status: Option<NodeStatus> = serde_json::from_value(item.status)?;
    let status = status.unwrap_or_default();
    let of_type = |it: &&ApiCondition| it.type_ == ConditionType::Ready.as_str();
    let ready = status.conditions.iter().find(of_type);
    let says = ready.map_or(ConditionStatus::Unknown, |it| status_of(&it.status));
    let finding = match (says, ready) {
        (ConditionStatus::True, _) => String::new(),
        (ConditionStatus::False | ConditionStatus::Unknown, Some(ready)) => ready.message.clone(),
        (ConditionStatus::False | ConditionStatus::Unknown, None) => NOTHING_TOLD.to_owned(),
    };
    Ok(NodeRow {
        node: item.metadata.name.unwrap_or_default(),
        ready: says,
        since: ready.map(|it| it.last_transition_time.0),
        sessions: status.sessions,
        vnis: status.vnis,
        finding,
    })
}

/// An object of ours; none of another kind.
fn object(item: Item) -> Result<Option<ObjectRow>, UnknownList> {
    let Ok(kind) = serde_json::from_value::<Kind>(item.kind.into()) else {
        return Ok(None);
    };
    let folded: Option<Folded> = serde_json::from_value(item.status)?;
    let generation = item.metadata.generation;
    let of_now = |it: &ApiCondition| {
        let kind = ConditionType::ALL
            .into_iter()
            .find(|kind| kind.as_str() == it.type_)?;
        let of_all = OfAll {
            status: status_of(&it.status),
            reason: it.reason.clone(),
            message: it.message.clone(),
            since: it.last_transition_time.0,
        };
        (it.observed_generation == generation).then_some((kind, of_all))
    };
    Ok(Some(ObjectRow {
        object: ObjectKey {
            kind,
            namespace: item.metadata.namespace.unwrap_or_default(),
            name: item.metadata.name.unwrap_or_default(),
        },
        conditions: folded
            .unwrap_or_default()
            .conditions
            .iter()
            .filter_map(of_now)
            .collect(),
    }))
}

fn status_of(written: &str) -> ConditionStatus {
    let all = [ConditionStatus::True, ConditionStatus::False];
    let known = all.into_iter().find(|status| status.as_str() == written);
    known.unwrap_or(ConditionStatus::Unknown)
}

/// The first that is not well: a node, which says more of it, else an object.
fn cause(nodes: &[NodeRow], objects: &[ObjectRow]) -> String {
    if nodes.is_empty() {
        return "no node has a status: no agent runs, or none has written yet".to_owned();
    }
    let bad: Vec<&NodeRow> = nodes.iter().filter(|node| !node.is_ready()).collect();
    if let Some(first) = bad.first() {
        let counts = format!("{} of {} nodes", bad.len(), nodes.len());
        return format!("{counts}: {}: {}", first.node, first.finding);
    }
    let bad: Vec<&ObjectRow> = objects.iter().filter(|object| !object.is_ready()).collect();
    bad.first().map_or_else(String::new, |first| {
        let counts = format!("{} of {} objects", bad.len(), objects.len());
        format!("{counts}: {}: {}", first.object, first.what())
    })
}
