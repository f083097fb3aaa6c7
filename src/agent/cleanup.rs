//! Gives everything back, for an uninstall: the NICs with all that they carried, every link of
//! ours in either namespace, the configuration of an FRR that still runs, and at last the
//! router's namespace itself.
//!
//! What always holds: the namespace goes last, and not as long as a NIC is in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Options;
use super::execute::{self, UnderlayState, Voice};
use super::state::{StateDir, StateError};
use crate::api::types::InterfaceName;
use crate::frr::{self, Frr};
use crate::intent::NodeIntent;
use crate::netlink::namespace::{self, NamespaceError};
use crate::netlink::{self, Kernel};
use crate::plan::desired::sysctl_keys;
use crate::plan::link::{SeenKernel, SeenKind};
use crate::plan::{self, Memory, Plan, SeenFrr};
use crate::status::serve::Pulse;

/// How often is looked for what remains. One round does nearly all, but bgpd asks for some
/// seconds before an instance can go that had an L3VNI.
const ROUNDS: u32 = 20;

/// The pause before what failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Not everything was given back.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    /// An agent would put back what is taken away.
    #[error("an agent answers at {}: stop it first", .0.display())]
    AgentRuns(PathBuf),
    /// The memory cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The router's namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The namespaces cannot be opened.
    #[error(transparent)]
    Open(#[from] netlink::KernelOpenError),
    /// The kernel cannot be read.
    #[error(transparent)]
    Observe(#[from] netlink::ObserveError),
    /// FRR runs things that cannot be typed.
    #[error("a value cannot be typed into FRR: {0}")]
    Line(#[from] perouter_parsers::running_config::InvalidLine),
    /// Some of it failed.
    #[error("not everything could be given back; the namespace stays: {}", .0.join("; "))]
    Failed(Vec<String>),
    /// A NIC would go with the namespace.
    #[error(
        "NIC {0} is still in the router's namespace, and is none that perouter took; move it out, \
         then run this again"
    )]
    NicInside(InterfaceName),
}

/// Gives everything back, and tells each plan before it is executed.
///
/// # Errors
/// [`CleanupError`] when something stays. It can be run again.
pub async fn cleanup(options: &Options, tell: impl Fn(&Plan)) -> Result<(), CleanupError> {
    if tokio::net::UnixStream::connect(&options.socket)
        .await
        .is_ok()
    {
        return Err(CleanupError::AgentRuns(options.socket.clone()));
    }
    let state = StateDir::open(&options.state)?;
    let mut memory = state.load_memory()?;
    let netns = namespace::path_of(&options.netns)?;
    // Links in the host's namespace may have outlived the router's.
    namespace::ensure(&options.netns)?;
    let kernel = Kernel::open(Path::new(namespace::CURRENT), &netns).await?;
    let mut frr = Frr::new(frr::Options {
        dir: options.frr_dir.clone(),
        netns,
        northbound: options.northbound,
    });
    dismantle(&kernel, &mut frr, &mut memory, tell).await?;
    if let Some(nic) = nic_inside(&observe(&kernel, &memory).await?) {
        return Err(CleanupError::NicInside(nic));
    }
    drop(kernel);
    namespace::remove(&options.netns)?;
    Ok(state.forget()?)
}

async fn dismantle(
    kernel: &Kernel,
    frr: &mut Frr,
    memory: &mut Memory,
    tell: impl Fn(&Plan),
) -> Result<(), CleanupError> {
    let mut failures = vec![format!("something comes back each time, {ROUNDS} times")];
    for _ in 0..ROUNDS {
        let seen = observe(kernel, memory).await?;
        // An FRR that does not answer any more has nothing to be taken away from it.
        let seen_frr = frr.observe().await.unwrap_or_else(|_| SeenFrr::default());
        let plan = plan::plan(&NodeIntent::default(), &seen, &seen_frr, memory)?;
        if plan.steps() == 0 {
            return Ok(());
        }
        tell(&plan);
        let outcome = execute::execute(
            &plan,
            UnderlayState::Missing,
            kernel,
            frr,
            (&Pulse::default(), Voice::Aloud),
        )
        .await;
        if outcome.failures.is_empty() {
            memory.forget_given_back(&plan);
        } else {
            let told = outcome.failures.into_iter();
            failures = told.map(|failure| failure.message).collect();
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(CleanupError::Failed(failures))
}

async fn observe(kernel: &Kernel, memory: &Memory) -> Result<SeenKernel, netlink::ObserveError> {
    let nics: Vec<InterfaceName> = memory.nics.keys().cloned().collect();
    kernel.observe(&nics, &sysctl_keys()).await
}

/// Hardware in the router's namespace: a virtual link that is none of ours may go with it.
fn nic_inside(seen: &SeenKernel) -> Option<InterfaceName> {
    let is_nic = |kind: &SeenKind| matches!(kind, SeenKind::Other { name } if name.is_empty());
    let mut links = seen.router.iter();
    let nic = links.find(|(name, link)| name.as_str() != "lo" && is_nic(&link.kind));
    nic.map(|(name, _)| name.clone())
}
