//! `RouterNodeConfigurationStatus`: what an agent writes of its node.

use std::collections::HashMap;
use std::fmt;

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

    /// All objects that concern the node, together where the same is true of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096), extend("x-kubernetes-list-type" = "atomic"))]
    pub objects: Vec<ObjectsAlike>,
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
    /// FRR refused what was to be told to it as it is written.
    FrrConfigurationFailed,
    /// A session or a hop of a route is not as it should be.
    VerificationFailed,
}

/// Objects of which the same is true on the node.
// In lines, because a node's status is written at each change of any object: an API server takes seven
// times as long for the same told in an object each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectsAlike {
    /// A line for each object: its kind, `namespace/name`, and the generation that was looked at, which
    /// an object of a file has not.
    #[serde(default)]
    #[schemars(length(max = 1_500_000))]
    pub named: String,
    /// The conditions that are not true; all are where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub not_true: Vec<NotTrue>,
}

/// An object as a line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedObject<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace; empty for an object of a file that names none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The generation that was looked at; none for an object of a file.
    pub observed_generation: Option<i64>,
}

impl ObjectsAlike {
    /// Gathers objects of which the same is true, in the order in which they come.
    #[must_use]
    pub fn gather<'a>(
        objects: impl IntoIterator<Item = (NamedObject<'a>, Vec<NotTrue>)>,
    ) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let mut places: HashMap<Vec<NotTrue>, usize> = HashMap::new();
        for (object, not_true) in objects {
            let place = places.entry(not_true).or_insert_with_key(|not_true| {
                all.push(Self {
                    named: String::new(),
                    not_true: not_true.clone(),
                });
                all.len() - 1
            });
            all[*place].named.push_str(&format!("{object}\n"));
        }
        all
    }

    /// The objects. Lines that name none, as another version may write them, are left out.
    pub fn objects(&self) -> impl Iterator<Item = NamedObject<'_>> {
        self.named.lines().filter_map(NamedObject::parse)
    }
}

impl<'a> NamedObject<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let (namespace, name) = words.next()?.split_once('/')?;
        let observed_generation = match words.next() {
            Some(generation) => Some(generation.parse().ok()?),
            None => None,
        };
        Some(Self {
            kind,
            namespace,
            name,
            observed_generation,
        })
    }
}

impl fmt::Display for NamedObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)?;
        match self.observed_generation {
            Some(generation) => write!(f, " {generation}"),
            None => Ok(()),
        }
    }
}

/// A condition that is not true.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, observed_generation: Option<i64>) -> NamedObject<'_> {
        NamedObject {
            kind: "L3VNI",
            namespace: "default",
            name,
            observed_generation,
        }
    }

    fn refused(message: &str) -> Vec<NotTrue> {
        vec![NotTrue {
            kind: "Accepted".to_owned(),
            status: "False".to_owned(),
            reason: "Invalid".to_owned(),
            message: message.to_owned(),
        }]
    }

    #[test]
    fn objects_alike_stand_together_a_line_each_and_are_read_as_they_were() {
        let of_file = NamedObject {
            namespace: "",
            ..object("white", None)
        };
        let told = [
            (object("red", Some(3)), vec![]),
            (object("green", Some(1)), refused("no")),
            (object("blue", Some(12)), vec![]),
            (of_file, vec![]),
            (object("black", Some(2)), refused("never")),
        ];
        let all = ObjectsAlike::gather(told.clone());
        let lines: Vec<&str> = all.iter().map(|alike| &*alike.named).collect();
        assert_eq!(
            lines,
            [
                "L3VNI default/red 3\nL3VNI default/blue 12\nL3VNI /white\n",
                "L3VNI default/green 1\n",
                "L3VNI default/black 2\n",
            ]
        );
        let read = all.iter().flat_map(|alike| {
            let objects = alike.objects();
            objects.map(|object| (object, alike.not_true.clone()))
        });
        let (mut read, mut wanted): (Vec<_>, _) = (read.collect(), told.to_vec());
        for all in [&mut read, &mut wanted] {
            all.sort_by_key(|(object, _)| object.name.to_owned());
        }
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_line_that_names_nothing_is_left_out() {
        let alike = ObjectsAlike {
            named: "L3VNI default/red 3\n\nL3VNI\nL3VNI red 1\nL3VNI a/b c\nL2VNI a/b 1 more\n"
                .to_owned(),
            not_true: vec![],
        };
        let names: Vec<_> = alike.objects().map(|it| (it.kind, it.name)).collect();
        // More words are a later version's.
        assert_eq!(names, [("L3VNI", "red"), ("L2VNI", "b")]);
    }
}
