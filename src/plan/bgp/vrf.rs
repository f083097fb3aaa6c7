//! The instance of a VRF: its session with the host, and its routes' way into EVPN.

use std::collections::BTreeSet;

use ipnet::IpNet;
use perouter_parsers::running_config::{Config, Context, InvalidLine};

use super::desired::{Shared, common, graceful_restart, header_of, monitor, push_family};
use super::host::{HostPeer, networks};
use crate::api::types::Asn;
use crate::api::{Family, L3Vni, RouteTarget};
use crate::intent::VniIntent;

/// The whole instance: one block, whatever IP versions the host speaks.
pub(super) fn instance(vni: &VniIntent, shared: &Shared) -> Result<Context, InvalidLine> {
    let spec = &vni.spec;
    let session = spec.host_session.as_ref();
    let asn = session.map_or(shared.asn, |session| session.asn);
    let peers = session.into_iter().flat_map(|session| {
        let peer = |leg| HostPeer::new(leg, session, asn, spec.vrf.as_str());
        vni.legs.iter().map(peer)
    });
    let peers: Vec<HostPeer<'_>> = peers.collect();
    let hosts = peers.iter().map(|peer| IpNet::from(peer.address));
    let prefixes: BTreeSet<IpNet> = hosts.chain(vni.gateway_subnets.iter().copied()).collect();
    let mut body = common(shared.router_id, |body| {
        graceful_restart(body, shared.restart)
    })?;
    for peer in &peers {
        peer.define(&mut body)?;
    }
    for (name, family) in [
        ("ipv4 unicast", Family::Ipv4Unicast),
        ("ipv6 unicast", Family::Ipv6Unicast),
    ] {
        let mut unicast = Config::new();
        networks(&mut unicast, &prefixes, family)?;
        for peer in &peers {
            peer.activate(family, &mut unicast)?;
        }
        push_family(&mut body, name, unicast)?;
    }
    let mut evpn = Config::new();
    evpn.push("advertise ipv4 unicast")?;
    evpn.push("advertise ipv6 unicast")?;
    route_targets(&mut evpn, spec, asn)?;
    push_family(&mut body, "l2vpn evpn", evpn)?;
    if !peers.is_empty() {
        monitor(&mut body, shared.monitoring)?;
    }
    Ok(Context::with_body(header_of(vni, shared.asn)?, body))
}

/// Route targets, but for a list that says just what FRR derives by itself: FRR prints that
/// one or not, depending on what came first, and means the same.
///
/// In a list that says more, the derived one comes last: FRR ignores it while it still derives
/// it by itself, and stops deriving it at the first other one.
fn route_targets(evpn: &mut Config, spec: &L3Vni, asn: Asn) -> Result<(), InvalidLine> {
    let auto = automatic_route_target(asn, spec);
    for (direction, targets) in [("import", &spec.import_rts), ("export", &spec.export_rts)] {
        let mut targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        targets.sort_by_key(|target| (*target == auto, target.clone()));
        if targets.first().is_some_and(|first| *first != auto) {
            for target in targets {
                evpn.push(format!("route-target {direction} {target}"))?;
            }
        }
    }
    Ok(())
}

/// What FRR derives: the AS number's low 16 bits and the VNI.
fn automatic_route_target(asn: Asn, spec: &L3Vni) -> String {
    format!("{}:{}", u32::from(asn) & 0xffff, spec.vni)
}

/// The route targets that a VNI's routes carry in fact.
#[must_use]
pub fn export_targets(spec: &L3Vni, asn: Asn) -> Vec<String> {
    effective(&spec.export_rts, spec, asn)
}

/// The route targets by which a VNI takes routes in.
#[must_use]
pub fn import_targets(spec: &L3Vni, asn: Asn) -> Vec<String> {
    effective(&spec.import_rts, spec, asn)
}

fn effective(explicit: &[RouteTarget], spec: &L3Vni, asn: Asn) -> Vec<String> {
    if explicit.is_empty() {
        vec![automatic_route_target(asn, spec)]
    } else {
        explicit.iter().map(ToString::to_string).collect()
    }
}
