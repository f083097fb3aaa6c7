//! What the agent is told, and why it may not start.

use std::path::PathBuf;
use std::time::Duration;

use super::{socket, state};
use crate::api::Labels;
use crate::frr;
use crate::intent::NodeIndex;
use crate::netlink::namespace::NamespaceError;
use crate::status::serve::Listen;

/// What the agent is told on its command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's name.
    pub name: String,
    /// The number that its addresses follow from; without one, the Node object must say.
    pub index: Option<NodeIndex>,
    /// Its labels, until the Node object says.
    pub labels: Labels,
    /// The directory of manifests, if there is one.
    pub manifests: Option<PathBuf>,
    /// Whether objects come from the Kubernetes API too.
    pub kubernetes: Kubernetes,
    /// The name of the router's network namespace.
    pub netns: String,
    /// The folder of FRR's vty sockets.
    pub frr_dir: PathBuf,
    /// Whether to use FRR's gRPC northbound.
    pub northbound: frr::Mode,
    /// The unix socket that `perouter status` asks.
    pub socket: PathBuf,
    /// Where it answers over HTTP: probes, metrics, the page on this node.
    pub listen: Listen,
    /// Where the agent remembers what it must not forget when it is killed.
    pub state: PathBuf,
    /// How often everything is observed anew, whatever happened.
    pub resync: Duration,
}

/// Whether the agent takes part in a Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kubernetes {
    /// It knows none.
    Unused,
    /// It takes objects from its API, by the credentials of its pod or of `KUBECONFIG`, and writes
    /// the node's status.
    Watched {
        /// Where the status is written.
        namespace: String,
    },
}

/// The agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The credentials for the Kubernetes API.
    #[error("cannot find out how to reach the Kubernetes API")]
    Kubernetes(#[source] kube::Error),
    /// Nobody says what the node's addresses follow from.
    #[error("the node's index is not known: give --node-index")]
    NoIndex,
    /// Its memory.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// Its socket.
    #[error(transparent)]
    Socket(#[from] socket::SocketError),
    /// The name of the router's namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// Its signals.
    #[error("cannot catch signals: {0}")]
    Signal(std::io::Error),
}
