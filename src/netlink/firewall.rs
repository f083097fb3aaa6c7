//! The nftables table that keeps FRR's management ports to ourselves.
//!
//! FRR's daemons listen on all addresses, for gRPC in plain text and without a password. The
//! table `inet perouter` in the router's namespace lets only the loopback interface reach
//! those ports. It is written as one transaction, so there is no moment without it, and no
//! other table is ever touched.
//!
//! Whether it stands as wanted is told by comparison with what the same `nft` prints for the
//! same table in an empty namespace. So no version of `nft` and its way of printing has to
//! be known here.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::namespace::{self, NamespaceError, Netns};
use crate::plan::link::FirewallState;

/// The ports closed to all but loopback: the daemons' vty (FRR's `lib/vty.h` and each daemon's
/// default, 2601 to 2623) and the gRPC ports that this program gives them.
const PORTS: &str = "2601-2623, 50051-50058";

const TABLE: &str = "perouter";

/// Why the table cannot be read or installed.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// There is no `nft` to run.
    #[error("cannot run nft; install the package nftables")]
    NoProgram(#[source] io::Error),
    /// `nft` ran and failed.
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

/// The firewall of one namespace.
#[derive(Clone, Debug)]
pub struct Firewall {
    netns: Netns,
    /// What `nft` prints for the wanted table; found out at the first need.
    canonical: Arc<OnceCell<String>>,
}

impl Firewall {
    /// The firewall of `netns`. Nothing is read or written yet.
    #[must_use]
    pub fn new(netns: Netns) -> Self {
        Self {
            netns,
            canonical: Arc::default(),
        }
    }

    /// Whether the table stands as wanted.
    ///
    /// # Errors
    ///
    /// When `nft` is missing or cannot list tables.
    pub async fn state(&self) -> Result<FirewallState, FirewallError> {
        let Some(seen) = self.netns.run(list).await?? else {
            return Ok(FirewallState::Absent);
        };
        let wanted = self.canonical.get_or_try_init(canonical).await?;
        Ok(if seen == *wanted {
            FirewallState::Installed
        } else {
            FirewallState::Different
        })
    }

    /// Installs the table, in place of whatever stands under its name.
    ///
    /// # Errors
    ///
    /// When `nft` is missing or refuses the table.
    pub async fn install(&self) -> Result<(), FirewallError> {
        self.netns.run(load).await?
    }
}

/// The table in `nft`'s language. It is made, deleted and made again in one transaction, which
/// is how `nft` replaces a table whether or not it exists.
fn ruleset() -> String {
    format!(
        "add table inet {TABLE}\n\
         delete table inet {TABLE}\n\
         table inet {TABLE} {{\n\
         \tchain input {{\n\
         \t\ttype filter hook input priority -10; policy accept;\n\
         \t\tiifname != \"lo\" tcp dport {{ {PORTS} }} drop\n\
         \t}}\n\
         }}\n"
    )
}

/// What this machine's `nft` prints for the wanted table.
async fn canonical() -> Result<String, FirewallError> {
    let printed = tokio::task::spawn_blocking(|| {
        namespace::in_new_namespace(|| load().and_then(|()| list()))
    })
    .await
    .map_err(|_| NamespaceError::Panicked)??;
    printed?.ok_or_else(|| FirewallError::Refused {
        command: format!("nft list table inet {TABLE}"),
        said: "the table that was just loaded is not there".to_owned(),
    })
}

/// Loads the table in the calling thread's namespace.
fn load() -> Result<(), FirewallError> {
    let output = nft(&["-f", "-"], &ruleset())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(refused("nft -f -", &output))
    }
}

/// Prints the table of the calling thread's namespace; `None` when it is not there.
fn list() -> Result<Option<String>, FirewallError> {
    let tables = nft(&["list", "tables", "inet"], "")?;
    if !tables.status.success() {
        return Err(refused("nft list tables inet", &tables));
    }
    let heading = format!("table inet {TABLE}");
    if !String::from_utf8_lossy(&tables.stdout)
        .lines()
        .any(|line| line.trim() == heading)
    {
        return Ok(None);
    }
    let table = nft(&["list", "table", "inet", TABLE], "")?;
    if table.status.success() {
        Ok(Some(String::from_utf8_lossy(&table.stdout).into_owned()))
    } else {
        Err(refused("nft list table inet perouter", &table))
    }
}

/// Runs `nft` in the calling thread's namespace, which a child process inherits.
fn nft(arguments: &[&str], input: &str) -> Result<Output, FirewallError> {
    let mut child = Command::new("nft")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(FirewallError::NoProgram)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends before it read everything says why on its own; the short write
        // adds nothing to that.
        drop(stdin.write_all(input.as_bytes()));
    }
    child.wait_with_output().map_err(FirewallError::NoProgram)
}

fn refused(command: &str, output: &Output) -> FirewallError {
    FirewallError::Refused {
        command: command.to_owned(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    }
}
