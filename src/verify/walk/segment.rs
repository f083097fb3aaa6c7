//! A layer 2 segment, hop by hop: its links and VNI, its gateway, its own hosts on their way out,
//! and the remote ones and the flood list on their way in.
//!
//! A hop is everything that one check looked at: one line while all of it is good, else a line
//! for each that is not.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Display;

use super::{Hop, Stage, VniWalk, seen::bgp_vni};
use crate::plan::desired::Names;
use crate::plan::link::Link;
use crate::verify::facts::{HostPlace, Standing};
use crate::verify::finding::{Check, Finding};
use crate::verify::ledger::Ledger;
use crate::verify::links;
use crate::verify::segment::{self, One};

/// The most hosts, or VTEPs, that are named in a line.
const MOST_NAMED: usize = 8;

/// Follows a segment with these links.
pub(super) fn walk(one: &One<'_>, wanted: &[Link]) -> VniWalk {
    let intent = one.intent;
    let mut ledger = Ledger::default();
    let links = links::check_segment(intent, wanted, one.facts, &mut ledger);
    segment::check(one, links, &mut ledger);
    VniWalk {
        object: intent.key.clone(),
        vni: intent.spec.vni,
        vrf: intent.vrf.clone(),
        hops: hops(one, &ledger.into_findings()),
        routes: Vec::new(),
        more_whole: 0,
        more_broken: 0,
    }
}

/// The hops, in the order in which they rest on each other.
const HOPS: [(Stage, Check); 11] = [
    (Stage::Links, Check::LinksPresent),
    (Stage::ZebraVni, Check::VniUp),
    (Stage::BgpVni, Check::BgpVni),
    (Stage::Gateway, Check::Gateway),
    (Stage::Kernel, Check::HostRouteInKernel),
    (Stage::OwnHosts, Check::LocalMacAdvertised),
    (Stage::Advertised, Check::RouteAdvertised),
    (Stage::EvpnPath, Check::RouteValid),
    (Stage::FloodList, Check::FloodList),
    (Stage::RemoteHosts, Check::RemoteMacInFdb),
    (Stage::Duplicates, Check::DuplicateAddress),
];

fn hops(one: &One<'_>, findings: &[Finding]) -> Vec<Hop> {
    let of = |(stage, check): (Stage, Check)| {
        let of_check = findings
            .iter()
            .filter(move |finding| finding.check == check);
        of_stage(one, stage, of_check.collect())
    };
    HOPS.into_iter().flat_map(of).collect()
}

fn of_stage(one: &One<'_>, stage: Stage, findings: Vec<&Finding>) -> Vec<Hop> {
    let not_good = findings.iter().filter(|finding| !finding.is_good());
    let by_name = |finding: &&Finding| Hop::of(stage, finding, String::new).naming(finding);
    let mut broken: Vec<Hop> = not_good.map(by_name).collect();
    if broken.is_empty() {
        let good = findings.first();
        broken.extend(good.map(|finding| Hop::whole(stage, finding.check, seen(one, stage))));
    }
    broken
}

/// What a stage holds when all of it is as it should be.
fn seen(one: &One<'_>, stage: Stage) -> String {
    let vni = one.intent.spec.vni;
    let names = Names::of(vni);
    let routes = one.routes;
    match stage {
        Stage::Links => format!("{} and {} up", names.bridge, names.vxlan),
        Stage::ZebraVni => format!(
            "L2, VRF {}, SVI {}, VXLAN {}",
            one.vrf(),
            names.bridge,
            names.vxlan
        ),
        Stage::BgpVni => {
            let known = one.facts.bgp_vnis.as_ref().ok();
            let known = known.and_then(|all| all.get(&vni));
            known.map_or_else(String::new, bgp_vni)
        }
        Stage::Gateway => {
            let addresses = one.bridge.iter().flat_map(|bridge| &bridge.addresses);
            named("address", "addresses", addresses)
        }
        Stage::Kernel => "the gateway's network, in the VRF's table".to_owned(),
        Stage::OwnHosts => named("host", "hosts", &routes.local),
        Stage::Advertised => {
            let peers = one.fabric.evpn_peers.iter();
            format!("to {}", named("neighbour", "neighbours", peers))
        }
        Stage::EvpnPath => {
            let best = |standing: Standing| standing == Standing::Best;
            let macs = routes.macs.iter().filter(|path| best(path.came.standing));
            let floods = routes.floods.iter().filter(|path| best(path.came.standing));
            let (macs, floods) = (macs.count(), floods.count());
            format!("{macs} Type-2 and {floods} Type-3 routes are best")
        }
        Stage::FloodList => {
            let mut vteps: Vec<_> = routes.floods.iter().map(|path| path.originator).collect();
            vteps.dedup();
            named("VTEP", "VTEPs", vteps)
        }
        Stage::RemoteHosts => {
            let is_here = |mac| {
                let host = routes.hosts.get(mac);
                host.is_some_and(|host| host.place == HostPlace::Local)
            };
            let remote = routes.macs.iter().filter(|path| !is_here(&path.mac));
            let remote: BTreeSet<_> = remote.map(|path| (path.mac, path.came.next_hop)).collect();
            let remote = remote.iter().map(|(mac, vtep)| format!("{mac} dst {vtep}"));
            named("host", "hosts", remote)
        }
        Stage::Duplicates => "none".to_owned(),
        Stage::RouterMac
        | Stage::VrfBgp
        | Stage::Rib
        | Stage::Neighbour
        | Stage::Fdb
        | Stage::Exported => String::new(),
    }
}

/// How many, and which.
fn named<T: Display>(one: &str, many: &str, all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|it| it.to_string()).collect();
    let word = if all.len() == 1 { one } else { many };
    let mut text = format!("{} {word}", all.len());
    let shown = all.get(..MOST_NAMED).unwrap_or(&all);
    if !shown.is_empty() {
        text += ": ";
        text += &shown.join(", ");
    }
    if shown.len() < all.len() {
        text += ", …";
    }
    text
}
