//! `L3VNI`: a VRF, its VNI, its route targets and its session with the host.

use super::{check_count, check_node_selector, host_session, ranged};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{HostSession, L3Vni};
use crate::api::route_target::RouteTarget;
use crate::api::types::{Vni, VrfName};
use crate::api::v1alpha1::l3vni::HOST_AS_DIFFERS;
use crate::api::v1alpha1::{HostSessionSpec, IpVersion, L3VniSpec};

/// The most route targets in one list.
const MAX_ROUTE_TARGETS: usize = 100;

/// Converts the specification; `None` only where a fault was noted.
pub(super) fn convert(spec: &L3VniSpec, faults: &mut Faults) -> Option<L3Vni> {
    let L3VniSpec {
        node_selector,
        vrf,
        vni,
        vxlan_port,
        underlay_address_family,
        host_session,
        export_rts,
        import_rts,
    } = spec;
    check_node_selector(node_selector.as_ref(), faults);
    let vrf = faults.check("spec.vrf", vrf.parse::<VrfName>());
    let vni = faults.check("spec.vni", Vni::try_from(i64::from(*vni)));
    let vxlan_port = faults.check("spec.vxlanPort", ranged(*vxlan_port, 1, 65535, ""));
    match underlay_address_family {
        Some(IpVersion::IPv6) => {
            faults.add(
                "spec.underlayAddressFamily",
                Reason::NotYet("tunnels over IPv6 are"),
            );
        }
        Some(IpVersion::IPv4) | None => {}
    }
    // The outer option says whether there is one, the inner whether it could be converted.
    let host_session = host_session
        .as_ref()
        .map(|session| convert_host_session(session, faults));
    let export_rts = route_targets("spec.exportRTs", export_rts, faults);
    let import_rts = route_targets("spec.importRTs", import_rts, faults);
    Some(L3Vni {
        vrf: vrf?,
        vni: vni?,
        vxlan_port: vxlan_port?,
        host_session: match host_session {
            Some(session) => Some(session?),
            None => None,
        },
        import_rts,
        export_rts,
    })
}

/// The targets in their order; one that is written twice counts once.
fn route_targets(at: &str, texts: &[String], faults: &mut Faults) -> Vec<RouteTarget> {
    check_count(at, texts.len(), 0, MAX_ROUTE_TARGETS, faults);
    let mut targets = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let target = faults.check(format!("{at}[{index}]"), text.parse::<RouteTarget>());
        targets.extend(target.filter(|target| !targets.contains(target)));
    }
    targets
}

fn convert_host_session(session: &HostSessionSpec, faults: &mut Faults) -> Option<HostSession> {
    if let Some(host) = session.host_asn
        && host == session.asn
    {
        faults.add("spec", Reason::Rule(HOST_AS_DIFFERS));
    }
    host_session::convert("spec.hostSession", session, faults)
}
