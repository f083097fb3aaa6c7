//! A containerlab topology, as far as this runner runs it.
//!
//! Whatever the file says is either done or refused with the field's name: a field that was
//! read and ignored would make the same file mean two things.

mod file;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use names::{Image, InterfaceName, LabName, MacAddress, NameError, NodeName};
use serde::{Deserialize, Serialize};

/// A topology that can be run: every name is checked, every reference resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The lab's name; labs with different names run side by side.
    pub name: LabName,
    /// In the order of their names.
    pub nodes: Vec<Node>,
    /// In the order of the file.
    pub links: Vec<Link>,
}

/// One node: what containerlab would start as a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, which is also its host name.
    pub name: NodeName,
    /// What it is an instance of.
    pub image: Image,
    /// What to start in place of the image's own entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments for the entry point.
    pub cmd: Vec<String>,
    /// Environment of everything that runs in the node.
    pub env: BTreeMap<String, String>,
    /// Files and folders of the host that the node sees.
    pub binds: Vec<Bind>,
    /// Commands to run, in order, once all nodes and links are there.
    pub exec: Vec<Vec<String>>,
    /// Kernel settings of the node's namespaces, by their dotted names.
    pub sysctls: BTreeMap<String, String>,
}

/// A file or folder of the host that a node sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is on the host, absolute.
    pub source: PathBuf,
    /// Where the node sees it, absolute.
    pub target: PathBuf,
    /// Whether the node may change it.
    pub access: Access,
}

/// What a node may do with what is bound into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read and write: containerlab's default.
    ReadWrite,
    /// `:ro`.
    ReadOnly,
}

/// A cable between two nodes: a veth pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// One end.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// MTU of both ends, in bytes; containerlab's default is 9500.
    pub mtu: u16,
}

/// One end of a cable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The node it is plugged into.
    pub node: NodeName,
    /// What the node calls it.
    pub interface: InterfaceName,
    /// Its hardware address, if the topology fixes one.
    pub mac: Option<MacAddress>,
}

/// Why a topology cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("{} is not YAML", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A field is unknown, unsupported or wrong.
    #[error("{}: {field}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field's path, such as `topology.nodes.leaf.binds[0]`.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Topology {
    /// Reads the topology in the file at `path`; binds are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, is no YAML, or says something that this runner does not do.
    pub fn read(path: &Path) -> Result<Self, TopologyError> {
        let absolute = path.canonicalize().map_err(|source| TopologyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = std::fs::read_to_string(&absolute).map_err(|source| TopologyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, path, folder)
    }

    /// Parses `text`. `path` is only for messages; `folder` is what binds are relative to.
    ///
    /// # Errors
    /// As [`Topology::read`].
    pub fn parse(text: &str, path: &Path, folder: &Path) -> Result<Self, TopologyError> {
        file::parse(text, path, folder)
    }
}
