//! The kernel: observes both namespaces of the node, executes the kernel's part of a plan, and
//! tells what changes.
//!
//! - [`namespace`] makes namespaces that outlive every process, and works inside them.
//! - [`Kernel`] holds one netlink socket a namespace: `observe`, `execute`, `watch`, and the
//!   facts that verification compares with what FRR says.
//! - [`firewall`] keeps FRR's management ports to ourselves; [`sysctl`] reads and sets what
//!   `/proc/sys/net` has.
//! - [`Refresher`] has the kernel probe workloads that have fallen silent.
//!
//! What the kernel refuses is told in its own words. Observing writes nothing, which
//! [`Kernel::writes`] lets tests prove.

mod channel;
mod dropped;
mod execute;
pub mod facts;
pub mod firewall;
mod kernel;
mod message;
pub mod namespace;
mod observe;
mod refresh;
mod retain;
mod rules;
mod socket;
mod stir;
pub mod sysctl;
mod watch;

pub use channel::{Dump, NetlinkError, OpenError, Refusal};
pub use execute::{StepCause, StepError};
pub use kernel::{FactError, Kernel, KernelOpenError, ObserveError};
pub use refresh::{Pace, Refresher};
pub use retain::Retention;
pub use stir::{Place, Places, Stir, Stirred};
pub(crate) use watch::QUEUE;
pub use watch::{Change, Heard, KernelEvent, Watch, WatchError};
