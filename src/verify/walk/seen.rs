//! What was seen at a hop, in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Stage;
use super::narrow::Whole;
use crate::plan::desired::Names;
use crate::plan::link::Mac;
use crate::verify::facts::{
    BgpVni, EvpnPath, KernelRoute, Origin, RibChoice, RibEntry, RibProtocol, RouteAction, Standing,
    Telling, VrfPath,
};
use crate::verify::links::VniLinks;
use crate::verify::vni::{One, listed};

impl Whole<'_> {
    /// What a VNI's own stages hold when they are as they should be.
    pub(super) fn basis(&self, stage: Stage) -> String {
        let spec = &self.one.intent.spec;
        let names = Names::of(spec.vni);
        let facts = self.one.facts;
        let zebra = facts.zebra_vnis.as_ref().ok();
        let bgp = facts.bgp_vnis.as_ref().ok();
        match stage {
            Stage::Links => format!(
                "{} and {} up, in VRF {}",
                names.bridge, names.vxlan, spec.vrf
            ),
            Stage::ZebraVni => format!(
                "L3, Up, VRF {}, SVI {}, VXLAN {}",
                spec.vrf, names.bridge, names.vxlan
            ),
            Stage::BgpVni => {
                let known = bgp.and_then(|all| all.get(&spec.vni));
                known.map_or_else(String::new, bgp_vni)
            }
            Stage::RouterMac => zebra
                .and_then(|all| all.get(&spec.vni)?.router_mac)
                .map_or_else(String::new, |mac| mac.to_string()),
            Stage::EvpnPath
            | Stage::VrfBgp
            | Stage::Rib
            | Stage::Kernel
            | Stage::Neighbour
            | Stage::Fdb
            | Stage::Exported
            | Stage::Advertised
            | Stage::Gateway
            | Stage::OwnHosts
            | Stage::FloodList
            | Stage::RemoteHosts
            | Stage::Duplicates => String::new(),
        }
    }
}

/// A VNI as bgpd knows it.
pub(super) fn bgp_vni(vni: &BgpVni) -> String {
    format!(
        "RD {}, import {}, export {}",
        vni.rd,
        listed(&vni.import_targets),
        listed(&vni.export_targets)
    )
}

/// What is seen of a route in at a stage through which it goes: a line for each path, or entry.
pub(super) fn inwards(
    whole: &Whole<'_>,
    one: &One<'_>,
    prefix: IpNet,
    links: VniLinks,
    stage: Stage,
) -> Vec<String> {
    let names = Names::of(one.intent.spec.vni);
    match stage {
        Stage::EvpnPath => {
            let paths = one.routes.received.iter().copied();
            let used = paths.filter(|path| path.standing.is_used());
            used.map(received).collect()
        }
        Stage::VrfBgp => in_vrf(one, prefix).iter().map(vrf_path).collect(),
        Stage::Rib => in_rib(one, prefix).iter().filter_map(rib_entry).collect(),
        Stage::Kernel => effective(one, prefix)
            .map(|route| kernel_route(whole, route))
            .into_iter()
            .collect(),
        Stage::Neighbour => neighbours(one, prefix, links)
            .iter()
            .map(|(vtep, mac)| format!("{vtep} lladdr {mac} dev {}", names.bridge))
            .collect(),
        Stage::Fdb => neighbours(one, prefix, links)
            .iter()
            .map(|(vtep, mac)| format!("{mac} dst {vtep} dev {}", names.vxlan))
            .collect(),
        Stage::Links
        | Stage::ZebraVni
        | Stage::BgpVni
        | Stage::RouterMac
        | Stage::Exported
        | Stage::Advertised
        | Stage::Gateway
        | Stage::OwnHosts
        | Stage::FloodList
        | Stage::RemoteHosts
        | Stage::Duplicates => Vec::new(),
    }
}

/// Why a route in goes no further though nothing is broken.
pub(super) fn another_way(one: &One<'_>, prefix: IpNet) -> String {
    let others = in_rib(one, prefix)
        .iter()
        .find_map(|entry| match &entry.protocol {
            RibProtocol::Other(protocol) if entry.choice == RibChoice::Installed => Some(protocol),
            RibProtocol::Other(_) | RibProtocol::Bgp => None,
        });
    match others {
        Some(protocol) => format!("a {protocol} route is preferred: packets take that way"),
        None => "the VRF prefers a route of its own: packets take that way".to_owned(),
    }
}

/// The VRF's own paths of a prefix.
pub(super) fn host_route(one: &One<'_>, prefix: IpNet) -> Vec<String> {
    in_vrf(one, prefix)
        .iter()
        .filter(|path| path.standing.is_used())
        .map(vrf_path)
        .collect()
}

/// The Type-5 route of a prefix.
pub(super) fn exported(one: &One<'_>, prefix: IpNet) -> String {
    let path = one.routes.local.get(&prefix);
    path.map_or_else(String::new, |path| {
        format!("{}, next hop {}", carried(path), path.next_hop)
    })
}

fn received(path: &EvpnPath) -> String {
    format!(
        "{}, next hop {}, {}, {}",
        carried(path),
        path.next_hop,
        from(path.origin),
        standing(path.standing)
    )
}

/// What an EVPN path carries.
fn carried(path: &EvpnPath) -> String {
    let mac = path
        .router_mac
        .map_or_else(|| "none".to_owned(), |mac| mac.to_string());
    format!(
        "RD {}, RT {}, router MAC {mac}",
        path.id.rd,
        listed(&path.targets)
    )
}

fn vrf_path(path: &VrfPath) -> String {
    let VrfPath {
        origin,
        next_hop,
        standing: of_path,
        telling,
    } = path;
    let by = match origin {
        Origin::Local if next_hop.is_unspecified() => "by a network statement".to_owned(),
        Origin::Local | Origin::Peer(_) => format!("next hop {next_hop}, {}", from(*origin)),
    };
    let kept = match telling {
        Telling::Told => "",
        Telling::Suppressed => ", not told to others: an aggregate stands for it",
    };
    format!("{by}, {}{kept}", standing(*of_path))
}

fn from(origin: Origin) -> String {
    match origin {
        Origin::Local => "made here".to_owned(),
        Origin::Peer(peer) => format!("from {peer}"),
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Invalid => "invalid",
        Standing::Valid => "valid, not used",
        Standing::Multipath => "used beside the best",
        Standing::Best => "best",
    }
}

fn rib_entry(entry: &RibEntry) -> Option<String> {
    if entry.choice == RibChoice::NotSelected {
        return None;
    }
    let protocol = match &entry.protocol {
        RibProtocol::Bgp => "bgp",
        RibProtocol::Other(protocol) => protocol,
    };
    let installed = match entry.choice {
        RibChoice::Installed => "installed",
        RibChoice::Selected | RibChoice::NotSelected => "not installed",
    };
    Some(format!(
        "{protocol}, selected, {installed}, via {}",
        listed(&entry.next_hops)
    ))
}

/// A route as `ip route` prints it.
fn kernel_route(whole: &Whole<'_>, route: &KernelRoute) -> String {
    let mut text = String::new();
    match &route.action {
        RouteAction::Forward(hops) => {
            for hop in hops {
                // Writing into a string cannot fail.
                if let Some(gateway) = hop.gateway {
                    let _ = write!(text, "via {gateway} ");
                }
                if let Some(link) = hop.link {
                    let _ = write!(text, "dev {} ", whole.link(link));
                }
                if hop.onlink {
                    text.push_str("onlink ");
                }
            }
        }
        RouteAction::Drop(word) => {
            let _ = write!(text, "{word} ");
        }
        RouteAction::Local => text.push_str("local "),
    }
    let _ = write!(text, "metric {}", route.metric);
    text
}

/// The remote VTEPs by which a route's packets go, each with its MAC in the kernel.
fn neighbours(one: &One<'_>, prefix: IpNet, links: VniLinks) -> Vec<(IpAddr, Mac)> {
    let vteps: BTreeSet<IpAddr> = effective(one, prefix)
        .into_iter()
        .flat_map(|route| match &route.action {
            RouteAction::Forward(hops) => hops.as_slice(),
            RouteAction::Drop(_) | RouteAction::Local => &[],
        })
        .filter_map(|hop| Some(hop.gateway?.to_canonical()))
        .collect();
    let with_mac = |vtep: IpAddr| {
        let entry = one.forwarding.neighbours.get(&(links.svi, vtep));
        Some((vtep, (*entry?)?))
    };
    vteps.into_iter().filter_map(with_mac).collect()
}

fn in_vrf<'a>(one: &One<'a>, prefix: IpNet) -> &'a [VrfPath] {
    let table = one.vrf().and_then(|vrf| vrf.bgp.as_ref().ok());
    let paths = table.and_then(|table| table.get(&prefix));
    paths.map(Vec::as_slice).unwrap_or_default()
}

fn in_rib<'a>(one: &One<'a>, prefix: IpNet) -> &'a [RibEntry] {
    let table = one.vrf().and_then(|vrf| vrf.rib.as_ref().ok());
    let entries = table.and_then(|table| table.get(&prefix));
    entries.map(Vec::as_slice).unwrap_or_default()
}

/// The kernel's route in force, in facts that are narrowed to its prefix.
fn effective<'a>(one: &One<'a>, prefix: IpNet) -> Option<&'a KernelRoute> {
    let table = one.vrf().and_then(|vrf| vrf.table.as_ref().ok());
    let routes = table.into_iter().flatten();
    routes
        .filter(|route| route.destination == prefix)
        .min_by_key(|route| route.metric)
}
