//! The naming scheme of a VNI's links. It stands here and not in the plan because people choose
//! the names of VRFs and NICs, and those must not be taken from it.

use crate::api::types::Vni;

/// What the SVI bridge's name starts with; the VNI follows, here and below.
pub const BRIDGE: &str = "br-pe-";
/// What the VXLAN device's name starts with.
pub const VXLAN: &str = "vni";
/// What the name of the veth's end in the router's namespace starts with.
pub const ROUTER_VETH: &str = "pe-e-";
/// What the name of the veth's end in the host's namespace starts with.
pub const HOST_VETH: &str = "host-e-";
/// What the name of a segment's own bridge in the host's namespace starts with.
pub const HOST_BRIDGE: &str = "br-hs-";
/// The passthrough's end in the router's namespace.
pub const PASSTHROUGH_ROUTER: &str = "pt-ns";
/// The passthrough's end in the host's namespace.
pub const PASSTHROUGH_HOST: &str = "pt-host";

/// Whether `name` is one of `prefixes` and a VNI, written as this program writes it.
#[must_use]
pub fn follows(prefixes: &[&str], name: &str) -> bool {
    prefixes.iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.parse::<Vni>().is_ok_and(|vni| vni.to_string() == rest))
    })
}

/// Why no VRF, no NIC of the fabric and no bridge of the host may have this name, if so.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    match name {
        "all" | "default" => Some("the kernel and FRR keep this name for themselves"),
        "lo" => Some("it is the loopback interface"),
        PASSTHROUGH_ROUTER | PASSTHROUGH_HOST => Some("the passthrough's link is named so"),
        _ if follows(&[BRIDGE, VXLAN, ROUTER_VETH, HOST_VETH, HOST_BRIDGE], name) => {
            Some("links of VNIs are named so")
        }
        _ => None,
    }
}
