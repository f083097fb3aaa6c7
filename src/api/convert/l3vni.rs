//! `L3VNI`: a VRF, its VNI, its route targets and its session with the host.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Written, check_count, host_session, ranged, tunnels_over};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{HostSession, L3Vni};
use crate::api::route_target::RouteTarget;
use crate::api::types::{Vni, VrfName};
use crate::api::v1alpha1::l3vni::HOST_AS_DIFFERS;
use crate::api::v1alpha1::{HostSessionSpec, L3VniSpec};

/// The most route targets in one list.
const MAX_ROUTE_TARGETS: usize = 100;

impl Written for L3VniSpec {
    type Domain = L3Vni;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    fn convert(&self, faults: &mut Faults) -> Option<L3Vni> {
        let Self {
            node_selector: _,
            vrf,
            vni,
            vxlan_port,
            underlay_address_family,
            host_session,
            export_rts,
            import_rts,
        } = self;
        let vrf = faults.check("spec.vrf", vrf.parse::<VrfName>());
        let vni = faults.check("spec.vni", Vni::try_from(i64::from(*vni)));
        let vxlan_port = faults.check("spec.vxlanPort", ranged(*vxlan_port, 1, 65535, ""));
        // The outer option says whether there is one, the inner whether it could be converted.
        let host_session = host_session
            .as_ref()
            .map(|session| convert_host_session(session, faults));
        let export_rts = route_targets("spec.exportRTs", export_rts, 0, faults);
        let import_rts = route_targets("spec.importRTs", import_rts, 0, faults);
        Some(L3Vni {
            vrf: vrf?,
            vni: vni?,
            vxlan_port: vxlan_port?,
            tunnels_over: tunnels_over(*underlay_address_family),
            host_session: match host_session {
                Some(session) => Some(session?),
                None => None,
            },
            import_rts,
            export_rts,
        })
    }
}

/// The targets in their order, of which there must be so many; one that is written twice counts
/// once.
pub(super) fn route_targets(
    at: &str,
    texts: &[String],
    least: usize,
    faults: &mut Faults,
) -> Vec<RouteTarget> {
    check_count(at, texts.len(), least, MAX_ROUTE_TARGETS, faults);
    let mut targets = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let target = faults.check(format!("{at}[{index}]"), text.parse::<RouteTarget>());
        targets.extend(target.filter(|target| !targets.contains(target)));
    }
    targets
}

/// The session of a VRF, whose host is in another AS.
pub(super) fn convert_host_session(
    session: &HostSessionSpec,
    faults: &mut Faults,
) -> Option<HostSession> {
    if let Some(host) = session.host_asn
        && host == session.asn
    {
        faults.add("spec", Reason::Rule(HOST_AS_DIFFERS));
    }
    host_session::convert("spec.hostSession", session, faults)
}
