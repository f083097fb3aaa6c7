//! What must be true of a lab that is up: its agents are satisfied, and its ends reach each
//! other.
//!
//! Beside the topology `x.clab.yml` stands the folder `x`, and in it `checks.yaml`:
//!
//! ```yaml
//! pings:
//!   - {from: node1, source: 172.16.1.1, to: 172.16.2.1}
//!   - {from: node1, netns: pod, to: 10.20.0.12}
//! ```
//!
//! The second is sent by a workload: a network namespace that the node made, by its name.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{self, ClientError};
use super::table::Table;
use super::topology::{Image, NodeName, Topology};

/// The pause between two looks at a node.
const AGAIN: Duration = Duration::from_millis(250);

/// How long routes may be on their way that pings have just brought about.
const MOVING: Duration = Duration::from_secs(10);

/// The checks of one topology.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Who must reach whom.
    pub pings: Vec<Ping>,
}

/// One end of the lab must reach another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// The node that sends.
    pub from: NodeName,
    /// The address that it sends from; without one, the one that the kernel takes.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// The namespace of the node that sends; without one, the node's own.
    #[serde(default)]
    pub netns: Option<String>,
    /// The address that must answer.
    pub to: IpAddr,
}

impl Ping {
    /// What sends one packet and waits a second for the answer.
    fn command(&self) -> Vec<String> {
        let netns = self.netns.iter();
        let inside = netns.flat_map(|netns| ["ip", "netns", "exec", netns]);
        let ping = inside.chain(["ping", "-n", "-c", "1", "-W", "1"]);
        let mut words: Vec<String> = ping.map(str::to_owned).collect();
        if let Some(source) = &self.source {
            words.extend(["-I".to_owned(), source.to_string()]);
        }
        words.push(self.to.to_string());
        words
    }

    fn shown_source(&self) -> String {
        match (&self.netns, &self.source) {
            (Some(netns), Some(source)) => format!("{netns}: {source}"),
            (Some(netns), None) => netns.clone(),
            (None, Some(source)) => source.to_string(),
            (None, None) => "-".to_owned(),
        }
    }
}

/// Why checks cannot be made, or what they found.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file says something else than checks.
    #[error("{} is wrong", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A ping names a node that the topology does not have.
    #[error("{}: there is no node «{node}»", path.display())]
    UnknownNode {
        /// The file.
        path: PathBuf,
        /// The name.
        node: NodeName,
    },
    /// The lab cannot be asked.
    #[error(transparent)]
    Lab(#[from] ClientError),
    /// A node's agent is not satisfied in time.
    #[error("node {node} was not ready after {} s", waited.as_secs())]
    NotReady {
        /// The node.
        node: NodeName,
        /// How long it had.
        waited: Duration,
        /// What it says about itself.
        findings: String,
    },
    /// A node's last verification found something.
    #[error("node {node} finds something that is not good")]
    NotGood {
        /// The node.
        node: NodeName,
        /// What it says about itself.
        findings: String,
    },
}

/// Where the checks of the topology at `path` are.
fn file(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    path.with_file_name(stem).join("checks.yaml")
}

impl Checks {
    /// Reads the checks of the topology at `path`.
    ///
    /// # Errors
    /// When there are none, or they do not fit the topology: a test that checks nothing would
    /// always pass.
    pub fn read(path: &Path, topology: &Topology) -> Result<Self, CheckError> {
        let path = file(path);
        let text = fs::read_to_string(&path).map_err(|source| CheckError::Read {
            path: path.clone(),
            source,
        })?;
        let checks: Self = serde_saphyr::from_str(&text).map_err(|source| CheckError::Parse {
            path: path.clone(),
            source: Box::new(source),
        })?;
        let known = |ping: &&Ping| topology.nodes.iter().any(|node| node.name == ping.from);
        match checks.pings.iter().find(|ping| !known(ping)) {
            Some(ping) => Err(CheckError::UnknownNode {
                path,
                node: ping.from.clone(),
            }),
            None => Ok(checks),
        }
    }
}

/// Waits until the agent of every node that has one says that all is ready.
///
/// # Errors
/// When the deadline passes first: with the findings of the first node that is not ready.
pub fn await_ready(
    topology: &Topology,
    deadline: Duration,
    mut progress: impl FnMut(&str),
) -> Result<(), CheckError> {
    let begin = Instant::now();
    let lab = topology.name.as_str();
    for node in topology
        .nodes
        .iter()
        .filter(|node| node.image == Image::Node)
    {
        let name = node.name.as_str();
        loop {
            // Its exit status says whether all is ready; the findings are for the message.
            let asked = client::collect(lab, name, &["perouter", "status"])?;
            if asked.status == 0 {
                break;
            }
            if begin.elapsed() > deadline {
                let told = client::collect(lab, name, &["perouter", "status"])?;
                let findings = format!("{}{}", told.errors, told.output);
                let node = node.name.clone();
                return Err(CheckError::NotReady {
                    node,
                    waited: deadline,
                    findings,
                });
            }
            thread::sleep(AGAIN);
        }
        progress(&format!("{name} is ready"));
    }
    Ok(())
}

/// What every node that runs the agent says of itself, after it has verified everything once
/// more: its tables for people.
///
/// # Errors
/// When a node finds something that is not good, or cannot be asked.
pub fn verified(topology: &Topology) -> Result<Vec<(NodeName, String)>, CheckError> {
    let lab = topology.name.as_str();
    let nodes = topology
        .nodes
        .iter()
        .filter(|node| node.image == Image::Node);
    let mut tables = Vec::new();
    for node in nodes {
        tables.push((node.name.clone(), verified_node(lab, &node.name)?));
    }
    Ok(tables)
}

/// A node's status, once its verification finds everything good. What pings have just brought
/// about may still be on its way.
fn verified_node(lab: &str, node: &NodeName) -> Result<String, CheckError> {
    let begin = Instant::now();
    loop {
        let checked = client::collect(lab, node.as_str(), &["perouter", "verify"])?;
        let status = client::collect(lab, node.as_str(), &["perouter", "status"])?;
        if checked.status == 0 && status.status == 0 {
            return Ok(status.output);
        }
        if begin.elapsed() > MOVING {
            return Err(CheckError::NotGood {
                node: node.clone(),
                findings: format!("{}{}", checked.errors, checked.output),
            });
        }
        thread::sleep(AGAIN);
    }
}

/// What became of the pings.
pub struct Pings {
    /// For people.
    pub table: Table,
    /// How many had no answer in time.
    pub failed: usize,
}

/// Sends the pings; each may take until the deadline, for routes to arrive.
///
/// # Errors
/// When a node cannot be asked. A ping without answer is no error but a result.
pub fn pings(
    topology: &Topology,
    checks: &Checks,
    deadline: Duration,
    mut progress: impl FnMut(&str),
) -> Result<Pings, CheckError> {
    let begin = Instant::now();
    let mut table = Table::new(&["FROM", "SOURCE", "TO", "ANSWER"]);
    let mut failed = 0;
    for ping in &checks.pings {
        let Ping { from, to, .. } = ping;
        let (source, command) = (ping.shown_source(), ping.command());
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let answer = loop {
            let asked = client::collect(topology.name.as_str(), from.as_str(), &command)?;
            if asked.status == 0 {
                break round_trip(&asked.output);
            }
            if begin.elapsed() > deadline {
                failed += 1;
                let reason = asked
                    .errors
                    .lines()
                    .next()
                    .unwrap_or("no answer")
                    .to_owned();
                break format!("FAILED: {reason}");
            }
            thread::sleep(AGAIN);
        };
        progress(&format!("{from} ({source}) → {to}: {answer}"));
        table.row([from.to_string(), source, to.to_string(), answer]);
    }
    Ok(Pings { table, failed })
}

/// The time that ping measured, in its own words, such as «0.08 ms».
fn round_trip(output: &str) -> String {
    let time = output
        .split("time=")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    time.unwrap_or("answered").to_owned()
}
