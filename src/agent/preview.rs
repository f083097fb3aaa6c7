//! What a pass would do, without doing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::source::{Directory, DirectoryError};
use super::state::{self, StateDir, StateError};
use super::vrf_tables::clear_of_others;
use crate::frr::{self, Frr, FrrError};
use crate::intent::{self, Node, Rejection};
use crate::netlink::namespace::{self, NamespaceError};
use crate::netlink::{self, Kernel};
use crate::plan::desired::sysctl_keys;
use crate::plan::{self, Plan};

/// The node to look at.
#[derive(Clone, Debug)]
pub struct Options {
    /// What objects are resolved for.
    pub node: Node,
    /// The directory of manifests.
    pub manifests: PathBuf,
    /// The name of the router's network namespace.
    pub netns: String,
    /// The folder of FRR's vty sockets.
    pub frr_dir: PathBuf,
    /// Where the agent of this node remembers.
    pub state: PathBuf,
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The steps.
    pub plan: Plan,
    /// What is wrong with the manifests.
    pub rejections: Vec<Rejection>,
}

/// Nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The manifests cannot be read.
    #[error(transparent)]
    Manifests(#[from] DirectoryError),
    /// The agent's memory cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The router's namespace is not there, or cannot be entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The namespaces cannot be opened.
    #[error(transparent)]
    Open(#[from] netlink::KernelOpenError),
    /// The kernel cannot be read.
    #[error(transparent)]
    Observe(#[from] netlink::ObserveError),
    /// FRR cannot be read.
    #[error(transparent)]
    Frr(#[from] FrrError),
    /// A value cannot be typed into FRR.
    #[error("a value cannot be typed into FRR: {0}")]
    Line(#[from] perouter_parsers::running_config::InvalidLine),
}

/// Plans from what is there now. Writes nothing.
///
/// # Errors
/// [`PreviewError`] when manifests, kernel or FRR cannot be read.
pub async fn preview(options: Options) -> Result<Preview, PreviewError> {
    let state = StateDir::open(&options.state)?;
    let accepted = state::accepted(&state.load_manifests()?);
    let memory = state.load_memory()?;
    let read = Directory::new(options.manifests).read()?.candidates;
    let resolution = intent::resolve(read, &accepted, &options.node);
    let netns = namespace::path_of(&options.netns)?;
    let kernel = Kernel::open(Path::new(namespace::CURRENT), &netns).await?;
    let wanted = resolution
        .intent
        .underlay
        .iter()
        .flat_map(|u| &u.spec.interfaces);
    let nics: Vec<_> = wanted.chain(memory.nics.keys()).cloned().collect();
    let seen = kernel.observe(&nics, &sysctl_keys()).await?;
    let mut frr = Frr::new(frr::Options {
        dir: options.frr_dir,
        netns,
        northbound: frr::Mode::Off,
    });
    let seen_frr = frr.observe().await?;
    let intent = &resolution.intent;
    let plan = clear_of_others(&kernel, Arc::new(seen), |seen| {
        plan::plan(intent, seen, &seen_frr, &memory).map_err(PreviewError::from)
    })
    .await?;
    Ok(Preview {
        plan,
        rejections: resolution.rejections,
    })
}
