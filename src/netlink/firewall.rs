//! The packet filter that keeps FRR's management ports to ourselves.
//!
//! FRR's daemons listen on all addresses, for gRPC in plain text and without a password. In the
//! router's namespace only the loopback interface may reach those ports. The rules are written
//! as one transaction, so there is no moment without them, and nothing of others is touched.
//!
//! They stand in the nftables table `inet perouter`. A kernel whose nftables lacks that family,
//! as that of User Mode Linux does, gets a chain `PEROUTER` by the older `iptables` instead.
//!
//! Whether they stand as wanted is told by comparison with what the same program prints for the
//! same rules in an empty namespace. So no version of it and its way of printing has to be
//! known here.

mod legacy;
mod nft;

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::namespace::{self, NamespaceError, Netns};
use crate::plan::link::FirewallState;

/// The ranges of ports closed to all but loopback: the daemons' vty (FRR's defaults, from
/// zebra's 2601 to mgmtd's 2623) and the gRPC ports that this program gives them.
const PORTS: [(u16, u16); 2] = [(2601, 2623), (50051, 50058)];

/// Set once the kernel has said that its nftables lack the family `inet`. It will not have it
/// later, so that every value of this process knows without asking again.
static LACKS_INET: OnceLock<()> = OnceLock::new();

/// Why the rules cannot be read or installed.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// A program is missing.
    #[error("cannot run {program}; install the package {package}")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// The package that has it, in Debian.
        package: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{command} failed: {said}")]
    Refused {
        /// The command line.
        command: String,
        /// What it printed.
        said: String,
    },
    /// The namespace cannot be entered.
    #[error("cannot reach the firewall of the namespace")]
    Namespace(#[from] NamespaceError),
}

/// By which of the kernel's packet filters the rules stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The table `inet perouter` of nftables.
    Nftables,
    /// The chain `PEROUTER` in the table `filter` of IPv4 and of IPv6, by `iptables-legacy`.
    Legacy,
}

/// The rules as this machine's program prints them.
#[derive(Debug)]
struct Wanted {
    backend: Backend,
    printed: String,
}

/// The firewall of one namespace.
#[derive(Clone, Debug)]
pub struct Firewall {
    netns: Netns,
    /// The only backend to use; without it the kernel's abilities decide.
    forced: Option<Backend>,
    /// Found out at the first need.
    wanted: Arc<OnceCell<Wanted>>,
}

impl Firewall {
    /// The firewall of `netns`, by the best packet filter that the kernel has. Nothing is read
    /// or written yet.
    #[must_use]
    pub fn new(netns: Netns) -> Self {
        Self {
            netns,
            forced: None,
            wanted: Arc::default(),
        }
    }

    /// The firewall of `netns`, by `backend` and no other.
    #[must_use]
    pub fn by(netns: Netns, backend: Backend) -> Self {
        Self {
            forced: Some(backend),
            ..Self::new(netns)
        }
    }

    /// By which packet filter the rules stand, or would.
    ///
    /// # Errors
    ///
    /// When the kernel has none that can be used.
    pub async fn backend(&self) -> Result<Backend, FirewallError> {
        Ok(self.wanted().await?.backend)
    }

    /// Whether the rules stand as wanted.
    ///
    /// # Errors
    ///
    /// When a program is missing or cannot list the rules.
    pub async fn state(&self) -> Result<FirewallState, FirewallError> {
        let wanted = self.wanted().await?;
        let backend = wanted.backend;
        Ok(match self.netns.run(move || backend.list()).await?? {
            None => FirewallState::Absent,
            Some(seen) if seen == wanted.printed => FirewallState::Installed,
            Some(_) => FirewallState::Different,
        })
    }

    /// Installs the rules, in place of whatever stands under their name.
    ///
    /// # Errors
    ///
    /// When a program is missing or the kernel refuses the rules.
    pub async fn install(&self) -> Result<(), FirewallError> {
        let backend = self.wanted().await?.backend;
        self.netns.run(move || backend.load()).await?
    }

    async fn wanted(&self) -> Result<&Wanted, FirewallError> {
        self.wanted
            .get_or_try_init(|| async {
                let forced = self.forced;
                tokio::task::spawn_blocking(move || match forced {
                    Some(backend) => backend.try_out(),
                    None => choose(&LACKS_INET, Backend::try_out),
                })
                .await
                .map_err(|_| NamespaceError::Panicked)?
            })
            .await
    }
}

/// The first backend that works in a namespace of its own. When none does, the error is that
/// of the older one, since only a kernel without the newer comes to it.
fn choose(
    lacks_inet: &OnceLock<()>,
    try_out: impl Fn(Backend) -> Result<Wanted, FirewallError>,
) -> Result<Wanted, FirewallError> {
    if lacks_inet.get().is_none() {
        match try_out(Backend::Nftables) {
            Err(FirewallError::Refused { command, said }) if nft::lacks_family(&said) => {
                if lacks_inet.set(()).is_ok() {
                    tracing::info!(
                        command,
                        "nftables has no family inet here; iptables is used instead"
                    );
                }
            }
            outcome => return outcome,
        }
    }
    try_out(Backend::Legacy)
}

impl Backend {
    /// Loads the rules in an empty namespace and prints them.
    fn try_out(self) -> Result<Wanted, FirewallError> {
        let printed = namespace::in_new_namespace(move || {
            self.load()?;
            self.list()
        })??;
        let printed = printed.ok_or_else(|| FirewallError::Refused {
            command: format!("listing the rules by {self:?}"),
            said: "the rules that were just loaded are not there".to_owned(),
        })?;
        Ok(Wanted {
            backend: self,
            printed,
        })
    }

    /// Loads the rules in the calling thread's namespace.
    fn load(self) -> Result<(), FirewallError> {
        match self {
            Self::Nftables => nft::load(),
            Self::Legacy => legacy::load(),
        }
    }

    /// Prints the rules of the calling thread's namespace; `None` when there are none.
    fn list(self) -> Result<Option<String>, FirewallError> {
        match self {
            Self::Nftables => nft::list(),
            Self::Legacy => legacy::list(),
        }
    }
}

/// The port ranges as the programs write them.
fn ports(between: &str, separator: &str) -> String {
    PORTS
        .map(|(first, last)| format!("{first}{between}{last}"))
        .join(separator)
}

/// Runs a program in the calling thread's namespace, which a child process inherits, and
/// demands that it succeeds.
fn run(
    program: &'static str,
    package: &'static str,
    arguments: &[&str],
    input: &str,
) -> Result<String, FirewallError> {
    let missing = |source| FirewallError::NoProgram {
        program,
        package,
        source,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends before it read everything says why on its own; the short write
        // adds nothing to that.
        drop(stdin.write_all(input.as_bytes()));
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().map_err(missing)?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(FirewallError::Refused {
        command: format!("{program} {}", arguments.join(" ")),
        said: String::from_utf8_lossy(&stderr).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests;
