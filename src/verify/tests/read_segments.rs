//! FRR's captured answers on segments and on the underlay, as facts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;
use perouter_parsers::bgp::Path;
use perouter_parsers::evpn::EvpnKey;
use perouter_parsers::{bfd, evpn, id, nexthop};

use super::read::{mac, next_hop, origin, rd, route_target, standing, unreadable};
use crate::api::types::Vni;
use crate::plan::link::Mac;
use crate::verify::facts::{
    BfdSession, BfdState, Came, FloodPath, Host, HostPlace, MacPath, Moves, Read, SegmentRoute,
    ZebraSegment,
};

fn vni(vni: id::Vni) -> Vni {
    Vni::try_from(vni.get()).unwrap()
}

fn came(path: &Path) -> Came {
    let targets = path.extended.route_targets.iter().copied();
    Came {
        origin: origin(&path.source),
        next_hop: next_hop(path),
        targets: targets.map(route_target).collect(),
        standing: standing(path),
    }
}

/// Reads `show bgp l2vpn evpn route type 2 json`.
pub(super) fn macs(answer: impl io::Read) -> Read<Vec<MacPath>> {
    let mut all = Vec::new();
    evpn::type2_from(answer, |route| {
        all.extend(route.paths.iter().map(|path| MacPath {
            rd: rd(&route.rd),
            mac: mac(route.mac),
            ip: route.ip,
            came: came(path),
        }));
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show bgp l2vpn evpn neighbors X advertised-routes json`: what it says of segments.
pub(super) fn advertised(answer: impl io::Read) -> Read<HashSet<SegmentRoute>> {
    let mut all = HashSet::new();
    evpn::advertised_from(answer, |route| {
        let rd = rd(&route.rd);
        match route.key {
            EvpnKey::Mac { mac: host, ip, .. } => {
                let mac = mac(host);
                all.insert(SegmentRoute::Mac { rd, mac, ip });
            }
            EvpnKey::Multicast { originator, .. } => {
                all.insert(SegmentRoute::Flood { rd, originator });
            }
            EvpnKey::Prefix { .. } | EvpnKey::Other(_) => {}
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show bgp l2vpn evpn route type 3 json`.
pub(super) fn floods(answer: impl io::Read) -> Read<Vec<FloodPath>> {
    let mut all = Vec::new();
    evpn::type3_from(answer, |route| {
        all.extend(route.paths.iter().map(|path| FloodPath {
            rd: rd(&route.rd),
            originator: route.originator,
            came: came(path),
        }));
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show evpn mac vni all json`.
pub(super) fn hosts(answer: impl io::Read) -> Read<HashMap<(Vni, Mac), Host>> {
    let mut all = HashMap::new();
    evpn::host_macs_from(answer, |found| {
        let place = match found.place {
            evpn::Place::Local => HostPlace::Local,
            evpn::Place::Remote => HostPlace::Remote,
            evpn::Place::Auto | evpn::Place::Other(_) => HostPlace::Unknown,
        };
        assert!(!found.duplicate, "all was well");
        let moves = Moves::Plausible;
        all.insert((vni(found.vni), mac(found.mac)), Host { place, moves });
        ControlFlow::Continue(())
    })
    .map_err(|error| unreadable(&error))?;
    Ok(all)
}

/// Reads `show evpn vni detail json`.
pub(super) fn segments(answer: &[u8]) -> Read<BTreeMap<Vni, ZebraSegment>> {
    let details = evpn::vni_details(answer).map_err(|error| unreadable(&error))?;
    let segment = |detail| match detail {
        evpn::VniDetail::L2(own) => Some((
            vni(own.vni),
            ZebraSegment {
                vrf: own.vrf,
                vxlan: own.vxlan,
                svi: own.svi,
                vtep: own.local_vtep,
            },
        )),
        evpn::VniDetail::L3(_) => None,
    };
    Ok(details.into_iter().filter_map(segment).collect())
}

/// Reads `show ip nht json`.
pub(super) fn tracked(answer: &[u8]) -> Read<HashMap<IpAddr, Option<IpNet>>> {
    let known = nexthop::tracked(answer).map_err(|error| unreadable(&error))?;
    let own = known.into_iter().map(|(at, own)| (at, own.prefix));
    Ok(own.collect())
}

/// Reads `show bfd peers json`.
pub(super) fn bfd(answer: &[u8]) -> Read<Vec<BfdSession>> {
    let peers = bfd::peers(answer).map_err(|error| unreadable(&error))?;
    let session = |peer: bfd::Peer| BfdSession {
        peer: peer.peer,
        link: peer.interface.and_then(|name| name.parse().ok()),
        state: match peer.state {
            bfd::SessionState::Up => BfdState::Up,
            bfd::SessionState::Init => BfdState::Init,
            other @ (bfd::SessionState::Down
            | bfd::SessionState::Shutdown
            | bfd::SessionState::Other(_)) => BfdState::Down(other.to_string()),
        },
        diagnostic: peer.diagnostic,
        remote_diagnostic: peer.remote_diagnostic,
    };
    Ok(peers.into_iter().map(session).collect())
}
