//! `L3VNI`: a VRF, its VNI, its route targets and its session with the host.

use ipnet::{Ipv4Net, Ipv6Net};

use super::{check_count, check_node_selector, ipv4_prefix, ranged, remote_as};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{HostSession, L3Vni, RemoteAs};
use crate::api::route_target::RouteTarget;
use crate::api::types::{Asn, Vni, VrfName};
use crate::api::v1alpha1::host_session::{IPV4_CIDR, IPV6_CIDR, ONE_REMOTE_AS, SOME_CIDR};
use crate::api::v1alpha1::l3vni::HOST_AS_DIFFERS;
use crate::api::v1alpha1::{HostSessionSpec, IpVersion, L3VniSpec, LocalCidrSpec};

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
    let at = "spec.hostSession";
    let HostSessionSpec {
        asn,
        host_asn,
        host_type,
        local_cidr,
    } = session;
    let asn = faults.check(format!("{at}.asn"), Asn::try_from(*asn));
    let remote = remote_as(
        at,
        ("hostASN", *host_asn),
        *host_type,
        ONE_REMOTE_AS,
        faults,
    );
    if let (Some(asn), Some(RemoteAs::Number(host))) = (asn, remote)
        && asn == host
    {
        faults.add("spec", Reason::Rule(HOST_AS_DIFFERS));
    }
    let local_cidr = convert_local_cidr(&format!("{at}.localCIDR"), local_cidr, faults);
    Some(HostSession {
        asn: asn?,
        remote_as: remote?,
        local_cidr: local_cidr?,
    })
}

fn convert_local_cidr(
    at: &str,
    LocalCidrSpec { ipv4, ipv6 }: &LocalCidrSpec,
    faults: &mut Faults,
) -> Option<Ipv4Net> {
    if let Some(text) = ipv6 {
        let reason = match text.parse::<Ipv6Net>() {
            Ok(_) => Reason::NotYet("host sessions over IPv6 are"),
            Err(_) => Reason::RuleFor {
                found: text.clone(),
                rule: IPV6_CIDR,
            },
        };
        faults.add(format!("{at}.ipv6"), reason);
    }
    match ipv4 {
        Some(text) => faults.check(format!("{at}.ipv4"), ipv4_prefix(text, IPV4_CIDR)),
        None => {
            if ipv6.is_none() {
                faults.add(at, Reason::Rule(SOME_CIDR));
            }
            None
        }
    }
}
