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
