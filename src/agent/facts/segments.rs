//! The hosts of layer 2 segments: read entry by entry, keeping only what facts keep.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use perouter_parsers::{bgp, evpn};

use super::tables::{Streams, next_hop, on_a_thread, origin, standing};
use super::vnis;
use crate::api::types::Vni;
use crate::frr::Daemon;
use crate::plan::link::Mac;
use crate::verify::facts::{
    Came, FloodPath, Host, HostPlace, MacPath, Moves, Read, Unreadable, ZebraSegment,
};

/// What zebra is asked for its hosts with.
const HOSTS: &str = "show evpn mac vni all json";

/// zebra's hosts.
pub(super) struct ZebraHosts {
    pub(super) hosts: Read<HashMap<(Vni, Mac), Host>>,
    pub(super) duplicates: Read<Vec<(Vni, IpAddr)>>,
}

impl ZebraHosts {
    /// Of nothing was asked, or it could not be.
    pub(super) fn failed(words: &Unreadable) -> Self {
        Self {
            hosts: Err(words.clone()),
            duplicates: Err(words.clone()),
        }
    }

    pub(super) fn ask(zebra: &mut Streams) -> Self {
        Self {
            hosts: hosts(zebra),
            duplicates: duplicates(zebra),
        }
    }
}

fn hosts(zebra: &mut Streams) -> Read<HashMap<(Vni, Mac), Host>> {
    zebra.collect(HOSTS, |answer, all: &mut HashMap<(Vni, Mac), Host>| {
        evpn::host_macs_from(answer, |found| {
            let place = match found.place {
                evpn::Place::Local => HostPlace::Local,
                evpn::Place::Remote => HostPlace::Remote,
                evpn::Place::Auto | evpn::Place::Other(_) => HostPlace::Unknown,
            };
            let moves = moves(found.duplicate);
            if let Some(vni) = vnis::vni(found.vni) {
                all.insert((vni, vnis::mac(found.mac)), Host { place, moves });
            }
            ControlFlow::Continue(())
        })
    })
}

/// Behind which VTEP zebra has each remote host of all segments.
pub(in crate::agent) async fn remote_hosts(dir: &Path) -> Read<HashMap<(Vni, Mac), IpAddr>> {
    let dir = dir.to_owned();
    let read = move |abandoned| {
        let mut zebra = Streams::new(Daemon::Zebra, dir, abandoned);
        zebra.collect(HOSTS, |answer, all: &mut HashMap<(Vni, Mac), IpAddr>| {
            evpn::host_macs_from(answer, |found| {
                if let (Some(vni), Some(vtep)) = (vnis::vni(found.vni), found.remote_vtep) {
                    all.insert((vni, vnis::mac(found.mac)), vtep);
                }
                ControlFlow::Continue(())
            })
        })
    };
    let read = on_a_thread(read).await;
    read.unwrap_or_else(|error| Err(Unreadable::new(error)))
}

const fn moves(duplicate: bool) -> Moves {
    if duplicate {
        Moves::Duplicate
    } else {
        Moves::Plausible
    }
}

fn duplicates(zebra: &mut Streams) -> Read<Vec<(Vni, IpAddr)>> {
    zebra.collect(
        "show evpn arp-cache vni all json",
        |answer, all: &mut Vec<(Vni, IpAddr)>| {
            evpn::host_addresses_from(answer, |found| {
                if found.duplicate
                    && let Some(vni) = vnis::vni(found.vni)
                {
                    all.push((vni, found.ip));
                }
                ControlFlow::Continue(())
            })
        },
    )
}

/// bgpd's Type-2 routes.
pub(super) fn macs(bgpd: &mut Streams) -> Read<Vec<MacPath>> {
    bgpd.collect(
        "show bgp l2vpn evpn route type 2 json",
        |answer, all: &mut Vec<MacPath>| {
            evpn::type2_from(answer, |route| {
                let rd = vnis::rd(&route.rd);
                let mac = vnis::mac(route.mac);
                let path = |path: &bgp::Path| {
                    Some(MacPath {
                        rd: rd.clone(),
                        mac,
                        ip: route.ip,
                        came: came(path)?,
                    })
                };
                all.extend(route.paths.iter().filter_map(path));
                ControlFlow::Continue(())
            })
        },
    )
}

/// bgpd's Type-3 routes.
pub(super) fn floods(bgpd: &mut Streams) -> Read<Vec<FloodPath>> {
    bgpd.collect(
        "show bgp l2vpn evpn route type 3 json",
        |answer, all: &mut Vec<FloodPath>| {
            evpn::type3_from(answer, |route| {
                let rd = vnis::rd(&route.rd);
                let path = |path: &bgp::Path| {
                    Some(FloodPath {
                        rd: rd.clone(),
                        originator: route.originator,
                        came: came(path)?,
                    })
                };
                all.extend(route.paths.iter().filter_map(path));
                ControlFlow::Continue(())
            })
        },
    )
}

fn came(path: &bgp::Path) -> Option<Came> {
    let targets = path.extended.route_targets.iter().copied();
    Some(Came {
        origin: origin(&path.source)?,
        next_hop: next_hop(path)?,
        targets: targets.map(vnis::route_target).collect(),
        standing: standing(path),
    })
}

/// zebra's layer 2 VNIs.
pub(super) fn of_zebra(found: Vec<evpn::VniDetail>) -> BTreeMap<Vni, ZebraSegment> {
    let segment = |detail| match detail {
        evpn::VniDetail::L2(own) => {
            let segment = ZebraSegment {
                vrf: own.vrf,
                vxlan: own.vxlan,
                svi: own.svi,
                vtep: own.local_vtep,
            };
            Some((vnis::vni(own.vni)?, segment))
        }
        evpn::VniDetail::L3(_) => None,
    };
    found.into_iter().filter_map(segment).collect()
}
