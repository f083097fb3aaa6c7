//! FRR's gRPC northbound: reading, and transactions that cannot harm the daemon.
//!
//! FRR's daemons serve YANG configuration over gRPC when they are started with
//! `-M grpc:PORT`. Many sequences of calls that the protocol allows make the
//! daemon crash (each of them is run against a real one in the tests):
//!
//! | calls on one candidate | FRR 10.3 |
//! |---|---|
//! | `PREPARE`, `APPLY`, then `DeleteCandidate` | the daemon aborts: the transaction is freed twice |
//! | `PREPARE`, `ABORT`, then `DeleteCandidate` | the same |
//! | `PREPARE`, then `DeleteCandidate` | reads freed memory, and crashes or not |
//! | a second `APPLY` or `ABORT`, or an edit between `PREPARE` and `APPLY` | the daemon crashes |
//! | `Get` with an empty path | the daemon crashes |
//! | any call that is cancelled, or loses its connection, before it is answered | the daemon's gRPC server may end for good |
//! | `VALIDATE` or `ALL`, any number of times, then `DeleteCandidate` | works |
//!
//! So what was once prepared could never be deleted, a successor could not know
//! which candidates those are, and as long as it is prepared, every other
//! writer is refused, FRR's own command line too. Therefore **no transaction is
//! held in the daemon at all**:
//!
//! ```text
//! Daemon ──▶ Driver ──prepare(edits)──▶ Prepared ──apply──▶ Outcome
//!   reads       │     create, edit,                 create, edit,
//!               │     VALIDATE, delete              ALL, delete
//!               └─────commit(edits)─────────────▶ Outcome
//! ```
//!
//! What always holds:
//!
//! - `PREPARE`, `ABORT` and `APPLY` are not spoken, and no candidate's number is
//!   known outside this crate: the sequences above cannot be written;
//! - each step makes its candidate right before use, from what is running then,
//!   and deletes it, on every path: success, refusal, deadline, dropped future;
//! - no call is cancelled, and no step half-way: each runs to its end in a task
//!   of its own, whatever becomes of the future that waits for it. A deadline ends
//!   the waiting only. [`Daemon::settle`] waits for what is still under way, and
//!   is awaited before a program ends;
//! - the steps of one driver come one after the other, so that none takes back
//!   what another committed in between;
//! - a dropped [`Prepared`] leaves nothing behind, here or in the daemon;
//! - a [`Daemon`] is one TCP connection. When that is lost, its calls fail
//!   ([`CallError::is_lost`]), and a new one has to be made.
//!
//! ```no_run
//! use std::time::Duration;
//! use perouter_frr_proto::{Daemon, Driver, Edits, Outcome, VrfName, Vni};
//! use tokio::net::TcpStream;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = TcpStream::connect("127.0.0.1:50051").await?;
//! let driver = Driver::new(Daemon::connect(stream, Duration::from_secs(10)).await?);
//!
//! let red: VrfName = "red".parse()?;
//! let prepared = driver.prepare(Edits::new().map_vrf(&red, Vni::new(100)?)).await?;
//! // … other daemons are prepared here …
//! match prepared.apply().await? {
//!     Outcome::Applied { warnings } => println!("applied; {warnings}"),
//!     Outcome::Unchanged => println!("it was so already"),
//! }
//! assert_eq!(driver.daemon().vrf_vnis().await?.get("red"), Some(&Vni::new(100)?));
//! # Ok(())
//! # }
//! ```
//!
//! What was prepared is applied once:
//!
//! ```compile_fail,E0382
//! # use perouter_frr_proto::*;
//! # async fn twice(prepared: Prepared) {
//! let _ = prepared.apply().await;
//! let _ = prepared.apply().await; // the value was moved
//! # }
//! ```
//!
//! and cannot be copied, so that no second one can be kept in hand:
//!
//! ```compile_fail,E0599
//! # use perouter_frr_proto::*;
//! # fn copied(prepared: Prepared) {
//! let second = prepared.clone();
//! # }
//! ```
//!
//! A path cannot be empty, nor be a text that nobody has looked at:
//!
//! ```compile_fail,E0308
//! # use perouter_frr_proto::*;
//! # async fn unchecked(daemon: Daemon) {
//! let _ = daemon.get("", DataType::Config).await;
//! # }
//! ```

mod connection;
mod daemon;
mod driver;
mod edit;
mod error;
mod name;
mod path;
mod read;

#[cfg(test)]
mod beside_mgmtd;
#[cfg(test)]
mod descriptor;
#[cfg(test)]
mod testing;

pub use connection::Rpc;
pub use daemon::{Capabilities, Daemon, DataType, Module};
pub use driver::{Driver, Outcome, Prepared};
pub use edit::{BfdInterval, BfdProfile, Edits, ListVersion, PrefixMatch};
pub use error::{CallError, CommitError, ConnectError, GetError, PrepareError, ReadError};
pub use name::{NameError, PrefixListName, ProfileName, RouteMapName, Vni, VniError, VrfName};
pub use path::{DataPath, PathError};
pub use read::{Action, RouteMaps, VrfVnis};

/// The generated client. It is private: with it, every harmful sequence of
/// calls can be written.
#[expect(
    unreachable_pub,
    reason = "generated; described in proto/northbound.proto"
)]
mod wire {
    tonic::include_proto!("frr");
}
