//! Why objects cannot be taken beside each other, in words that say what would be right.

use ipnet::IpNet;

use super::addresses::PoolError;
use crate::api::IpVersion;
use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};

/// Why one object cannot be taken beside the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A node has one underlay.
    #[error("this node already has {0}; only one Underlay may select a node")]
    SecondUnderlay(ObjectKey),
    /// Nothing to run over.
    #[error("no valid Underlay selects this node; create one first")]
    NoUnderlay,
    /// VXLAN needs a VTEP.
    #[error("{0} has no spec.tunnelEndpoint, which a VNI needs for its VTEP address")]
    NoTunnelEndpoint(ObjectKey),
    /// A VNI is one network.
    #[error("spec.vni: {vni} is already used by {by}")]
    VniTaken {
        /// The VNI.
        vni: Vni,
        /// By whom.
        by: ObjectKey,
    },
    /// A VRF has one L3VNI.
    #[error("spec.vrf: {vrf} already has the L3VNI of {by}")]
    VrfTaken {
        /// The VRF.
        vrf: VrfName,
        /// By whom.
        by: ObjectKey,
    },
    /// Host-side veth addresses share one routing table.
    #[error("{field}: {cidr} overlaps {other} of {by}")]
    CidrOverlap {
        /// The field that has it.
        field: &'static str,
        /// This one.
        cidr: IpNet,
        /// The other.
        other: IpNet,
        /// Of whom.
        by: ObjectKey,
    },
    /// A node has one passthrough.
    #[error("this node already has {0}; only one L3Passthrough may select a node")]
    SecondPassthrough(ObjectKey),
    /// Tunnels over an IP version that the underlay has not.
    #[error(
        "spec.underlayAddressFamily: {underlay} has no {over} prefix in spec.tunnelEndpoint.cidrs"
    )]
    NoVtep {
        /// The version asked for.
        over: IpVersion,
        /// The underlay.
        underlay: ObjectKey,
    },
    /// The object whose VRF should route a segment is not in force here.
    #[error("spec.routingDomain: {0} is not in force on this node; create or mend it first")]
    NoRoutingDomain(ObjectKey),
    /// A bridge's name is that of something of ours.
    #[error("spec.hostMaster.linuxBridge.name: no bridge of others is named {bridge}: {why}")]
    ReservedBridge {
        /// The bridge.
        bridge: InterfaceName,
        /// Whose name it is.
        why: &'static str,
    },
    /// A VRF's name is that of something else in the router's namespace.
    #[error("spec.vrf: a VRF cannot be named {vrf}: {why}")]
    ReservedVrf {
        /// The VRF.
        vrf: VrfName,
        /// Whose name it is.
        why: &'static str,
    },
    /// A VRF's name is that of a NIC, which moves into the same namespace.
    #[error("spec.vrf: a VRF cannot be named {vrf}: that is a NIC of {of}")]
    VrfIsNic {
        /// The VRF.
        vrf: VrfName,
        /// The underlay.
        of: ObjectKey,
    },
    /// A NIC's name is that of something else in the router's namespace.
    #[error("spec.interfaces: {nic} cannot carry the fabric: {why}")]
    ReservedNic {
        /// The NIC.
        nic: InterfaceName,
        /// Whose name it is.
        why: &'static str,
    },
    /// A pool has no address for this node.
    #[error("{field}: {source}")]
    Pool {
        /// The field that names the pool.
        field: &'static str,
        /// What is wrong with it.
        source: PoolError,
    },
}

impl Refusal {
    /// The object that holds what was claimed.
    pub(super) fn holder(&self) -> Option<&ObjectKey> {
        match self {
            Self::SecondUnderlay(by)
            | Self::SecondPassthrough(by)
            | Self::VniTaken { by, .. }
            | Self::VrfTaken { by, .. }
            | Self::CidrOverlap { by, .. } => Some(by),
            Self::NoUnderlay
            | Self::NoTunnelEndpoint(_)
            | Self::NoVtep { .. }
            | Self::NoRoutingDomain(_)
            | Self::ReservedBridge { .. }
            | Self::ReservedVrf { .. }
            | Self::VrfIsNic { .. }
            | Self::ReservedNic { .. }
            | Self::Pool { .. } => None,
        }
    }
}
