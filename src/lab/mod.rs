//! Runs containerlab topologies on this machine, on real FRR and a real kernel.
//!
//! ```text
//!  perouter lab …        [client]: one connection, one request
//!        │ unix socket
//!   supervisor           [supervisor]: a daemon for each lab; owns everything below
//!        │ stdin
//!     janitor            [cell]: outlives the supervisor by a moment, and removes what it left
//!        │ stdin
//!      cell              [cell]: private mounts; the root file system, read-only
//!        │ socket pair, or a serial line of User Mode Linux
//!      guest             [guest]: process 1: nodes, links; hands requests on
//!        │ socket pair
//!      node              [node]: process 1 of a node: its files, its commands
//! ```
//!
//! Each layer dies with the one above it, so that nothing can remain: a node with its guest,
//! the guest with the cell's PID namespace, the cell with the janitor, the janitor with the
//! supervisor. All of them speak [`wire`] frames over their standard input.
//!
//! A topology is the same natively and in User Mode Linux ([`backend`]): only who runs the
//! guest differs.

pub mod topology;
pub mod words;

mod exec;

pub mod backend;
pub mod cell;
pub mod checks;
pub mod client;
pub mod guest;
pub mod interrupt;
pub mod mounts;
pub mod node;
pub mod pace;
pub mod plan;
pub mod reaper;
pub mod record;
pub mod root;
pub mod supervisor;
pub mod table;
pub mod wire;

use std::error::Error;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The last `count` lines of a log.
fn tail(log: &str, count: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// Our standard input, which in the inner layers of a lab is the line to the outer one.
fn standard_input() -> io::Result<OwnedFd> {
    io::stdin().as_fd().try_clone_to_owned()
}
