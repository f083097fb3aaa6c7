//! FRR's captured answers as facts.
//!
//! The agent has its own way from answers to facts, with I/O; this one serves the tests here,
//! which may not depend on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::time::Duration;

use ipnet::IpNet;
use perouter_parsers::bgp::{self, AddressFamily, Neighbor, Path, PeerState, Source};
use perouter_parsers::evpn::{self, EvpnKey, LinkState};
use perouter_parsers::id::{self, Assigned, PeerName, RouterMac};
use perouter_parsers::rib;

use crate::api::types::{Asn, Vni};
use crate::api::{Family, Peer, RouteTarget};
use crate::plan::link::Mac;
use crate::verify::facts::{
    BgpVni, EndOfRib, EvpnPath, FamilyState, ImportTarget, LastReset, Negotiation, Origin, Rd,
    Read, RibChoice, RibEntry, RibProtocol, RouteId, Session, SessionState, Sessions, Standing,
    Telling, Unreadable, VniKind, VniState, VrfPath, ZebraVni,
};

/// An error with all that caused it, in one line.
pub(super) fn unreadable(error: &dyn Error) -> Unreadable {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    Unreadable { words }
}

/// Reads `show bgp neighbors json` or `show bgp vrf VRF neighbors json`.
pub(super) fn sessions(answer: &[u8]) -> Read<Sessions> {
    let neighbors = bgp::neighbors(answer).map_err(|error| unreadable(&error))?;
    let named = |(name, neighbor)| {
        let peer = match name {
            PeerName::Address(address) => Peer::Address(address),
            PeerName::Interface(name) => Peer::Interface(name.parse().unwrap()),
        };
        (peer, session(neighbor))
    };
    Ok(neighbors.into_iter().map(named).collect())
}

fn session(neighbor: Neighbor) -> Session {
    let state = match (&neighbor.state, neighbor.uptime) {
        (PeerState::Established, uptime) => SessionState::Established {
            uptime: Duration::from_millis(uptime.map_or(0, |uptime| uptime.msec)),
        },
        (down, _) => SessionState::Down {
            state: down.to_string(),
        },
    };
    let state_of = |(family, counters): (&AddressFamily, &bgp::FamilyCounters)| {
        let negotiation = if neighbor.negotiated.contains(family) {
            Negotiation::Agreed
        } else {
            Negotiation::Missing
        };
        let ours = match family {
            AddressFamily::Ipv4Unicast => Family::Ipv4Unicast,
            AddressFamily::L2VpnEvpn => Family::Evpn,
            AddressFamily::Ipv6Unicast => Family::Ipv6Unicast,
            AddressFamily::Other(_) => return None,
        };
        let end_of_rib = if neighbor.told.contains(family) {
            EndOfRib::Received
        } else {
            EndOfRib::Awaited
        };
        let state = FamilyState {
            negotiation,
            end_of_rib,
            received: counters.accepted,
            sent: counters.sent.unwrap_or_default(),
        };
        Some((ours, state))
    };
    Session {
        state,
        remote_as: Asn::try_from(neighbor.remote_as.0).ok(),
        families: neighbor.families.iter().filter_map(state_of).collect(),
        last_reset: neighbor.last_reset.map(|reset| LastReset {
            reason: match reset.notification {
                Some(notification) => format!("{} ({})", reset.reason, notification.words),
                None => reset.reason,
            },
            ago: Duration::from_millis(reset.ago_msec),
        }),
        established_count: neighbor.connections_established,
        dropped_count: neighbor.connections_dropped,
    }
}

/// Reads `show vrf vni json`: the layer 3 VNIs of zebra.
pub(super) fn zebra_vnis(answer: &[u8]) -> Read<BTreeMap<Vni, ZebraVni>> {
    let vnis = evpn::vrf_vnis(answer).map_err(|error| unreadable(&error))?;
    let ours = |seen: evpn::VrfVni| {
        let vni = Vni::try_from(seen.vni.get()).ok()?;
        let state = match seen.state {
            LinkState::Up => VniState::Up,
            down @ (LinkState::Down | LinkState::Other(_)) => VniState::Down(down.to_string()),
        };
        let zebra = ZebraVni {
            kind: VniKind::L3,
            vrf: Some(seen.vrf),
            vxlan: seen.vxlan,
            svi: seen.svi,
            state,
            router_mac: seen.router_mac.map(mac),
        };
        Some((vni, zebra))
    };
    Ok(vnis.into_iter().filter_map(ours).collect())
}

/// Reads `show bgp l2vpn evpn vni json`.
pub(super) fn bgp_vnis(answer: &[u8]) -> Read<BTreeMap<Vni, BgpVni>> {
    let vnis = evpn::bgp_vnis(answer).map_err(|error| unreadable(&error))?;
    let ours = |(vni, seen): (id::Vni, evpn::BgpVni)| {
        let kind = match seen.kind {
            evpn::VniKind::L3 => VniKind::L3,
            evpn::VniKind::L2 | evpn::VniKind::Other(_) => VniKind::L2,
        };
        let bgp = BgpVni {
            kind,
            vtep: seen.originator_ip,
            rd: rd(&seen.rd),
            import_targets: seen.import.into_iter().map(import_target).collect(),
            export_targets: seen.export.into_iter().map(route_target).collect(),
            router_mac: seen.router_mac.map(mac),
        };
        Some((Vni::try_from(vni.get()).ok()?, bgp))
    };
    let vnis = vnis.unwrap_or_default();
    Ok(vnis.into_iter().filter_map(ours).collect())
}

/// Reads `show bgp l2vpn evpn route type 5 json`, while FRR still writes it.
pub(super) fn evpn(answer: impl io::Read) -> Read<Vec<EvpnPath>> {
    let mut all = Vec::new();
    evpn::type5_from(answer, |route| {
        let id = RouteId {
            rd: rd(&route.rd),
            prefix: route.prefix,
        };
        for path in route.paths {
            all.push(EvpnPath {
                id: id.clone(),
                standing: standing(&path),
                origin: origin(&path.source),
                next_hop: next_hop(&path),
                targets: path
                    .extended
                    .route_targets
                    .into_iter()
                    .map(route_target)
                    .collect(),
                router_mac: path.extended.router_mac.map(mac),
            });
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show bgp l2vpn evpn neighbors X advertised-routes json`, while FRR still writes it.
/// Only Type-5 routes whose distinguisher `keep` takes are kept: what is verified is our own,
/// and a table of the fabric's can be large.
pub(super) fn advertised(
    answer: impl io::Read,
    keep: impl Fn(&Rd) -> bool,
) -> Read<HashSet<RouteId>> {
    let mut all = HashSet::new();
    evpn::advertised_from(answer, |route| {
        if let EvpnKey::Prefix { prefix, .. } = route.key {
            let rd = rd(&route.rd);
            if keep(&rd) {
                all.insert(RouteId { rd, prefix });
            }
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show bgp vrf VRF ipv4 unicast json`, while FRR still writes it.
pub(super) fn vrf_bgp(answer: impl io::Read) -> Read<HashMap<IpNet, Vec<VrfPath>>> {
    let mut all = HashMap::new();
    bgp::unicast_from(answer, |route| {
        let ours = |path: &Path| VrfPath {
            origin: origin(&path.source),
            next_hop: next_hop(path),
            standing: standing(path),
            telling: Telling::Told,
        };
        all.insert(route.prefix, route.paths.iter().map(ours).collect());
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show ip route vrf VRF json`, while FRR still writes it.
pub(super) fn vrf_rib(answer: impl io::Read) -> Read<HashMap<IpNet, Vec<RibEntry>>> {
    let mut all = HashMap::new();
    rib::rib_from(answer, |prefix| {
        let entries = prefix.routes.into_iter().map(rib_entry).collect();
        all.insert(prefix.prefix, entries);
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

fn rib_entry(route: rib::RibRoute) -> RibEntry {
    let active = |hop: rib::RibNextHop| hop.ip.filter(|_| hop.active);
    RibEntry {
        protocol: if route.protocol == rib::Protocol::Bgp {
            RibProtocol::Bgp
        } else {
            RibProtocol::Other(route.protocol.as_str().into())
        },
        choice: match (route.selected, route.installed) {
            (true, true) => RibChoice::Installed,
            (true, false) => RibChoice::Selected,
            (false, _) => RibChoice::NotSelected,
        },
        next_hops: route.next_hops.into_iter().filter_map(active).collect(),
    }
}

pub(super) fn standing(path: &Path) -> Standing {
    match path {
        Path { valid: false, .. } => Standing::Invalid,
        Path { best: true, .. } => Standing::Best,
        Path {
            multipath: true, ..
        } => Standing::Multipath,
        Path { .. } => Standing::Valid,
    }
}

/// A source that is neither this router nor an address is none of a neighbour of ours.
pub(super) fn origin(source: &Source) -> Origin {
    match source {
        Source::Peer(address) => Origin::Peer(*address),
        Source::Local | Source::Other(_) => Origin::Local,
    }
}

/// The next hop; a path without any has the unspecified address, as FRR writes it for its own.
pub(super) fn next_hop(path: &Path) -> IpAddr {
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    path.next_hops.first().copied().unwrap_or(unspecified)
}

pub(super) fn rd(rd: &id::RouteDistinguisher) -> Rd {
    Rd(rd.to_string().into_boxed_str())
}

pub(super) const fn mac(mac: RouterMac) -> Mac {
    Mac(mac.0)
}

pub(super) const fn route_target(target: id::RouteTarget) -> RouteTarget {
    match target.0 {
        Assigned::As2(asn, number) => RouteTarget::TwoOctetAs { asn, number },
        Assigned::As4(asn, number) => RouteTarget::FourOctetAs { asn, number },
        Assigned::Ip(address, number) => RouteTarget::Ipv4 { address, number },
    }
}

const fn import_target(target: id::ImportTarget) -> ImportTarget {
    match target {
        id::ImportTarget::Exact(target) => ImportTarget::Exact(route_target(target)),
        id::ImportTarget::AnyAs(number) => ImportTarget::AnyAdministrator(number),
    }
}
