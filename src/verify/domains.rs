//! The hosts of layer 2 segments, sorted by who they concern: one pass over each table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::facts::{Came, Facts, FloodPath, Host, MacPath, Origin, SegmentRoute};
use super::routes::{Owner, number, own_distinguishers};
use crate::api::Vni;
use crate::intent::{NodeIntent, UnderlayIntent};
use crate::plan::desired::Names;
use crate::plan::link::{Mac, SeenLink};

/// What concerns one segment.
#[derive(Debug, Default)]
pub(super) struct DomainRoutes<'a> {
    /// The hosts that bgpd made Type-2 routes of.
    pub(super) local: BTreeSet<Mac>,
    /// What bgpd has to send to the other routers: our own routes of both types.
    pub(super) own: BTreeSet<SegmentRoute>,
    /// Our own Type-3 route.
    pub(super) own_flood: Option<&'a FloodPath>,
    /// Received Type-2 paths, by MAC, then address, then distinguisher.
    pub(super) macs: Vec<&'a MacPath>,
    /// Received Type-3 paths, by originator, then distinguisher.
    pub(super) floods: Vec<&'a FloodPath>,
    /// The hosts that zebra knows, by MAC.
    pub(super) hosts: BTreeMap<Mac, Host>,
    /// The addresses that zebra found in two places.
    pub(super) duplicates: Vec<IpAddr>,
    /// The hosts that the kernel learned at the ports of the segment's bridge.
    pub(super) learned: BTreeSet<Mac>,
}

/// Sorts everything by the segment that it concerns, in the order of the intent's.
pub(super) fn index<'a>(
    intent: &NodeIntent,
    underlay: &UnderlayIntent,
    facts: &'a Facts,
) -> Vec<DomainRoutes<'a>> {
    let segments = || intent.segments.iter().enumerate();
    let mut all: Vec<DomainRoutes<'_>> = segments().map(|_| DomainRoutes::default()).collect();
    let sorter = Sorter {
        owners: own_distinguishers(intent, facts),
        underlay,
        by_vni: segments()
            .map(|(at, own)| (own.spec.vni.get(), at))
            .collect(),
    };
    let known = &facts.segments;
    for path in known.macs.iter().flatten() {
        match sorter.place(&path.rd, &path.came) {
            Place::Own(at) if path.came.standing.is_used() => {
                all[at].local.insert(path.mac);
                all[at].own.insert(path.route());
            }
            Place::Received(places) => {
                places.iter().for_each(|at| all[*at].macs.push(path));
            }
            Place::Own(_) | Place::Elsewhere => {}
        }
    }
    for path in known.floods.iter().flatten() {
        match sorter.place(&path.rd, &path.came) {
            Place::Own(at) => {
                all[at].own_flood = Some(path);
                all[at].own.insert(path.route());
            }
            Place::Received(places) => {
                places.iter().for_each(|at| all[*at].floods.push(path));
            }
            Place::Elsewhere => {}
        }
    }
    let at = |vni: Vni| sorter.by_vni.get(&vni.get()).copied();
    for ((vni, mac), host) in known.hosts.iter().flatten() {
        if let Some(at) = at(*vni) {
            all[at].hosts.insert(*mac, *host);
        }
    }
    for (vni, ip) in known.duplicate_addresses.iter().flatten() {
        if let Some(at) = at(*vni) {
            all[at].duplicates.push(*ip);
        }
    }
    let ports = ports(intent, facts);
    for learned in known.learned.iter().flatten() {
        if let Some(at) = ports.get(&learned.port) {
            all[*at].learned.insert(learned.mac);
        }
    }
    for routes in &mut all {
        routes
            .macs
            .sort_unstable_by(|a, b| (a.mac, a.ip, &a.rd).cmp(&(b.mac, b.ip, &b.rd)));
        routes
            .floods
            .sort_unstable_by(|a, b| (a.originator, &a.rd).cmp(&(b.originator, &b.rd)));
        routes.duplicates.sort_unstable();
    }
    all
}

/// The ports of the segments' bridges to their own hosts, by the kernel's index.
fn ports(intent: &NodeIntent, facts: &Facts) -> HashMap<u32, usize> {
    let Ok(kernel) = &facts.kernel else {
        return HashMap::new();
    };
    let segments = intent.segments.iter().enumerate();
    let bridges: HashMap<_, _> = segments
        .map(|(at, own)| (Names::of(own.spec.vni).bridge, at))
        .collect();
    let port = |link: &SeenLink| {
        let at = bridges.get(link.master.as_ref()?)?;
        Some((link.index, *at))
    };
    let links = kernel.router.values();
    let links = links.filter(|link| link.kind.leads_to_own_hosts());
    links.filter_map(port).collect()
}

/// Whom a path of the EVPN table concerns.
enum Place {
    /// It is a segment's own.
    Own(usize),
    /// It is received for these segments, each once.
    Received(Vec<usize>),
    /// No segment of ours.
    Elsewhere,
}

struct Sorter<'a> {
    owners: HashMap<&'a super::facts::Rd, Owner>,
    underlay: &'a UnderlayIntent,
    /// A segment's import target is derived: it is matched by its number alone.
    by_vni: HashMap<u32, usize>,
}

impl Sorter<'_> {
    fn place(&self, rd: &super::facts::Rd, came: &Came) -> Place {
        match (came.origin, self.owners.get(rd)) {
            (Origin::Local, Some(Owner::Segment(at))) => Place::Own(*at),
            // Our own, told back to us by the fabric; or that of a VNI that goes.
            (Origin::Peer(_), Some(_)) | (Origin::Local, Some(Owner::Vni(_)) | None) => {
                Place::Elsewhere
            }
            // That of a router with our VTEP, which has a check of its own.
            (Origin::Peer(_), None) if self.underlay.vteps.has(came.next_hop.to_canonical()) => {
                Place::Elsewhere
            }
            (Origin::Peer(_), None) => {
                let takes = |target| self.by_vni.get(&number(target)).copied();
                let mut all: Vec<usize> = came.targets.iter().filter_map(takes).collect();
                all.sort_unstable();
                all.dedup();
                Place::Received(all)
            }
        }
    }
}
