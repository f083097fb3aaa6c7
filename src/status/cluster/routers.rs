//! The agents of all nodes, each asked for itself: which pods they are in, and what they answered.
//!
//! What always holds: every node that has a router, or should, has its line, whether it answered or
//! not; and a node that could not be asked is never well.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::UnknownList;
use crate::status::protocol::{VerifyReport, WalkReport};
use crate::verify::Target;
use crate::verify::walk;

#[cfg(test)]
mod tests;

/// The labels of the routers' pods, as the DaemonSet has them.
pub const SELECTOR: &str = "app.kubernetes.io/name=perouter,app.kubernetes.io/component=router";

/// The agent's container.
pub const CONTAINER: &str = "agent";

/// A node, and how its agent is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// The node.
    pub node: String,
    /// Its pod, or why there is none that can be asked.
    pub pod: Result<PodName, String>,
}

/// Names a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What a program that was run left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// On standard output.
    pub out: String,
    /// On standard error.
    pub errors: String,
}

/// What all nodes answered: what `kubectl perouter verify -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answers {
    /// The routes that were asked for; none when everything was.
    pub target: Option<Target>,
    /// The nodes, by name.
    pub nodes: Vec<Answer>,
}

/// What one node answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The node.
    pub node: String,
    /// What its agent says.
    #[serde(flatten)]
    pub told: Told,
}

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// Where routes end.
    Walk(WalkReport),
    /// Every check.
    Verification(VerifyReport),
    /// Nothing, and why.
    Error(String),
}

/// What an answer, or all of them, come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All that was asked for is as it should be.
    Whole,
    /// There is nothing of the kind here.
    NoRoute,
    /// Something is not as it should be, or cannot be told.
    Broken,
    /// The agent could not be asked.
    Silent,
}

#[derive(Deserialize)]
struct Pods {
    items: Vec<Pod>,
}

#[derive(Deserialize)]
struct Statuses {
    items: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The routers of all nodes, by name: those that have a pod, and those that have a status and so
/// had one. `pods` and `statuses` are lists as `kubectl get -o json` prints them.
///
/// # Errors
/// When they are no such lists.
pub fn routers(pods: &str, statuses: &str) -> Result<Vec<Router>, UnknownList> {
    let statuses: Statuses = serde_json::from_str(statuses)?;
    let of_statuses = statuses.items.into_iter().map(|it| it.metadata.name);
    with_pods(pods, of_statuses)
}

/// The routers that have a pod, by node. `pods` is a list as `kubectl get -o json` prints it.
///
/// # Errors
/// When it is no such list.
pub fn of_pods(pods: &str) -> Result<Vec<Router>, UnknownList> {
    with_pods(pods, [])
}

/// The routers of the nodes that have a pod, and of these.
fn with_pods(
    pods: &str,
    others: impl IntoIterator<Item = String>,
) -> Result<Vec<Router>, UnknownList> {
    let pods: Pods = serde_json::from_str(pods)?;
    let of_pods = pods.items.iter().filter_map(|pod| node_of(pod));
    let nodes: BTreeSet<String> = of_pods.map(str::to_owned).chain(others).collect();
    let router = |node: String| {
        let pod = pod_on(&node, &pods.items);
        Router { node, pod }
    };
    Ok(nodes.into_iter().map(router).collect())
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// The pod whose agent runs, else why that of the node does not.
fn pod_on(node: &str, pods: &[Pod]) -> Result<PodName, String> {
    let mut why = "there is no router's pod on it".to_owned();
    for pod in pods.iter().filter(|pod| node_of(pod) == Some(node)) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        match not_running(pod) {
            None => {
                let namespace = pod.metadata.namespace.clone().unwrap_or_default();
                return Ok(PodName { namespace, name });
            }
            Some(state) => why = format!("the agent of its pod {name} does not run: {state}"),
        }
    }
    Err(why)
}

/// Why the agent in a pod does not run; none when it does.
fn not_running(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref();
    let all = status.and_then(|status| status.container_statuses.as_ref());
    let agent = all.and_then(|all| all.iter().find(|of| of.name == CONTAINER));
    let phase = || status.and_then(|status| status.phase.clone());
    match agent {
        Some(agent) => state_of(agent),
        None => Some(phase().unwrap_or_else(|| "it has no status yet".to_owned())),
    }
}

fn state_of(container: &ContainerStatus) -> Option<String> {
    let unknown = || Some("its state is not known".to_owned());
    let Some(state) = &container.state else {
        return unknown();
    };
    if state.running.is_some() {
        return None;
    }
    if let Some(waiting) = &state.waiting {
        return waiting.reason.clone().or_else(unknown);
    }
    state.terminated.as_ref().map_or_else(unknown, |ended| {
        let code = ended.exit_code;
        Some(match &ended.reason {
            Some(reason) => format!("{reason}, exit status {code}"),
            None => format!("exit status {code}"),
        })
    })
}

/// Reads what `perouter verify -o json` printed in a node's pod. It fails when it found something,
/// with an answer none the less.
#[must_use]
pub fn answer(node: &str, target: Option<Target>, said: &Said) -> Answer {
    let told = match target {
        Some(_) => read(said).map(Told::Walk),
        None => read(said).map(Told::Verification),
    };
    Answer {
        node: node.to_owned(),
        told: told.unwrap_or_else(Told::Error),
    }
}

fn read<T: DeserializeOwned>(said: &Said) -> Result<T, String> {
    serde_json::from_str(&said.out).map_err(|error| {
        // kubectl adds the exit status to what the agent's program says.
        let mut lines = said.errors.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty());
        match first {
            Some(line) => line.to_owned(),
            None => format!("its answer cannot be read: {error}"),
        }
    })
}

impl Answer {
    /// What it comes to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match &self.told {
            Told::Walk(report) => match report.walk.verdict() {
                walk::Verdict::Whole => Outcome::Whole,
                walk::Verdict::Broken => Outcome::Broken,
                walk::Verdict::NoRoute => Outcome::NoRoute,
            },
            Told::Verification(report) => {
                if report.findings.iter().all(|finding| finding.is_good()) {
                    Outcome::Whole
                } else {
                    Outcome::Broken
                }
            }
            Told::Error(_) => Outcome::Silent,
        }
    }
}

impl Answers {
    /// What they come to: a route may well be on some nodes alone, but not on none.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let all = || self.nodes.iter().map(Answer::outcome);
        if all().all(|it| it == Outcome::Silent) {
            return Outcome::Silent;
        }
        if all().any(|it| matches!(it, Outcome::Broken | Outcome::Silent)) {
            return Outcome::Broken;
        }
        if all().all(|it| it == Outcome::NoRoute) {
            return Outcome::NoRoute;
        }
        Outcome::Whole
    }
}
