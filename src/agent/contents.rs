//! What is wanted, from wherever it is written: a directory, the Kubernetes API, or both.

use super::execute::chain;
use super::pass::Worker;
use super::source::{Cluster, Contents, Directory};
use super::state::StateDir;
use super::{AgentError, Options};
use crate::intent::{Accepted, Candidates, Node};

/// What objects are resolved for: the node as the command line has it, as it was remembered, or,
/// once it can be read, as its Node object says, which gives it an index some time.
pub(super) async fn node(options: &Options, cluster: Option<&Cluster>) -> Result<Node, AgentError> {
    let state = StateDir::open(&options.state)?;
    let remembered = match cluster {
        Some(_) => state.load_node()?,
        None => None,
    };
    let index = options.index.or(remembered.as_ref().map(|node| node.index));
    let labels = remembered.map_or_else(|| options.labels.clone(), |node| node.labels);
    match (index, cluster) {
        (Some(index), _) => Ok(Node { index, labels }),
        (None, None) => Err(AgentError::NoIndex),
        (None, Some(cluster)) => {
            tracing::info!("waiting for this node's index, which the controller gives its Node");
            let (index, labels) = cluster.indexed_node().await;
            let node = Node { index, labels };
            state.save_node(&node)?;
            Ok(node)
        }
    }
}

impl Worker {
    /// Takes over what the Node object says. An index that it has no more stays: addresses follow
    /// from it.
    pub(super) fn heed_node(&mut self) {
        let Some(seen) = self.cluster.as_ref().and_then(Cluster::node) else {
            return;
        };
        let index = seen.index.unwrap_or(self.node.index);
        if index != self.node.index {
            tracing::warn!(
                "the node's index is {} now, and was {}: its addresses change",
                index.0,
                self.node.index.0
            );
        }
        let node = Node {
            index,
            labels: seen.labels,
        };
        if node == self.node {
            return;
        }
        self.node = node;
        // Not being able to costs a start without the API.
        if let Err(error) = self.state.save_node(&self.node) {
            tracing::warn!("{}", chain(&error));
        }
    }

    /// All objects, with the sources that cannot be read.
    pub(super) fn contents(&mut self) -> Contents {
        let mut contents = match &mut self.directory {
            Some(directory) => listed(directory, &self.accepted),
            None => Contents::default(),
        };
        if let Some(cluster) = &self.cluster {
            contents.merge(cluster.contents());
        }
        contents
    }
}

/// What the directory holds; when it cannot be listed, every object stays as it was.
fn listed(directory: &mut Directory, accepted: &Accepted) -> Contents {
    directory.read().unwrap_or_else(|error| {
        let message = error.to_string();
        let sources = accepted.values().map(|object| object.source.clone());
        let own = directory.path().display().to_string();
        let broken = sources
            .chain([own])
            .map(|source| (source, message.clone()))
            .collect();
        Contents {
            candidates: Candidates {
                objects: Vec::new(),
                broken_sources: broken,
            },
            ..Contents::default()
        }
    })
}
