//! What a program writes to the API, write by write, so that it can be killed after each of them;
//! and an agent that is.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent::{Agent, underlay};
use crate::bed::{Bed, NAMESPACE, l3vni, resource_of};

/// How often the record is looked at: a program that is to be killed gets no further meanwhile
/// than its next call or two.
const LOOK: Duration = Duration::from_millis(2);

/// An account whose calls are recorded, and which may do everything.
pub(crate) struct Recorded {
    folder: TempDir,
}

impl Recorded {
    pub(crate) fn new(bed: &Bed) -> Self {
        let account = "recorded";
        bed.run(&["-n", NAMESPACE, "create", "serviceaccount", account]);
        let all = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": account},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
        });
        bed.feed(&["create", "-f", "-"], &all.to_string());
        let bind = ["create", "clusterrolebinding", account, "--clusterrole"];
        let who = format!("--serviceaccount={NAMESPACE}:{account}");
        bed.run(&[&bind[..], &[account, &who]].concat());
        let folder = tempfile::tempdir().unwrap();
        bed.credentials(NAMESPACE, account, folder.path());
        Self { folder }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
}

/// Everything that was written, but for leases: each as a verb and what it was done to.
pub(crate) fn writes(bed: &Bed) -> Vec<String> {
    let calls = bed.calls().unwrap_or_default();
    calls.iter().filter_map(written).collect()
}

fn written(call: &Value) -> Option<String> {
    let verb = call["verb"].as_str()?;
    let resource = resource_of(call)?;
    if !["create", "update", "patch", "delete"].contains(&verb) || resource == "leases" {
        return None;
    }
    Some(format!("{verb} {resource}"))
}

/// Waits until so much is written, and tells what the last of it was; nothing if all is done
/// before, which is asked once nothing more is written for a while: to ask takes time, in which
/// a write would be overlooked.
pub(crate) fn nth_write(bed: &Bed, number: usize, is_done: impl Fn() -> bool) -> Option<String> {
    const QUIET: Duration = Duration::from_secs(3);
    let (mut known, mut since) = (0, Instant::now());
    loop {
        let all = writes(bed);
        if let Some(write) = all.get(number - 1) {
            return Some(write.clone());
        }
        if all.len() != known {
            (known, since) = (all.len(), Instant::now());
        }
        if since.elapsed() > QUIET {
            if is_done() {
                return writes(bed).get(number - 1).cloned();
            }
            since = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
}

/// The node's status; empty before there is one.
fn status(bed: &Bed) -> String {
    let path = ["rns/node1", "-o", "jsonpath={.status}"];
    bed.kubectl(&[&["-n", NAMESPACE, "get"], &path[..]].concat(), "")
        .out
}

/// Whether the node's status tells of the Underlay as it is now, and calls it right or wrong.
fn tells(bed: &Bed, is_right: bool) -> bool {
    let path = "jsonpath={.metadata.generation}";
    let read = bed.run(&["-n", NAMESPACE, "get", "underlay/fabric", "-o", path]);
    let line = format!("Underlay {NAMESPACE}/fabric {read}\n");
    let status: Value = serde_json::from_str(&status(bed)).unwrap_or_default();
    let objects = status["objects"].as_array().into_iter().flatten();
    let mut alike = objects.filter(|alike| alike["named"].as_str().unwrap().contains(&line));
    let of = |alike: &Value| {
        let not_true = alike["notTrue"].as_array().into_iter().flatten();
        not_true.filter(|it| it["type"] == "Accepted").count() == 0
    };
    alike.next().is_some_and(|alike| of(alike) == is_right)
}

#[test]
fn killed_after_any_of_its_writes_an_agent_tells_the_truth_when_it_is_back() {
    const SOON: Duration = Duration::from_secs(60);
    let bed = Bed::new();
    let apply = ["apply", "-f", "-"];
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node1", "annotations": {"openpe.io/nodeindex": "0"}},
    });
    for object in [
        node.to_string(),
        underlay("192.168.11.2"),
        l3vni("red", 100),
    ] {
        bed.feed(&apply, &object);
    }
    let account = Recorded::new(&bed);
    let mut agent = Agent::with(account.kubeconfig(), NAMESPACE);
    let becomes = |agent: &Agent, is_right: bool| {
        let begin = Instant::now();
        while !tells(&bed, is_right) {
            assert!(begin.elapsed() < SOON, "{}\n{}", status(&bed), agent.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    becomes(&agent, true);
    let mut killed_after = Vec::new();
    for round in 1.. {
        let is_right = round % 2 == 0;
        let (known, begin) = (writes(&bed).len(), Instant::now());
        bed.feed(
            &apply,
            &underlay(if is_right {
                "192.168.11.2"
            } else {
                "224.0.0.1"
            }),
        );
        // Transitions are told some seconds after the status.
        let is_done = || begin.elapsed() > Duration::from_secs(10);
        let write = nth_write(&bed, known + round, is_done);
        if write.is_some() {
            agent.kill();
            agent.start();
        }
        becomes(&agent, is_right);
        let Some(write) = write else { break };
        killed_after.push(write);
    }
    eprintln!("an agent was killed after: {killed_after:#?}");
    // A status and an Event.
    assert!(killed_after.len() > 1, "{killed_after:?}");
}
