//! What people write, and what the rest of the program works with.
//!
//! Three layers, and data goes only this way:
//!
//! ```text
//!  text ──load──▶ JSON value ──v1alpha1──▶ manifest, as written ──convert──▶ domain object
//! ```
//!
//! - [`types`] and [`route_target`] hold the validated words: a [`Vni`] cannot be zero.
//! - [`model`] holds the domain objects made of them. Whoever holds one holds something valid.
//! - The manifests' own types, which are also the CRDs, are lenient: they take any number and
//!   any string, so that every fault of an object is reported and not only the first.
//!
//! Everything here is pure: text in, objects out. A field that a manifest may have but this
//! program does not act on yet is refused by name; nothing that people wrote is ignored.

pub mod convert;
pub mod crd;
pub mod fault;
pub mod load;
pub mod model;
pub mod placement;
pub mod route_target;
pub mod secrets;
pub mod selector;
mod shape;
pub mod types;
pub mod v1alpha1;

#[cfg(test)]
pub(crate) mod tests;

pub use fault::{ApiError, Fault, Identity, Reason};
pub use load::{
    FileError, Parsed, ParsedObject, parse_file, parse_object, parse_object_with, text_of,
};
pub use model::{
    AllowedPrefixes, Bfd, BfdMode, Families, Family, Gateways, GracefulRestart, HostMaster,
    HostSession, IpVersion, L2Vni, L3Passthrough, L3Vni, LocalCidr, Manifest, Multihop, Neighbor,
    Object, Peer, PrefixRule, RawFrrConfig, RemoteAs, Timers, TunnelEndpoint, Underlay,
};
pub use placement::{Misplaced, placed};
pub use route_target::RouteTarget;
pub use secrets::Secrets;
pub use selector::{Labels, NodeSelector};
pub use types::{Asn, InterfaceName, Kind, ObjectKey, Secret, ValueError, Vni, VrfName};
