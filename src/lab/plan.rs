//! What the layers of a lab ask of each other.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::topology::{Image, InterfaceName, Node, NodeName, Topology};

/// Whose kernel runs the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kernel {
    /// The host's own.
    Native,
    /// User Mode Linux, from the root file system.
    UserMode,
}

/// Everything that is needed to start a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What to build.
    pub topology: Topology,
    /// On which kernel.
    pub kernel: Kernel,
    /// The root file system that all nodes share, read-only.
    pub root: PathBuf,
    /// This program, which is `/usr/bin/perouter` in the nodes.
    pub executable: PathBuf,
    /// Memory of User Mode Linux.
    pub memory_mib: u32,
    /// How long the build may take.
    pub deadline: Duration,
}

/// How long a lab lives that somebody started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leash {
    /// It outlives who started it, once it is built.
    WhileBuilding,
    /// It goes when the connection of who started it closes.
    Always,
}

/// A command to run in a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Which node.
    pub node: NodeName,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it reads.
    pub input: Input,
}

/// What a command reads from its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Nothing.
    Empty,
    /// What follows in the conversation.
    Follows,
}

/// What a client asks the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientRequest {
    /// Build a lab and say when it is up.
    Start(Box<Plan>, Leash),
    /// Run a command.
    Exec(Exec),
    /// Report the nodes' states: a [`Report`].
    Status,
    /// Take the lab down; the connection closes when nothing is left of it.
    Down,
}

/// What the supervisor asks the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestRequest {
    /// Nothing: the guest is there. It is the guest that says so, once, as its first word.
    Hello,
    /// Nothing: so many more bytes have been read. The guest says so, for [`super::pace`].
    Heard(u32),
    /// Build all nodes and links.
    Build(Box<Plan>),
    /// Run a command.
    Exec(Exec),
    /// Report the nodes' states.
    Status,
}

/// What the guest asks a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeRequest {
    /// Make the node's file system and settings.
    Prepare(Box<Node>),
    /// Set its links up and start its entry point.
    Launch(Vec<InterfaceName>),
    /// Say when it has started, or why it never will.
    AwaitReady(Duration),
    /// Run a command.
    Exec(Vec<String>, Input),
    /// Report the state: a [`Phase`].
    State,
}

/// What is true of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// On which kernel it runs.
    pub kernel: Kernel,
    /// In the order of their names.
    pub nodes: Vec<NodeReport>,
}

/// What is true of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its name.
    pub name: NodeName,
    /// What it is an instance of.
    pub image: Image,
    /// How far it is.
    pub phase: Phase,
}

/// How far a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its entry point has not been started.
    Prepared,
    /// Its entry point has not said that it is ready.
    Starting,
    /// It is ready.
    Ready,
    /// Its entry point has ended, with this status; the node and its other processes go on.
    Ended(u8),
    /// The node is gone, or does not answer: why.
    Lost(String),
}
