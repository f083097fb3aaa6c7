//! The manifests as written: API group `network.openperouter.io`, version `v1alpha1`.
//!
//! Field names, defaults and limits are those of OpenPERouter, so its manifests are ours. The
//! CRDs are derived from these types, and so is the check for unknown fields and wrong types.
//!
//! The types are lenient on purpose: a number is any number and a string is any string. What
//! an API server would refuse by a limit or a rule in the CRD, `super::convert` refuses with
//! the same words, and it collects all faults of an object where a typed field would stop at
//! the first. The rules' messages are the constants beside them, used by both.

#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod host_session;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod l2vni;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod l3passthrough;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod l3vni;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod l3vpn;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
#[expect(
    dead_code,
    reason = "that copy of the password is never read, nor written back"
)]
pub mod neighbor;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod node_status;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod raw_frr_config;
pub mod status;
#[expect(
    unreachable_pub,
    reason = "the derive repeats each struct inside a function"
)]
pub mod underlay;

pub use host_session::{AllowedPrefixSpec, AllowedPrefixesSpec, HostSessionSpec, LocalCidrSpec};
pub use l2vni::{L2Vni, L2VniSpec};
pub use l3passthrough::{L3Passthrough, L3PassthroughSpec};
pub use l3vni::{L3Vni, L3VniSpec};
pub use l3vpn::{L3Vpn, L3VpnSpec};
pub use neighbor::NeighborSpec;
pub use node_status::{NodeStatus, RouterNodeConfigurationStatus};
pub use raw_frr_config::{RawFrrConfig, RawFrrConfigSpec};
pub use status::ObjectStatus;
pub use underlay::{Underlay, UnderlaySpec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API group.
pub const GROUP: &str = "network.openperouter.io";

/// The version of the group.
pub const VERSION: &str = "v1alpha1";

/// What manifests write as `apiVersion`.
pub const API_VERSION: &str = "network.openperouter.io/v1alpha1";

/// Which AS a peer is in, when not given by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum PeerType {
    /// Any AS but our own.
    External,
    /// Our own AS.
    Internal,
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum IpVersion {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// Takes the description off an enum's schema: where the enum is optional it would take the
/// place of the field's own, which says more.
fn undescribed(schema: &mut schemars::Schema) {
    schema.remove("description");
}
