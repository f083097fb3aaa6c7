//! VNIs, from zebra's and bgpd's words to facts; and the identifiers that facts are made of.

use std::collections::BTreeMap;

use perouter_parsers::evpn;
use perouter_parsers::id;

use crate::api::{RouteTarget, Vni};
use crate::plan::link::Mac;
use crate::verify::facts::{BgpVni, ImportTarget, Rd, VniKind, VniState, ZebraVni};

/// zebra's VNIs that are mapped to VRFs.
pub(super) fn of_zebra(mapped: Vec<evpn::VrfVni>) -> BTreeMap<Vni, ZebraVni> {
    let convert = |seen: evpn::VrfVni| Some((vni(seen.vni)?, of_vrf(seen)));
    mapped.into_iter().filter_map(convert).collect()
}

fn of_vrf(seen: evpn::VrfVni) -> ZebraVni {
    ZebraVni {
        kind: VniKind::L3,
        vrf: Some(seen.vrf),
        vxlan: seen.vxlan,
        svi: seen.svi,
        state: match seen.state {
            evpn::LinkState::Up => VniState::Up,
            other @ (evpn::LinkState::Down | evpn::LinkState::Other(_)) => {
                VniState::Down(other.as_str().to_owned())
            }
        },
        router_mac: seen.router_mac.map(mac),
    }
}

/// bgpd's VNIs.
pub(super) fn of_bgpd(found: evpn::BgpVnis) -> BTreeMap<Vni, BgpVni> {
    let convert = |(number, seen): (id::Vni, evpn::BgpVni)| {
        let converted = BgpVni {
            kind: kind(&seen.kind)?,
            vtep: seen.originator_ip,
            rd: rd(&seen.rd),
            import_targets: seen.import.into_iter().map(import_target).collect(),
            export_targets: seen.export.into_iter().map(route_target).collect(),
            router_mac: seen.router_mac.map(mac),
        };
        Some((vni(number)?, converted))
    };
    found.into_iter().filter_map(convert).collect()
}

fn kind(kind: &evpn::VniKind) -> Option<VniKind> {
    match kind {
        evpn::VniKind::L2 => Some(VniKind::L2),
        evpn::VniKind::L3 => Some(VniKind::L3),
        // A third kind would be none that we configure; ours is found missing then.
        evpn::VniKind::Other(_) => None,
    }
}

/// The same number in our own type; both have the same bounds, so it is never `None`.
pub(super) fn vni(vni: id::Vni) -> Option<Vni> {
    Vni::try_from(vni.get()).ok()
}

pub(super) fn mac(mac: id::RouterMac) -> Mac {
    Mac(mac.0)
}

pub(super) fn rd(rd: &id::RouteDistinguisher) -> Rd {
    Rd(rd.to_string().into())
}

pub(super) fn route_target(target: id::RouteTarget) -> RouteTarget {
    match target.0 {
        id::Assigned::As2(asn, number) => RouteTarget::TwoOctetAs { asn, number },
        id::Assigned::As4(asn, number) => RouteTarget::FourOctetAs { asn, number },
        id::Assigned::Ip(address, number) => RouteTarget::Ipv4 { address, number },
    }
}

fn import_target(target: id::ImportTarget) -> ImportTarget {
    match target {
        id::ImportTarget::Exact(target) => ImportTarget::Exact(route_target(target)),
        id::ImportTarget::AnyAs(number) => ImportTarget::AnyAdministrator(number),
    }
}
