//! What `agent` and `plan` both must know of the node.

use std::path::PathBuf;

use crate::api::selector::{Labels, is_label_key, is_label_value};
use crate::frr;
use crate::intent::{Node, NodeIndex};

/// The node, its manifests and its FRR.
#[derive(clap::Args)]
pub(super) struct NodeArgs {
    /// The directory of manifests: files in the format of the custom resources
    #[arg(long, value_name = "DIR")]
    pub(super) config_dir: Option<PathBuf>,

    /// This node's name
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    pub(super) node_name: String,

    /// The number that this node's addresses follow from: unique in the cluster, from 0
    #[arg(long, value_name = "N", env = "NODE_INDEX", value_parser = node_index)]
    pub(super) node_index: Option<NodeIndex>,

    /// A label of this node, by which manifests select it; may be given several times
    #[arg(
        long = "node-label",
        value_name = "KEY=VALUE",
        env = "NODE_LABELS",
        value_delimiter = ',',
        value_parser = label
    )]
    pub(super) node_labels: Vec<Part>,

    /// The router's network namespace, below /run/netns
    #[arg(long, value_name = "NAME", default_value = "perouter")]
    pub(super) netns: String,

    /// The folder of the vty sockets of the router's FRR
    #[arg(long, value_name = "DIR", default_value = "/run/frr")]
    pub(super) frr_dir: PathBuf,

    /// Whether to drive FRR by its gRPC northbound what it implements there
    #[arg(long, value_enum, default_value_t = Northbound::Auto)]
    pub(super) northbound: Northbound,

    /// Where the agent remembers what it must not forget when it is killed
    #[arg(long, value_name = "DIR", default_value = "/run/perouter/state")]
    pub(super) state_dir: PathBuf,
}

impl NodeArgs {
    /// What manifests are resolved for, where nobody else says.
    pub(super) fn node(&self) -> Result<Node, String> {
        let index = self
            .node_index
            .ok_or("the node's number is missing: give --node-index")?;
        Ok(Node {
            index,
            labels: self.labels(),
        })
    }

    /// The labels given.
    pub(super) fn labels(&self) -> Labels {
        let parts = self.node_labels.iter().cloned();
        parts.filter_map(Part::label).collect()
    }

    /// The directory of manifests, where there is no other source of them.
    pub(super) fn manifests(&self) -> Result<PathBuf, String> {
        let given = self.config_dir.clone();
        Ok(given.ok_or("the directory of manifests is missing: give --config-dir")?)
    }
}

/// What stands between commas where labels are told.
#[derive(Clone)]
pub(super) enum Part {
    /// As in a variable of the environment that is set to nothing.
    Nothing,
    Label(String, String),
}

impl Part {
    fn label(self) -> Option<(String, String)> {
        match self {
            Self::Nothing => None,
            Self::Label(key, value) => Some((key, value)),
        }
    }
}

/// Whether to use FRR's gRPC northbound.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Northbound {
    /// Where FRR has the module loaded, else the vty sockets
    Auto,
    /// Fail without it
    Require,
    /// Only the vty sockets
    Off,
}

impl Northbound {
    pub(super) fn mode(self) -> frr::Mode {
        match self {
            Self::Auto => frr::Mode::Auto,
            Self::Require => frr::Mode::Require,
            Self::Off => frr::Mode::Off,
        }
    }
}

fn node_index(text: &str) -> Result<NodeIndex, std::num::ParseIntError> {
    text.parse().map(NodeIndex)
}

/// A label, as `kubectl get nodes --show-labels` prints it.
fn label(text: &str) -> Result<Part, String> {
    if text.is_empty() {
        return Ok(Part::Nothing);
    }
    let (key, value) = text
        .split_once('=')
        .ok_or("it must read like topology.kubernetes.io/zone=a")?;
    if !is_label_key(key) {
        return Err(format!("{key:?} is not the key of a label"));
    }
    if !is_label_value(value) {
        return Err(format!("{value:?} is not the value of a label"));
    }
    Ok(Part::Label(key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        node: NodeArgs,
    }

    fn labels(given: &str) -> Vec<String> {
        let words = ["node", "--node-name", "node1", "--node-label", given];
        let parsed = Alone::try_parse_from(words).unwrap();
        let labels = parsed.node.labels();
        let each = labels.iter().map(|(key, value)| format!("{key}={value}"));
        each.collect()
    }

    #[test]
    fn what_is_empty_between_commas_is_no_label() {
        assert_eq!(labels("rack=1,tier=leaf"), ["rack=1", "tier=leaf"]);
        assert_eq!(labels(""), <[&str; 0]>::default());
        assert_eq!(labels(",rack=1,,tier=,"), ["rack=1", "tier="]);
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for wrong in ["rack", "=1", "rack=a b", " "] {
            let words = ["node", "--node-name", "node1", "--node-label", wrong];
            assert!(Alone::try_parse_from(words).is_err(), "{wrong:?}");
        }
    }
}
