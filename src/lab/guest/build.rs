//! Builds a lab: nodes, then links, then what runs in the nodes.

use std::fmt::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::nodes::Nodes;
use crate::lab::node::{NodeError, ip_batch};
use crate::lab::plan::{GuestRequest, Input, NodeRequest, Plan};
use crate::lab::topology::{Endpoint, InterfaceName, Link, Node, NodeName, Topology};
use crate::lab::wire::{Body, Channel, Sender};

/// Why a lab cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// The process of a node cannot be started.
    #[error("node {node}: cannot be started")]
    Start {
        node: NodeName,
        #[source]
        source: std::io::Error,
    },
    /// A node refuses or fails.
    #[error("node {node}: {reason}")]
    Node { node: NodeName, reason: String },
    /// The links cannot be made.
    #[error("links")]
    Links(#[source] NodeError),
    /// A command of the topology fails.
    #[error("node {node}: «{command}» ended with status {status}\n{output}")]
    Exec {
        node: NodeName,
        command: String,
        status: u8,
        output: String,
    },
    /// It takes too long.
    #[error("the lab was not up after {} s", .0.as_secs())]
    Deadline(Duration),
}

/// Builds the lab of `plan`, telling progress in the conversation `channel`.
pub(super) fn build(
    nodes: &Arc<Nodes>,
    plan: &Plan,
    upstream: &Sender,
    channel: Channel,
) -> Result<(), BuildError> {
    let begin = Instant::now();
    let tell = |text: String| {
        // Progress is a courtesy; a broken line ends the guest elsewhere.
        let _ = upstream.send::<GuestRequest>(channel, &Body::Note(text));
    };
    let topology = &plan.topology;
    nodes.expect(plan);
    each(topology, |node| prepare(nodes, node))?;
    tell(format!("{} nodes", topology.nodes.len()));
    connect(nodes, &topology.links)?;
    tell(format!("{} links", topology.links.len()));
    each(topology, |node| {
        let interfaces = interfaces(topology, &node.name);
        ask(nodes, &node.name, NodeRequest::Launch(interfaces))
    })?;
    each(topology, |node| {
        let patience = plan.deadline.saturating_sub(begin.elapsed());
        ask(nodes, &node.name, NodeRequest::AwaitReady(patience))?;
        tell(format!("{} started", node.name));
        Ok(())
    })?;
    for node in &topology.nodes {
        for command in &node.exec {
            if begin.elapsed() > plan.deadline {
                return Err(BuildError::Deadline(plan.deadline));
            }
            run(nodes, node, command)?;
        }
    }
    Ok(())
}

/// Does `work` for every node at the same time; the first failure, in the nodes' order, counts.
fn each(
    topology: &Topology,
    work: impl Fn(&Node) -> Result<(), BuildError> + Sync,
) -> Result<(), BuildError> {
    thread::scope(|scope| {
        let threads: Vec<_> = topology
            .nodes
            .iter()
            .map(|node| (node, scope.spawn(|| work(node))))
            .collect();
        threads.into_iter().try_for_each(|(node, thread)| {
            thread.join().unwrap_or_else(|_| {
                let reason = "the thread that builds it died".to_owned();
                Err(BuildError::Node {
                    node: node.name.clone(),
                    reason,
                })
            })
        })
    })
}

fn ask(nodes: &Nodes, name: &NodeName, request: NodeRequest) -> Result<(), BuildError> {
    match nodes.ask(name, request) {
        Ok(_) => Ok(()),
        Err(reason) => Err(BuildError::Node {
            node: name.clone(),
            reason,
        }),
    }
}

fn prepare(nodes: &Arc<Nodes>, node: &Node) -> Result<(), BuildError> {
    nodes
        .start(&node.name)
        .map_err(|source| BuildError::Start {
            node: node.name.clone(),
            source,
        })?;
    ask(
        nodes,
        &node.name,
        NodeRequest::Prepare(Box::new(node.clone())),
    )
}

fn interfaces(topology: &Topology, node: &NodeName) -> Vec<InterfaceName> {
    let ends = topology.links.iter().flat_map(|link| [&link.a, &link.b]);
    ends.filter(|end| end.node == *node)
        .map(|end| end.interface.clone())
        .collect()
}

fn connect(nodes: &Nodes, links: &[Link]) -> Result<(), BuildError> {
    let mut lines = String::new();
    for link in links {
        let side = |end: &Endpoint| -> Result<String, BuildError> {
            let line = nodes.line(&end.node).ok_or_else(|| BuildError::Node {
                node: end.node.clone(),
                reason: "has died".to_owned(),
            })?;
            let mut words = format!("name {} mtu {}", end.interface, link.mtu);
            if let Some(mac) = &end.mac {
                // Writing to a string cannot fail.
                let _ = write!(words, " address {mac}");
            }
            let _ = write!(words, " netns {}", line.pid);
            Ok(words)
        };
        let (a, b) = (side(&link.a)?, side(&link.b)?);
        let _ = writeln!(lines, "link add {a} type veth peer {b}");
    }
    if lines.is_empty() {
        return Ok(());
    }
    ip_batch(&nodes.reaper, &lines).map_err(BuildError::Links)
}

fn run(nodes: &Nodes, node: &Node, command: &[String]) -> Result<(), BuildError> {
    let request = NodeRequest::Exec(command.to_vec(), Input::Empty);
    let answer = nodes
        .ask(&node.name, request)
        .map_err(|reason| BuildError::Node {
            node: node.name.clone(),
            reason,
        })?;
    if answer.status == 0 {
        return Ok(());
    }
    Err(BuildError::Exec {
        node: node.name.clone(),
        command: command.join(" "),
        status: answer.status,
        output: String::from_utf8_lossy(&answer.output).trim().to_owned(),
    })
}
