//! FRR's gRPC northbound: reading, and transactions that cannot harm the daemon.
//!
//! FRR's daemons serve YANG configuration over gRPC when they are started with
//! `-M grpc:PORT`. Several sequences of calls that the protocol allows make the
//! daemon crash, and a transaction that its client forgot blocks everybody
//! else for ever. Here the types leave no way to write such a sequence:
//!
//! ```text
//! Daemon ──take_over──▶ Driver ──candidate──▶ Candidate ──prepare──▶ Prepared ──apply──▶ Applied
//!   reads                                       │    ▲  │                  └─────abort
//!                                               └edit┘  └──commit──▶ Outcome
//! ```
//!
//! What always holds:
//!
//! - a candidate is edited, then consumed by `prepare`; what that returns is
//!   consumed by exactly one `apply` or `abort`;
//! - a candidate is deleted once, on every path: success, refusal, a deadline,
//!   a future that is dropped half-way, a value that goes out of scope;
//! - no call that changes something is cancelled: it runs to its end in a task
//!   of its own, whatever becomes of the future that waits for it;
//! - a driver has one candidate at a time, so that no commit takes back what
//!   another one committed in between;
//! - a [`Daemon`] is one TCP connection. When that is lost, its calls fail, and a
//!   new one has to be made, which frees what the old one left.
//!
//! ```no_run
//! use std::time::Duration;
//! use perouter_frr_proto::{Daemon, Driver, Edits, Outcome, VrfName, Vni};
//! use tokio::net::TcpStream;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = TcpStream::connect("127.0.0.1:50051").await?;
//! let zebra = Daemon::connect(stream, Duration::from_secs(10)).await?;
//! let driver = Driver::take_over(zebra).await?;
//!
//! let red: VrfName = "red".parse()?;
//! let edits = Edits::new().map_vrf(&red, Vni::new(100)?);
//! match driver.candidate().await?.edit(edits).await?.commit("map red").await? {
//!     Outcome::Applied(applied) => println!("applied; warnings: {:?}", applied.warnings),
//!     Outcome::Unchanged => println!("it was so already"),
//! }
//! assert_eq!(driver.daemon().vrf_vnis().await?.get("red"), Some(&Vni::new(100)?));
//! # Ok(())
//! # }
//! ```
//!
//! A prepared transaction cannot be applied twice, nor aborted after that:
//!
//! ```compile_fail,E0382
//! # use perouter_frr_proto::*;
//! # async fn twice(prepared: Prepared) {
//! let _ = prepared.apply().await;
//! let _ = prepared.abort().await; // the value was moved
//! # }
//! ```
//!
//! A candidate cannot be edited once it is prepared, nor prepared twice:
//!
//! ```compile_fail,E0382
//! # use perouter_frr_proto::*;
//! # async fn edited(candidate: Candidate, edits: Edits) {
//! let prepared = candidate.prepare("").await;
//! let _ = candidate.edit(edits).await; // the value was moved
//! # }
//! ```
//!
//! Neither can be copied, so that no second one can be kept in hand:
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
mod transaction;

#[cfg(test)]
mod testing;

pub use connection::Rpc;
pub use daemon::{Capabilities, Daemon, DataType, Module};
pub use driver::Driver;
pub use edit::{BfdInterval, BfdProfile, Edits};
pub use error::{
    AbortError, ApplyError, BeginError, CallError, CommitError, ConnectError, EditError, GetError,
    PrepareError, ReadError, ValidateError,
};
pub use name::{NameError, ProfileName, RouteMapName, Vni, VniError, VrfName};
pub use path::{DataPath, PathError};
pub use read::{Action, RouteMaps, VrfVnis};
pub use transaction::{Applied, Candidate, Outcome, Preparation, Prepared};

/// The generated client. It is private: with it, every harmful sequence of
/// calls can be written.
#[expect(
    missing_docs,
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "generated; described in proto/northbound.proto"
)]
mod wire {
    tonic::include_proto!("frr");
}
